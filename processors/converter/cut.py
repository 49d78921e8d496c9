"""Cuts a stream of sound at pauses into pieces for transcription, while it arrives."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat

import numpy as np
from numpy.typing import NDArray

from processors.converter.place import RATE_HZ, Samples

FRAME = RATE_HZ // 50
"""Samples whose loudness is taken as one; cuts lie between frames."""

_FLOOR_DB = -90.0
_SILENT_DB = -55.0
"""Below this it is silence, however quiet the speech (dBFS)."""

_PAUSE_DB = 12.0
"""A pause is at least so much quieter than the loud part around it."""

_LOUD_PERCENTILE = 80
_PAUSE_WIDTHS_S = (0.6, 0.3)
"""Sentence breaks first, then breaths. Anything shorter may be the closure of a consonant."""

_EARLIEST = 0.75
_LONGEST = 1.5
"""A piece is cut between these parts of its target, if there is a pause."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long pieces are, in seconds.

    first_s: targets of the first pieces: short, so that captions come early. target_s: of all others. It
    is Whisper's window, and a piece ends before its target where it can: a little longer would cost a
    whole window more. Pieces of two windows cost hardly less for each, and whoever comes with a short
    video waits twice as long for one that has begun. max_s: no piece's audio is longer, overlap
    included. overlap_s: how much audio two neighbours share where there was no pause to cut at.
    tail_s: a last piece of less than this and than half its target stays with the one before it.
    """

    first_s: tuple[float, ...] = (10.0, 20.0)
    target_s: float = 30.0
    max_s: float = 48.0
    overlap_s: float = 3.0
    tail_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a piece ends, in frames from its start, and whether that is in a pause."""

    frame: int
    in_pause: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of sound, in samples from the start of the video's timeline.

    The pieces' stretches [start, end) lie end to end; their audio [audio_start, audio_end) overlaps
    where a cut is not in a pause.
    """

    start: int
    end: int
    audio_start: int
    audio_end: int
    samples: Samples


DEFAULT_PLAN = Plan()


def pieces(chunks: Iterable[Samples], plan: Plan = DEFAULT_PLAN) -> Iterator[Piece]:
    """Cut a stream of samples (16 kHz mono), holding only what the next cut needs to be decided.

    The pieces are the same whatever the sizes of the chunks; none comes of no samples.
    """
    incoming = iter(chunks)
    overlap = int(plan.overlap_s / 2 * RATE_HZ)
    held: Samples = np.empty(0, np.int16)
    held_from = start = audio_start = 0
    for target_s in chain(plan.first_s, repeat(plan.target_s)):
        longest_s = min(_LONGEST * target_s, plan.max_s - plan.overlap_s)
        tail_s = min(plan.tail_s, target_s / 2)
        wanted = start + int((longest_s + tail_s) * RATE_HZ)
        held = _filled(held, incoming, wanted - held_from)
        known = min(wanted, held_from + len(held))
        ends = known < wanted
        if ends and known - start <= longest_s * RATE_HZ:
            if known > start:
                yield Piece(start, known, audio_start, known, held[audio_start - held_from :])
            return
        cut = choose_cut(
            loudness(held[start - held_from : known - held_from]),
            earliest_s=_EARLIEST * target_s,
            target_s=target_s,
            latest_s=min(longest_s, (known - start) / RATE_HZ - tail_s),
        )
        end = start + cut.frame * FRAME
        shared = 0 if cut.in_pause else overlap
        yield Piece(
            start,
            end,
            audio_start,
            end + shared,
            held[audio_start - held_from : end + shared - held_from],
        )
        start, audio_start = end, end - shared
        held, held_from = held[audio_start - held_from :].copy(), audio_start


def loudness(samples: Samples) -> NDArray[np.float64]:
    """Mean power of each whole frame, 1.0 for full scale, shape (frames,)."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    power: NDArray[np.float64] = np.square(frames, dtype=np.float64).mean(axis=1) / 2.0**30
    return power


def choose_cut(
    power: NDArray[np.float64], *, earliest_s: float, target_s: float, latest_s: float
) -> Cut:
    """Choose where a piece ends, so that no word is split.

    power: mean power of each frame from the piece's start on, to beyond `latest_s`. The cut is in the
    middle of the quietest pause between `earliest_s` and `target_s`; where there is none, between there
    and `latest_s`; where there is none at all, at the quietest frame before `target_s`. Of pauses
    equally quiet (to 1 dB) the one nearest to `target_s` is taken.
    """
    loud_db = float(np.percentile(_decibels(power), _LOUD_PERCENTILE))
    quiet_db = max(_SILENT_DB, loud_db - _PAUSE_DB)
    earliest, target, latest = (_frames(s) for s in (earliest_s, min(target_s, latest_s), latest_s))
    for first, last in ((earliest, target), (target, latest)):
        for width_s in _PAUSE_WIDTHS_S:
            frame, level_db = _quietest(power, first, last, _frames(width_s), nearest_to=target)
            if level_db <= quiet_db:
                return Cut(frame, in_pause=True)
    frame, _ = _quietest(power, earliest, target, 1, nearest_to=target)
    return Cut(frame, in_pause=False)


def _quietest(
    power: NDArray[np.float64], first: int, last: int, width: int, *, nearest_to: int
) -> tuple[int, float]:
    """The middle, in [first, last], of the quietest `width` frames, and their level in whole dBFS."""
    sums = np.concatenate(([0.0], np.cumsum(power)))
    middles = np.arange(max(first, width // 2), min(last, len(power) - (width + 1) // 2) + 1)
    begins = middles - width // 2
    levels = np.round(_decibels((sums[begins + width] - sums[begins]) / width))
    best = np.flatnonzero(levels == levels.min())
    chosen = best[np.argmin(np.abs(middles[best] - nearest_to))]
    return int(middles[chosen]), float(levels[chosen])


def _filled(held: Samples, incoming: Iterator[Samples], wanted: int) -> Samples:
    """`held` and as much of what comes as makes it at least `wanted` long."""
    parts, length = [held], len(held)
    while length < wanted and (chunk := next(incoming, None)) is not None:
        parts.append(chunk)
        length += len(chunk)
    return np.concatenate(parts)


def _decibels(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return 10 * np.log10(np.maximum(power, 10 ** (_FLOOR_DB / 10)))


def _frames(seconds: float) -> int:
    return int(seconds * RATE_HZ) // FRAME
