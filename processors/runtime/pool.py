"""A bounded pool of worker processes, one pipe each.

Not `concurrent.futures`: there one dead process fails the work of all. Here it ends its own task, and a
new process takes its place. A worker may be given several tasks, of which it does one at a time: the
others wait there only so that it need not wait for the poll loop.
"""

import ctypes
import logging
import multiprocessing
import os
import signal
import time
from collections import deque
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
from processors.runtime.unwanted import VideoKey
from processors.runtime.wire import (
    Down,
    GaveUp,
    HandBack,
    HandedBack,
    NoMore,
    NotReady,
    Probed,
    Ready,
    Reply,
    Report,
    Stop,
    Task,
    Work,
    packed_tasks,
    unpacked,
)

log = logging.getLogger("reelay.runtime")

AHEAD_S = 0.1
"""How much work may wait in a worker, so that it need not wait for the poll loop, which may be at a
commit. One that is at a task for longer is given no more, and hands back what waits behind it."""
_MAX_DEAD_STARTS = 3
_QUIT_S = 1.0
_MAX_WAITING_BYTES = 1_000_000
_SPAWN = multiprocessing.get_context("spawn")


class WorkersUnusableError(Exception):
    """No worker can be made ready; the program cannot do its job."""


@dataclass(frozen=True, slots=True)
class Died:
    """In place of a reply: the process is gone, and with it what it was doing. A new one is starting.

    untried: what it was given and had not begun, or did without telling.
    """

    how: str
    untried: tuple[Task, ...] = ()


@dataclass(frozen=True, slots=True)
class Untried:
    """In place of `HandedBack`: tasks that the worker was given and will not begin."""

    tasks: tuple[Task, ...]


Heard = Reply | Died | Untried


class Worker:
    """One process and what it was given to do.

    heard_at: when it last said something or was given a task while it had none. _since: when the task at
    its head became the first. Both in monotonic seconds.
    """

    def __init__(self, stage: Stage, connections: Connections, others: Sequence["Worker"]) -> None:
        self._connection, theirs = multiprocessing.Pipe()
        self._at_work = _SPAWN.RawValue(ctypes.c_longlong, 0)
        make = (self._at_work, stage, connections, os.getpid())
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
        self.heard_at = self._since = time.monotonic()
        self._given: deque[Task] = deque()
        self._unsent: list[Task] = []
        self._waiting_bytes = 0
        self._recalled = False

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

    @property
    def task(self) -> Task | None:
        """What it is at, or about to begin; None while it is idle or starting."""
        return self._given[0] if self._given else None

    @property
    def waiting(self) -> int:
        """How many tasks it was given beside that one."""
        return max(0, len(self._given) - 1)

    @property
    def takes_more(self) -> bool:
        """Whether it may be given another task: it is idle, or will soon have done what it has."""
        if not self.ready or self._recalled:
            return False
        return not self._given or (self._waiting_bytes < _MAX_WAITING_BYTES and not self.is_long)

    @property
    def is_long(self) -> bool:
        """Whether it is at one task for long."""
        return bool(self._given) and time.monotonic() - self._since > AHEAD_S

    def give(self, task: Task) -> None:
        """Have it do a task after those that it has. Sent by `send_given`."""
        if not self._given:
            self.heard_at = self._since = time.monotonic()
        self._given.append(task)
        self._unsent.append(task)
        self._waiting_bytes += _size(task)

    def send_given(self) -> None:
        """Send what it was given, all at once."""
        if self._unsent:
            self._send(packed_tasks(self._unsent))
            self._unsent = []

    def stop(self, number: int) -> None:
        """Have it drop that task at its next check or yield."""
        self._send(Stop(number))

    def tell(self, unwanted: Sequence[VideoKey]) -> None:
        """Have it know that nobody wants these videos."""
        self._send(NoMore(tuple(unwanted)))

    def recall(self) -> None:
        """Have it hand back what it has not begun. Until it answers it takes no more."""
        if self.waiting and not self._recalled:
            self._recalled = True
            self._send(HandBack())

    def replies(self) -> Iterator[Reply | Died]:
        """What has arrived, without waiting for more; the last is `Died` if the process is gone."""
        gone = not self.alive  # asked first: what it said before is read below
        try:
            while self._connection.poll():
                yield from unpacked(self._connection.recv())
        except (EOFError, OSError):
            gone = True
        if gone:
            yield Died(self.kill())

    def done(self) -> None:
        """Its first task is done."""
        self._waiting_bytes -= _size(self._given.popleft())
        self._since = time.monotonic()

    def handed_back(self, count: int) -> tuple[Task, ...]:
        """Its last tasks, so many, are not its any more."""
        self._recalled = False
        return self._taken(len(self._given) - count)

    def died_of(self) -> tuple[Task | None, tuple[Task, ...]]:
        """The task that it was at when it ended, if any, and all others that it was given."""
        number = self._at_work.value
        tasks = self._taken(0)
        at_work = next((task for task in tasks if task.number == number), None)
        return at_work, tuple(task for task in tasks if task is not at_work)

    def _taken(self, first: int) -> tuple[Task, ...]:
        taken = tuple(self._given.pop() for _ in range(len(self._given) - first))[::-1]
        self._waiting_bytes -= sum(map(_size, taken))
        return taken

    def _send(self, message: object) -> None:
        """Never fails: that a worker is dead is learnt by reading."""
        with suppress(OSError):
            self._connection.send(message)

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


def _size(task: Task) -> int:
    return len(task.record.value) if isinstance(task, Work) else 0


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

    def next_worker(self, most_waiting: int) -> Worker | None:
        """Whom to give a task: an idle worker, or whoever has the fewest waiting, at most so many."""
        best, fewest = None, most_waiting
        for one in self._workers:
            if one.takes_more:
                if one.task is None:
                    return one
                if one.waiting < fewest:
                    best, fewest = one, one.waiting
        return best

    def send_given(self) -> None:
        """Send what workers were given, all at once."""
        for one in self._workers:
            one.send_given()

    def wait(self, timeout_s: float) -> Iterator[tuple[Worker, Task | None, Heard]]:
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
                match reply:
                    case Report(finished=finished):  # first what comes with every record
                        task = one.task
                        if finished is not None:
                            one.done()
                        yield one, task, reply
                    case HandedBack(count):
                        yield one, None, Untried(one.handed_back(count))
                    case Died(how):
                        task, untried = one.died_of()
                        self._replace(one, how)
                        yield one, task, Died(how, untried)
                    case _:
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

    def _note(self, one: Worker, reply: Reply) -> None:
        match reply:
            case Ready():
                one.ready = True
                self._dead_starts = 0
            case NotReady(reason):
                raise WorkersUnusableError(f"{self._stage.name} cannot start: {reason}")
            case Down(dependency, reason):
                log.warning("a worker waits for %s: %s", dependency, reason)
            case GaveUp() | Probed():
                one.done()

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
