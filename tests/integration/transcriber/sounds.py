"""What the transcriber is tested with: English speech whose sentences begin at known moments, and sounds
that nobody speaks in. All mono, 16,000 samples a second."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from hibari import SAMPLE_RATE as VOICE_RATE
from hibari import Hibari
from numpy.typing import NDArray

from processors.transcriber.speech import SAMPLE_RATE, Samples

SENTENCES = (
    "Good morning, and welcome to the spring lecture on the history of the coast.",
    "The old town grew around a small wooden pier, where fishermen sold their catch before sunrise.",
    "In winter the river froze, and merchants crossed it with heavy sledges.",
    "Nobody knew exactly how deep the water was, so the council paid a sailor to measure it.",
    "He used a long rope with a stone at its end, and he wrote every number in a small notebook.",
    "That notebook still exists.",
    "You can see it in the museum, behind thick glass, next to his compass.",
    "When the railway arrived, everything changed within a few years.",
    "Some families became rich; others had to leave.",
    "My own grandmother told me about the smell of coffee that drifted over the square each morning.",
    "She also remembered the great fire.",
    "It began in a bakery, they say, and burned for two whole days.",
    "Afterwards the engineers built wider streets and a new water tower.",
    "Have you ever walked up the spiral stairs inside it?",
    "The view is worth the effort, especially in autumn.",
    "Let us look at the first picture.",
    "On the left you can see the customs house, and on the right the market hall.",
    "Between them runs the canal, which was later covered with stone.",
    "Why was it covered?",
    "Because the summer heat made the water smell terrible.",
    "The doctors complained, the newspapers complained, and finally the mayor agreed.",
    "Work began in early March and took almost two years.",
    "Thousands of bricks were carried by hand.",
    "One worker carved his initials into the arch, and they are still visible today.",
)


@dataclass(frozen=True, slots=True)
class Speech:
    """Sentences spoken one after the other, and when each is first heard, in seconds."""

    samples: Samples
    sentences: tuple[tuple[float, str], ...]


@cache
def english() -> Speech:
    """All SENTENCES, with pauses of 0.3 to 1.2 s between them: about 85 s."""
    voice = Hibari()
    pause_s = np.random.default_rng(7)
    parts = [silence(0.7)]
    begins = []
    for seed, sentence in enumerate(SENTENCES):
        spoken = _at_our_rate(voice(sentence, seed=seed))
        audible = np.flatnonzero(np.abs(spoken) > 0.01 * np.abs(spoken).max())
        before = sum(map(len, parts))
        begins.append(((before + 80) / SAMPLE_RATE, sentence))
        parts += [spoken[audible[0] - 80 : audible[-1] + 400], silence(float(pause_s.uniform(0.3, 1.2)))]
    return Speech(np.concatenate(parts), tuple(begins))


def silence(length_s: float) -> Samples:
    return np.zeros(int(length_s * SAMPLE_RATE), np.float32)


def hum(length_s: float) -> Samples:
    """Mains hum: 50 Hz and its harmonics."""
    at = np.arange(int(length_s * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.1 * sum(np.sin(2 * np.pi * 50 * k * at) / k for k in (1, 2, 3, 5, 7))).astype(np.float32)


def noise(length_s: float) -> Samples:
    return (0.1 * np.random.default_rng(0).normal(size=int(length_s * SAMPLE_RATE))).astype(np.float32)


def music(length_s: float) -> Samples:
    """Chords, arpeggios, drums, and a lead with vibrato, at 120 beats a minute."""
    random = np.random.default_rng(0)
    count = int(length_s * SAMPLE_RATE)
    beat = SAMPLE_RATE // 2
    mixed = np.zeros(count + 4 * SAMPLE_RATE)
    chords = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))
    drum_s = np.arange(SAMPLE_RATE // 5) / SAMPLE_RATE
    kick = np.sin(2 * np.pi * (50 + 100 * np.exp(-drum_s * 30)) * drum_s) * np.exp(-drum_s * 20)

    def add(at: int, sound: NDArray[np.float64], loudness: float) -> None:
        mixed[at : at + len(sound)] += loudness * sound

    for number, at in enumerate(range(0, count, beat)):
        chord = chords[number // 4 % 4]
        if number % 4 == 0:
            for semitone in chord:
                add(at, _plucked(semitone, length_s=2, decay=0.8), 0.12)
        for half in (0, beat // 2):
            semitone = int(random.choice(chord)) + 12 * int(random.integers(1, 3))
            add(at + half, _plucked(semitone, length_s=0.4, decay=5), 0.15)
        snare = random.normal(size=len(drum_s)) * np.exp(-drum_s * 25)
        add(at, *((kick, 0.5) if number % 2 == 0 else (snare, 0.2)))
        add(at, _sung(int(random.choice((12, 14, 16, 19, 21))), length_s=0.45), 0.1)
    return (0.3 * mixed[:count] / np.abs(mixed).max()).astype(np.float32)


def _plucked(semitone: int, *, length_s: float, decay: float) -> NDArray[np.float64]:
    at = np.arange(int(length_s * SAMPLE_RATE)) / SAMPLE_RATE
    wave = sum(
        0.5**k * np.sin(2 * np.pi * 130.81 * 2 ** (semitone / 12) * (k + 1) * at) for k in range(4)
    )
    shaped: NDArray[np.float64] = wave * np.minimum(at / 0.01, 1) * np.exp(-at * decay)
    return shaped


def _sung(semitone: int, *, length_s: float) -> NDArray[np.float64]:
    at = np.arange(int(length_s * SAMPLE_RATE)) / SAMPLE_RATE
    pitch_hz = 130.81 * 2 ** (semitone / 12) * (1 + 0.01 * np.sin(2 * np.pi * 5.5 * at))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE
    wave = sum(np.sin(k * phase) / k for k in range(1, 16))
    shaped: NDArray[np.float64] = wave * np.minimum(at / 0.03, 1) * np.minimum((length_s - at) / 0.05, 1)
    return shaped


def _at_our_rate(samples: Samples) -> Samples:
    """Resampled by cutting off the spectrum."""
    count = round(len(samples) * SAMPLE_RATE / VOICE_RATE)
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    return (np.fft.irfft(spectrum, count) * (count / len(samples))).astype(np.float32)
