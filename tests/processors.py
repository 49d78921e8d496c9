"""Processors as an operator runs them, each a process of its own, against any cluster."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from connectors.settings import Connections

REELAY = Path(sys.executable).with_name("reelay")
ON_THE_RUNTIME = ("converter", "transcriber", "enricher")
ALL = (*ON_THE_RUNTIME, "aggregator")
_STOP_S = 120.0

T = TypeVar("T")


def until(look: Callable[[], T], what: str, *, within_s: float = 180.0) -> T:
    """The first thing that `look` gives and that counts as true."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"timed out: {what}"
        time.sleep(0.2)
    return found


class Processors:
    """Processes that end with this context. folder: for their logs; model: the transcriber's; environ:
    further variables of all of them.

    A name is a processor's; further instances of one have a name of their own behind a dot, such as
    "converter.2".
    """

    def __init__(
        self, connections: Connections, folder: Path, *, model: str = "tiny.en", **environ: str
    ) -> None:
        self._folder = folder
        self._environ = {
            **connections.environment(),
            "REELAY_LOG_LEVEL": "INFO",
            "REELAY_RUNTIME_HTTP_PORT": "-1",
            "REELAY_RUNTIME_RETRY_DELAY_S": "0.2",
            "REELAY_RUNTIME_MAX_PROBE_DELAY_S": "2",
            "REELAY_RUNTIME_SESSION_TIMEOUT_S": "6",
            "REELAY_TRANSCRIBER_MODEL": model,
            "REELAY_AGGREGATOR_HTTP_PORT": "-1",
            "REELAY_AGGREGATOR_SESSION_TIMEOUT_S": "6",
            "REELAY_AGGREGATOR_COMMIT_INTERVAL_S": "0.2",
            "REELAY_AGGREGATOR_RETRY_MAX_S": "1",
            "PYTHONSAFEPATH": "1",
            "OMP_NUM_THREADS": "1",
            **environ,
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str, **environ: str) -> None:
        """Start those of these that do not run, without waiting until they work."""
        for name in names:
            if name in self._running:
                continue
            with self._log(name).open("ab") as log:
                self._running[name] = subprocess.Popen(
                    [REELAY, "processor", name.partition(".")[0]],
                    env={**os.environ, **self._environ, **environ},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def stop(self, *names: str) -> None:
        """Ask those of these that run to stop, and wait until they have."""
        running = [name for name in names if name in self._running]
        for name in running:
            self._running[name].send_signal(signal.SIGTERM)
        for name in running:
            assert self._running.pop(name).wait(_STOP_S) == 0, self.said(name)

    def pid(self, name: str) -> int | None:
        """The pid of one of these, None if it does not run."""
        process = self._running.get(name)
        return None if process is None or process.poll() is not None else process.pid

    def signal(self, name: str, number: int) -> int | None:
        """Send one of these a signal; its pid, None if it does not run."""
        pid = self.pid(name)
        if pid is not None:
            self._running[name].send_signal(number)
        return pid

    def ended(self) -> dict[str, int]:
        """Those that ended, since this was asked last, and were not stopped here, with their exit
        statuses. They may be started again."""
        statuses = {name: process.poll() for name, process in self._running.items()}
        ended = {name: status for name, status in statuses.items() if status is not None}
        for name in ended:
            del self._running[name]
        return ended

    def said(self, name: str) -> str:
        """All that the processor has logged so far."""
        return self._log(name).read_text(errors="replace") if self._log(name).exists() else ""

    def close(self) -> None:
        """Kill what still runs, with what it started."""
        for process in self._running.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._running.clear()

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def __enter__(self) -> "Processors":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
