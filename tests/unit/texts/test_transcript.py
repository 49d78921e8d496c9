"""Joining pieces: every word once, in order, whatever the pieces are and whenever they come."""

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.aggregator.texts.pieces import Hole, Piece, enriched_piece, unenriched_piece
from processors.aggregator.texts.transcript import join
from schemas.events import (
    ArtefactRef,
    FailureKind,
    Gap,
    Keyword,
    SegmentEnriched,
    StageFailed,
    Task,
    Word,
)
from schemas.events import Sentence as SegmentSentence
from schemas.words import SegmentWords
from tests.unit.texts.talks import MODEL, piece, spoken, timed_words, word

OVERLAP_S = 3.0


VOCABULARY = (" no", " yes", " we", " lag", " offset", " broker", " the")


def said_at(random: Random) -> list[Word]:
    """Fluent speech in which no word is repeated at once."""
    words: list[Word] = []
    at_s = 0.0
    for _ in range(random.randint(30, 150)):
        lately = {w.text for w in words[-3:]}
        length_s = random.choice([0.15, 0.3, 0.5])
        text = random.choice([text for text in VOCABULARY if text not in lately])
        words.append(word(text, round(at_s, 3), round(at_s + length_s, 3)))
        at_s += length_s + random.choice([0.0, 0.05, 0.3])
    return words


def heard(said: list[Word], start_s: float, end_s: float, random: Random) -> list[Word]:
    """What a segment hears: every word at a slightly other time, and something else of a word that its
    audio cuts through."""
    words = []
    for w in said:
        if start_s <= w.start_s and w.end_s <= end_s:
            shift_s = random.choice([-0.04, 0.0, 0.04])
            words.append(word(w.text, w.start_s + shift_s, w.end_s + shift_s))
        elif start_s < w.end_s and w.start_s < end_s:
            words.append(word(" (cut)", max(w.start_s, start_s), min(w.end_s, end_s)))
    return words


def overlapping_segments(said: list[Word], random: Random) -> list[Piece]:
    """Segments of 8 to 15 seconds that overlap by 3."""
    borders = [0.0]
    while borders[-1] + 15 < said[-1].end_s - 8:
        borders.append(borders[-1] + random.uniform(8, 15))
    borders.append(said[-1].end_s)
    segments = []
    for n, (start_s, end_s) in enumerate(pairwise(borders)):
        audio_start_s = start_s - OVERLAP_S / 2 if n else 0.0
        audio_end_s = end_s + (OVERLAP_S / 2 if n + 2 < len(borders) else 0.0)
        words = heard(said, audio_start_s, audio_end_s, random)
        segment = piece(words, n, start_s=start_s, end_s=end_s)
        segments.append(replace(segment, audio_start_s=audio_start_s, audio_end_s=audio_end_s))
    return segments


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32))
def test_every_word_of_overlapping_segments_is_kept_once_whichever_order_they_come_in(seed):
    random = Random(seed)
    said = said_at(random)
    segments = overlapping_segments(said, random)
    shuffled = random.sample(segments, len(segments))
    assert [w.text for w in join(shuffled).words] == [w.text for w in said]
    assert join(shuffled) == join(segments)


@settings(max_examples=60, deadline=None)
@given(st.lists(timed_words(most=12), max_size=5), st.booleans())
def test_words_never_go_back_in_time_and_sentences_hold_each_once(segments, enriched):
    pieces = [
        replace(
            piece(words, n, start_s=float(n), end_s=n + 1.0),
            sentence_ends=(len(words),) if enriched and words else (),
        )
        for n, words in enumerate(segments)
    ]
    joined = join(pieces)
    assert len(joined.words) == sum(map(len, segments))
    assert all(0 <= w.start_s <= w.end_s for w in joined.words)
    assert all(a.end_s <= b.start_s for a, b in zip(joined.words, joined.words[1:], strict=False))
    assert all(a.start_s < b.start_s for a, b in zip(joined.words, joined.words[1:], strict=False))
    covered = [i for s in joined.sentences for i in range(s.first_word, s.end_word)]
    assert covered == list(range(len(joined.words)))


def test_a_word_that_only_one_of_two_overlapping_segments_heard_is_kept():
    a = Piece(
        index=0, start_s=0, end_s=10, audio_start_s=0, audio_end_s=11.5, language="en",
        words=(word(" one", 8.6, 8.9), word(" two", 9.3, 9.6), word(" three", 10.2, 10.6)),
    )  # fmt: skip
    b = Piece(
        index=1, start_s=10, end_s=20, audio_start_s=8.5, audio_end_s=20, language="en",
        words=(word(" One", 8.6, 8.9), word(" three,", 10.2, 10.6), word(" four", 11.0, 11.4)),
    )  # fmt: skip
    assert [w.text for w in join([a, b]).words] in (
        [" one", " two", " three", " four"],
        [" one", " two", " three,", " four"],
    )


def test_one_word_heard_differently_on_both_sides_of_a_border_is_kept_once():
    a = Piece(
        index=0, start_s=0, end_s=10, audio_start_s=0, audio_end_s=11.5, language="en",
        words=(word(" the", 9.2, 9.4), word(" real", 9.9, 10.3)),
    )  # fmt: skip
    b = Piece(
        index=1, start_s=10, end_s=20, audio_start_s=8.5, audio_end_s=20, language="en",
        words=(word(" the", 9.2, 9.4), word(" reel", 9.95, 10.35), word(" ends", 10.6, 11.0)),
    )  # fmt: skip
    assert [w.text[:3] for w in join([a, b]).words] == [" th", " re", " en"]


def test_sentence_goes_on_over_a_border_unless_it_has_ended():
    first = piece(spoken(" We read. The log is"), 0, sentence_ends=(2, 5))
    second = piece(spoken(" append-only. Yes.", start_s=first.end_s), 1, sentence_ends=(1, 2))
    assert [s.text for s in join([second, first]).sentences] == [
        "We read.",
        "The log is append-only.",
        "Yes.",
    ]


@pytest.mark.parametrize("reason", ["pause", "gap", "language"])
def test_sentence_ends_at_a_long_pause_a_gap_or_another_language(reason):
    first = piece(spoken(" We begin"), 0)
    later = piece(
        spoken(" again here.", start_s=first.end_s + 3 * (reason == "pause")),
        2 if reason == "gap" else 1,
    )
    if reason == "language":
        later = replace(later, language="de")
    hole = [Hole(index=1, start_s=0.7, end_s=0.8, reason="x")] if reason == "gap" else []
    assert [s.text for s in join([first, *hole, later]).sentences] == ["We begin", "again here."]


def test_words_without_enrichment_are_parted_by_their_punctuation():
    assert [s.text for s in join([piece(spoken(" One. Two? 三。"))]).sentences] == [
        "One.",
        "Two?",
        "三。",
    ]


def test_first_word_of_a_segment_is_set_off_from_the_one_before():
    first, second = piece(spoken(" One two"), 0), piece(spoken("three four", start_s=3.0), 1)
    assert "".join(w.text for w in join([first, second]).words) == " One two three four"


def test_gaps_hold_no_word_and_neighbouring_ones_are_one():
    before, after = piece([word(" a", 9.0, 10.4)], 0), piece([word(" b", 29.5, 30.5)], 3)
    holes = [Hole(index=n, start_s=10.0 * n, end_s=10.0 * n + 10, reason="broken") for n in (2, 1)]
    assert join([after, *holes, before]).gaps == (Gap(start_s=10.4, end_s=29.5, reason="broken"),)


def test_nothing_said_is_an_empty_transcript_of_no_language():
    assert join([]).words == ()
    assert join([piece((), language="en")]).language == "und"


def test_language_is_that_of_most_words():
    pieces = [
        piece(spoken(" ja"), 0, language="de"),
        piece(spoken(" so it is", start_s=2), 1, language="en"),
    ]
    assert join(pieces).language == "en"
    assert [s.language for s in join(pieces).sentences] == ["de", "en"]


def test_keywords_of_many_segments_lead():
    pieces = [piece((), n, keywords=["lag" if n else "Lag", f"once {n}"]) for n in range(3)]
    keywords = join(pieces).keywords
    assert keywords[0] == Keyword(text="lag", score=1.0)
    assert keywords[1].score == pytest.approx(1 / 3, abs=1e-3)


def test_two_pieces_of_one_index_are_refused():
    with pytest.raises(ValueError, match="index 4"):
        join([piece((), 4), piece((), 4)])


WORDS = SegmentWords(
    language="en",
    language_probability=1.0,
    task=Task.TRANSCRIBE,
    model=MODEL,
    words=(word(" Hi.", 0.5, 0.9),),
)
REF = ArtefactRef(key="k", sha256="0" * 64, size_bytes=1)


def test_piece_of_an_enriched_segment_has_times_of_the_video():
    event = SegmentEnriched(
        video_id="v", index=7, start_s=60.0, end_s=120.0, audio_start_s=58.5, audio_end_s=121.5,
        language="en", language_probability=1.0, artefact=REF, word_count=1,
        sentences=(SegmentSentence(text="Hi.", start_s=59.0, end_s=59.4, first_word=0, end_word=1),),
        keywords=(), speech_rate_wpm=100.0, model=MODEL,
    )  # fmt: skip
    made = enriched_piece(event, WORDS)
    assert (made.index, made.audio_start_s, made.sentence_ends) == (7, 58.5, (1,))
    assert made.words == (word(" Hi.", 59.0, 59.4),)


def test_piece_of_a_segment_whose_enrichment_failed_keeps_its_words():
    event = StageFailed(
        video_id="v", stage="enricher", index=7, start_s=60.0, end_s=120.0, kind=FailureKind.BUG,
        reason="r", audio_start_s=58.5, artefact=REF,
    )  # fmt: skip
    made = unenriched_piece(event, WORDS)
    assert made.words == (word(" Hi.", 59.0, 59.4),)
    assert made.language == "en"
    with pytest.raises(ValueError, match="names no segment"):
        unenriched_piece(replace(event, index=None), WORDS)


def test_a_short_video_has_few_keywords_and_no_video_more_than_twenty() -> None:
    terms = [f"term{n}" for n in range(30)]
    short = join([piece(spoken(" A word" * 75), 0, keywords=terms)])
    long = join([piece(spoken(" A word" * 1000), 0, keywords=terms)])
    assert [keyword.text for keyword in short.keywords] == terms[:5]
    assert len(long.keywords) == 20
