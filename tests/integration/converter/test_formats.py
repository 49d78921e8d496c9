"""What people upload: containers, codecs, tracks, channels, names."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from schemas.events import AudioSegmented, StageFailed, VideoConverted, VideoProbed
from tests.integration.converter.bench import Bench
from tests.integration.converter.clips import BURSTS_S, onsets

Ffmpeg = Callable[..., Path]
FORMATS = {
    "mp4": ("-c", "copy"),
    "mkv": ("-c:v", "copy", "-c:a", "libvorbis"),
    "webm": ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"),
    "mov": ("-c:v", "copy", "-c:a", "pcm_s16le"),
    "avi": ("-c:v", "mpeg4", "-c:a", "mp3"),
    "ts": ("-c", "copy"),
    "mpg": ("-c:v", "mpeg1video", "-r", "25", "-c:a", "mp2"),
    "wmv": ("-c:v", "wmv2", "-c:a", "wmav2"),
    "flv": ("-c:v", "flv", "-c:a", "mp3"),
    "3gp": ("-c:v", "mpeg4", "-c:a", "aac"),
    "mp3": ("-vn",),
    "wav": ("-vn",),
    "flac": ("-vn",),
    "m4a": ("-vn", "-c:a", "aac"),
    "aac": ("-vn", "-c:a", "aac"),
    "ogg": ("-vn", "-c:a", "libvorbis"),
    "opus": ("-vn", "-c:a", "libopus"),
}
NAMES = [
    "with spaces.mp4",
    'it\'s "quoted".mp4',
    "two\nlines.mp4",
    "emoji 🎬.mp4",
    "http:colon.mp4",
    "-i leading dash.mp4",
    "%03d.mp4",
    "[0:a]back\\slash;&$(x).mp4",
    "?query#fragment&50%25.mp4",
]


@pytest.mark.parametrize("ending", FORMATS)
def test_a_format_is_converted_and_its_sound_lies_right(
    ending: str, clip: Path, bench: Bench, ffmpeg: Ffmpeg
) -> None:
    path = ffmpeg("-i", clip, *FORMATS[ending], bench.folder / f"clip.{ending}")
    probed, *segments, converted = events = bench.convert(path)
    assert isinstance(probed, VideoProbed)
    assert [type(event) for event in segments] == [AudioSegmented]
    assert isinstance(converted, VideoConverted)
    assert converted.warnings == ()
    assert converted.duration_s == pytest.approx(5, abs=0.15)
    assert bool(probed.video_tracks) == ("-vn" not in FORMATS[ending])
    assert onsets(bench.timeline(events)) == pytest.approx([t for t in BURSTS_S if t < 4.9], abs=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_any_name_works(name: str, clip: Path, bench: Bench) -> None:
    path = bench.folder / name
    path.write_bytes(clip.read_bytes())
    probed, *_, converted = bench.convert(path)
    assert isinstance(converted, VideoConverted)
    assert isinstance(probed, VideoProbed)
    assert probed.name == name


def test_a_name_that_is_no_text_works(clip: Path, bench: Bench) -> None:
    path = bench.folder / "caf\udce9.mp4"
    path.write_bytes(clip.read_bytes())
    probed, *_, converted = bench.convert(path)
    assert isinstance(converted, VideoConverted)
    assert isinstance(probed, VideoProbed)
    assert probed.name == "caf\N{REPLACEMENT CHARACTER}.mp4"


@pytest.fixture(scope="module")
def bilingual(bursts: Path, media: Path, ffmpeg: Ffmpeg) -> Path:
    """A silent English track and the tones as the default, German one."""
    return ffmpeg(
        *(
            "-f",
            "lavfi",
            "-i",
            "testsrc=s=64x48:r=5:d=5",
            "-f",
            "lavfi",
            "-i",
            "anullsrc=d=5",
            "-t",
            5,
            "-i",
        ),
        *(bursts, "-map", 0, "-map", 1, "-map", 2, "-c:v", "mpeg4", "-c:a", "flac"),
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu"),
        *("-metadata:s:a:1", "title=Kommentar", "-disposition:a:0", 0, "-disposition:a:1", "default"),
        media / "bilingual.mkv",
    )


def test_the_default_audio_track_is_taken_and_all_are_named(bilingual: Path, bench: Bench) -> None:
    probed, *_ = events = bench.convert(bilingual)
    assert isinstance(probed, VideoProbed)
    assert probed.audio_track == 1
    assert [(t.language, t.title, t.default) for t in probed.audio_tracks] == [
        ("eng", None, False),
        ("deu", "Kommentar", True),
    ]
    assert onsets(bench.timeline(events))
    assert isinstance(events[-1], VideoConverted)
    assert events[-1].warnings == (
        "Of 2 audio tracks, 1 (deu, Kommentar, flac) is captioned; there is also 0 (eng, flac).",
    )


def test_the_audio_track_that_was_asked_for_is_taken(bilingual: Path, bench: Bench) -> None:
    probed, *_ = events = bench.convert(bilingual, audio_track=0)
    assert isinstance(probed, VideoProbed)
    assert probed.audio_track == 0
    assert not onsets(bench.timeline(events))
    assert isinstance(events[-1], VideoConverted)
    assert events[-1].warnings == ()


@pytest.mark.parametrize("track", [2, -1])
def test_an_audio_track_that_does_not_exist_is_refused_by_naming_those_that_do(
    track: int, bilingual: Path, bench: Bench
) -> None:
    (failed,) = bench.convert(bilingual, audio_track=track)
    assert isinstance(failed, StageFailed)
    assert "0 (eng, flac), 1 (deu, Kommentar, flac)" in failed.reason


@pytest.mark.parametrize(
    ("channels", "speaking"), [(2, 0), (2, 1), (6, 2), (8, 2), (10, 0), (10, 9)], ids=str
)
def test_speech_in_one_channel_of_many_is_heard(channels: int, speaking: int, bench: Bench) -> None:
    samples = np.zeros((48_000, channels), np.float32)
    samples[:, speaking] = 0.5 * np.sin(np.arange(48_000) * 2 * np.pi * 300 / 48_000)
    path = bench.folder / "many.wav"
    soundfile.write(path, samples, 48_000)
    heard = bench.timeline(bench.convert(path))
    assert np.sqrt(np.mean(heard**2)) > 0.02
