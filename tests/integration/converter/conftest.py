"""Small media made by ffmpeg, and the converter run on them."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from connectors.objectstore import FolderStore
from processors.converter.convert import Converter
from processors.converter.settings import ConverterSettings
from tests.integration.converter.bench import Bench, Conversion, watched
from tests.integration.converter.clips import BURSTS_S, burst_samples, onsets


@pytest.fixture(scope="session")
def ffmpeg() -> Callable[..., Path]:
    """Run ffmpeg with the arguments; the last one is the file that it makes."""

    def run(*arguments: object) -> Path:
        command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
        subprocess.run(command, check=True, timeout=180)
        return Path(command[-1])

    return run


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for media that several tests share."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def bursts(media: Path) -> Path:
    """Ten seconds at 44.1 kHz: silence with a short tone at each of BURSTS_S."""
    path = media / "bursts.wav"
    soundfile.write(path, burst_samples(10.0, 44_100, BURSTS_S), 44_100)
    return path


@pytest.fixture(scope="session")
def clip(bursts: Path, media: Path, ffmpeg: Callable[..., Path]) -> Path:
    """Five seconds of picture and sound, an MP4 with its index in front."""
    return ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=5", "-t", 5, "-i", bursts),
        *("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-movflags", "+faststart"),
        media / "clip.mp4",
    )


@pytest.fixture(scope="session")
def long_audio(media: Path, ffmpeg: Callable[..., Path]) -> Path:
    """61 minutes of FLAC at 44.1 kHz in Matroska (it rounds time stamps to ms), BURSTS_S in the last."""
    path = media / "hour.flac"
    minute = burst_samples(60.0, 44_100, (20.0, 50.0))
    with soundfile.SoundFile(path, "w", 44_100, 1, format="FLAC", compression_level=0.0) as file:
        for _ in range(60):
            file.write(minute)
        file.write(burst_samples(60.0, 44_100, BURSTS_S))
    return ffmpeg("-i", path, "-c", "copy", media / "hour.mkv")


@pytest.fixture(scope="session")
def hour(long_audio: Path, tmp_path_factory: pytest.TempPathFactory) -> Conversion:
    """The conversion of `long_audio`, watched."""
    store = FolderStore(tmp_path_factory.mktemp("store"))
    converter = Converter(store, (long_audio.parent,), ConverterSettings())
    return watched(Bench(long_audio.parent, store, converter), long_audio)


@pytest.fixture
def bench(tmp_path: Path, media: Path) -> Bench:
    """A converter over an empty store."""
    store = FolderStore(tmp_path / "store")
    folder = tmp_path / "in"
    folder.mkdir()
    return Bench(folder, store, Converter(store, (folder, media), ConverterSettings()))


@pytest.fixture
def onsets_of(bench: Bench) -> Callable[[Path], list[float]]:
    """Convert a file and say when its tones begin on the video's timeline."""
    return lambda path: onsets(bench.timeline(bench.convert(path)))


@pytest.fixture
def onsets_in(
    media: Path, ffmpeg: Callable[..., Path], onsets_of: Callable[[Path], list[float]]
) -> Callable[..., list[float]]:
    """Make a file of that name with those arguments, convert it and say when its tones begin."""
    return lambda name, *arguments: onsets_of(ffmpeg(*arguments, media / name))
