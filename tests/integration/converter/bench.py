"""A converter under test: its store, its folder and a job."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import psutil
import soundfile

from connectors.objectstore import FolderStore
from processors.converter.convert import Converter
from schemas.events import AudioSegmented, Event, Options, VideoUploaded


@dataclass
class RecordingJob:
    """A job that is never cancelled and remembers its progress."""

    attempt: int = 1
    done: list[tuple[float, float | None, str]] = field(default_factory=list)

    def progress(self, done: float, total: float | None, unit: str) -> None:
        self.done.append((done, total, unit))

    def check(self) -> None:
        pass


@dataclass
class Bench:
    """A converter with its store, and a folder of media that it may read."""

    folder: Path
    store: FolderStore
    converter: Converter

    def upload(self, path: Path, **options: object) -> VideoUploaded:
        return VideoUploaded(
            video_id=sha256(repr((path, options)).encode()).hexdigest(),
            source=path.absolute().as_uri(),
            options=Options(**options),  # type: ignore[arg-type]
        )

    def convert(self, path: Path, **options: object) -> list[Event]:
        return list(self.converter.process(self.upload(path, **options), RecordingJob()))

    def timeline(self, events: Sequence[Event]) -> np.ndarray:
        """The segments' sound joined by the stretches that they answer for, 16 kHz."""
        parts = []
        for event in events:
            if isinstance(event, AudioSegmented):
                samples, rate = soundfile.read(
                    io.BytesIO(self.store.get(event.audio.key)), dtype="float32"
                )
                assert rate == 16_000
                assert len(samples) == round((event.audio_end_s - event.audio_start_s) * rate)
                begin, end = (
                    round((t - event.audio_start_s) * rate) for t in (event.start_s, event.end_s)
                )
                parts.append(samples[begin:end])
        return np.concatenate(parts)


@dataclass
class Conversion:
    """A conversion and what was seen at each of its events: memory in bytes, and whether ffmpeg ran."""

    bench: Bench
    job: RecordingJob
    events: list[Event]
    resident_bytes: list[int]
    ffmpeg_ran: list[bool]


def watched(bench: Bench, path: Path) -> Conversion:
    """Convert a file and watch this process."""
    this = psutil.Process()
    seen = Conversion(bench, RecordingJob(), [], [], [])
    for event in bench.converter.process(bench.upload(path), seen.job):
        seen.events.append(event)
        seen.resident_bytes.append(this.memory_info().rss)
        seen.ffmpeg_ran.append(any(child.name() == "ffmpeg" for child in this.children()))
    return seen
