"""Signals and ffmpeg arguments that the converter's tests make their media of."""

from collections.abc import Sequence

import numpy as np

BURSTS_S = (0.5, 1.2, 2.6, 3.1, 4.7, 5.5, 7.9, 8.4, 9.3)
"""When the short tones of the test signal begin."""

PICTURE = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=10")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "10")


def burst_samples(duration_s: float, rate_hz: int, at_s: Sequence[float]) -> np.ndarray:
    """Silence with a tone of 0.1 s at each of the times."""
    samples = np.zeros(int(duration_s * rate_hz), np.float32)
    tone = 0.5 * np.sin(2 * np.pi * 880 * np.arange(rate_hz // 10) / rate_hz)
    for start_s in at_s:
        start = round(start_s * rate_hz)
        samples[start : start + len(tone)] = tone
    return samples


def onsets(samples: np.ndarray) -> list[float]:
    """When tones begin after at least 0.2 s of silence, in seconds."""
    loud = np.flatnonzero(np.abs(samples) > 0.1)
    begins = loud[np.diff(loud, prepend=-16_000) > 3_200]
    return [float(begin) / 16_000 for begin in begins]
