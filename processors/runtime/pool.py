"""A bounded pool of worker processes, one pipe each.

Not `concurrent.futures`: there one dead process fails the work of all. Here it ends its own task, and a
new process takes its place.
"""

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess, SpawnProcess
from typing import Any

from connectors.settings import Connections
from processors.runtime import worker
from processors.runtime.birth import may_fork
from processors.runtime.contract import Stage
from processors.runtime.logs import fields
from processors.runtime.wire import Down, Finished, GaveUp, NotReady, Probed, Ready, Reply, Stop, Task

log = logging.getLogger("reelay.runtime")

_MAX_DEAD_STARTS = 3
_QUIT_S = 1.0


class WorkersUnusableError(Exception):
    """No worker can be made ready; the program cannot do its job."""


@dataclass(frozen=True, slots=True)
class Died:
    """In place of a reply: the process is gone, whatever it was doing. A new one is starting."""

    how: str


class Worker:
    """One process and what it is doing: `task` is None while it is idle or starting. heard_at: when it
    last said something or was given a task (monotonic seconds)."""

    def __init__(self, stage: Stage, connections: Connections, others: Sequence["Worker"]) -> None:
        self._connection, theirs = multiprocessing.Pipe()
        make = (stage, connections, os.getpid())
        name = f"{stage.name}-worker"
        self._process: ForkProcess | SpawnProcess
        if may_fork():
            # A fork has our ends of all pipes too; while it holds them, closing them here tells nobody.
            not_its = [one.connection for one in (*others, self)]
            self._process = ForkProcess(
                target=_work_alone, args=(not_its, theirs, *make), name=name, daemon=True
            )
        else:
            self._process = SpawnProcess(
                target=worker.main, args=(theirs, *make), name=name, daemon=True
            )
        self._process.start()
        theirs.close()
        self.ready = False
        self.task: Task | None = None
        self.heard_at = time.monotonic()

    @property
    def pid(self) -> int:
        pid = self._process.pid
        assert pid is not None
        return pid

    @property
    def connection(self) -> Connection:
        return self._connection

    @property
    def sentinel(self) -> int:
        return self._process.sentinel

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def send(self, message: Task | Stop) -> None:
        """Never fails: that a worker is dead is learnt by reading."""
        with suppress(OSError):
            self._connection.send(message)

    def replies(self) -> Iterator[Reply | Died]:
        """What has arrived, without waiting for more; the last is `Died` if the process is gone."""
        gone = not self.alive  # asked first: what it said before is read below
        try:
            while self._connection.poll():
                yield self._connection.recv()
        except (EOFError, OSError):
            gone = True
        if gone:
            yield Died(self.kill())

    def end(self) -> None:
        """Have the kernel end the process; that it is gone is learnt by reading."""
        self._process.kill()

    def hang_up(self) -> None:
        """Close the pipe: an idle worker ends by itself, a busy one when it next says something."""
        self._connection.close()

    def ended(self, timeout_s: float) -> bool:
        """Whether the process is gone, or goes within that time."""
        self._process.join(timeout_s)
        return not self.alive

    def kill(self) -> str:
        """End the process and the programs that it runs, now. Returns how it ended, if it had
        already."""
        # its group at once, before its number can be given anew; it leads none if it died while starting
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join()
        self._connection.close()
        code = self._process.exitcode or 0
        return f"exit status {code}" if code >= 0 else signal.Signals(-code).name


def _work_alone(not_its: Sequence[Connection], *args: Any) -> None:
    for connection in not_its:
        connection.close()
    worker.main(*args)


class Pool:
    """`size` workers. Processes start at once; each is given its first task when it is ready.

    max_silence_s: a worker that says nothing for so long, while it starts or is at work, hangs and is
    ended: whatever it waits for may never come.
    """

    def __init__(
        self, stage: Stage, size: int, connections: Connections, *, max_silence_s: float
    ) -> None:
        self._stage = stage
        self._max_silence_s = max_silence_s
        self._connections = connections
        self._dead_starts = 0
        self._workers: list[Worker] = []
        for _ in range(size):
            self._workers.append(self._started())

    @property
    def workers(self) -> list[Worker]:
        return self._workers

    def idle(self) -> Worker | None:
        """A worker that waits for a task."""
        return next((w for w in self._workers if w.ready and w.task is None), None)

    def give(self, to: Worker, task: Task) -> None:
        """Have an idle worker do a task."""
        to.task = task
        to.heard_at = time.monotonic()
        to.send(task)

    def wait(self, timeout_s: float) -> Iterator[tuple[Worker, Task | None, Reply | Died]]:
        """What workers said, each with the task it is about; waits at most `timeout_s` for the first.

        A worker that died has been replaced. Raises WorkersUnusableError if workers cannot be made
        ready.
        """
        self._end_silent()
        by_handle: dict[object, Worker] = {}
        for one in self._workers:
            by_handle[one.connection] = by_handle[one.sentinel] = one
        heard = {by_handle[handle]: None for handle in wait(list(by_handle), timeout_s)}  # type: ignore[arg-type]
        # the handles tell nothing of a dead worker while a child that it left behind has them open
        heard |= {one: None for one in self._workers if not one.alive}
        for one in heard:
            one.heard_at = time.monotonic()
            for reply in one.replies():
                task = one.task
                self._note(one, reply)
                yield one, task, reply

    def close(self) -> None:
        """End all workers: idle ones by themselves, the others by force."""
        for one in self._workers:
            one.hang_up()
        deadline = time.monotonic() + _QUIT_S
        for one in self._workers:
            if one.task is not None or not one.ended(max(0.0, deadline - time.monotonic())):
                one.kill()
        self._workers = []

    def _end_silent(self) -> None:
        now = time.monotonic()
        for one in self._workers:
            waited_for = one.task is not None or not one.ready
            if waited_for and now - one.heard_at > self._max_silence_s:
                log.error(
                    "a worker was silent for %g s", self._max_silence_s, extra=fields(worker=one.pid)
                )
                one.heard_at = now
                one.end()

    def _note(self, one: Worker, reply: Reply | Died) -> None:
        match reply:
            case Ready():
                one.ready = True
                self._dead_starts = 0
            case NotReady(reason):
                raise WorkersUnusableError(f"{self._stage.name} cannot start: {reason}")
            case Down(dependency, reason):
                log.warning("a worker waits for %s: %s", dependency, reason)
            case Finished() | GaveUp() | Probed():
                one.task = None
            case Died(how):
                self._replace(one, how)

    def _replace(self, one: Worker, how: str) -> None:
        log.error("a worker process died: %s", how, extra=fields(worker=one.pid))
        if not one.ready:
            self._dead_starts += 1
            if self._dead_starts >= _MAX_DEAD_STARTS:
                raise WorkersUnusableError(
                    f"{self._stage.name}: {_MAX_DEAD_STARTS} workers died while starting"
                )
        self._workers[self._workers.index(one)] = self._started()

    def _started(self) -> Worker:
        return Worker(self._stage, self._connections, self._workers)
