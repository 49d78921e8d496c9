"""A `reelay up` whose processes a test may kill."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psutil

from connectors.objectstore import FolderStore, ObjectStore
from ops.pipeline import PROCESSORS
from ops.pipeline.state import StateFolder

REELAY = Path(sys.executable).with_name("reelay")
SUPERVISOR = "up"
BROKER = "broker"
TOOL = "ffmpeg"

_STOP_S = 120.0
_DEATH_S = 60.0
_TICK_S = 0.01


@dataclass(frozen=True, slots=True)
class Member:
    """One process. role: SUPERVISOR, BROKER, TOOL, a processor's name, or that and " worker"."""

    role: str
    process: psutil.Process


class Up:
    """`reelay up` on a state folder of its own; it and all it started are gone when the context ends."""

    def __init__(self, home: Path, *, root: Path) -> None:
        """home: an empty folder. root: where the files are that will be published."""
        self.state = StateFolder(home / "reelay")
        self.store: ObjectStore = FolderStore(self.state.store)
        self.said = home / "up.log"
        self._command = [
            REELAY,
            "up",
            "--json",
            "--http",
            "off",
            "--model",
            "tiny.en",
            "--workers",
            "2",
            "--root",
            root,
        ]
        self._environ = {
            **os.environ,
            "XDG_STATE_HOME": str(home),
            # The third worker that dies with one record makes it poison, as it should; dice kill more.
            "REELAY_RUNTIME_MAX_ATTEMPTS": "1000",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; nothing of an earlier one may run."""
        assert self._process is None
        with self.said.open("ab") as said:
            self._process = subprocess.Popen(
                self._command,
                env=self._environ,
                cwd=self.said.parent,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raises AssertionError if it ended by itself."""
        assert self._process is not None
        status = self._process.poll()
        assert status is None, f"reelay up ended by itself with status {status}:\n{self.last_words()}"

    def stop(self) -> None:
        """Ask it to stop. Raises AssertionError if it fails, hangs, or leaves a process behind."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(_STOP_S) == 0, self.last_words()
        self._process = None
        self._assert_gone()

    def kill(self) -> None:
        """`kill -9` the supervisor. Raises AssertionError if a process outlives it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None
        self._assert_gone()

    def members(self) -> Iterator[Member]:
        """Every process that runs now, each after the one that started it."""
        if self._process is None:
            return
        supervisor = psutil.Process(self._process.pid)
        roles = {supervisor.pid: SUPERVISOR}
        yield Member(SUPERVISOR, supervisor)
        for process in supervisor.children(recursive=True):
            with suppress(psutil.Error, OSError):
                role = _role(process, roles.get(process.ppid(), ""))
                if role:
                    roles[process.pid] = role
                    yield Member(role, process)

    def last_words(self) -> str:
        """The end of what it said."""
        return self.said.read_text(errors="replace")[-2_000:]

    def __enter__(self) -> "Up":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        for process in self._marked():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def _assert_gone(self) -> None:
        deadline = time.monotonic() + _DEATH_S
        while left := list(self._marked()):
            if time.monotonic() > deadline:
                names = [" ".join([str(process.pid), *process.cmdline()]) for process in left]
                raise AssertionError(f"still running {_DEATH_S} s after their supervisor: {names}")
            time.sleep(_TICK_S)

    def _marked(self) -> Iterator[psutil.Process]:
        """Every process that has this state folder in its environment, whoever its parent is."""
        home = self._environ["XDG_STATE_HOME"]
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("XDG_STATE_HOME") == home:
                    yield process


def _role(process: psutil.Process, parent: str) -> str:
    """What the process is, by who started it; "" if that cannot be told yet."""
    if parent == SUPERVISOR:
        # Each is a fork of the supervisor, known by the log that is its standard error.
        name = Path(os.readlink(f"/proc/{process.pid}/fd/2")).stem
        return name if name in (BROKER, *PROCESSORS) else ""
    if parent in PROCESSORS:
        return f"{parent} worker"
    return TOOL if parent.endswith(" worker") and process.name().startswith("ff") else ""
