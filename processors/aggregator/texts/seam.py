"""Where to go over from one segment's words to the next one's, when both heard the same stretch."""

from collections.abc import Sequence
from itertools import pairwise

import regex

from schemas.events import Word

SAME_WORD_S = 1.0
"""Two hearings of a word differ by less than this in time."""
SLACK_S = 0.5
"""A word may be heard this far outside the audio it was cut from: word times are estimates."""
CUT_S = 0.1
"""A word that reaches this near to an edge of its audio may be the rest of one that the edge cuts."""
_SAME_TEXT = 1.0
"""What a pair of equal words is worth; nearness in time is worth up to 1 more. Text counts as much as
time, since beside an edge a word's letters are surer than its times. The price: where one word is
repeated over and over at the seam, how often is a guess."""

_MARKS = regex.compile(r"[^\p{L}\p{M}\p{N}]+")


def seam(
    a: Sequence[Word], b: Sequence[Word], overlap: tuple[float, float], border_s: float
) -> tuple[int, int]:
    """(i, j) such that a[:i] followed by b[j:] has each spoken word once.

    overlap: the stretch that both heard. border_s: where to go over if all is equal; the middle of the
    overlap is best, since a word is heard worst where its context is cut off. Words heard by one side
    only are kept, but not what an edge of the audio may have left of a word.
    """
    from_s, to_s = overlap
    first = next((i for i in range(len(a), 0, -1) if a[i - 1].end_s <= from_s - SLACK_S), 0)
    end = next((j for j in range(len(b)) if b[j].start_s >= to_s + SLACK_S), len(b))
    tail, head = a[first:], b[:end]
    pairs = _aligned(tail, head)
    only_a = [i not in {i for i, _ in pairs} and tail[i].end_s < to_s - CUT_S for i in range(len(tail))]
    only_b = [
        j not in {j for _, j in pairs} and head[j].start_s > from_s + CUT_S for j in range(len(head))
    ]

    def cost(at: tuple[int, int]) -> tuple[int, float]:
        i, j = at
        beside = [word.end_s for word in tail[max(i - 1, 0) : i]] + [
            word.start_s for word in head[j : j + 1]
        ]
        at_s = sum(beside) / len(beside) if beside else border_s
        return sum(only_a[i:]) + sum(only_b[:j]), abs(at_s - border_s)

    i, j = min(_crossings(pairs, len(tail), len(head)), key=cost)
    return first + i, j


def _crossings(pairs: Sequence[tuple[int, int]], a: int, b: int) -> list[tuple[int, int]]:
    """All (i, j) up to (a, b) that have both words of no pair: between two pairs, or outside them."""
    fences = [(-1, -1), *pairs, (a, b)]
    return [
        (i, j)
        for (i0, j0), (i1, j1) in pairwise(fences)
        for i in range(i0 + 1, i1 + 1)
        for j in range(j0 + 1, j1 + 1)
    ]


def _aligned(a: Sequence[Word], b: Sequence[Word]) -> list[tuple[int, int]]:
    """Pairs of words that are two hearings of one, in order: the alignment that is worth most
    (Needleman and Wunsch 1970)."""
    best = [[0.0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) - 1, -1, -1):
        for j in range(len(b) - 1, -1, -1):
            both = _worth(a[i], b[j])
            best[i][j] = max(best[i + 1][j], best[i][j + 1], both + best[i + 1][j + 1] if both else 0.0)
    pairs = []
    i = j = 0
    while i < len(a) and j < len(b):
        if best[i][j] == best[i + 1][j]:
            i += 1
        elif best[i][j] == best[i][j + 1]:
            j += 1
        else:
            pairs.append((i, j))
            i, j = i + 1, j + 1
    return pairs


def _worth(a: Word, b: Word) -> float:
    """How likely two words are hearings of one: more than 0 if they may be."""
    apart_s = abs(a.start_s + a.end_s - b.start_s - b.end_s) / 2
    key = _key(a)
    if key and key == _key(b) and apart_s < SAME_WORD_S:
        return _SAME_TEXT + SAME_WORD_S - apart_s
    shared_s = min(a.end_s, b.end_s) - max(a.start_s, b.start_s)
    shorter_s = min(a.end_s - a.start_s, b.end_s - b.start_s)
    return min(shared_s / shorter_s, 1.0) if shared_s > 0 and 2 * shared_s >= shorter_s else 0.0


def _key(word: Word) -> str:
    return str(_MARKS.sub("", word.text)).casefold()
