"""Several instances of each processor, and a supervisor that restarts those that end, as systemd or
Kubernetes would."""

import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from tests.processors import ALL, Processors, until

AT_MOST = 2
"""Instances of each processor."""

_STOPPED = frozenset({0, -signal.SIGTERM, 128 + signal.SIGTERM})
"""Statuses of one that was asked to stop; it may have been just about to start."""

_RESTART_PAUSE_S = 1.0
_STOP_S = 180.0

Note = Callable[[str, str], None]
"""Takes what happened, and to whom."""


def instances(processor: str) -> tuple[str, ...]:
    """The names of all that may run of a processor."""
    return (processor, *(f"{processor}.{number}" for number in range(2, AT_MOST + 1)))


def processor_of(instance: str) -> str:
    """The processor that it is an instance of."""
    return instance.partition(".")[0]


@dataclass(slots=True)
class Fleet:
    """The instances that should run. `look` restarts and thaws what is due, and may be called in a
    thread of its own."""

    processors: Processors
    note: Note
    _wanted: set[str] = field(default_factory=set)
    _began: dict[str, float] = field(default_factory=dict)
    _start_at: dict[str, float] = field(default_factory=dict)
    _thaw_at: dict[str, float] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, *names: str) -> None:
        """Have these run, too."""
        with self._lock:
            self._wanted.update(names)
            for name in names:
                self._start(name)

    def remove(self, name: str) -> None:
        """Ask it to stop and leave its group, without waiting until it has."""
        with self._lock:
            self._wanted.discard(name)
            self._start_at.pop(name, None)
            self.processors.signal(name, signal.SIGTERM)

    def kill(self, *names: str) -> list[int]:
        """`kill -9` of those of these that run; their pids. They will be restarted."""
        with self._lock:
            pids = (self.processors.signal(name, signal.SIGKILL) for name in names)
            return [pid for pid in pids if pid is not None]

    def kill_worker(self, name: str) -> int | None:
        """`kill -9` of a worker process of it; its pid, None if it has none now."""
        with self._lock:
            pid = self.pid(name)
            if pid is None:
                return None
            with suppress(psutil.NoSuchProcess):
                for worker in psutil.Process(pid).children():
                    worker.kill()
                    return int(worker.pid)
            return None

    def freeze(self, name: str, for_s: float) -> int | None:
        """Stop it (SIGSTOP) for so long; its workers go on. Its pid, None if it does not run."""
        with self._lock:
            pid = self.processors.signal(name, signal.SIGSTOP)
            if pid is not None:
                self._thaw_at[name] = time.monotonic() + for_s
            return pid

    def running(self, processor: str) -> list[str]:
        """Its instances that run and are not frozen, the one that has run longest first."""
        with self._lock:
            names = [name for name in instances(processor) if name in self._wanted - {*self._thaw_at}]
            return sorted((n for n in names if self.pid(n) is not None), key=self._began.__getitem__)

    def missing(self) -> list[str]:
        """Instances that were removed, or never added."""
        with self._lock:
            return [
                name for processor in ALL for name in instances(processor) if name not in self._wanted
            ]

    def pid(self, name: str) -> int | None:
        """Its pid, None if it does not run."""
        return self.processors.pid(name)

    def look(self) -> None:
        """Restart what ended and thaw what was frozen for long enough."""
        with self._lock:
            now = time.monotonic()
            for name, status in self.processors.ended().items():
                self._thaw_at.pop(name, None)
                if status not in _STOPPED and status != -signal.SIGKILL:
                    self.note(f"ended by itself, status {status}", name)
                if name in self._wanted:
                    self._start_at[name] = now + _RESTART_PAUSE_S
            for name in [name for name, at in self._start_at.items() if at <= now]:
                self._start(name)
            for name in [name for name, at in self._thaw_at.items() if at <= now]:
                self._thaw(name)

    def frozen(self) -> list[str]:
        """Those that are frozen now."""
        with self._lock:
            return list(self._thaw_at)

    def stop(self) -> None:
        """Stop all of them. Raises AssertionError if one does not end well."""
        with self._lock:
            self._start_at.clear()
            self._wanted.clear()
            left = {name for processor in ALL for name in instances(processor) if self.pid(name)}
            for name in left:
                self.processors.signal(name, signal.SIGTERM)

            def ended() -> bool:
                for name, status in self.processors.ended().items():
                    left.discard(name)
                    assert status in _STOPPED, f"{name} ended with status {status}"
                return not left

            until(ended, f"the end of {left}", within_s=_STOP_S)

    def _start(self, name: str) -> None:
        self._start_at.pop(name, None)
        self._began[name] = time.monotonic()
        self.processors.start(name)

    def _thaw(self, name: str) -> None:
        del self._thaw_at[name]
        if (pid := self.processors.signal(name, signal.SIGCONT)) is not None:
            self.note("goes on", f"{name} ({pid})")
