"""Words are moved to where the audio says that they begin and end."""

from itertools import accumulate, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.transcriber.onsets import Pause, pauses, settle
from processors.transcriber.speech import SAMPLE_RATE, Span
from schemas.events import Word

AUDIO_S = 10.0
times = st.integers(0, 10_000).map(lambda ms: ms / 1000)


def word(text: str, start_s: float, end_s: float) -> Word:
    return Word(text=text, start_s=start_s, end_s=end_s, probability=1.0)


@st.composite
def silences(draw: st.DrawFn) -> list[Pause]:
    bounds = draw(st.lists(times, max_size=12, unique=True).filter(lambda found: len(found) % 2 == 0))
    starts_and_ends = [0.0, *sorted(bounds), AUDIO_S]
    return [Pause(*pair) for pair in zip(starts_and_ends[::2], starts_and_ends[1::2], strict=True)]


texts = st.sampled_from((" and", " so.", " well,", " harbour"))


@given(st.lists(st.tuples(texts, times, times), max_size=25), silences())
def test_words_keep_order_never_overlap_and_stay_inside_the_audio(
    found: list[tuple[str, float, float]], quiet: list[Pause]
) -> None:
    words = [word(text, start_s, end_s) for text, start_s, end_s in sorted(found, key=lambda w: w[1])]
    quiet = quiet if len(quiet) > 1 else [Pause(0, 0), Pause(AUDIO_S, AUDIO_S)]

    settled = settle(words, quiet)

    assert [w.text for w in settled] == [w.text for w in words]
    assert all(0 <= w.start_s <= w.end_s <= AUDIO_S for w in settled)
    assert all(before.end_s <= after.start_s for before, after in pairwise(settled))
    assert [w.start_s for w in settled] == list(accumulate((w.start_s for w in settled), max))


def test_a_word_after_a_pause_begins_where_sound_sets_in() -> None:
    quiet = [Pause(0, 0.5), Pause(2.0, 2.8), Pause(4.0, 4.5)]
    words = [word(" One.", 0.4, 1.9), word(" Two", 2.2, 3.1), word(" three.", 3.1, 4.4)]

    assert [(w.start_s, w.end_s) for w in settle(words, quiet)] == [(0.5, 2.0), (2.8, 3.1), (3.1, 4.0)]


def test_a_word_lying_wholly_in_a_pause_belongs_to_the_sentence_it_begins() -> None:
    quiet = [Pause(0, 0), Pause(2.0, 3.0), Pause(5.0, 5.0)]
    words = [word(" Done.", 1.0, 2.1), word(" I", 2.4, 2.7), word(" agree", 2.7, 5.0)]

    assert [w.start_s for w in settle(words, quiet)] == pytest.approx([1.0, 3.0, 3.04])


def test_the_closure_of_a_consonant_moves_no_word() -> None:
    quiet = [Pause(0, 0), Pause(1.5, 1.63), Pause(4.0, 4.0)]
    words = [word(" undertaking", 0.0, 2.5), word(" it", 2.5, 4.0)]

    assert settle(words, quiet) == words


def test_a_far_away_sound_is_no_words_beginning() -> None:
    quiet = [Pause(0, 1.0), Pause(9.0, 10.0)]

    assert settle([word(" Hello.", 5.0, 5.6)], quiet) == [word(" Hello.", 5.0, 5.6)]


def tone(*stretches_s: tuple[float, float], noise: float = 0.0) -> np.ndarray:
    """Ten seconds with a voice-like tone in some stretches."""
    at = np.arange(int(AUDIO_S * SAMPLE_RATE)) / SAMPLE_RATE
    audible = np.any([(start <= at) & (at < end) for start, end in stretches_s], axis=0)
    samples = 0.3 * np.sin(2 * np.pi * 200 * at) * audible
    return (samples + noise * np.random.default_rng(0).normal(size=len(at))).astype(np.float32)


def spans(*stretches_s: tuple[float, float]) -> list[Span]:
    return [Span(int(start * SAMPLE_RATE), int(end * SAMPLE_RATE)) for start, end in stretches_s]


@pytest.mark.parametrize("noise", [0.0, 0.005])
def test_pauses_begin_and_end_with_the_sound_not_with_the_detectors_frames(noise: float) -> None:
    found = pauses(tone((1.0, 3.0), (4.2, 6.0), noise=noise), spans((1.09, 3.08), (4.29, 6.07)))

    assert [(p.start_s, p.end_s) for p in found] == [(0, 1.0), (3.0, 4.2), (6.0, 10.0)]


def test_a_slamming_door_in_a_pause_does_not_end_it() -> None:
    found = pauses(tone((1.0, 3.0), (3.5, 3.6), (5.0, 6.0)), spans((1.0, 3.0), (5.0, 6.0)))

    assert [(p.start_s, p.end_s) for p in found] == [(0, 1.0), (3.0, 5.0), (6.0, 10.0)]


def test_a_detector_that_wakes_late_does_not_hide_the_beginning_of_a_word() -> None:
    found = pauses(tone((0.0, 2.0), (2.7, 4.0)), spans((3.05, 4.0)))

    assert [(p.start_s, p.end_s) for p in found] == [(0, 2.7), (4.0, 10.0)]


def test_over_music_the_speech_detector_alone_says_where_pauses_are() -> None:
    found = pauses(tone((0.0, 9.0)), spans((1.0, 3.0), (5.0, 6.0)))

    assert [(p.start_s, p.end_s) for p in found] == [(0, 1.0), (3.0, 5.0), (6.0, 10.0)]


def test_in_loud_noise_the_speech_detector_alone_says_where_pauses_are() -> None:
    found = pauses(tone((1.0, 3.0), (4.0, 6.0), noise=0.2), spans((1.0, 3.0), (4.0, 6.0)))

    assert [(p.start_s, p.end_s) for p in found] == [(0, 1.0), (3.0, 4.0), (6.0, 10.0)]


@pytest.mark.parametrize("samples", [np.zeros(0, np.float32), np.zeros(16_001, np.float32)])
def test_audio_without_speech_has_no_pauses_to_go_by(samples: np.ndarray) -> None:
    assert all(p.start_s == p.end_s for p in pauses(samples, []))
