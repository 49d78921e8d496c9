"""A video's pieces as the text functions take them: one for each segment, in any order."""

from dataclasses import dataclass

from schemas.events import Keyword, Model, SegmentEnriched, StageFailed, StageTime, Word
from schemas.words import SegmentWords, moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One transcribed segment. Times are seconds on the video's timeline.

    The segment answers for start_s to end_s; its audio, audio_start_s to audio_end_s, reaches into its
    neighbours' where they overlap. sentence_ends: index after each sentence's last word, ascending;
    empty where the segment was not enriched.
    """

    index: int
    start_s: float
    end_s: float
    audio_start_s: float
    audio_end_s: float
    language: str
    words: tuple[Word, ...]
    sentence_ends: tuple[int, ...] = ()
    keywords: tuple[Keyword, ...] = ()
    model: Model | None = None
    stages: tuple[StageTime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A stretch that could not be transcribed. index: its segment's, or the first missing one's where
    the converter gave up."""

    index: int
    start_s: float
    end_s: float
    reason: str
    stages: tuple[StageTime, ...] = ()


def enriched_piece(event: SegmentEnriched, words: SegmentWords) -> Piece:
    """A segment with the words of the artefact that the event names."""
    return Piece(
        index=event.index,
        start_s=event.start_s,
        end_s=event.end_s,
        audio_start_s=event.audio_start_s,
        audio_end_s=event.audio_end_s,
        language=event.language,
        words=tuple(moved(word, event.audio_start_s) for word in words.words),
        sentence_ends=tuple(sentence.end_word for sentence in event.sentences),
        keywords=event.keywords,
        model=event.model,
        stages=event.stages,
    )


def unenriched_piece(event: StageFailed, words: SegmentWords) -> Piece:
    """A segment whose enrichment failed, with the words of the artefact that the event names.

    Raises ValueError if the event names no segment."""
    if (
        event.index is None
        or event.start_s is None
        or event.end_s is None
        or event.audio_start_s is None
    ):
        raise ValueError(f"the failure of {event.stage} names no segment")
    placed = tuple(moved(word, event.audio_start_s) for word in words.words)
    return Piece(
        index=event.index,
        start_s=event.start_s,
        end_s=event.end_s,
        audio_start_s=event.audio_start_s,
        audio_end_s=max(event.end_s, placed[-1].end_s if placed else 0.0),
        language=words.language,
        words=placed,
        model=words.model,
        stages=event.stages,
    )
