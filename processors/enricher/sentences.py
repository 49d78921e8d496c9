"""Finds the sentences in a segment's words."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

import sentencex

from schemas.events import Sentence, Word

LONGEST_S = 30.0
"""Speech this long without an end of sentence is a transcript without punctuation, not a sentence."""
SHORTEST_PAUSE_S = 0.25
"""Silences in fluent speech are mostly shorter; a longer one is a place where a listener expects a break
(Goldman-Eisler 1968)."""


def sentences(words: Sequence[Word], language: str) -> tuple[Sentence, ...]:
    """The sentences of `words`; together they hold every word once.

    language: BCP 47. A sentence never ends within a word. One that lasts longer than `LONGEST_S` is cut
    at its longest pauses.
    """
    starts = [0, *_ends(words, language)]
    ranges = [cut for first, end in pairwise(starts) for cut in _cut(words, first, end)]
    return tuple(
        Sentence(
            text="".join(word.text for word in words[first:end]).strip(),
            start_s=words[first].start_s,
            end_s=words[end - 1].end_s,
            first_word=first,
            end_word=end,
        )
        for first, end in ranges
    )


def _ends(words: Sequence[Word], language: str) -> list[int]:
    """Index after each sentence's last word."""
    word_ends = list(accumulate(len(word.text) for word in words))
    ends: list[int] = []
    at = word = 0
    for part in sentencex.segment(language, "".join(word.text for word in words)):
        last_letter = at + len(part.rstrip())
        at += len(part)
        while word < len(words) and word_ends[word] < last_letter:
            word += 1
        if part.strip() and word < len(words) and ends[-1:] != [word + 1]:
            ends.append(word + 1)
    if words and ends[-1:] != [len(words)]:
        ends.append(len(words))
    return ends


def _cut(words: Sequence[Word], first: int, end: int) -> list[tuple[int, int]]:
    """The range, cut at its longest pause, and so on until no piece is too long or has a pause."""
    if words[end - 1].end_s - words[first].start_s <= LONGEST_S:
        return [(first, end)]
    pauses = [(words[i].start_s - words[i - 1].end_s, -i) for i in range(first + 1, end)]
    pause, at = max(pauses, default=(0.0, 0))
    if pause < SHORTEST_PAUSE_S:
        return [(first, end)]
    return _cut(words, first, -at) + _cut(words, -at, end)
