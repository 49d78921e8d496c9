"""From a transcript's document to sentences that can be searched. Plain functions over plain data."""

import json
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from connectors.database.analysis import flows_on, tokens
from connectors.database.contract import Spoken
from schemas.cues import read_cues

_MOST_WORDS = 60
"""A longer sentence is taken apart, so that a hit's time is near what was said: where nobody punctuates,
a sentence is what a segment is."""
_NO_TRANSCRIPT = (
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    OverflowError,  # a number that is beyond any time
    RecursionError,  # nested too deeply
)
_ENDS = (".", "!", "?", "…", "。", "！", "？", "।", "؟")
_CLOSING = "\"'”’»)」』 "


def sentences_of(document: bytes) -> list[Spoken]:
    """The sentences of a `transcript.json`, in order. Raises ValueError for anything else."""
    try:
        transcript: dict[str, Any] = json.loads(document)
        words: Sequence[dict[str, Any]] = transcript["words"]
        return [
            Spoken(
                start_s=_seconds(start_s),
                end_s=_seconds(end_s),
                text=_plain(text),
                language=_plain(language),
            )
            for sentence in transcript["sentences"]
            for start_s, end_s, text, language in _parts(sentence, words)
        ]
    except _NO_TRANSCRIPT as error:
        raise ValueError(f"no transcript: {error!r}") from error


def corrected_sentences(language: str, document: bytes) -> list[Spoken]:
    """The cues of a SubRip file joined to sentences, as far as somebody ended these with a mark. Raises
    ValueError for anything else."""
    cues = read_cues(document, "srt")
    sentences: list[Spoken] = []
    text = ""
    begin_s = 0.0
    for number, cue in enumerate(cues):
        if not text:
            begin_s = cue.start_s
        for line in cue.lines:
            text += line if not text or flows_on(text, line) else f" {line}"
        is_over = number + 1 == len(cues) or text.rstrip(_CLOSING).endswith(_ENDS)
        if is_over or _length(text) >= _MOST_WORDS:
            sentences.append(Spoken(begin_s, cue.end_s, _plain(text), language))
            text = ""
    return sentences


def _parts(
    sentence: dict[str, Any], words: Sequence[dict[str, Any]]
) -> Iterator[tuple[float, float, str, str]]:
    first, end = sentence["first_word"], sentence["end_word"]
    if end - first <= _MOST_WORDS:
        yield sentence["start_s"], sentence["end_s"], sentence["text"], sentence["language"]
        return
    for start in range(first, end, _MOST_WORDS):
        part = words[start : min(start + _MOST_WORDS, end)]
        text = "".join(word["text"] for word in part).strip()
        yield part[0]["start_s"], part[-1]["end_s"], text, sentence["language"]


def _seconds(time: float) -> float:
    """JSON as Python reads it has numbers that no answer can hold. Raises ValueError for these."""
    if not isfinite(seconds := float(time)):
        raise ValueError(f"{seconds} is no time")
    return seconds


def _length(text: str) -> int:
    """In words; where they are written without spaces, in characters."""
    return max(len(text.split()), len(tokens(text)))


def _plain(text: str) -> str:
    """Text that every database takes."""
    return text.encode(errors="replace").decode().replace("\0", " ")
