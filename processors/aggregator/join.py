"""The join of one revision of a video: which pieces are there, and whether they are all.

Pure functions over plain data. Pieces may come in any order and more than once: of two events about one
piece the earlier made counts, and a success counts for more than a failure, so the join is the same
whichever way it was fed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from schemas.events import (
    ArtefactRef,
    Event,
    Part,
    SegmentEnriched,
    StageFailed,
    VideoConverted,
    VideoProbed,
    VideoRendered,
    VideoUploaded,
)

PROBED = "probed"
CONVERTED = "converted"
RENDERED = "rendered"
NOT_CONVERTED = "failed.converter"
NOT_RENDERED = "failed.renderer"

_WHOLE: dict[type, str] = {VideoProbed: PROBED, VideoConverted: CONVERTED, VideoRendered: RENDERED}
_OF_A_SEGMENT = ("transcriber", "enricher")
_OF_A_VIDEO = ("converter", "renderer")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSegment:
    """An enriched segment whose event lies in the object store, since its sentences are too long for a
    table's row."""

    event_id: str
    made_at: datetime
    index: int
    start_s: float
    end_s: float
    event: ArtefactRef


Piece = VideoProbed | VideoConverted | VideoRendered | StageFailed | StoredSegment
Join = Mapping[str, Piece]
"""A revision's pieces by name."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A stretch without words, and the failure that it is due to. Unknown bounds are None."""

    index: int
    start_s: float | None
    end_s: float | None
    failure: StageFailed


Segment = StoredSegment | StageFailed | Missing
"""What became of a segment: enriched, not enriched but its words are there, or missing."""


def piece_name(event: Event | StoredSegment) -> str | None:
    """The piece that an event is about; None if no outcome depends on it. Holds no ':'."""
    if isinstance(event, SegmentEnriched | StoredSegment):
        return f"segment.{event.index}"
    if not isinstance(event, StageFailed):
        return _WHOLE.get(type(event))
    if event.stage in _OF_A_VIDEO:
        return f"failed.{event.stage}"
    if event.stage in _OF_A_SEGMENT:
        return f"failed.{event.stage}" + ("" if event.index is None else f".{event.index}")
    return None


def merged(old: Piece | None, new: Piece) -> Piece:
    """Which of two events about one piece counts; the same one whichever came first."""
    return new if old is None else min(old, new, key=lambda piece: (piece.made_at, repr(piece)))


def wanted(join: Join, upload: VideoUploaded | None) -> tuple[Part, ...]:
    """The parts that were asked for.

    upload: where the converter failed before it could tell, the upload itself, if it is known.
    """
    probed = join.get(PROBED)
    asked = probed.wanted if isinstance(probed, VideoProbed) else upload.wanted if upload else ()
    return asked or (Part.CAPTIONS,)


def is_complete(join: Join, upload: VideoUploaded | None = None) -> bool:
    """Whether every wanted part is there or is known to have failed."""
    failure = join.get(NOT_CONVERTED)
    if PROBED not in join and (not isinstance(failure, StageFailed) or failure.segments_out):
        return False  # a converter that emitted segments has emitted what it probed before
    parts = wanted(join, upload)
    if Part.RENDITIONS in parts and RENDERED not in join and NOT_RENDERED not in join:
        return False
    return Part.CAPTIONS not in parts or segments(join) is not None


def segments(join: Join) -> tuple[Segment, ...] | None:
    """What became of each segment, in order; None while something is still to come.

    What a converter that gave up had not emitted is one Missing, from the last segment to the declared
    end. A failure that names no segment (its record could not be read at all) stands for each segment of
    which nothing is known, since nothing more would ever come.
    """
    converted, failure, probed = join.get(CONVERTED), join.get(NOT_CONVERTED), join.get(PROBED)
    if isinstance(converted, VideoConverted):
        count = converted.segments
    elif isinstance(failure, StageFailed):
        count = failure.segments_out or 0
    else:
        return None
    found: list[Segment] = []
    for index in range(count):
        segment = _segment(join, index)
        if segment is None:
            return None
        found.append(segment)
    if not isinstance(converted, VideoConverted) and isinstance(failure, StageFailed):
        end_s = probed.duration_s if isinstance(probed, VideoProbed) else None
        found.append(Missing(count, None, end_s, failure))
    return tuple(found)


def _segment(join: Join, index: int) -> Segment | None:
    enriched = join.get(f"segment.{index}")
    if isinstance(enriched, StoredSegment):
        return enriched
    unenriched = join.get(f"failed.enricher.{index}")
    if isinstance(unenriched, StageFailed) and _has_words(unenriched):
        return unenriched
    for name in (
        f"failed.transcriber.{index}",
        f"failed.enricher.{index}",
        "failed.transcriber",
        "failed.enricher",
    ):
        failure = join.get(name)
        if isinstance(failure, StageFailed):
            return Missing(index, failure.start_s, failure.end_s, failure)
    return None


def _has_words(failure: StageFailed) -> bool:
    """Whether a failed enrichment says where the words are and where they belong."""
    places = (failure.start_s, failure.end_s, failure.audio_start_s)
    return failure.artefact is not None and None not in places
