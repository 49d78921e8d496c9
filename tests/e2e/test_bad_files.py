"""A file that cannot be captioned costs one clear line, and nothing else."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests import media
from tests.e2e.command import Finished, Home, finish, words

BAD = [
    "text.mp4",
    "nothing.mp4",
    "no-index.mp4",
    "playlist.m3u8",
    "playlist.mp4",
    "concat.mp4",
    "remote.mp4",
    "gone.wav",
    "never-there.wav",
]
ODD = [
    "with space.wav",
    'it\'s "quoted".wav',
    "new\nline.wav",
    "🎬.wav",
    "12:30 talk.wav",
    "-dash.wav",
    "%03d.wav",
    "$(touch hacked) `x` & ;.wav",
]
NAMED = "--help"
"""The name of a file that is given after `--`; no suffix says that it is media."""
SECRET = "root:x:0:0"

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True, slots=True)
class Mixed:
    """A run over good and bad files. asked: requests that a server got that only bad files name."""

    run: Finished
    home: Home
    asked: list[str]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixed]:
    home = Home(tmp_path_factory.mktemp("mixed"))
    films = home.root / "films"
    films.mkdir()
    asked: list[str] = []
    server = watching(asked)
    make_bad_files(films, f"http://127.0.0.1:{server.server_port}/segment.ts")
    media.without_sound(films / "mute.mp4")
    media.piece(films / "good.wav", duration_s=12)
    for name in ODD:
        (films / name).write_bytes((films / "good.wav").read_bytes())

    (home.root / NAMED).write_bytes((films / "good.wav").read_bytes())

    # A folder is searched by suffix; what is named is taken as it is.
    process = home.start(films, films / "playlist.m3u8", films / "never-there.wav", "--", NAMED)
    try:
        remove_once_begun(films / "gone.wav", home)
        yield Mixed(finish(process), home, asked)
    finally:
        server.shutdown()
        server.server_close()


def make_bad_files(films: Path, url: str) -> None:
    (films / "text.mp4").write_text("This is no film.\n" * 100)
    (films / "nothing.mp4").touch()
    whole = films / "whole.mov"
    media.ffmpeg("-i", media.CLIP, "-c", "copy", "-movflags", "-faststart", whole)
    (films / "no-index.mp4").write_bytes(whole.read_bytes()[:600_000])
    whole.unlink()
    local = playlist("good.wav", "/etc/passwd")
    (films / "playlist.m3u8").write_text(local)
    (films / "playlist.mp4").write_text(local)
    (films / "concat.mp4").write_text("ffconcat version 1.0\nfile good.wav\nfile /etc/passwd\n")
    (films / "remote.mp4").write_text(playlist(url))
    media.piece(films / "gone.wav", start_s=20, duration_s=5)


def playlist(*names: str) -> str:
    """An HTTP live streaming playlist of these segments."""
    segments = "".join(f"#EXTINF:10,\n{name}\n" for name in names)
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n{segments}#EXT-X-ENDLIST\n"


def watching(asked: list[str]) -> HTTPServer:
    """A server that notes who asks it for what."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def remove_once_begun(file: Path, home: Home) -> None:
    """Remove a file after the run has listed it and before it can have been read."""
    deadline = time.monotonic() + 120
    logs = home.root / "state" / "reelay" / "logs"
    while not logs.exists():
        assert time.monotonic() < deadline, "the run did not begin"
        time.sleep(0.01)
    file.unlink()


def test_a_run_with_a_bad_file_exits_with_1(mixed: Mixed) -> None:
    assert mixed.run.status == 1


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_clear_line(mixed: Mixed, name: str) -> None:
    record = mixed.run.lines[name]
    told = [line for line in mixed.run.stderr.splitlines() if f"/{name}:" in line]

    assert record["outcome"] == "failed"
    assert len(told) == 1, mixed.run.stderr
    assert record["reason"] in told[0]
    assert "Traceback" not in mixed.run.stderr


@pytest.mark.parametrize("name", ["good.wav", NAMED, *ODD])
def test_a_good_file_beside_bad_ones_is_captioned_whatever_its_name(mixed: Mixed, name: str) -> None:
    record = mixed.run.lines[name]

    assert record["outcome"] == "completed"
    assert [text for text, _ in words(record)][:3] == ["every", "week", "people"]


def test_equal_files_of_different_names_get_a_folder_each(mixed: Mixed) -> None:
    folders = [
        record["folder"] for record in mixed.run.lines.values() if record["outcome"] == "completed"
    ]

    assert len(set(folders)) == len([folder for folder in folders if folder]) == len(ODD) + 3


def test_a_video_without_sound_is_completed_and_says_so(mixed: Mixed) -> None:
    record = mixed.run.lines["mute.mp4"]

    assert record["outcome"] == "completed"
    assert record["words"] == 0
    assert any("sound" in warning or "audio" in warning for warning in record["warnings"])
    assert not [file for file in record["files"] if file["format"] in ("srt", "vtt")]


def test_no_file_makes_us_read_another_or_ask_a_server(mixed: Mixed) -> None:
    assert mixed.asked == []
    assert SECRET not in mixed.run.stderr
    for file in mixed.home.out.rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes()


def test_no_name_is_run_by_a_shell(mixed: Mixed) -> None:
    assert list(mixed.home.root.rglob("hacked")) == []
