"""Captions: a video's words as cues that can be read while they are spoken.

The rules are those of the Netflix Timed Text Style Guide (general requirements and the pages of the
languages) and the BBC Subtitle Guidelines: at most two lines, broken where clauses meet; a cue stays as
long as reading it takes, for 5/6 of a second to 7 seconds, and leaves two frames before the next.
"""

import html
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import inf

import regex

from processors.aggregator.texts.breaks import break_costs
from processors.aggregator.texts.scripts import Script, script_of, width
from processors.aggregator.texts.transcript import Sentence
from schemas.captions import Cue
from schemas.events import Gap, Word

SHORTEST_S = 5 / 6
LONGEST_S = 7.0
APART_S = 2 / 24
"""Between two cues: two frames of film."""
CHAIN_S = 0.5
"""A cue whose successor follows this soon stays until then: a shorter absence only flickers."""
PAUSE_S = 1.5
"""No cue goes on over a silence this long."""
SHORTEST_AT_ALL_S = 0.001
"""Of a cue whose words leave it no time at all."""

GAP_SHOWN_S = 3.0
"""How long a gap's cue stays."""

_BLANKS = regex.compile(r"[\s\p{Cc}]+")
_LOOKALIKES = (
    (regex.compile(r"<(?=[/\p{L}])"), "‹"),
    (regex.compile(r"(?<=‹[^>]*)>"), "›"),
    (regex.compile(r"-->"), "--›"),
    (regex.compile(r"\{(?=\\)"), "("),
)

# What the search for cues weighs up, in the unit of a break between any two words of a clause (3).
_A_CUE = 2.0
_SENTENCE_WITHIN = 1.5
_TOO_SHORT = 10.0
_TOO_FAST = 4.0
_MEAGRE = 2.5
_UNEVEN = 4.0


def cues(
    words: Sequence[Word], sentences: Sequence[Sentence], gaps: Sequence[Gap], language: str
) -> tuple[Cue, ...]:
    """Cues that hold every word once and in order, and a short one in brackets where each gap begins.

    language: BCP 47; it decides the width of lines and the reading speed. A line is too wide only if
    it is one word. A cue begins with its first word, and stays shorter than it should only where the
    next one's words leave no time.
    """
    script = script_of(language)
    spoken = [*_of_words(words, sentences, gaps, language), *filter(None, map(_of_gap, gaps))]
    return tuple(_timed(sorted(spoken, key=lambda cue: cue.start_s), script))


def to_vtt(cues: Sequence[Cue], language: str, kind: str) -> str:
    """A WebVTT file. Language and kind stand in a comment, since the format has no field for them."""
    blocks = [f"WEBVTT\n\nNOTE\nLanguage: {language}\nKind: {kind}"]
    blocks += [
        f"{_time(cue.start_s, '.')} --> {_time(cue.end_s, '.')}\n"
        + "\n".join(html.escape(line, quote=False) for line in cue.lines)
        for cue in cues
    ]
    return "\n\n".join(blocks) + "\n"


def to_srt(cues: Sequence[Cue]) -> str:
    """A SubRip file, with LF as ffmpeg writes it: players read both, simple parsers only that.

    The format has no escapes: what players would take for a tag or an arrow gets look-alike brackets.
    """
    blocks = [
        f"{n}\n{_time(cue.start_s, ',')} --> {_time(cue.end_s, ',')}\n"
        + "\n".join(map(_tagless, cue.lines))
        for n, cue in enumerate(cues, 1)
    ]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _of_words(
    words: Sequence[Word], sentences: Sequence[Sentence], gaps: Sequence[Gap], language: str
) -> Iterator[Cue]:
    """The cues, each as long as its words are spoken."""
    text = _Text(words, sentences, language)
    for first, end in _speeches(words, gaps):
        for i, j in text.cut(first, end):
            if lines := text.lines(i, j):
                yield Cue(start_s=words[i].start_s, end_s=words[j - 1].end_s, lines=lines)


def _speeches(words: Sequence[Word], gaps: Sequence[Gap]) -> Iterator[tuple[int, int]]:
    """The words in ranges that no cue goes beyond: a long pause or a gap lies between two of them."""
    breaks = {bisect_left(words, gap.end_s, key=lambda word: word.start_s) for gap in gaps}
    first = 0
    for n in range(1, len(words) + 1):
        if n == len(words) or n in breaks or words[n].start_s - words[n - 1].end_s >= PAUSE_S:
            yield first, n
            first = n


class _Text:
    """Words with what the search for cues asks of them again and again."""

    def __init__(self, words: Sequence[Word], sentences: Sequence[Sentence], language: str) -> None:
        self._words = words
        self._script = script_of(language)
        self._texts = [_one_line(word.text) for word in words]
        widths = [width(text, self._script) for text in self._texts]
        leads = [self._script.half if text.startswith(" ") else 0.0 for text in self._texts]
        self._ends = [0.0, *accumulate(widths)]
        self._starts = [at + lead for at, lead in zip(self._ends, leads, strict=False)]
        ends = {sentence.end_word for sentence in sentences}
        self._breaks = break_costs(words, ends, language)
        self._sentences_before = [0, *accumulate(int(n + 1 in ends) for n in range(len(words)))]
        self._line_ends = self._furthest_line_ends()

    def _furthest_line_ends(self) -> list[int]:
        """For each word: the index after the last one that fits in a line with it; a word that is too
        long has a line of its own."""
        line_ends = []
        end = 0
        for first, start in enumerate(self._starts):
            end = max(end, first + 1)
            while end < len(self._words) and self._ends[end + 1] - start <= self._script.line_width:
                end += 1
            line_ends.append(end)
        return line_ends

    def cut(self, first: int, end: int) -> Iterator[tuple[int, int]]:
        """The cues of the words from first to end that cost least together (Knuth, Plass 1981)."""
        costs = {end: 0.0}
        next_cue = {}
        for i in range(end - 1, first - 1, -1):
            line_end = self._line_ends[i]
            furthest = min(self._line_ends[line_end] if line_end < end else end, end)
            best = inf
            for j in range(i + 1, furthest + 1):
                if j > i + 1 and self._words[j - 1].end_s - self._words[i].start_s > LONGEST_S:
                    break
                cost = self._cost(i, j, end) + costs[j]
                if cost < best:
                    best, next_cue[i] = cost, j
            costs[i] = best
        while first < end:
            yield first, next_cue[first]
            first = next_cue[first]

    def _cost(self, i: int, j: int, end: int) -> float:
        cost = _A_CUE + (self._breaks[j] if j < end else 0.0)
        cost += _SENTENCE_WITHIN * (self._sentences_before[j - 1] - self._sentences_before[i])
        wide = self._ends[j] - self._starts[i]
        if 2 * wide < self._script.line_width:
            cost += _MEAGRE * (1 - 2 * wide / self._script.line_width)
        if j < len(self._words):
            stays_s = self._words[j].start_s - self._words[i].start_s - APART_S
            if stays_s < SHORTEST_S:
                cost += _TOO_SHORT * (1 - stays_s / SHORTEST_S)
            reading_s = wide / self._script.speed
            if stays_s < reading_s:
                cost += _TOO_FAST * min(reading_s / max(stays_s, 0.1) - 1, 1.0)
        return cost

    def lines(self, i: int, j: int) -> tuple[str, ...]:
        """The words from i to j in one line if they fit, otherwise in two, even ones if they can be."""
        if self._line_ends[i] >= j:
            return self._non_empty("".join(self._texts[i:j]))
        middle = min(
            (k for k in range(i + 1, self._line_ends[i] + 1) if self._line_ends[k] >= j),
            key=lambda k: self._line_break_cost(i, k, j),
        )
        return self._non_empty("".join(self._texts[i:middle]), "".join(self._texts[middle:j]))

    def _line_break_cost(self, i: int, k: int, j: int) -> float:
        upper = self._ends[k] - self._starts[i]
        lower = self._ends[j] - self._starts[k]
        top_heavy = 0.25 if upper > lower else 0.0  # the shorter line on top hides less of the picture
        return self._breaks[k] + _UNEVEN * abs(upper - lower) / self._script.line_width + top_heavy

    @staticmethod
    def _non_empty(*lines: str) -> tuple[str, ...]:
        return tuple(stripped for line in lines if (stripped := line.strip()))


def _of_gap(gap: Gap) -> Cue | None:
    """Says in every language that something is missing, and until when. None for a gap too short to be
    read about."""
    if gap.end_s - gap.start_s < SHORTEST_S:
        return None
    text = f"[… → {_time(gap.end_s, '.')[:-4]}]"
    return Cue(start_s=gap.start_s, end_s=min(gap.end_s, gap.start_s + GAP_SHOWN_S), lines=(text,))


def _timed(spoken: Sequence[Cue], script: Script) -> Iterator[Cue]:
    """Lets every cue stay as long as it should and its successor allows."""
    free_s = 0.0
    for n, cue in enumerate(spoken):
        start_s = max(cue.start_s, free_s)
        next_s = spoken[n + 1].start_s if n + 1 < len(spoken) else inf
        reading_s = sum(width(line, script) for line in cue.lines) / script.speed
        end_s = max(cue.end_s, start_s + max(SHORTEST_S, reading_s))
        if next_s - end_s < CHAIN_S:
            end_s = next_s
        end_s = min(end_s, next_s - APART_S, start_s + LONGEST_S)
        end_s = max(end_s, start_s + SHORTEST_AT_ALL_S)
        yield Cue(start_s=_ms(start_s), end_s=_ms(end_s), lines=cue.lines)
        free_s = end_s + APART_S


def _ms(time_s: float) -> float:
    return round(time_s, 3)


def _time(time_s: float, point: str) -> str:
    ms = round(time_s * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"


def _one_line(text: str) -> str:
    """The text without line ends and other control characters, which would end a cue."""
    return str(_BLANKS.sub(" ", text))


def _tagless(line: str) -> str:
    for taken, harmless in _LOOKALIKES:
        line = taken.sub(harmless, line)
    return line
