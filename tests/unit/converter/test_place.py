import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from processors.converter.place import CHUNK, RATE_HZ, TOLERANCE_S, placed

FOREVER_S = 1e6


def tone(duration_ms: int) -> bytes:
    return np.full(duration_ms * RATE_HZ // 1000, 7, "<i2").tobytes()


def joined(blocks: list[tuple[int, bytes]], latest_s: float = FOREVER_S) -> np.ndarray:
    return np.concatenate([np.empty(0, np.int16), *placed(blocks, latest_s=latest_s)])


def sound_ms(samples: np.ndarray) -> list[tuple[int, int]]:
    """Where there is sound: begin and end in ms."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], samples != 0, [0])).astype(int)))
    return [(int(begin) // 16, int(end) // 16) for begin, end in edges.reshape(-1, 2)]


def test_a_late_start_and_a_hole_become_silence() -> None:
    assert sound_ms(joined([(2000, tone(500)), (2500, tone(500)), (8000, tone(100))])) == [
        (2000, 3000),
        (8000, 8100),
    ]


def test_a_stretch_that_comes_twice_is_kept_once() -> None:
    assert sound_ms(joined([(0, tone(1000)), (400, tone(1000)), (1400, tone(100))])) == [(0, 1500)]


def test_small_deviations_are_not_followed() -> None:
    blocks = [(t * 20 + (-1) ** t * 19, tone(20)) for t in range(1, 50)]
    assert len(sound_ms(joined(blocks))) == 1


def test_slow_drift_is_corrected_before_words_are_off() -> None:
    """A recorder whose clock runs 1 % fast: each 20 ms of sound is said to last 20.2 ms."""
    blocks = [(int(t * 20.2), tone(20)) for t in range(3000)]
    assert abs(len(joined(blocks)) / RATE_HZ - 3000 * 0.0202) <= TOLERANCE_S + 0.001


def test_a_time_stamp_beyond_the_end_is_not_believed() -> None:
    blocks = [(0, tone(100)), (99_000_000, tone(100)), (200, tone(100))]
    assert sound_ms(joined(blocks, latest_s=60)) == [(0, 300)]


def test_a_long_hole_comes_in_small_chunks() -> None:
    lengths = [len(chunk) for chunk in placed([(3_600_000, tone(10))], latest_s=FOREVER_S)]
    assert lengths == [CHUNK] * 3600 + [160]


@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 400)), max_size=30))
def test_chunks_are_whole_seconds_but_the_last(shape: list[tuple[int, int]]) -> None:
    chunks = list(placed([(at, tone(ms)) for at, ms in shape], latest_s=FOREVER_S))
    assert all(len(chunk) == CHUNK for chunk in chunks[:-1])
    assert all(len(chunk) > 0 for chunk in chunks)
