"""What is taken for media by its first bytes: all that ffmpeg writes, and nothing else."""

import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.gateway.uploads.kinds import KIND_BYTES, kind_of

VIDEO = {
    "mp4": ["-c:v", "mpeg4", "-c:a", "aac"],
    "fragments.mp4": ["-c:v", "mpeg4", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"],
    "mov": ["-c:v", "mpeg4", "-c:a", "pcm_s16le"],
    "mkv": ["-c:v", "mpeg4", "-c:a", "flac"],
    "webm": ["-c:v", "libvpx", "-c:a", "libopus"],
    "avi": ["-c:v", "mpeg4", "-c:a", "mp3"],
    "flv": ["-c:v", "flv", "-c:a", "mp3", "-ar", "44100"],
    "wmv": ["-c:v", "wmv2", "-c:a", "wmav2"],
    "ts": ["-c:v", "mpeg2video", "-c:a", "mp2"],
    "m2ts": ["-c:v", "mpeg2video", "-c:a", "ac3"],
    "mpg": ["-c:v", "mpeg1video", "-c:a", "mp2"],
    "vob": ["-c:v", "mpeg2video", "-c:a", "ac3"],
    "ogv": ["-c:v", "libtheora", "-c:a", "libvorbis"],
    "mxf": ["-c:v", "mpeg2video", "-c:a", "pcm_s16le", "-ar", "48000"],
    "nut": ["-c:v", "mpeg4", "-c:a", "mp3"],
    "3gp": ["-c:v", "mpeg4", "-c:a", "aac"],
    "dv": ["-target", "pal-dv"],
    "rm": ["-c:v", "rv10", "-c:a", "ac3"],
}
PICTURE = {
    "h264": ["-c:v", "libx264"],
    "hevc": ["-c:v", "libx265", "-x265-params", "log-level=none"],
    "m2v": ["-c:v", "mpeg2video"],
    "m4v": ["-c:v", "mpeg4"],
    "ivf": ["-c:v", "libvpx"],
    "y4m": ["-pix_fmt", "yuv420p"],
}
SOUND = {
    "wav": [],
    "rf64.wav": ["-rf64", "always"],
    "w64": [],
    "mp3": ["-c:a", "libmp3lame"],
    "plain.mp3": ["-c:a", "libmp3lame", "-id3v2_version", "0", "-write_xing", "0"],
    "mp2": [],
    "aac": [],
    "m4a": [],
    "ogg": ["-c:a", "libvorbis"],
    "opus": ["-c:a", "libopus"],
    "flac": [],
    "aiff": [],
    "au": [],
    "caf": [],
    "ac3": [],
    "eac3": [],
    "dts": ["-strict", "-2", "-ar", "48000"],
    "thd": ["-strict", "-2"],
    "wv": [],
    "tta": [],
    "latm": ["-c:a", "aac"],
    "wma": [],
    "voc": [],
}


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one short file of each format."""
    folder = tmp_path_factory.mktemp("media")
    command = ["ffmpeg", "-v", "error", "-nostdin", "-threads", "1"]
    command += ["-f", "lavfi", "-i", "testsrc=size=352x288:rate=25:duration=0.2"]
    command += ["-f", "lavfi", "-i", "sine=duration=0.2:sample_rate=44100"]
    for maps, formats in (
        (["-map", "0", "-map", "1"], VIDEO),
        (["-map", "0"], PICTURE),
        (["-map", "1"], SOUND),
    ):
        for name, how in formats.items():
            command += [*maps, *how, str(folder / f"film.{name}")]
    subprocess.run(command, check=True, timeout=120)
    return folder


@pytest.mark.parametrize("name", [*VIDEO, *PICTURE, *SOUND])
def test_what_ffmpeg_writes_is_media(media: Path, name: str) -> None:
    kind = kind_of((media / f"film.{name}").read_bytes()[:KIND_BYTES])

    assert kind.is_media, kind


def archive(kind: str) -> bytes:
    """Python's own source in an archive."""
    data = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(data, "w") as file:
            file.write(__file__, "a.py")
    else:
        with tarfile.open(fileobj=data, mode=f"w:{kind}") as file:
            file.add(__file__, "a.py")
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "an empty file"),
        (b"Dear all,\nthe lecture is moved.\n", "text"),
        ("Überraschung, 🎬 und mehr".encode(), "text"),
        ("in UTF-16".encode("utf-16"), "text"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nHello\n", "text"),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n", "text"),
        (b"#EXTM3U\n#EXTINF:9,\nhttp://169.254.169.254/latest\n", "text"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "text"),
        (b'{"a": 1}', "text"),
        (b"<!DOCTYPE html><html><script>alert(1)</script>", "an HTML or XML document"),
        (b"\n <!-- a film --> <HTML>", "an HTML or XML document"),
        (b'<?xml version="1.0"?><MPD/>', "an HTML or XML document"),
        (b"<svg onload='alert(1)'>", "an HTML or XML document"),
        (b"#!/bin/sh\nrm -rf /\n", "a script"),
        (b"MZ\x90\x00\x03\x00\x00\x00", "a program"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a PNG picture"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a JPEG picture"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00", "a HEIF or AVIF picture"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "a WebP picture"),
        (bytes(5000), "nothing that is known"),
    ],
)
def test_what_is_no_media_is_named(data: bytes, said: str) -> None:
    assert (kind_of(data[:KIND_BYTES]).name, kind_of(data[:KIND_BYTES]).is_media) == (said, False)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("zip", "a ZIP archive or an office document"),
        ("gz", "a gzip archive"),
        ("bz2", "a bzip2 archive"),
        ("xz", "an xz archive"),
        ("", "a tar archive"),
    ],
)
def test_an_archive_is_named(kind: str, said: str) -> None:
    assert kind_of(archive(kind)[:KIND_BYTES]).name == said


def test_a_program_is_named() -> None:
    assert kind_of(Path(sys.executable).read_bytes()[:KIND_BYTES]).name == "a program"


def test_text_that_is_cut_within_a_character_is_text() -> None:
    assert kind_of(("a" + "é" * KIND_BYTES).encode()[:KIND_BYTES]).name == "text"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece", [b"<!---->", b"<!-- a -->\n", b"<!--", b"-->", b"\n", b"\xef\xbb\xbf", b"#! ", b"<"]
)
def test_no_bytes_take_long_to_be_told_apart(piece: bytes) -> None:
    """The event loop waits for it: 60 comments and nothing behind them once took it for ever."""
    assert not kind_of((piece * KIND_BYTES)[:KIND_BYTES]).is_media


@given(st.binary(max_size=KIND_BYTES))
def test_any_bytes_are_something(first: bytes) -> None:
    assert kind_of(first).name
