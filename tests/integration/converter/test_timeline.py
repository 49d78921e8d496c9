"""Sound lies on the picture's timeline, whatever the file does with time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.converter.bench import Conversion
from tests.integration.converter.clips import BURSTS_S, H264, PICTURE, onsets

Onsets = Callable[..., list[float]]


def near(times: list[float]) -> object:
    return pytest.approx(times, abs=0.05)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "aac"), ("a.mkv", "libopus"), ("a.ts", "mp2"), ("a.mov", "pcm_s16le"), ("a.avi", "mp3")],
)
def test_sound_lies_where_the_file_puts_it(
    name: str, codec: str, bursts: Path, onsets_in: Onsets
) -> None:
    found = onsets_in(name, *PICTURE, "-i", bursts, *H264, "-c:a", codec)
    assert found == near(list(BURSTS_S))


@pytest.mark.parametrize(("name", "codec"), [("l.mp4", "aac"), ("l.mkv", "flac"), ("l.ts", "aac")])
def test_sound_that_starts_two_seconds_late_stays_late(
    name: str, codec: str, bursts: Path, onsets_in: Onsets
) -> None:
    found = onsets_in(name, *PICTURE, "-itsoffset", 2, "-i", bursts, *H264, "-c:a", codec)
    assert found == near([t + 2 for t in BURSTS_S])


@pytest.mark.parametrize("offset_s", [1000, 95_440])
def test_a_transport_stream_may_start_anywhere_and_wrap_around(
    offset_s: int, bursts: Path, onsets_in: Onsets
) -> None:
    offset = ("-output_ts_offset", offset_s)
    found = onsets_in(f"o{offset_s}.ts", *PICTURE, "-i", bursts, *H264, "-c:a", "aac", *offset)
    assert found == near(list(BURSTS_S))


@pytest.mark.parametrize(("name", "codec"), [("h.mkv", "flac"), ("h.mp4", "aac"), ("h.ts", "mp2")])
def test_five_seconds_that_are_missing_in_the_sound_become_silence(
    name: str, codec: str, bursts: Path, onsets_in: Onsets
) -> None:
    hole = "aselect='not(between(t,2.3,7.3))'"
    found = onsets_in(name, *PICTURE, "-i", bursts, *H264, "-c:a", codec, "-af", hole)
    assert found == near([t for t in BURSTS_S if not 2.3 < t < 7.3])


def test_sound_may_start_twenty_minutes_late(bursts: Path, onsets_in: Onsets) -> None:
    picture = ("-f", "lavfi", "-i", "color=s=16x16:r=0.1:d=1220", "-itsoffset", 1200)
    found = onsets_in("far.mkv", *picture, "-i", bursts, "-c:v", "mpeg4", "-c:a", "flac")
    assert found == near([t + 1200 for t in BURSTS_S])


def test_a_variable_frame_rate_does_not_matter(bursts: Path, onsets_in: Onsets) -> None:
    uneven = ("-vf", "select='lt(mod(n,50),7)+not(mod(n,13))'", "-vsync", "vfr")
    found = onsets_in("vfr.mp4", *PICTURE, "-i", bursts, *H264, *uneven, "-c:a", "aac")
    assert found == near(list(BURSTS_S))


def test_times_do_not_drift_in_an_hour_of_44100_hz(hour: Conversion) -> None:
    last = [t for t in onsets(hour.bench.timeline(hour.events)) if t >= 3600]
    assert last == pytest.approx([3600 + t for t in BURSTS_S], abs=0.01)


def test_an_edit_list_is_followed(
    bursts: Path, media: Path, ffmpeg: Callable[..., Path], onsets_in: Onsets
) -> None:
    """Cutting an MP4 without encoding leaves the cut to an edit list."""
    whole = ffmpeg(*PICTURE, "-i", bursts, *H264, "-c:a", "aac", media / "whole.mp4")
    found = onsets_in("edited.mp4", "-ss", 1.05, "-i", whole, "-c", "copy")
    assert found == near([t - 1.05 for t in BURSTS_S if t > 1.05])


def test_recordings_put_one_after_another_stay_whole(
    bursts: Path, media: Path, ffmpeg: Callable[..., Path], onsets_of: Callable[[Path], list[float]]
) -> None:
    """Transport streams may be joined as they are; the time stamps jump back at the seam."""
    one = ffmpeg(*PICTURE, "-i", bursts, *H264, "-c:a", "mp2", media / "one.ts")
    both = media / "both.ts"
    both.write_bytes(one.read_bytes() * 2)
    assert onsets_of(both) == pytest.approx([*BURSTS_S, *(t + 10 for t in BURSTS_S)], abs=0.1)
