"""Where in the audio somebody speaks, and how that is packed into the windows a Whisper model hears.

Windows are cut at the longest pauses and decoded each on its own: Bain et al. 2023, "WhisperX", section
2.1 ("Cut & Merge"). Positions are samples at 16,000 a second.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

SAMPLE_RATE = 16_000
FRAME = 512
"""Samples in one frame of the Silero model, 32 ms."""
WINDOW_MAX = 30 * SAMPLE_RATE
"""What a Whisper model hears at once."""

_PAUSE_MIN = SAMPLE_RATE // 10
"""Shorter silences belong to a word (the closure of a 'p' lasts up to 0.1 s)."""
_SPEECH_MIN = 2 * FRAME
"""Shorter sounds are clicks; beside speech they are heard anyway, in its margin."""
_MARGIN = 2 * SAMPLE_RATE // 5
"""Audio kept on either side of speech: soft beginnings and ends lie outside what the detector marks."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Samples from `start` to before `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Window:
    """Pieces of audio, in order and apart, that are played one after the other to the model."""

    pieces: tuple[Span, ...]

    @property
    def length(self) -> int:
        return sum(piece.length for piece in self.pieces)

    def cut(self, samples: Samples) -> Samples:
        """The window's audio."""
        return np.concatenate([samples[piece.start : piece.end] for piece in self.pieces])

    def to_source(self, at: float) -> float:
        """Where in the source the window's sample `at` lies. Continuous within a piece; a position
        between two pieces is the end of the first."""
        for piece in self.pieces:
            if at <= piece.length:
                return piece.start + max(at, 0.0)
            at -= piece.length
        return float(self.pieces[-1].end)


def speech_probabilities(samples: Samples) -> NDArray[np.float32]:
    """The probability of speech in each frame (Silero VAD); the last frame may be partly padding."""
    from faster_whisper.vad import get_vad_model  # noqa: PLC0415  # takes half a second

    padded = np.pad(samples, (0, -len(samples) % FRAME))
    if not len(padded):
        return np.zeros(0, np.float32)
    probabilities: NDArray[np.float32] = get_vad_model()(padded).reshape(-1)
    return probabilities


def speech_spans(probabilities: NDArray[np.float32], total: int, threshold: float) -> list[Span]:
    """The stretches of speech in `total` samples, in order, with a pause between each two.

    Speech begins where a frame reaches `threshold` and goes on while frames stay within 0.15 of it, as
    the Silero model's authors do it.
    """
    keeps_on = max(threshold - 0.15, 0.01)
    spans: list[Span] = []
    start: int | None = None
    end = 0
    for index, probability in enumerate(probabilities):
        at = index * FRAME
        if start is None:
            if probability >= threshold:
                start, end = at, at + FRAME
        elif probability >= keeps_on:
            end = at + FRAME
        elif at + FRAME - end >= _PAUSE_MIN:
            spans.append(Span(start, end))
            start = None
    if start is not None:
        spans.append(Span(start, min(end, total)))
    return [span for span in spans if span.length >= _SPEECH_MIN]


def windows(spans: list[Span], probabilities: NDArray[np.float32], total: int) -> list[Window]:
    """Pack stretches of speech into as few windows as can hold them, cut at the longest pauses.

    Long silence between stretches is left out; each keeps a margin, at most half the pause.
    """
    spans = [piece for span in spans for piece in _split(span, probabilities)]
    with_margins = _with_margins(spans, total)
    # best[i]: the least (number of windows, badness of their cuts) that hold the first i stretches
    best = [(0, 0.0)]
    begins = [0]
    for last in range(1, len(spans) + 1):
        options = []
        length = 0
        for first in range(last - 1, -1, -1):
            length += with_margins[first].length
            if length > WINDOW_MAX:
                break
            count, badness = best[first]
            pause = spans[first].start - spans[first - 1].end if first else 0
            options.append(((count + 1, badness + SAMPLE_RATE / max(pause, FRAME)), first))
        value, first = min(options)
        best.append(value)
        begins.append(first)
    packed = []
    last = len(spans)
    while last:
        packed.append(Window(_merged(with_margins[begins[last] : last])))
        last = begins[last]
    return packed[::-1]


def _with_margins(spans: list[Span], total: int) -> list[Span]:
    """Each stretch with what it keeps of the pauses beside it."""
    pauses = [2 * spans[0].start] if spans else []
    pauses += [after.start - before.end for before, after in pairwise(spans)]
    pauses += [2 * (total - spans[-1].end)] if spans else []
    return [
        Span(span.start - min(_MARGIN, before // 2), span.end + min(_MARGIN, (after + 1) // 2))
        for span, (before, after) in zip(spans, pairwise(pauses), strict=True)
    ]


def _merged(spans: list[Span]) -> tuple[Span, ...]:
    """Join stretches that touch."""
    pieces = [spans[0]]
    for span in spans[1:]:
        if span.start == pieces[-1].end:
            pieces[-1] = Span(pieces[-1].start, span.end)
        else:
            pieces.append(span)
    return tuple(pieces)


def _split(span: Span, probabilities: NDArray[np.float32]) -> list[Span]:
    """Speech without a pause is cut where it is least like speech, late in the window."""
    longest = WINDOW_MAX - 2 * _MARGIN
    pieces = []
    while span.length > longest:
        low = (span.start + longest // 2) // FRAME
        high = (span.start + longest) // FRAME
        cut = (low + int(np.argmin(probabilities[low:high]))) * FRAME
        pieces.append(Span(span.start, cut))
        span = Span(cut, span.end)
    return [*pieces, span]
