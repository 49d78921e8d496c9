"""Joins the pieces of a video into one transcript."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import regex

from processors.aggregator.texts.pieces import Hole, Piece
from processors.aggregator.texts.seam import seam
from schemas.events import Gap, Keyword, Model, Word

UNKNOWN_LANGUAGE = "und"
FEWEST_KEYWORDS, MOST_KEYWORDS = 3, 20
WORDS_A_KEYWORD = 30
"""A video is given a keyword for so many words: in a short one, few terms stand out."""
SAME_SENTENCE_S = 2.0
"""A sentence goes on over a segment's border if the pause there is shorter than this."""
LONGEST_SENTENCE_S = 30.0
"""And if it does not become longer than this: without punctuation, sentences are what segments are."""

_SENTENCE_END = regex.compile(r"[\p{Sentence_Terminal}…｡][\p{Pe}\p{Pf}\p{Pi}\"']*\s*$")
_SPACED = regex.compile(r"^[\p{L}\p{N}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence. first_word, end_word: its words' range in the transcript's words."""

    text: str
    start_s: float
    end_s: float
    first_word: int
    end_word: int
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """All that was said in a video. Times are seconds on its timeline.

    language: that of most words, "und" where there are none. words: in order; each begins after the one
    before began and not before it has ended. sentences: in order; they cover every word once. gaps: in
    order, no word in them. keywords: of the whole video, most relevant first.
    """

    language: str
    words: tuple[Word, ...]
    sentences: tuple[Sentence, ...]
    gaps: tuple[Gap, ...]
    keywords: tuple[Keyword, ...]
    models: tuple[Model, ...]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What one piece gives to the transcript: its words from first to end."""

    piece: Piece
    first: int
    end: int


def join(pieces: Iterable[Piece | Hole]) -> Transcript:
    """One transcript of all pieces, the same whichever order they come in.

    Where neighbours overlap each word is kept once. A sentence goes on over a border unless it has ended
    there. Raises ValueError if two pieces have the same index.
    """
    ordered = sorted(pieces, key=lambda piece: piece.index)
    for a, b in pairwise(ordered):
        if a.index == b.index:
            raise ValueError(f"two pieces have the index {a.index}")
    stretches = list(_stretches(ordered))
    words = _in_order(word for stretch in stretches for word in _placed(stretch))
    return Transcript(
        language=_main_language(stretches),
        words=words,
        sentences=tuple(_sentences(stretches, words)),
        gaps=tuple(_gaps([piece for piece in ordered if isinstance(piece, Hole)], words)),
        keywords=_keywords((stretch.piece for stretch in stretches), len(words)),
        models=tuple(dict.fromkeys(s.piece.model for s in stretches if s.piece.model is not None)),
    )


def text_of(words: Iterable[Word]) -> str:
    """The words' text, spaced as their script is."""
    return "".join(word.text for word in words).strip()


def ends_sentence(word: Word) -> bool:
    """Whether punctuation after the word ends a sentence, in any script."""
    return bool(_SENTENCE_END.search(word.text))


def _stretches(ordered: Sequence[Piece | Hole]) -> Iterator[_Stretch]:
    first = 0
    for n, piece in enumerate(ordered):
        if isinstance(piece, Hole):
            first = 0
            continue
        end, next_first = len(piece.words), 0
        after = ordered[n + 1] if n + 1 < len(ordered) else None
        if isinstance(after, Piece) and after.audio_start_s < piece.audio_end_s:
            overlap = (after.audio_start_s, piece.audio_end_s)
            end, next_first = seam(piece.words, after.words, overlap, piece.end_s)
        yield _Stretch(piece, first, max(first, end))
        first = next_first


def _placed(stretch: _Stretch) -> Iterator[Word]:
    """The stretch's words; the first one is set off from what comes before it, as the others are."""
    words = stretch.piece.words[stretch.first : stretch.end]
    spaced = any(word.text[:1].isspace() for word in words[1:])
    for n, word in enumerate(words):
        bare = n == 0 and spaced and _SPACED.match(word.text)
        yield replace(word, text=f" {word.text}") if bare else word


def _in_order(words: Iterable[Word]) -> tuple[Word, ...]:
    """The same words with times that never go back, to the millisecond. Recognisers let the times of
    neighbours overlap a little, at segment borders most."""
    ordered: list[Word] = []
    earliest_s = 0.0
    for word in words:
        start_s = round(max(word.start_s, earliest_s), 3)
        end_s = round(max(word.end_s, start_s), 3)
        if (start_s, end_s) != (word.start_s, word.end_s):
            word = replace(word, start_s=start_s, end_s=end_s)  # noqa: PLW2901
        if ordered and ordered[-1].end_s > start_s:
            ordered[-1] = replace(ordered[-1], end_s=start_s)
        ordered.append(word)
        earliest_s = start_s + 0.001
    return tuple(ordered)


def _sentences(stretches: Sequence[_Stretch], words: Sequence[Word]) -> Iterator[Sentence]:
    first = at = 0
    for n, stretch in enumerate(stretches):
        piece = stretch.piece
        begin, at = at, at + stretch.end - stretch.first
        if begin == at:
            continue
        within = piece.sentence_ends or tuple(
            i + 1 for i, w in enumerate(piece.words) if ends_sentence(w)
        )
        ends = [begin + end - stretch.first for end in within if stretch.first < end < stretch.end]
        if not _goes_on(stretches, n, words, ends[-1] if ends else first, at):
            ends.append(at)
        for end in ends:
            yield _sentence(words, first, end, piece.language)
            first = end


def _goes_on(stretches: Sequence[_Stretch], n: int, words: Sequence[Word], first: int, end: int) -> bool:
    """Whether the sentence that began at word `first` goes on after `end`, the end of stretch n."""
    following = next((s for s in stretches[n + 1 :] if s.end > s.first), None)
    if following is None or ends_sentence(words[end - 1]):
        return False
    piece = stretches[n].piece
    neighbours = following.piece.index == piece.index + 1
    same_language = following.piece.language == piece.language
    pause_s = words[end].start_s - words[end - 1].end_s
    length_s = words[end - 1].end_s - words[first].start_s
    return neighbours and same_language and pause_s < SAME_SENTENCE_S and length_s < LONGEST_SENTENCE_S


def _sentence(words: Sequence[Word], first: int, end: int, language: str) -> Sentence:
    return Sentence(
        text=text_of(words[first:end]),
        start_s=words[first].start_s,
        end_s=words[end - 1].end_s,
        first_word=first,
        end_word=end,
        language=language,
    )


def _gaps(holes: Sequence[Hole], words: Sequence[Word]) -> Iterator[Gap]:
    """The holes, touching ones with one reason as one, without what their neighbours heard of them."""
    merged: list[Hole] = []
    for hole in holes:
        before = merged[-1] if merged else None
        if before and before.reason == hole.reason and before.end_s >= hole.start_s:
            merged[-1] = replace(before, end_s=max(before.end_s, hole.end_s))
        else:
            merged.append(hole)
    for hole in merged:
        middle = bisect_right(words, (hole.start_s + hole.end_s) / 2, key=lambda word: word.start_s)
        start_s = max(hole.start_s, words[middle - 1].end_s) if middle else hole.start_s
        end_s = min(hole.end_s, words[middle].start_s) if middle < len(words) else hole.end_s
        if start_s < end_s:
            yield Gap(start_s=round(start_s, 3), end_s=round(end_s, 3), reason=hole.reason)


def _main_language(stretches: Iterable[_Stretch]) -> str:
    counts: Counter[str] = Counter()
    for stretch in stretches:
        counts[stretch.piece.language] += stretch.end - stretch.first
    language, count = max(counts.items(), key=lambda item: item[1], default=(UNKNOWN_LANGUAGE, 0))
    return language if count else UNKNOWN_LANGUAGE


def _keywords(pieces: Iterable[Piece], words: int) -> tuple[Keyword, ...]:
    """The terms that stand out in most segments, and there most: the sum of their scores."""
    most = min(max(words // WORDS_A_KEYWORD, FEWEST_KEYWORDS), MOST_KEYWORDS)
    sums: defaultdict[str, float] = defaultdict(float)
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for piece in pieces:
        for keyword in piece.keywords:
            sums[keyword.text.casefold()] += keyword.score
            spellings[keyword.text.casefold()][keyword.text] += 1
    best = sorted(sums, key=lambda key: -round(sums[key], 6))[:most]  # stable: ties by first mention
    return tuple(
        Keyword(text=spellings[key].most_common(1)[0][0], score=round(sums[key] / sums[best[0]], 4))
        for key in best
    )
