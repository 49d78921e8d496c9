"""A bad file ends in one clear sentence; a file that is partly good gives what it has."""

import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from processors.converter import probe as probing
from processors.converter.convert import Converter
from processors.converter.settings import ConverterSettings
from schemas.events import AudioSegmented, FailureKind, Options, StageFailed, VideoConverted, VideoProbed
from schemas.events import VideoUploaded as Uploaded
from tests.integration.converter.bench import Bench, RecordingJob

Ffmpeg = Callable[..., Path]


def refusal(events: list) -> str:
    """The reason of a file that is refused before anything came of it."""
    (failed,) = events
    assert isinstance(failed, StageFailed)
    assert (failed.stage, failed.kind, failed.segments_out) == ("converter", FailureKind.FILE, 0)
    assert failed.reason.endswith(".")
    assert "\n" not in failed.reason
    return failed.reason


def warnings(events: list) -> tuple[str, ...]:
    assert isinstance(events[-1], VideoConverted)
    return events[-1].warnings


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("text.mp4", b"This is only text.\n" * 50, "no video or audio"),
        ("zero.mp4", b"", "empty"),
        ("noise.mkv", bytes(range(256)) * 99, "no video or audio"),
        ("subtitles.mp4", b"1\n00:00:01,000 --> 00:00:02,000\nHello\n\n" * 50, "text"),
    ],
)
def test_what_is_no_media_is_refused(name: str, content: bytes, reason: str, bench: Bench) -> None:
    (bench.folder / name).write_bytes(content)
    assert reason in refusal(bench.convert(bench.folder / name))


def test_an_mp4_without_its_index_is_refused(clip: Path, bench: Bench, ffmpeg: Ffmpeg) -> None:
    """As a camera leaves it that lost its power: the index would have come last."""
    whole = ffmpeg("-i", clip, "-c", "copy", bench.folder / "whole.mp4").read_bytes()
    path = bench.folder / "noindex.mp4"
    path.write_bytes(whole[: whole.index(b"moov") - 4])
    assert "no index" in refusal(bench.convert(path))


@pytest.mark.parametrize("ending", ["m3u8", "mp4", "ts", "mp3"])
def test_a_playlist_of_local_files_is_refused(ending: str, clip: Path, bench: Bench) -> None:
    path = bench.folder / f"list.{ending}"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{clip}\n#EXT-X-ENDLIST\n")
    refusal(bench.convert(path))


@pytest.mark.parametrize("ending", ["ffconcat", "mkv"])
def test_a_concat_script_is_refused(ending: str, clip: Path, bench: Bench) -> None:
    path = bench.folder / f"script.{ending}"
    path.write_text(f"ffconcat version 1.0\nfile '{clip}'\n")
    refusal(bench.convert(path))


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{url}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{url}'\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{url}</BaseURL></MPD>',
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n",
    ],
)
@pytest.mark.parametrize("ending", ["mp4", "m3u8"])
def test_no_server_that_a_file_names_is_called(text: str, ending: str, bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        path = bench.folder / f"list.{ending}"
        path.write_text(text.format(url=f"http://127.0.0.1:{port}/a.ts", port=port))
        refusal(bench.convert(path))
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_picture_is_refused(bench: Bench, ffmpeg: Ffmpeg) -> None:
    picture = ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48", "-frames:v", 1, bench.folder / "a.png")
    assert "picture" in refusal(bench.convert(picture))


def test_a_video_without_sound_is_converted_and_says_so(bench: Bench, ffmpeg: Ffmpeg) -> None:
    path = ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:r=5:d=2", bench.folder / "silent.mp4")
    probed, converted = bench.convert(path)
    assert isinstance(probed, VideoProbed)
    assert isinstance(converted, VideoConverted)
    assert (probed.audio_track, converted.segments, converted.has_audio) == (None, 0, False)
    assert "no sound" in converted.warnings[0]


def test_an_encrypted_track_fails_after_the_probe(clip: Path, bench: Bench, ffmpeg: Ffmpeg) -> None:
    key = (
        "-encryption_scheme",
        "cenc-aes-ctr",
        "-encryption_key",
        "0" * 32,
        "-encryption_kid",
        "1" * 32,
    )
    path = ffmpeg("-i", clip, "-c", "copy", *key, bench.folder / "locked.mp4")
    probed, failed = bench.convert(path)
    assert isinstance(probed, VideoProbed)
    assert isinstance(failed, StageFailed)
    assert "encrypted" in failed.reason


def test_sound_in_an_unknown_codec_fails_after_the_probe(
    clip: Path, bench: Bench, ffmpeg: Ffmpeg
) -> None:
    path = ffmpeg("-i", clip, "-c:v", "copy", "-c:a", "libvorbis", bench.folder / "new.mkv")
    path.write_bytes(path.read_bytes().replace(b"A_VORBIS", b"A_FUTURE"))
    probed, failed = bench.convert(path)
    assert isinstance(probed, VideoProbed)
    assert isinstance(failed, StageFailed)
    assert "codec (unknown) can't be decoded" in failed.reason


@pytest.mark.parametrize("size", [0, 0x7FFF_FFFF, 0xFFFF_FFFF, None])
def test_a_whole_wav_is_not_called_incomplete_for_a_careless_header(
    size: int | None, bursts: Path, bench: Bench
) -> None:
    """None: the file's whole size, as programs write that count in the 8 bytes of the header itself."""
    path = bench.folder / "careless.wav"
    content = bytearray(bursts.read_bytes())
    content[4:8] = (len(content) if size is None else size).to_bytes(4, "little")
    path.write_bytes(content)
    assert warnings(bench.convert(path)) == ()


@pytest.mark.parametrize("ending", ["mp4", "mkv", "wav", "avi", "flac"])
def test_a_file_that_was_cut_off_is_converted_and_says_where_it_ends(
    ending: str, bench: Bench, ffmpeg: Ffmpeg
) -> None:
    sound = ("-f", "lavfi", "-i", "anoisesrc=a=0.2:d=90:r=16000")
    layout = {"mp4": ("-movflags", "+faststart"), "avi": ("-c:a", "pcm_s16le")}.get(ending, ())
    path = ffmpeg(*sound, *layout, bench.folder / f"cut.{ending}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    *_, converted = bench.convert(path)
    assert isinstance(converted, VideoConverted)
    (warning,) = converted.warnings
    assert "incomplete" in warning
    assert "The file ends at 1:0" in warning
    assert converted.duration_s == pytest.approx(60, abs=2)


def short_sound(bench: Bench, ffmpeg: Ffmpeg, *more: str) -> Path:
    """A film of 20 s whose sound ends after 5 s."""
    picture = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=50:d=20")
    sound = ("-f", "lavfi", "-i", "sine=d=5")
    return ffmpeg(*picture, *sound, "-c:v", "mpeg4", *more, bench.folder / "short.mkv")


def test_sound_that_ends_before_the_picture_is_no_fault(bench: Bench, ffmpeg: Ffmpeg) -> None:
    assert warnings(bench.convert(short_sound(bench, ffmpeg))) == ()


def test_however_much_lies_before_where_the_picture_is_looked_for(
    bench: Bench, ffmpeg: Ffmpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_key_frame = short_sound(bench, ffmpeg, "-g", "1000000")
    monkeypatch.setattr(probing, "_MAX_OUTPUT_BYTES", 4_000)
    assert warnings(bench.convert(one_key_frame)) == ()


def test_where_it_takes_too_long_to_tell_a_file_is_not_called_incomplete(
    bench: Bench, ffmpeg: Ffmpeg
) -> None:
    path, settings = short_sound(bench, ffmpeg), ConverterSettings()
    facts = probing.probe(path, settings, while_waiting=lambda: None)
    for limit_s, expected in (120.0, False), (1e-6, True):
        hasty = settings.model_copy(update={"probe_limit_s": limit_s})
        found = probing.has_data_at(path, 30.0, facts, hasty, while_waiting=lambda: None)
        assert found is expected


def test_damage_in_the_middle_costs_only_the_words_there(bench: Bench, ffmpeg: Ffmpeg) -> None:
    path = ffmpeg("-f", "lavfi", "-i", "sine=d=40:r=48000", "-c:a", "aac", bench.folder / "hurt.ts")
    content = bytearray(path.read_bytes())
    for packet in range(0, 30_000, 188):
        at = len(content) // 2 // 188 * 188 + packet
        content[at + 60 : at + 160] = bytes(100)
    path.write_bytes(content)
    *_, converted = events = bench.convert(path)
    assert "damaged" in warnings(events)[0]
    assert isinstance(converted, VideoConverted)
    assert converted.duration_s == pytest.approx(40, abs=0.5)


def test_a_file_that_disappears_is_named_as_such(clip: Path, bench: Bench) -> None:
    assert "no such file" in refusal(bench.convert(bench.folder / "gone.mp4"))
    events = list(
        bench.converter.process(Uploaded(video_id="v", source="uploads/v/gone.mp4"), RecordingJob())
    )
    assert "no longer in the object store" in refusal(events)


def test_files_outside_the_allowed_folders_are_refused(clip: Path, bench: Bench, tmp_path: Path) -> None:
    outside = tmp_path / "secret.mp4"
    outside.write_bytes(clip.read_bytes())
    link = bench.folder / "link.mp4"
    link.symlink_to(outside)
    for path in (outside, link, bench.folder / ".." / "secret.mp4", Path("/etc/passwd")):
        source = "file://" + quote(str(path))
        events = list(
            bench.converter.process(Uploaded(video_id=path.name, source=source), RecordingJob())
        )
        assert "outside" in refusal(events)


@pytest.mark.parametrize(
    "source", ["http://example.org/a.mp4", "/etc/passwd", "../a", "file://host/a", "", "file:a"]
)
def test_a_source_that_names_no_file_is_refused(source: str, bench: Bench) -> None:
    refusal(list(bench.converter.process(Uploaded(video_id="v", source=source), RecordingJob())))


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (ConverterSettings(max_file_bytes=1000), "GB"),
        (ConverterSettings(max_duration_s=3), "lasts"),
        (ConverterSettings(decode_grace_s=0, decode_limit_ratio=1e-9), "takes longer"),
    ],
    ids=["bytes", "duration", "time"],
)
def test_a_file_beyond_a_limit_is_refused(
    limits: ConverterSettings, reason: str, clip: Path, bench: Bench
) -> None:
    converter = Converter(bench.store, (clip.parent,), limits)
    *_, failed = converter.process(bench.upload(clip), RecordingJob())
    assert isinstance(failed, StageFailed)
    assert failed.kind is FailureKind.FILE
    assert reason in failed.reason


def test_media_that_turns_out_too_long_is_stopped_with_what_is_out_counted(
    bench: Bench, ffmpeg: Ffmpeg
) -> None:
    """ADTS declares no duration, so only decoding tells."""
    path = ffmpeg("-f", "lavfi", "-i", "sine=d=90", bench.folder / "endless.aac")
    converter = Converter(bench.store, (bench.folder,), ConverterSettings(max_duration_s=60))
    *events, failed = converter.process(bench.upload(path), RecordingJob())
    segments = [event for event in events if isinstance(event, AudioSegmented)]
    assert isinstance(failed, StageFailed)
    assert failed.segments_out == len(segments) > 0
    assert failed.start_s == segments[-1].end_s
    assert Options() == segments[0].options
