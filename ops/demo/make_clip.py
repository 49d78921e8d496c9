"""Makes the demonstration clip: `python -m ops.demo.make_clip` (needs hibari-tts, ffmpeg, DejaVu Sans).

Every sentence of `script.txt` is spoken separately and put at a known time, so that the clip comes with
the truth about when each sentence starts and ends (`clip.sentences.json`).
"""

import json
import subprocess
import tempfile
import wave
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from hibari import SAMPLE_RATE, Hibari

HERE = Path(__file__).parent
SCRIPT, CLIP, SENTENCES = HERE / "script.txt", HERE / "clip.mp4", HERE / "clip.sentences.json"

LEAD_S, SENTENCE_PAUSE_S, TOPIC_PAUSE_S, TAIL_S = 1.0, 0.45, 1.3, 1.5
SILENCE = 0.01
"""Amplitude (1 is full scale) below which the voice is taken to be silent."""

SLIDES = (
    ("Reelay", "from video to words"),
    ("Cut at the pauses", "one video, many pieces"),
    ("Transcribe in parallel", "one piece, one worker"),
    ("Join in order", "captions, transcript, word times"),
    ("On your own computer", "nothing leaves it"),
)
WIDTH, HEIGHT, FRAME_RATE = 640, 360, 25


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence, and when it is heard (seconds from the start of the clip)."""

    text: str
    topic: int
    start_s: float
    end_s: float


def topics() -> list[list[str]]:
    """The script's topics (paragraphs), each a list of sentences (lines)."""
    return [paragraph.split("\n") for paragraph in SCRIPT.read_text("utf-8").strip().split("\n\n")]


def speak() -> tuple[np.ndarray, list[Spoken]]:
    """The whole speech as float samples at SAMPLE_RATE, and where each sentence lies in it."""
    voice = Hibari(threads=1)
    pieces = [_silence(LEAD_S)]
    spoken = []
    for topic, sentences in enumerate(topics()):
        for sentence in sentences:
            sound = _trimmed(voice(sentence, seed=0))
            start = sum(map(len, pieces))
            spoken.append(
                Spoken(
                    sentence,
                    topic,
                    round(start / SAMPLE_RATE, 3),
                    round((start + len(sound)) / SAMPLE_RATE, 3),
                )
            )
            last_of_topic = sentence is sentences[-1]
            pieces += [sound, _silence(TOPIC_PAUSE_S if last_of_topic else SENTENCE_PAUSE_S)]
    pieces.append(_silence(TAIL_S - TOPIC_PAUSE_S))
    return np.concatenate(pieces), spoken


def make() -> None:
    """Write the clip and its sentences' times beside this file."""
    sound, spoken = speak()
    with tempfile.TemporaryDirectory() as folder:
        speech = Path(folder, "speech.wav")
        write_wav(speech, sound)
        _film(speech, spoken, len(sound) / SAMPLE_RATE)
    SENTENCES.write_text(json.dumps([asdict(s) for s in spoken], indent=1) + "\n", "utf-8")


def write_wav(path: Path, sound: np.ndarray) -> None:
    """Write mono float samples at SAMPLE_RATE as 16-bit WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


def _silence(duration_s: float) -> np.ndarray:
    return np.zeros(round(duration_s * SAMPLE_RATE), np.float32)


def _trimmed(sound: np.ndarray) -> np.ndarray:
    """The sound without the silence around it, so that its place is exactly where it is heard."""
    heard = np.flatnonzero(np.abs(sound) > SILENCE)
    return sound[heard[0] : heard[-1] + 1]


def _film(speech: Path, spoken: list[Spoken], duration_s: float) -> None:
    """Slowly moving colours with a title per topic, and the speech. The same bytes each time."""
    colours = (
        f"gradients=size={WIDTH}x{HEIGHT}:rate={FRAME_RATE}:duration={duration_s:.3f}:seed=11:speed=0.006"
        ":nb_colors=4:c0=0x0d1b3e:c1=0x14506b:c2=0x33246b:c3=0x0f7a6c"
    )
    picture = ",".join([*_titles(spoken, duration_s), "format=yuv420p"])
    inputs = ["-f", "lavfi", "-i", colours, "-i", str(speech)]
    video = ["-vf", picture, "-c:v", "libx264", "-preset", "veryslow", "-crf", "26", "-threads", "1"]
    audio = ["-c:a", "aac", "-b:a", "80k", "-ar", "48000", "-ac", "1"]
    same_bytes = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags", "+bitexact"]
    container = ["-t", f"{duration_s:.3f}", "-movflags", "+faststart", str(CLIP)]
    ffmpeg = ["ffmpeg", "-v", "error", "-y"]
    subprocess.run([*ffmpeg, *inputs, *video, *audio, *same_bytes, *container], check=True)


def _titles(spoken: list[Spoken], duration_s: float) -> Iterator[str]:
    """One drawtext filter for each line of each slide, fading in and out with its topic."""
    starts = [min(s.start_s for s in spoken if s.topic == topic) for topic in range(len(SLIDES))]
    starts[0] = 0.0
    for (title, subtitle), start, end in zip(SLIDES, starts, [*starts[1:], duration_s], strict=True):
        fade = f"clip(min(t-{start:.2f}\\,{end:.2f}-t)*2\\,0\\,1)"
        for text, size, y in ((title, 44, 132), (subtitle, 22, 196)):
            yield (
                f"drawtext=font=DejaVu Sans:text='{text}':fontsize={size}:fontcolor=white"
                f":x=(w-text_w)/2:y={y}:alpha='{fade}':enable='between(t,{start:.2f},{end:.2f})'"
            )


if __name__ == "__main__":
    make()
