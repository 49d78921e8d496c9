"""Speech is packed into windows that a model hears at once."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.transcriber.speech import (
    FRAME,
    SAMPLE_RATE,
    WINDOW_MAX,
    Span,
    Window,
    speech_probabilities,
    speech_spans,
    windows,
)


@st.composite
def probabilities(draw: st.DrawFn) -> np.ndarray:
    """A detector's output: stretches of speech and of pauses, up to two minutes."""
    runs = draw(st.lists(st.tuples(st.integers(1, 1200), st.integers(1, 200)), max_size=12))
    frames = [p for speech, pause in runs for p in [0.9] * speech + [0.02] * pause]
    return np.array(frames[:3750], np.float32)


@given(probabilities())
def test_every_stretch_of_speech_is_in_exactly_one_window_of_at_most_30_s(found: np.ndarray) -> None:
    total = len(found) * FRAME
    spans = speech_spans(found, total, 0.5)
    packed = windows(spans, found, total)

    assert all(0 < window.length <= WINDOW_MAX for window in packed)
    pieces = [piece for window in packed for piece in window.pieces]
    assert all(before.end <= after.start for before, after in pairwise(pieces))
    assert all(0 <= piece.start < piece.end <= total for piece in pieces)
    heard = np.zeros(total, bool)
    for piece in pieces:
        heard[piece.start : piece.end] = True
    assert all(heard[span.start : span.end].all() for span in spans)


@given(probabilities(), st.lists(st.floats(0, WINDOW_MAX), min_size=2, max_size=20).map(sorted))
def test_times_in_a_window_keep_their_order_in_the_source(found: np.ndarray, times: list[float]) -> None:
    total = len(found) * FRAME
    for window in windows(speech_spans(found, total, 0.5), found, total):
        sources = [window.to_source(time) for time in times]
        assert sources == sorted(sources)
        assert window.pieces[0].start <= sources[0] <= sources[-1] <= window.pieces[-1].end


def test_a_window_ends_at_the_longest_pause() -> None:
    second = SAMPLE_RATE
    spans = [Span(0, 12 * second), Span(13 * second, 20 * second), Span(int(20.2 * second), 35 * second)]

    packed = windows(spans, np.ones(1100, np.float32), 35 * second)

    assert [(w.pieces[0].start, w.pieces[-1].end) for w in packed] == [
        (0, int(12.4 * second)),
        (int(12.6 * second), 35 * second),
    ]


def test_long_silence_is_left_out_of_a_window_and_times_jump_over_it() -> None:
    second = SAMPLE_RATE
    spans = [Span(second, 2 * second), Span(12 * second, 13 * second)]

    (window,) = windows(spans, np.ones(500, np.float32), 20 * second)

    assert window.length == pytest.approx(3.6 * second)
    assert window.to_source(second) == pytest.approx(1.6 * second)
    assert window.to_source(2.2 * second) == pytest.approx(12 * second)
    samples = np.arange(20 * second, dtype=np.float32)
    assert len(window.cut(samples)) == window.length


def test_speech_without_a_pause_is_cut_where_it_is_least_like_speech() -> None:
    found = np.ones(1500, np.float32)
    found[800] = 0.6

    packed = windows([Span(0, 1500 * FRAME)], found, 1500 * FRAME)

    assert packed[0] == Window((Span(0, 800 * FRAME),))


def test_no_audio_is_no_speech() -> None:
    assert len(speech_probabilities(np.zeros(0, np.float32))) == 0
    assert windows(speech_spans(np.zeros(0, np.float32), 0, 0.5), np.zeros(0, np.float32), 0) == []
