"""Joins the pieces of a video into one transcript."""

from collections.abc import Iterable
from dataclasses import dataclass

from processors.aggregator.texts.pieces import Hole, Piece
from schemas.events import Gap, Keyword, Model, Word


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

    language: that of most words, "und" where there are none. words: in order, none before 0, none
    beginning before the one before has ended. sentences: in order; they cover every word once. gaps: in
    order. keywords: of the whole video, most relevant first.
    """

    language: str
    words: tuple[Word, ...]
    sentences: tuple[Sentence, ...]
    gaps: tuple[Gap, ...]
    keywords: tuple[Keyword, ...]
    models: tuple[Model, ...]


def join(pieces: Iterable[Piece | Hole]) -> Transcript:
    """One transcript of all pieces, the same whichever order they come in.

    Raises ValueError if two pieces have the same index.
    """
    ordered = sorted(pieces, key=lambda piece: piece.index)
    if any(a.index == b.index for a, b in zip(ordered, ordered[1:], strict=False)):
        raise ValueError("two pieces have the same index")
    words: list[Word] = []
    sentences: list[Sentence] = []
    for piece in ordered:
        if isinstance(piece, Piece):
            first = len(words)
            for end in piece.sentence_ends or (len(piece.words),):
                words += piece.words[len(words) - first : end]
    return Transcript(
        language=next((p.language for p in ordered if isinstance(p, Piece) and p.words), "und"),
        words=tuple(words),
        sentences=tuple(sentences),
        gaps=tuple(
            Gap(start_s=p.start_s, end_s=p.end_s, reason=p.reason)
            for p in ordered
            if isinstance(p, Hole)
        ),
        keywords=(),
        models=(),
    )
