"""From a transcript's document to sentences that can be searched. Plain functions over plain data."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from connectors.database.contract import Spoken
from schemas.cues import read_cues

_MOST_WORDS = 60
"""A longer sentence is taken apart, so that a hit's time is near what was said: where nobody punctuates,
a sentence is what a segment is."""
_ENDS = (".", "!", "?", "…", "。", "！", "？", "।", "؟")
_CLOSING = "\"'”’»)」』 "


def sentences_of(document: bytes) -> list[Spoken]:
    """The sentences of a `transcript.json`, in order. Raises ValueError for anything else."""
    try:
        transcript: dict[str, Any] = json.loads(document)
        words: Sequence[dict[str, Any]] = transcript["words"]
        return [
            Spoken(
                start_s=float(start_s), end_s=float(end_s), text=_plain(text), language=_plain(language)
            )
            for sentence in transcript["sentences"]
            for start_s, end_s, text, language in _parts(sentence, words)
        ]
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"no transcript: {error!r}") from error


def corrected_sentences(language: str, document: bytes) -> list[Spoken]:
    """The cues of a SubRip file joined to sentences, as far as somebody ended these with a mark. Raises
    ValueError for anything else."""
    cues = read_cues(document, "srt")
    sentences: list[Spoken] = []
    texts: list[str] = []
    begin_s = 0.0
    for number, cue in enumerate(cues):
        if not texts:
            begin_s = cue.start_s
        texts += cue.lines
        text = " ".join(texts)
        is_over = number + 1 == len(cues) or text.rstrip(_CLOSING).endswith(_ENDS)
        if is_over or len(text.split()) >= _MOST_WORDS:
            sentences.append(Spoken(begin_s, cue.end_s, _plain(text), language))
            texts = []
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


def _plain(text: str) -> str:
    """Text that every database takes."""
    return text.encode(errors="replace").decode().replace("\0", " ")
