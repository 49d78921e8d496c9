"""Chapters: where the topic changes.

The method is that of Utiyama and Isahara, "A Statistical Model for Domain-Independent Text Segmentation"
(2001): the best division into chapters is the one under which the text is most probable, when each
chapter draws its words from a distribution of its own and each further chapter has its price. It needs
no training, no list of stop words and no number of chapters.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, log

from processors.aggregator.texts.terms import terms
from processors.aggregator.texts.transcript import Sentence, Transcript
from schemas.captions import Cue

SHORTEST_VIDEO_S = 300.0
"""A shorter video needs no chapters."""
SHORTEST_S, MOST = 60.0, 30
"""A chapter is at least so long, and there are at most so many."""
LONGEST_S, FEWEST = 2400.0, 10
"""A topic that takes longer than this, and than a tenth of the video, is parted: nobody finds anything
in a chapter that long."""
UNIT_S, UNITS = 20.0, 600
"""Sentences are weighed in groups of this length, in long videos in about so many groups."""
COMMON = 0.7
"""A word that stands in more of the units than this tells no topic from another."""
PRICE = 1.5
"""What a further chapter costs, in logarithms of the number of words. With the authors' 1 single topics
were parted in trials."""
_TITLE_LENGTH = 48
"""Characters of a title that is a sentence's beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A stretch about one topic, seconds on the video's timeline."""

    start_s: float
    end_s: float
    title: str


@dataclass(frozen=True, slots=True)
class _Unit:
    """Some sentences, and the terms in them that may tell a topic."""

    sentences: Sequence[Sentence]
    terms: Counter[str]

    @property
    def start_s(self) -> float:
        return self.sentences[0].start_s

    @property
    def end_s(self) -> float:
        return self.sentences[-1].end_s


def chapters(transcript: Transcript, keywords: Sequence[str], duration_s: float) -> tuple[Chapter, ...]:
    """The chapters, which cover the video from its beginning to its end; none where it is short or has
    one topic alone.

    keywords: what chapters may be named after, best first.
    """
    if duration_s < SHORTEST_VIDEO_S:
        return ()
    units = _units(transcript.sentences, max(UNIT_S, duration_s / UNITS))
    limits_s = (max(SHORTEST_S, duration_s / MOST), max(LONGEST_S, duration_s / FEWEST))
    parts = [units[first:end] for first, end in _division(units, limits_s)]
    if len(parts) < 2:
        return ()
    starts = [0.0, *(part[0].start_s for part in parts[1:])]
    ends = [*starts[1:], max(duration_s, parts[-1][-1].end_s)]
    titles = _titles([[s for unit in part for s in unit.sentences] for part in parts], keywords)
    return tuple(
        Chapter(start_s=start, end_s=end, title=title)
        for start, end, title in zip(starts, ends, titles, strict=True)
    )


def chapter_cues(chapters: Sequence[Chapter]) -> tuple[Cue, ...]:
    """The chapters as the cues of a WebVTT chapters track."""
    return tuple(Cue(start_s=c.start_s, end_s=c.end_s, lines=(c.title,)) for c in chapters)


def _units(sentences: Sequence[Sentence], unit_s: float) -> list[_Unit]:
    groups: list[list[Sentence]] = []
    for sentence in sentences:
        if groups and sentence.end_s - groups[-1][0].start_s <= unit_s:
            groups[-1].append(sentence)
        else:
            groups.append([sentence])
    counts = [sum((terms(sentence.text) for sentence in group), Counter[str]()) for group in groups]
    spread = Counter(term for count in counts for term in count)
    telling = {term for term, units in spread.items() if 1 < units <= max(COMMON * len(groups), 2)}
    return [
        _Unit(group, Counter({term: n for term, n in count.items() if term in telling}))
        for group, count in zip(groups, counts, strict=True)
    ]


def _division(units: Sequence[_Unit], limits_s: tuple[float, float]) -> list[tuple[int, int]]:
    """The ranges of units under which the text is most probable, found from the beginning."""
    total = sum(unit.terms.total() for unit in units)
    vocabulary = len({term for unit in units for term in unit.terms})
    price = PRICE * log(total) if total else 0.0
    best = [0.0] + [inf] * len(units)
    begin = [0] * (len(units) + 1)
    for first in range(len(units)):
        for end, improbability in _improbabilities(units, first, vocabulary, limits_s):
            if best[first] + price + improbability < best[end] - 1e-9:
                best[end] = best[first] + price + improbability
                begin[end] = first
    ranges = []
    end = len(units)
    while end > 0 and best[end] < inf:
        ranges.append((begin[end], end))
        end = begin[end]
    return ranges[::-1]


def _improbabilities(
    units: Sequence[_Unit], first: int, vocabulary: int, limits_s: tuple[float, float]
) -> Iterator[tuple[int, float]]:
    """For each end of a chapter that begins with unit `first`: minus the logarithm of its words'
    probability by Laplace's estimate, the sum of -n log((n + 1) / (all words + vocabulary))."""
    counts: Counter[str] = Counter()
    words, by_counts = 0, 0.0
    shortest_s, longest_s = limits_s
    for end in range(first + 1, len(units) + 1):
        for term, more in units[end - 1].terms.items():
            before = counts[term]
            counts[term] = before + more
            words += more
            by_counts += (before + more) * log(before + more + 1) - before * log(before + 1)
        length_s = units[end - 1].end_s - units[first].start_s
        if length_s > longest_s and end > first + 1:
            return
        if length_s >= shortest_s or len(units) == end - first:
            yield end, words * log(words + vocabulary) - by_counts if words else 0.0


def _titles(parts: Sequence[Sequence[Sentence]], keywords: Sequence[str]) -> Iterator[str]:
    """A title each: the keyword that is said most in the chapter and least in the others, or else how
    the chapter begins."""
    texts = [" ".join(sentence.text for sentence in part).casefold() for part in parts]
    said = {keyword: [text.count(keyword.casefold()) for text in texts] for keyword in keywords}
    taken: set[str] = set()
    for n, part in enumerate(parts):
        title = _best_keyword(n, {k: v for k, v in said.items() if k.casefold() not in taken})
        taken.add(title.casefold())
        yield title[:1].upper() + title[1:] if title else _beginning(part[0].text)


def _best_keyword(chapter: int, said: Mapping[str, Sequence[int]]) -> str:
    def telling(keyword: str) -> float:
        counts = said[keyword]
        return (
            counts[chapter]
            * log(1 + len(counts) / sum(map(bool, counts)))
            * (1 + keyword.count(" ") / 2)
        )

    often = [keyword for keyword, counts in said.items() if counts[chapter] > 1]
    return max(often, key=telling, default="")


def _beginning(sentence: str) -> str:
    if len(sentence) <= _TITLE_LENGTH:
        return sentence
    words = sentence[:_TITLE_LENGTH].rsplit(" ", 1)[0]
    return words.rstrip(" ,;:") + "…"
