"""Speech of any length to measure with, made once and kept in the cache folder.

Sentences are put together at random from a small vocabulary, so that no two minutes are alike and what
is said is known word for word.
"""

import os
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ops.demo.make_clip import write_wav

_PAUSES_S = (0.3, 0.5, 0.9, 1.6)
_ADJECTIVES = [
    "old",
    "small",
    "quiet",
    "green",
    "heavy",
    "empty",
    "early",
    "famous",
    "broken",
    "simple",
    "warm",
    "distant",
]
_NOUNS = [
    "teacher",
    "river",
    "garden",
    "doctor",
    "market",
    "engine",
    "letter",
    "mountain",
    "student",
    "kitchen",
    "village",
    "captain",
    "window",
    "picture",
    "farmer",
    "journey",
    "harbour",
    "library",
    "winter",
    "question",
    "building",
    "morning",
]
_VERBS = [
    "describes",
    "follows",
    "remembers",
    "visits",
    "explains",
    "carries",
    "watches",
    "improves",
    "opens",
    "repairs",
    "finds",
    "paints",
]
_PLACES = ["behind", "near", "above", "beside", "opposite", "without"]
_ENDINGS = (
    "every single day",
    "before the end of the year",
    "while the children are asleep",
    "because nobody else has the time",
    "and then goes home",
    "as if nothing had happened",
)


@dataclass(frozen=True, slots=True)
class Speech:
    """A video of a still picture with a voice. words: all that it says, in order."""

    video: Path
    duration_s: float
    words: str


def speech(minutes: float, seed: int = 0) -> Speech:
    """About so many minutes of speech; another seed says other sentences."""
    folder = _cache() / f"speech-{minutes:g}-{seed}"
    video, words = folder / f"speech-{minutes:g}-{seed}.mp4", folder / "words.txt"
    if not video.exists():
        _make(video, words, minutes * 60, seed)
    facts = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(video)]
    duration_s = float(subprocess.run(facts, check=True, capture_output=True).stdout)
    return Speech(video, duration_s, words.read_text("utf-8"))


def hours(number: int) -> Path:
    """So many hours of speech, sound alone, 10 MB an hour; each hour says the same."""
    path = _cache() / f"hours-{number}.mka"
    if not path.exists():
        hour, making = path.with_suffix(".hour.mka"), path.with_suffix(".part.mka")
        _ffmpeg("-i", speech(60).video, "-vn", "-c:a", "libopus", "-b:a", "24k", hour)
        _ffmpeg("-stream_loop", number - 1, "-i", hour, "-c", "copy", making)
        hour.unlink()
        making.rename(path)
    return path


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "reelay" / "benchmarks"


def _make(video: Path, words: Path, duration_s: float, seed: int) -> None:
    from hibari import SAMPLE_RATE, Hibari  # noqa: PLC0415  # loads its model

    voice = Hibari(threads=len(os.sched_getaffinity(0)))
    chance = random.Random(seed)
    said, pieces, length_s = [], [], 0.0
    for sentence in _sentences(chance):
        pause = np.zeros(round(chance.choice(_PAUSES_S) * SAMPLE_RATE), np.float32)
        piece = np.concatenate([voice(sentence, seed=seed), pause])
        said.append(sentence)
        pieces.append(piece)
        length_s += len(piece) / SAMPLE_RATE
        if length_s >= duration_s:
            break
    video.parent.mkdir(parents=True, exist_ok=True)
    sound, making = video.with_suffix(".wav"), video.with_suffix(".part.mp4")
    write_wav(sound, np.concatenate(pieces))
    words.write_text(" ".join(said), "utf-8")
    picture = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=5"]
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-b:a", "64k", "-shortest"]
    _ffmpeg(*picture, "-i", sound, *coding, making)
    sound.unlink()
    making.rename(video)


def _ffmpeg(*arguments: object) -> None:
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], check=True)


def _sentences(chance: random.Random) -> Iterator[str]:
    pick = chance.choice
    while True:
        subject, thing, place = chance.sample(_NOUNS, 3)
        sentence = (
            f"The {pick(_ADJECTIVES)} {subject} {pick(_VERBS)} the {pick(_ADJECTIVES)} {thing} "
            f"{pick(_PLACES)} the {place}"
        )
        yield f"{sentence} {pick(_ENDINGS)}." if chance.random() < 0.5 else f"{sentence}."
