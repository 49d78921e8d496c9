"""The processes of the local pipeline: started, watched, and stopped without leaving any behind."""

import contextlib
import json
import math
import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from ops.pipeline.child import WRONG_SETTINGS, Child
from ops.pipeline.restarts import A_FEW, Patience, Restarts

_BROKER_START_S = 20.0
_STOP_GRACE_S = 5.0
_LAST_WORDS_BYTES = 16_384
_LAST_WORDS_CHARS = 300


class ProcessDied(Exception):
    """A process ended by itself and restarts did not help. The message names it and its log."""


class PipelineLost(ProcessDied):
    """What only a new broker with new processes helps: the broker is gone, or it dropped records before
    they were read."""


@dataclass(frozen=True, slots=True)
class Health:
    """How a process is. restarts: how often in a row it was started again; pause_s: until it is; ended:
    why it was the last time, in words."""

    name: str
    pid: int
    restarts: int
    pause_s: float | None
    ended: str | None


@dataclass(slots=True)
class _Process:
    name: str
    environ: Mapping[str, str]
    running: Child
    restarts: Restarts
    restart_at: float | None = None
    ended: str | None = None


@dataclass(slots=True)
class Processes:
    """Processes that live at most as long as this context and the thread that starts them.

    logs: an existing folder; each process writes NAME.log in it. patience: when one that died is started
    again. tell: takes a line about each that died.
    """

    logs: Path
    patience: Patience = A_FEW
    tell: Callable[[str], None] = lambda _: None
    _processes: dict[str, _Process] = field(default_factory=dict)

    def start_broker(self) -> str:
        """Start the embedded broker; gives its address. Raises PipelineLost if it does not start."""
        read_end, write_end = os.pipe()
        with open(read_end, "rb") as out:
            try:
                self._processes["broker"] = self._process(
                    "broker", {}, self._spawn("broker", {}, stdout=write_end)
                )
            finally:
                os.close(write_end)
            ready, _, _ = select.select([out], [], [], _BROKER_START_S)
            address = out.readline().decode().strip() if ready else ""
        if not address:
            raise PipelineLost(f"the embedded broker did not start; see {self.log('broker')}")
        return address

    def start(self, name: str, environ: Mapping[str, str]) -> None:
        """Start a processor with these variables added to the environment."""
        self._processes[name] = self._process(name, environ, self._spawn(name, environ))

    def log(self, name: str) -> Path:
        """Where the process writes what it has to say."""
        return self.logs / f"{name}.log"

    def watch(self) -> None:
        """Start again what has died, each time after a longer pause. Does not block.

        Raises ProcessDied if patience is at its end or settings are wrong, PipelineLost if no restart of
        a single process helps.
        """
        now = time.monotonic()
        for process in self._processes.values():
            if process.restart_at is not None:
                if now >= process.restart_at:
                    process.running = self._spawn(process.name, process.environ)
                    process.restarts.began_at = now
                    process.restart_at = None
                continue
            status = process.running.poll()
            if status is not None:
                process.running.kill()
                pause_s = self._after(process, status, now)
                process.restart_at = now + pause_s
                process.ended = _in_words(status)
                if status > 0 and (words := self._last_words(process.name)):
                    process.ended += f": {words}"
                self.tell(f"{process.name} {process.ended}; it starts again in {pause_s:.1f} s")

    def _after(self, process: _Process, status: int, now: float) -> float:
        """How long to wait before what ended is started again. Raises as `watch`."""
        from processors.runtime.main import Exit  # noqa: PLC0415  # much to import, for a rare event

        name = process.name
        if status == WRONG_SETTINGS:
            raise ProcessDied(f"{name}: {self._last_words(name)}")
        if name == "broker":
            raise PipelineLost(f"the broker {_in_words(status)}")
        if status == Exit.GAP:
            raise PipelineLost(f"the broker dropped records before the {name} had read them")
        pause_s = process.restarts.pause_s(now)
        if pause_s is None:
            raise ProcessDied(f"{name} {_in_words(status)}; see {self.log(name)}")
        return pause_s

    def health(self) -> Iterator[Health]:
        """How each process is."""
        now = time.monotonic()
        for process in self._processes.values():
            pause_s = None if process.restart_at is None else max(0.0, process.restart_at - now)
            restarts = process.restarts.in_a_row
            yield Health(process.name, process.running.pid, restarts, pause_s, process.ended)

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
        lost = kind is not None and issubclass(kind, PipelineLost)  # nobody can commit any more
        self.stop(0.0 if lost else _STOP_GRACE_S)

    def _process(self, name: str, environ: Mapping[str, str], running: Child) -> _Process:
        return _Process(name, environ, running, Restarts(self.patience, began_at=time.monotonic()))

    def _last_words(self, name: str) -> str:
        """What the end of the log says."""
        with self.log(name).open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _LAST_WORDS_BYTES))
            line = log.read().decode(errors="replace").rstrip().rpartition("\n")[2]
        with contextlib.suppress(ValueError, KeyError, TypeError):  # a traceback's end stays as it is
            line = str(json.loads(line)["message"])
        return line[:_LAST_WORDS_CHARS]

    def _spawn(self, name: str, environ: Mapping[str, str], stdout: int | None = None) -> Child:
        with self.log(name).open("ab") as log:
            file = log.fileno()
            return Child(name, environ, stdout=file if stdout is None else stdout, stderr=file)


def _in_words(status: int) -> str:
    if status >= 0:
        return f"stopped (exit status {status})"
    return f"stopped (killed by {signal.Signals(-status).name})"
