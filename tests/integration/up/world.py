"""`reelay up` and its companions as a user runs them, on a state folder of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil

from ops.pipeline.state import StateFolder
from ops.up.status import ProcessStatus, Status, read_status

REELAY = Path(sys.executable).with_name("reelay")
DEADLINE_S = 180.0
"""For what takes some seconds on a quiet machine."""

T = TypeVar("T")


def soon(look: Callable[[], T | None], *, within_s: float = DEADLINE_S) -> T:
    """What `look` gives as soon as that is something."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


@dataclass(slots=True)
class World:
    """One user's state folder. root: an existing folder that the state lies in; files: below it are
    those to be captioned."""

    root: Path
    files: Path
    out: Path
    running: subprocess.Popen[str] | None = None
    _errors: Path = field(init=False)

    def __post_init__(self) -> None:
        self._errors = self.root / "up.err"

    @property
    def state(self) -> StateFolder:
        return StateFolder(self.root / "state" / "reelay")

    def start(self, *more: str | Path) -> None:
        """Start `reelay up`, and wait until it says how it is."""
        command = [REELAY, "up", "--model", "tiny.en", "--workers", "1", "--root", self.files]
        with self._errors.open("a") as errors:
            self.running = subprocess.Popen(
                [*command, "--out", self.out, "--json", "--http", "off", *more],
                env=self._environ(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                text=True,
                process_group=0,
            )
        pid = self.running.pid
        soon(lambda: (status := self.status()) is not None and status.pid == pid)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it; its exit status."""
        assert self.running is not None
        self.running.send_signal(number)
        status = self.running.wait(DEADLINE_S)
        self.running = None
        return status

    def close(self) -> None:
        """Leave nothing running."""
        if self.running is not None and self.running.poll() is None:
            self.stop()

    def __call__(self, *arguments: str | Path, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Any command of `reelay`."""
        return subprocess.run(
            [REELAY, *arguments],
            env=self._environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=check,
        )

    def publish(self, file: Path, *more: str) -> str:
        """Publish a file; its video id."""
        return self("publish", file, *more).stdout.strip()

    def video(self, video_id: str) -> dict[str, Any]:
        """What `reelay status VIDEO` says of the latest revision."""
        shown = json.loads(self("status", video_id, "--json").stdout)
        latest: dict[str, Any] = shown["revisions"][-1]
        return latest

    def outcome(self, video_id: str, revision: int = 1) -> Path:
        return self.state.store / "results" / video_id / str(revision) / "outcome.json"

    def status(self) -> Status | None:
        return read_status(self.state)

    def process(self, name: str) -> ProcessStatus:
        """One of the running processes."""
        status = soon(self.status)
        (found,) = (process for process in status.processes if process.name == name)
        return found

    def said(self) -> str:
        """What `up` has said on standard error."""
        return self._errors.read_text()

    def family(self) -> list[psutil.Process]:
        """All processes below `up`, and itself."""
        assert self.running is not None
        up = psutil.Process(self.running.pid)
        return [up, *up.children(recursive=True)]

    def _environ(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("REELAY_")}
        return {**clean, "XDG_STATE_HOME": str(self.root / "state")}


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that are still there after a while."""
    _, left = psutil.wait_procs(processes, timeout=60)
    return left
