"""A process that anybody can find again, ask to stop and wait for, also when it is nobody's child.

A pid alone names a process only until it is used again, so its start is noted beside it.
"""

import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_STARTED = 19
"""Where /proc/PID/stat has the start, counted after the name (proc(5): field 22)."""
_STATE = 0
_RESIDENT = 1
"""Where /proc/PID/statm has the pages that are in memory."""
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """started: clock ticks from the machine's start to the process's."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """The process that has this pid now, if it runs."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = stat.rpartition(")")[2].split()  # a name may hold anything
        return None if fields[_STATE] in "ZX" else cls(pid, int(fields[_STARTED]))

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return Process.of(self.pid) == self

    @property
    def started_at(self) -> float:
        """Unix time of its start."""
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + self.started / _TICKS_PER_S

    @property
    def memory_bytes(self) -> int | None:
        """What it has in memory; None if it has ended."""
        try:
            pages = Path(f"/proc/{self.pid}/statm").read_text().split()[_RESIDENT]
        except (FileNotFoundError, ProcessLookupError):
            return None
        return int(pages) * _PAGE_BYTES

    def signal(self, number: int) -> None:
        """Send it a signal; nothing happens if it has ended."""
        with self._held() as held:
            if held is not None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(held, number)

    def wait(self, timeout_s: float) -> bool:
        """Until it has ended, at most so long. Returns whether it has."""
        with self._held() as held:
            if held is None:
                return True
            ended = select.poll()
            ended.register(held, select.POLLIN)
            done = bool(ended.poll(timeout_s * 1000))
        if done:
            with contextlib.suppress(ChildProcessError):  # it was started by somebody else
                os.waitpid(self.pid, os.WNOHANG)
        return done

    @contextlib.contextmanager
    def _held(self) -> Iterator[int | None]:
        """A descriptor that means this very process, whatever becomes of its pid; None if it has
        ended."""
        try:
            held = os.pidfd_open(self.pid)
        except ProcessLookupError:
            yield None
            return
        try:
            yield held if self.runs else None
        finally:
            os.close(held)


def read_process(path: Path) -> Process | None:
    """The process noted in this file, if it still runs."""
    try:
        noted = Process(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return noted if noted.runs else None


def note_process(process: Process, path: Path) -> None:
    """Write the note, complete or not at all."""
    making = path.with_name(f".{path.name}")
    making.write_text(json.dumps({"pid": process.pid, "started": process.started}))
    making.rename(path)
