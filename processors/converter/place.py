"""Sound onto the video's timeline: holes become silence, doubled stretches are dropped."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
CHUNK = RATE_HZ
"""Samples that are handed on at a time."""

TOLERANCE_S = 0.05
"""How far a time stamp may lie from where the sound before it ends. Containers round time stamps and
recorders jitter; following each would chop the sound, ignoring more would let words drift."""

Samples = NDArray[np.int16]


def placed(blocks: Iterable[tuple[int, bytes]], *, latest_s: float) -> Iterator[Samples]:
    """Samples from time 0 on without a hole, in chunks of a second (the last one shorter).

    blocks: time stamps in ms of the video's timeline, and 16-bit little-endian mono PCM at 16 kHz.
    latest_s: a later time stamp is taken for damage; its samples follow those before.
    """
    held: list[Samples] = []
    held_samples = 0
    for piece in _continuous(blocks, int(latest_s * 1000)):
        held.append(piece)
        held_samples += len(piece)
        if held_samples >= CHUNK:
            joined = np.concatenate(held)
            whole = len(joined) - len(joined) % CHUNK
            yield from np.split(joined[:whole], whole // CHUNK)
            held, held_samples = [joined[whole:]], len(joined) - whole
    if held_samples:
        yield np.concatenate(held)


def _continuous(blocks: Iterable[tuple[int, bytes]], latest_ms: int) -> Iterator[Samples]:
    """The blocks' samples, with silence where time stamps jump ahead, cut where they jump back."""
    position = 0
    tolerance = int(TOLERANCE_S * RATE_HZ)
    for at_ms, payload in blocks:
        samples: Samples = np.frombuffer(payload, "<i2").astype(np.int16, copy=False)
        ahead = at_ms * RATE_HZ // 1000 - position if at_ms <= latest_ms else 0
        if ahead > tolerance:
            position += ahead
            while ahead > 0:
                yield np.zeros(min(ahead, CHUNK), np.int16)
                ahead -= CHUNK
        elif ahead < -tolerance:
            samples = samples[-ahead:]
        position += len(samples)
        yield samples
