from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from processors.converter.cut import DEFAULT_PLAN, FRAME, Piece, Plan, choose_cut, loudness, pieces
from processors.converter.place import RATE_HZ, Samples

QUICK = Plan(first_s=(1.0, 2.0), target_s=4.0, max_s=6.6, overlap_s=0.6, tail_s=1.0)
"""The shape of the default plan, on sounds short enough to try many."""


def noise(duration_s: float, *, seed: int = 0, level: float = 0.3) -> Samples:
    random = np.random.default_rng(seed)
    return (random.uniform(-level, level, int(duration_s * RATE_HZ)) * 32_767).astype(np.int16)


def quietened(samples: Samples, *stretches_s: tuple[float, float]) -> Samples:
    changed = samples.copy()
    for begin, end in stretches_s:
        changed[int(begin * RATE_HZ) : int(end * RATE_HZ)] //= 100
    return changed


def in_chunks(samples: Samples, sizes: list[int]) -> Iterator[Samples]:
    at = 0
    while at < len(samples):
        for size in sizes:
            yield samples[at : at + size]
            at += size


@st.composite
def sounds(draw: st.DrawFn) -> Samples:
    """Noise with pauses of any length at any place."""
    duration_s = draw(st.floats(0, 25))
    times = st.tuples(st.floats(0, 25), st.floats(0, 4)).map(lambda t: (t[0], t[0] + t[1]))
    return quietened(noise(duration_s, seed=draw(st.integers(0, 9))), *draw(st.lists(times, max_size=6)))


@given(sounds())
def test_stretches_lie_end_to_end_and_cover_all_of_the_sound(samples: Samples) -> None:
    cut = list(pieces([samples], QUICK))
    ends = [0, *(piece.end for piece in cut)]
    assert [piece.start for piece in cut] == ends[:-1]
    assert ends[-1] == len(samples)
    assert all(piece.end > piece.start for piece in cut)


@given(sounds())
def test_every_piece_holds_the_samples_that_it_names(samples: Samples) -> None:
    for piece in pieces([samples], QUICK):
        assert np.array_equal(piece.samples, samples[piece.audio_start : piece.audio_end])
        assert piece.audio_start <= piece.start < piece.end <= piece.audio_end


@given(sounds(), st.lists(st.integers(1, 3 * RATE_HZ), min_size=1, max_size=5))
def test_pieces_do_not_depend_on_how_the_samples_arrive(samples: Samples, sizes: list[int]) -> None:
    def places(cut: Iterator[Piece]) -> list[tuple[int, ...]]:
        return [(p.start, p.end, p.audio_start, p.audio_end) for p in cut]

    sizes = [max(size, RATE_HZ // 20) for size in sizes]
    assert places(pieces(in_chunks(samples, sizes), QUICK)) == places(pieces([samples], QUICK))


@given(sounds())
def test_no_piece_is_too_long_and_the_last_one_is_not_tiny(samples: Samples) -> None:
    cut = list(pieces([samples], QUICK))
    assert all(len(piece.samples) <= QUICK.max_s * RATE_HZ for piece in cut)
    if len(cut) > 1:
        assert cut[-1].end - cut[-1].start >= 0.5 * RATE_HZ


@given(sounds())
def test_neighbours_share_the_same_sound_on_both_sides_of_a_cut_or_none(samples: Samples) -> None:
    cut = list(pieces([samples], QUICK))
    for before, after in pairwise(cut):
        shared = before.audio_end - before.end
        assert shared == after.start - after.audio_start
        assert shared in (0, int(QUICK.overlap_s / 2 * RATE_HZ))


def test_the_first_pieces_are_short() -> None:
    speech = quietened(noise(300), *((t + 0.1, t + 0.9) for t in range(4, 300, 5)))
    lengths_s = [(piece.end - piece.start) / RATE_HZ for piece in pieces([speech])]
    limits_s = [*DEFAULT_PLAN.first_s, 30, 30, 30]
    assert all(0.7 * limit < s <= limit for s, limit in zip(lengths_s, limits_s, strict=False))


def test_cuts_lie_in_pauses_and_then_nothing_overlaps() -> None:
    pauses_s = [(t + 0.1, t + 0.9) for t in range(4, 300, 5)]
    cut = list(pieces([quietened(noise(300), *pauses_s)]))
    for piece in cut[:-1]:
        assert any(begin + 0.2 < piece.end / RATE_HZ < end - 0.2 for begin, end in pauses_s)
        assert piece.audio_end == piece.end


def test_without_a_pause_neighbours_overlap_by_three_seconds() -> None:
    cut = list(pieces([noise(200)]))
    assert len(cut) > 3
    for before, after in pairwise(cut):
        assert before.audio_end - after.audio_start == 3 * RATE_HZ


def test_a_pause_beyond_the_target_is_better_than_a_cut_through_speech() -> None:
    samples = quietened(noise(30), (12.5, 13.5))
    first = next(pieces([samples]))
    assert 12.7 < first.end / RATE_HZ < 13.3
    assert first.audio_end == first.end


def test_a_sentence_break_is_chosen_before_a_breath() -> None:
    power = loudness(quietened(noise(20), (8.0, 8.7), (9.4, 9.75)))
    cut = choose_cut(power, earliest_s=7.5, target_s=10, latest_s=15)
    assert cut.in_pause
    assert 8.2 < cut.frame * FRAME / RATE_HZ < 8.5


def test_of_equal_pauses_the_one_nearest_to_the_target_is_chosen() -> None:
    silence = loudness(np.zeros(20 * RATE_HZ, np.int16))
    assert choose_cut(silence, earliest_s=7.5, target_s=10, latest_s=15).frame == 10 * RATE_HZ // FRAME


def test_no_samples_give_no_piece() -> None:
    assert list(pieces([])) == []


def test_no_more_is_held_than_the_next_cut_needs() -> None:
    """A piece comes as soon as its longest length and its tail are there."""
    given_s = 0

    def endless() -> Iterator[Samples]:
        nonlocal given_s
        while True:
            given_s += 1
            yield noise(1, seed=given_s)

    cut = pieces(endless())
    for _ in range(8):
        piece = next(cut)
        assert given_s - piece.end / RATE_HZ <= 90
