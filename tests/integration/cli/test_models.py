"""Getting models from a hub, which is a small one on this machine."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ops.up.lock import hold

REELAY = Path(sys.executable).with_name("reelay")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {"config.json": b"{}", "model.bin": b"weights", "vocabulary.txt": b"a\n", "README.md": b"no"}


class _Hub(BaseHTTPRequestHandler):
    """As much of the hub's API as getting one repository takes."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        _, _, name = path.rpartition("/")
        if path.startswith("/api/models/Systran/faster-whisper-base/"):
            files = [
                {"type": "file", "path": file, "oid": file, "size": len(data)}
                for file, data in FILES.items()
            ]
            info = {"id": "x", "sha": COMMIT, "siblings": [{"rfilename": file} for file in FILES]}
            self._send(json.dumps(files if "/tree/" in path else info).encode(), with_body=with_body)
        elif name in FILES and "/resolve/" in path:
            self._send(FILES[name], with_body=with_body, ETag=f'"{name}"', **{"X-Repo-Commit": COMMIT})
        else:
            self.send_error(404)

    def _send(self, data: bytes, *, with_body: bool, **headers: str) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if with_body:
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def models(
    cache: Path, *arguments: str, endpoint: str = "http://127.0.0.1:1"
) -> "subprocess.CompletedProcess[str]":
    environ = {"XDG_CACHE_HOME": str(cache), "HF_HOME": str(cache / "hub"), "HF_ENDPOINT": endpoint}
    return subprocess.run(
        [REELAY, "models", *arguments],
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_a_model_is_got_whole_and_is_then_found_by_its_name(tmp_path: Path) -> None:
    with hub() as endpoint:
        pulled = models(tmp_path, "pull", "base", endpoint=endpoint)

    folder = tmp_path / "reelay" / "models" / "base"
    assert (pulled.returncode, pulled.stdout) == (0, f"{folder}\n"), pulled.stderr
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.bin", "vocabulary.txt"}
    again = models(tmp_path, "pull", "base")
    assert (again.stdout, again.stderr) == (f"{folder}\n", "base is on this machine already.\n")
    listed = [json.loads(line) for line in models(tmp_path, "list", "--json").stdout.splitlines()]
    assert {model["name"]: model["folder"] for model in listed}["base"] == str(folder)


def test_a_hub_that_cannot_be_reached_is_told_in_one_line_and_nothing_is_left_half(
    tmp_path: Path,
) -> None:
    pulled = models(tmp_path, "pull", "base")

    assert pulled.returncode == 1
    assert pulled.stderr.startswith("Error: the Hugging Face hub cannot be reached; without it, give")
    assert pulled.stderr.count("\n") == 1
    assert not (tmp_path / "reelay" / "models" / "base").exists()


def test_a_second_pull_of_the_same_model_is_refused(tmp_path: Path) -> None:
    with hold(tmp_path / "reelay" / "models" / ".base.lock"):
        pulled = models(tmp_path, "pull", "base")

    assert pulled.returncode == 1
    assert pulled.stderr == "Error: another reelay is getting base right now\n"


def test_an_unknown_model_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    pulled = models(tmp_path, "pull", "huge")

    assert pulled.returncode == 1
    assert pulled.stderr.startswith("Error: there is no model 'huge'; there are: tiny.en, tiny,")
