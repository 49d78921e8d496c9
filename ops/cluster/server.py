"""One server of the cluster: started in the background, found again, watched and stopped."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ops.cluster.errors import PortInUse, ServerFailed
from ops.cluster.ports import is_free
from ops.cluster.process import Process, note_process, read_process
from ops.cluster.programs import Programs

_START_S = 120.0
_STOP_S = 30.0
_KILL_S = 30.0
_TICK_S = 0.05
_LOG_BYTES = 10_000_000
_LAST_WORDS_BYTES = 4096
_LAST_WORDS_CHARS = 300


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a server is run.

    address: what clients are told. command: puts its files in place and gives what to execute. environ:
    variables added to this process's, which may hold secrets. answers: whether it serves clients; does
    not raise, and takes a few seconds at most. misfit: is in what it says last where another version of
    it wrote its data.
    """

    name: str
    version: str
    address: str
    port: int
    command: Callable[[Programs], Sequence[str | Path]]
    answers: Callable[[], bool]
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    misfit: str | None = None


class State(StrEnum):
    """How a server does; one that has crashed ended without having been stopped."""

    HEALTHY = "healthy"
    SILENT = "silent"
    CRASHED = "crashed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """How a server is. since: Unix time of its start; memory_bytes: resident. log: where it writes."""

    name: str
    version: str
    address: str
    log: str
    state: State
    pid: int | None = None
    since: float | None = None
    memory_bytes: int | None = None


def any_runs(folder: Path) -> bool:
    """Whether a server of the cluster in this folder runs."""
    return any(read_process(note) is not None for note in folder.glob("*.pid"))


class Server:
    """A server, whether this process started it or another did.

    folder: an existing one, for its log and the note of its process. programs: called before each start.
    """

    def __init__(self, recipe: Recipe, folder: Path, programs: Callable[[], Programs]) -> None:
        self.recipe = recipe
        self.log = folder / f"{recipe.name}.log"
        self._note = folder / f"{recipe.name}.pid"
        self._programs = programs
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return read_process(self._note) is not None

    @property
    def pid(self) -> int:
        """The pid of its process. Raises ProcessLookupError if it does not run."""
        process = read_process(self._note)
        if process is None:
            raise ProcessLookupError(f"{self.recipe.name} does not run")
        return process.pid

    def check_port(self) -> None:
        """Raises PortInUse if it does not run, but somebody else where it should."""
        port, name = self.recipe.port, self.recipe.name
        if not self.running and not is_free(port):
            raise PortInUse(
                f"port {port} is in use: end what listens there, or choose another (--{name}-port)"
            )

    def start(self) -> None:
        """Start it if it does not run, and wait until it answers. Raises ClusterError, OSError."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start it if it does not run. Raises ClusterError, OSError."""
        if self.running:
            return
        recipe = self.recipe
        self.check_port()
        command = recipe.command(self._programs())
        self._keep_log_short()
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                command,
                env={**os.environ, **recipe.environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.log.parent,
                start_new_session=True,
            )
        try:
            if (process := Process.of(self._child.pid)) is not None:
                note_process(process, self._note)
        except BaseException:  # without its note, nobody would find it again
            self._child.kill()
            self._child.wait()
            raise

    def wait(self) -> None:
        """Wait until it answers. Raises ServerFailed if it ends or takes too long."""
        deadline = time.monotonic() + _START_S
        while not self.recipe.answers():
            if not self.running:
                raise ServerFailed(f"{self.recipe.name} ended at once: {self._why()} (see {self.log})")
            if time.monotonic() >= deadline:
                raise ServerFailed(f"{self.recipe.name} does not answer; see {self.log}")
            time.sleep(_TICK_S)

    def ask_to_stop(self) -> None:
        """Ask it to stop, if it runs."""
        if (process := read_process(self._note)) is not None:
            process.signal(signal.SIGCONT)  # one that is stopped would never hear of it
            process.signal(signal.SIGTERM)

    def stop(self) -> None:
        """Stop it cleanly, or by force if it does not end in time. Raises ServerFailed."""
        self.ask_to_stop()
        if not self._ended(_STOP_S):
            self.kill()

    def kill(self) -> None:
        """Kill it on the spot (SIGKILL), and wait until it is gone. Raises ServerFailed."""
        if (process := read_process(self._note)) is not None:
            process.signal(signal.SIGKILL)
        if not self._ended(_KILL_S):
            raise ServerFailed(f"{self.recipe.name} can't be killed")

    def status(self) -> ServerStatus:
        """How it is now."""
        process = read_process(self._note)
        recipe = self.recipe
        facts = (recipe.name, recipe.version, recipe.address, str(self.log))
        if process is None:
            return ServerStatus(*facts, State.CRASHED if self._note.exists() else State.STOPPED)
        return ServerStatus(
            *facts,
            State.HEALTHY if recipe.answers() else State.SILENT,
            pid=process.pid,
            since=process.started_at,
            memory_bytes=process.memory_bytes,
        )

    def _ended(self, timeout_s: float) -> bool:
        process = read_process(self._note)
        if process is not None and not process.wait(timeout_s):
            return False
        if self._child is not None:
            self._child.wait()
            self._child = None
        self._note.unlink(missing_ok=True)
        return True

    def _keep_log_short(self) -> None:
        """Servers bound their logs themselves, but not what they print."""
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))

    def _why(self) -> str:
        words = self._last_words()
        if self.recipe.misfit is None or self.recipe.misfit not in words:
            return words
        return (
            f"{self.recipe.version} cannot read what a later version wrote; "
            "`reelay cluster down --delete` removes this cluster's data"
        )

    def _last_words(self) -> str:
        with self.log.open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _LAST_WORDS_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        words = [line.strip() for line in lines if line.strip()]
        return words[-1][:_LAST_WORDS_CHARS] if words else "it said nothing"
