"""Puts words where they are heard: what Whisper's attention says of a word's time is good to 0.1 s
inside a phrase, but beside a pause it is often off by far more, since silence belongs to no word. There
the audio itself tells: a word after a pause begins where sound sets in, one before it ends where sound
stops.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from processors.transcriber.speech import SAMPLE_RATE, Samples, Span
from schemas.events import Word

_FRAME = SAMPLE_RATE // 100
"""Samples in one frame, 10 ms."""
_REACH = 40
"""How many frames before or after detected speech its own sound may begin or end."""
_PAUSE_MIN_S = 0.12
"""Shorter silences are closures of consonants."""
_ABOUT = 100
"""How many frames before and after speech tell how quiet its pauses are."""
_BELOW_SPEECH_DB = 35.0
_ABOVE_FLOOR_DB = 9.0
"""A frame is silent if it is this far below speech, or not this far above the quietest of the audio."""
_CONTRAST_MIN_DB = 18.0
"""With less between speech and the quietest (loud noise or music throughout) nothing can be told."""
_FAR_S = 0.6
"""A word farther than this from a pause does not belong beside it."""
_CLAUSE_ENDS = tuple(".,;:!?…。、，！？；：")
_CLAUSE_END_S = 0.15
"""How much nearer a word boundary counts as if it follows a punctuation mark."""
_WORD_MIN_S = 0.04


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch without sound, in seconds."""

    start_s: float
    end_s: float


def pauses(samples: Samples, speech: Sequence[Span]) -> list[Pause]:
    """Where nobody speaks in 16 kHz audio, in order; one pause at its beginning and one at its end
    always, of no length where there is speech.

    speech: what the speech detector marks, which leaves out slamming doors and most music. Its edges are
    coarse, so the sound's own are taken where they are near; a sound that goes on is background.
    """
    total_s = len(samples) / SAMPLE_RATE
    voiced = np.zeros(-(-len(samples) // _FRAME), bool)
    loud = _loud(samples, speech)
    for span in speech:
        begin, end = span.start // _FRAME, min(-(-span.end // _FRAME), len(voiced))
        if loud is not None:
            begin -= _sound_beyond(loud[:begin][::-1])
            end += _sound_beyond(loud[end:])
        voiced[begin:end] = True
    if loud is not None:
        voiced &= loud
    if not voiced.any():
        return [Pause(0.0, 0.0), Pause(total_s, total_s)]
    changes = np.flatnonzero(np.diff(voiced, prepend=False, append=False)) * _FRAME / SAMPLE_RATE
    bounds = np.minimum([0.0, *changes, total_s], total_s).reshape(-1, 2).tolist()
    first, *inner, last = [Pause(start, end) for start, end in bounds]
    return [first, *(pause for pause in inner if pause.end_s - pause.start_s >= _PAUSE_MIN_S), last]


def settle(words: Sequence[Word], silences: Sequence[Pause]) -> list[Word]:
    """The words in the same order, those beside a pause moved to where sound sets in or stops. They
    never overlap and stay inside the audio, whose ends are the first silence's start and the last one's
    end.
    """
    if not words:
        return []
    pairs = [(0, silences[0]), *_matched(words, silences[1:-1]), (len(words), silences[-1])]
    settled: list[Word] = []
    for (first, before), (end, after) in pairwise(pairs):
        settled += _between(words[first:end], before.end_s, after.start_s)
    return settled


def _loud(samples: Samples, speech: Sequence[Span]) -> NDArray[np.bool_] | None:
    """Which frames have sound, or None if there is too much noise about the speech to tell."""
    padded = np.pad(samples, (0, -len(samples) % _FRAME)).reshape(-1, _FRAME).astype(np.float64)
    level_db = 10 * np.log10(np.mean(padded**2, axis=1) + 1e-9)
    about = np.zeros(len(level_db), bool)
    for span in speech:
        about[max(span.start // _FRAME - _ABOUT, 0) : span.end // _FRAME + _ABOUT] = True
    if not about.any():
        return None
    floor, loudest = np.quantile(level_db[about], (0.05, 0.9))
    if loudest - floor < _CONTRAST_MIN_DB:
        return None
    loud: NDArray[np.bool_] = level_db > max(loudest - _BELOW_SPEECH_DB, floor + _ABOVE_FLOOR_DB)
    return loud


def _sound_beyond(loud: NDArray[np.bool_]) -> int:
    """How many frames a sound goes on into `loud`: 0 if it is longer than speech reaches beyond what is
    detected of it. Silence shorter than a pause does not end it."""
    pause = round(_PAUSE_MIN_S * SAMPLE_RATE / _FRAME)
    heard = np.flatnonzero(loud[: _REACH + pause])
    steps = np.diff(heard, prepend=-1)
    breaks = np.flatnonzero(steps > pause)
    heard = heard[: breaks[0]] if len(breaks) else heard
    if not len(heard) or heard[-1] >= _REACH:
        return 0
    return int(heard[-1]) + 1


def _matched(words: Sequence[Word], silences: Sequence[Pause]) -> list[tuple[int, Pause]]:
    """Which pause lies before which word: pairs in order, at the least total distance.

    Each pause is before one word or left out, at a cost; dynamic programming over both sequences.
    """
    count = len(words)
    # cost[k]: the least cost so far with all pairs before words up to k
    cost = np.zeros(count)
    choices = []
    for silence in silences:
        left_out = cost + min(_FAR_S, silence.end_s - silence.start_s)
        paired = np.full(count, np.inf)
        for index in range(1, count):
            paired[index] = cost[index - 1] + _distance(words[index - 1], words[index], silence)
        take = paired < left_out
        here = np.where(take, paired, left_out)
        reach = np.minimum.accumulate(here)
        came = np.maximum.accumulate(np.where(here <= reach, np.arange(count), 0))
        choices.append((take, came))
        cost = reach
    pairs = []
    at = count - 1
    for silence, (take, came) in zip(reversed(silences), reversed(choices), strict=True):
        at = int(came[at])
        if take[at]:
            pairs.append((at, silence))
            at -= 1
    return pairs[::-1]


def _distance(before: Word, after: Word, silence: Pause) -> float:
    """How far, in seconds, the words' times are from having the silence between them."""
    distance = (
        max(0.0, before.end_s - silence.end_s, silence.start_s - after.start_s)
        + max(0.0, after.start_s - silence.end_s)
        + 0.5 * max(0.0, silence.start_s - before.end_s)
    )
    return distance - (_CLAUSE_END_S if before.text.endswith(_CLAUSE_ENDS) else 0.0)


def _between(words: Sequence[Word], start_s: float, end_s: float) -> list[Word]:
    """The words of one phrase, between two pauses. The first begins where sound sets in and the last
    ends where it stops, unless that is too far off to be theirs."""
    shortest = min(_WORD_MIN_S, (end_s - start_s) / max(len(words), 1))
    starts = [word.start_s for word in words]
    if starts[0] - start_s <= _FAR_S:
        starts[0] = start_s
    for i in range(1, len(words)):
        starts[i] = max(starts[i], starts[i - 1] + shortest)
    latest = end_s
    for i in reversed(range(len(words))):
        latest = starts[i] = min(starts[i], latest - shortest)
    ends = [max(word.end_s, start + shortest) for word, start in zip(words, starts, strict=True)]
    if end_s - ends[-1] <= _FAR_S:
        ends[-1] = end_s
    latests = [*starts[1:], end_s]
    return [
        replace(word, start_s=round(start, 3), end_s=round(min(end, latest), 3))
        for word, start, end, latest in zip(words, starts, ends, latests, strict=True)
    ]
