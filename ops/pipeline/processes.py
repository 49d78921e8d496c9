"""The processes of the local pipeline: started, watched, and stopped without leaving any behind."""

import math
import os
import select
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from ops.pipeline.child import WRONG_SETTINGS, Child

_BROKER_START_S = 20.0
_STOP_GRACE_S = 5.0


class ProcessDied(Exception):
    """A process ended by itself and restarts did not help. The message names it and its log."""


@dataclass(slots=True)
class _Process:
    name: str
    environ: Mapping[str, str]
    running: Child
    restarts: int = 0
    restart_at: float | None = None


@dataclass(slots=True)
class Processes:
    """Processes that live at most as long as this context and the thread that starts them.

    logs: an existing folder; each process writes NAME.log in it. restarts: how often one that died is
    started again, the first time after `first_pause_s`, each time after twice as long.
    """

    logs: Path
    restarts: int = 3
    first_pause_s: float = 0.5
    _processes: dict[str, _Process] = field(default_factory=dict)

    def start_broker(self) -> str:
        """Start the embedded broker; gives its address. Raises ProcessDied if it does not start."""
        read_end, write_end = os.pipe()
        with open(read_end, "rb") as out:
            try:
                self._processes["broker"] = _Process(
                    "broker", {}, self._spawn("broker", {}, stdout=write_end)
                )
            finally:
                os.close(write_end)
            ready, _, _ = select.select([out], [], [], _BROKER_START_S)
            address = out.readline().decode().strip() if ready else ""
        if not address:
            raise ProcessDied(f"the embedded broker did not start; see {self.log('broker')}")
        return address

    def start(self, name: str, environ: Mapping[str, str]) -> None:
        """Start a processor with these variables added to the environment."""
        self._processes[name] = _Process(name, environ, self._spawn(name, environ))

    def log(self, name: str) -> Path:
        """Where the process writes what it has to say."""
        return self.logs / f"{name}.log"

    def watch(self) -> None:
        """Start again what has died, some times, each time after a longer pause. Does not block.

        Raises ProcessDied if it dies once more, has wrong settings, or is the broker, whose memory is
        gone with it.
        """
        now = time.monotonic()
        for process in self._processes.values():
            if process.restart_at is not None:
                if now >= process.restart_at:
                    process.running = self._spawn(process.name, process.environ)
                    process.restart_at = None
                continue
            status = process.running.poll()
            if status is None:
                continue
            process.running.kill()
            if status == WRONG_SETTINGS:
                raise ProcessDied(f"{process.name}: {self._last_words(process.name)}")
            if process.name == "broker" or process.restarts == self.restarts:
                raise ProcessDied(
                    f"{process.name} stopped ({_in_words(status)}); see {self.log(process.name)}"
                )
            process.restart_at = now + self.first_pause_s * 2**process.restarts
            process.restarts += 1

    def stop(self, grace_s: float = _STOP_GRACE_S) -> None:
        """Ask the processors to stop, and kill what is left after `grace_s` with all it started."""
        workers = [process.running for process in self._processes.values() if process.name != "broker"]
        deadline = time.monotonic() + grace_s
        for running in workers:
            running.terminate()
        for running in workers:
            running.wait(until=deadline)
        for process in self._processes.values():
            process.running.kill()
            process.running.wait(until=math.inf)
        self._processes.clear()

    def __enter__(self) -> "Processes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _last_words(self, name: str) -> str:
        return self.log(name).read_text("utf-8", errors="replace").rstrip().rpartition("\n")[2]

    def _spawn(self, name: str, environ: Mapping[str, str], stdout: int | None = None) -> Child:
        with self.log(name).open("ab") as log:
            file = log.fileno()
            return Child(name, environ, stdout=file if stdout is None else stdout, stderr=file)


def _in_words(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    return f"killed by {signal.Signals(-status).name}"
