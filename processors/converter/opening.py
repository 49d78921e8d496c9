"""Which audio decides a video's language: every segment is told, so that all agree."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from processors.converter.faults import Unusable
from schemas.events import ArtefactRef, AudioSegmented

OPENING_S = 120.0
"""The first segments wait until so much of the video is decoded (some tenths of a second), since each
alone may hold too little speech to tell a language by, and would otherwise decide differently."""
MOST = 64
"""How many segments the language may be sought in; about half an hour."""


def with_opening(segments: Iterable[AudioSegmented]) -> Iterator[AudioSegmented]:
    """The segments, in order, each with `language_from`: the audio of the opening and of all segments
    before it, the first `MOST`. Passes on what reading them raises, after the segments that are out."""
    waiting: list[AudioSegmented] = []
    fault: Unusable | None = None
    incoming = iter(segments)
    try:
        for segment in incoming:
            waiting.append(segment)
            if segment.end_s >= OPENING_S:
                break
    except Unusable as error:
        fault = error
    known: tuple[ArtefactRef, ...] = tuple(segment.audio for segment in waiting[:MOST])
    yield from (replace(segment, language_from=known) for segment in waiting)
    if fault is not None:
        raise fault
    for segment in incoming:
        yield replace(segment, language_from=known)
        known = (*known, segment.audio)[:MOST]
