"""How two transcripts of one video differ, word by word. Pure.

Words are compared by what is said: neither case nor punctuation counts. They are aligned with the
fewest changes, as a word error rate is measured.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas.events import Word

CONTEXT = 3
"""Words that are shown around a difference."""
_NEAR = 2
"""Differences with no more common words between them are one."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A stretch where the two say something else; either side may say nothing.

    start_s, end_s: where it lies in the video, by the words themselves, or by the words around them if
    there is nothing on either side. before, after: the common words around it.
    """

    start_s: float
    end_s: float
    before: str
    old: str
    new: str
    after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Counts of words. share: how many of all aligned places differ, 0 to 1."""

    same: int
    substituted: int
    inserted: int
    deleted: int
    differences: tuple[Difference, ...]

    @property
    def share(self) -> float:
        differing = self.substituted + self.inserted + self.deleted
        return differing / (self.same + differing) if differing else 0.0


@dataclass(slots=True)
class _Span:
    """Ranges of words that differ, in the old and in the new transcript."""

    old_first: int
    old_end: int
    new_first: int
    new_end: int


def compare(old: Sequence[Word], new: Sequence[Word]) -> Comparison:
    """Where the new words differ from the old ones, in order."""
    from rapidfuzz.distance import Levenshtein  # noqa: PLC0415  # nothing else needs it

    old = [word for word in old if _said(word)]
    new = [word for word in new if _said(word)]
    counts = {"equal": 0, "replace": 0, "insert": 0, "delete": 0}
    spans: list[_Span] = []
    for change in Levenshtein.opcodes([_said(w) for w in old], [_said(w) for w in new]):
        old_first, old_end, new_first, new_end = (
            change.src_start,
            change.src_end,
            change.dest_start,
            change.dest_end,
        )
        counts[change.tag] += max(old_end - old_first, new_end - new_first)
        if change.tag == "equal":
            continue
        if spans and old_first - spans[-1].old_end <= _NEAR:
            spans[-1].old_end, spans[-1].new_end = old_end, new_end
        else:
            spans.append(_Span(old_first, old_end, new_first, new_end))
    return Comparison(
        same=counts["equal"],
        substituted=counts["replace"],
        inserted=counts["insert"],
        deleted=counts["delete"],
        differences=tuple(_differences(spans, old, new)),
    )


def _differences(
    spans: Sequence[_Span], old: Sequence[Word], new: Sequence[Word]
) -> Iterator[Difference]:
    for span in spans:
        ours, theirs = old[span.old_first : span.old_end], new[span.new_first : span.new_end]
        words = [*ours, *theirs]
        yield Difference(
            start_s=min(word.start_s for word in words),
            end_s=max(word.end_s for word in words),
            before=_text(new[max(0, span.new_first - CONTEXT) : span.new_first]),
            old=_text(ours),
            new=_text(theirs),
            after=_text(new[span.new_end : span.new_end + CONTEXT]),
        )


def _said(word: Word) -> str:
    """What is said: letters, marks and digits, in one case; nothing for a lone punctuation mark."""
    folded = unicodedata.normalize("NFKC", word.text).casefold()
    return "".join(c for c in folded if unicodedata.category(c)[0] in "LMN")


def _text(words: Sequence[Word]) -> str:
    """As the transcript has them: words bring the space before them where their script has one."""
    return "".join(word.text for word in words).strip()
