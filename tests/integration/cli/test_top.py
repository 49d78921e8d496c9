"""`reelay top` as a user sees it, on a terminal and elsewhere."""

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.objectstore import FolderStore
from ops.cli.exits import INTERRUPTED
from ops.pipeline.state import state_folder
from tests.integration.cli.test_commands import REELAY
from tests.unit.up.things import accepted

WAIT_S = 120.0


@contextmanager
def top(home: Path, stdout: int, *more: str) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(
        [REELAY, "top", "--every", "0.2", *more],
        env={**os.environ, "XDG_STATE_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(source: int, *texts: bytes) -> bytes:
    """What is shown, up to these texts in this order."""
    seen, deadline = b"", time.monotonic() + WAIT_S
    for text in texts:
        start = len(seen)
        while text not in seen[start:]:
            assert time.monotonic() < deadline, seen
            if select.select([source], [], [], 0.1)[0]:
                seen += os.read(source, 4096)
    return seen


def test_a_terminal_shows_what_is_in_the_works_until_ctrl_c(tmp_path: Path) -> None:
    store = FolderStore(state_folder({"XDG_STATE_HOME": str(tmp_path)}).store)
    terminal, side_of_top = os.openpty()
    with top(tmp_path, side_of_top) as process:
        read_until(terminal, b"\x1b[?1049h", b"\x1b[Hreelay up is not running.\x1b[K")
        accepted(store, "talk")
        read_until(terminal, b"\x1b[Hreelay up is not running. 1 upload waits for it.\x1b[K")
        process.send_signal(signal.SIGINT)
        read_until(terminal, b"\x1b[?1049l")
        assert process.wait(WAIT_S) == INTERRUPTED
    os.close(side_of_top)
    os.close(terminal)


def test_elsewhere_it_is_plain_lines_or_json(tmp_path: Path) -> None:
    for more, expected in ((), b"reelay up is not running.\n"), (("--json",), b'"running": false'):
        source, sink = os.pipe()
        with top(tmp_path, sink, *more) as process:
            os.close(sink)
            shown = read_until(source, expected, expected)
            assert b"\x1b" not in shown
            process.send_signal(signal.SIGINT)
            assert process.wait(WAIT_S) == INTERRUPTED
        os.close(source)
    assert json.loads(shown.splitlines()[0])["unfinished"] == 0


def test_what_cannot_be_seen_is_told_and_looked_for_again(tmp_path: Path) -> None:
    """A broker that is away may come back."""
    source, sink = os.pipe()
    with top(tmp_path, sink, "--brokers", "127.0.0.1:1") as process:
        os.close(sink)
        read_until(source, b"! broker is down: ")
        assert process.poll() is None
        process.terminate()
        process.wait(WAIT_S)
    os.close(source)
