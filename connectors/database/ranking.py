"""Which of the sentences that were found come first, and what is shown of each."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from connectors.database.analysis import Token, tokens
from connectors.database.contract import Snip
from connectors.database.ids import slot_of
from connectors.database.queries import Term

_USUAL_TOKENS = 12
_SATURATION = 1.2
_BY_LENGTH = 0.75
"""How a sentence's terms count: as in BM25 (Robertson and Zaragoza 2009, "The Probabilistic Relevance
Framework"), without the terms' rarity, since every sentence has all of them."""
_CLOSENESS = 0.5
_TOPIC = 0.25
_SNIPPET_CHARS = 240


@dataclass(frozen=True, slots=True)
class Found:
    """A sentence that has all terms. id: grows with the time of upload and within the video."""

    id: int
    start_s: float
    end_s: float
    text: str
    language: str

    @property
    def slot(self) -> int:
        """The video's."""
        return slot_of(self.id)


def ranked(found: Iterable[Found], terms: Sequence[Term]) -> list[Found]:
    """The best first: those that are about the terms rather than only mention them, the terms close
    together, in videos that mention them often; then the newer."""
    listed = list(found)
    mentions = Counter(sentence.slot for sentence in listed)

    def key(sentence: Found) -> tuple[float, int, int]:
        score = _score(tokens(sentence.text), terms)
        topic = _TOPIC * math.log(mentions[sentence.slot])
        return -round(score + topic, 6), -sentence.slot, sentence.id

    return sorted(listed, key=key)


def snippet(text: str, terms: Sequence[Term]) -> tuple[Snip, ...]:
    """The text, or the part of it around its first hit, in pieces that are hits or not."""
    hits = _merged(span for term in terms for span in _spans(tokens(text), term))
    start, end = _window(text, hits)
    pieces: list[Snip] = []
    at = start
    for first, last in hits:
        if first >= end or last <= start:
            continue
        if first > at:
            pieces.append(Snip(text[at:first], False))
        pieces.append(Snip(text[max(first, start) : min(last, end)], True))
        at = min(last, end)
    if at < end:
        pieces.append(Snip(text[at:end], False))
    if start > 0:
        pieces.insert(0, Snip("… ", False))
    if end < len(text):
        pieces.append(Snip(" …", False))
    return tuple(pieces)


def _score(words: Sequence[Token], terms: Sequence[Term]) -> float:
    places = [_places(words, term) for term in terms]
    norm = _SATURATION * (1 - _BY_LENGTH + _BY_LENGTH * len(words) / _USUAL_TOKENS)
    counts = (len(found) for found in places)
    score = sum(count * (_SATURATION + 1) / (count + norm) for count in counts)
    gaps = [
        min(abs(b - a) for a in before for b in after)
        for before, after in pairwise(places)
        if before and after
    ]
    return score + _CLOSENESS * sum(1 / max(gap, 1) for gap in gaps)


def _places(words: Sequence[Token], term: Term) -> list[int]:
    """Where among the words the term begins; a phrase may go on beyond the last one."""
    length = len(term.tokens)

    def begins(n: int) -> bool:
        here = words[n : n + length]
        return all(
            _same(word, text, term.prefix and m == length)
            for m, (word, text) in enumerate(zip(here, term.tokens, strict=False), 1)
        )

    return [n for n in range(len(words)) if begins(n)]


def _same(word: Token, text: str, may_go_on: bool) -> bool:
    if word.last and text.startswith(word.text):  # the other half is where the text goes on
        return True
    return word.text.startswith(text) if may_go_on else word.text == text


def _spans(words: Sequence[Token], term: Term) -> Iterable[tuple[int, int]]:
    for place in _places(words, term):
        final = words[min(place + len(term.tokens), len(words)) - 1]
        yield words[place].start, final.end


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _window(text: str, hits: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """What to show of a long text: whole words, the first hit not at the very edge."""
    if len(text) <= _SNIPPET_CHARS:
        return 0, len(text)
    first = hits[0][0] if hits else 0
    start = max(0, min(first - _SNIPPET_CHARS // 4, len(text) - _SNIPPET_CHARS))
    end = min(len(text), start + _SNIPPET_CHARS)
    if start > 0 and (space := text.find(" ", start, first)) >= 0:
        start = space + 1
    if end < len(text) and (space := text.rfind(" ", max(start, first + 1), end)) >= 0:
        end = space
    return start, end
