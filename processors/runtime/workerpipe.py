"""The worker's end of its pipe (`wire.py`).

One thread listens, so that a task can be stopped, and those that wait be handed back, whatever the
processor is at. Replies go many at a time: those of quick tasks would cost more than the tasks. Another
thread sees that none waits for long while the processor works on.
"""

import threading
import time
from collections import deque
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from typing import Protocol

from processors.runtime.unwanted import Unwanted
from processors.runtime.wire import (
    Began,
    HandBack,
    HandedBack,
    NoMore,
    Said,
    Stop,
    Task,
    packed,
    unpacked_tasks,
)

_FLUSH_S = 0.005
_LATE_S = 0.1
"""When the thread that sends what was said is late: the pipe is full."""


class AtWork(Protocol):
    """The number of the task that was begun last, in memory that a worker shares with its parent."""

    value: int


class PipeClosed(BaseException):
    """The parent is gone, or wants no more of this worker. No processor should catch it."""


class WorkerPipe:
    """Tasks in, replies out. A processor may report progress from several threads.

    unwanted: what nobody wants any more, as far as the parent has told.
    """

    def __init__(self, connection: Connection) -> None:
        self.unwanted = Unwanted()
        self._connection = connection
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._begun = 0
        self._stopped: frozenset[int] = frozenset()
        self._unsaid: deque[Said] = deque()
        self._sending = threading.Lock()
        self._sent_at = 0.0
        self._unsent = threading.Event()
        self._closed = threading.Event()
        for run in (self._listen, self._flush_in_time):
            threading.Thread(target=run, name=run.__name__, daemon=True).start()

    def next_task(self) -> Task:
        """The next task; blocks, and then nothing is left unsaid. Raises PipeClosed."""
        try:
            task = self._tasks.get_nowait()
        except Empty:
            self.flush()
            task = self._tasks.get()
        if task is None:
            raise PipeClosed
        self._begun = task.number
        return task

    def stopped(self, number: int) -> bool:
        """Whether the task of that number, the one at work, is to be dropped. Raises PipeClosed."""
        if self._closed.is_set():
            raise PipeClosed
        return number in self._stopped

    def say(self, said: Said) -> None:
        """Send it: at once if nothing was sent lately, or in a few milliseconds. Blocks while the parent
        does not read. Raises PipeClosed."""
        if self._closed.is_set():
            raise PipeClosed
        self._unsaid.append(said)
        since_s = time.monotonic() - self._sent_at
        if self._unsent.is_set() and since_s < _LATE_S:  # it will go in time
            return
        if since_s > _FLUSH_S and not isinstance(said, Began):
            self.flush()
        else:
            self._unsent.set()

    def flush(self) -> None:
        """Send what was said. Raises PipeClosed."""
        with self._sending:
            # what is said meanwhile, by other threads, is sent next time
            if said := [self._unsaid.popleft() for _ in range(len(self._unsaid))]:
                self._send(said)

    def wait(self, timeout_s: float) -> None:
        """Let that time pass. Raises PipeClosed as soon as the parent hangs up."""
        if self._closed.wait(timeout_s):
            raise PipeClosed

    def _send(self, said: list[Said]) -> None:
        try:
            self._connection.send(packed(said))
        except OSError as error:
            self._closed.set()
            raise PipeClosed from error
        self._sent_at = time.monotonic()

    def _flush_in_time(self) -> None:
        while True:
            self._unsent.wait()
            time.sleep(_FLUSH_S)
            self._unsent.clear()
            try:
                self.flush()
            except PipeClosed:
                return

    def _listen(self) -> None:
        try:
            while True:
                match self._connection.recv():
                    case Stop(number):  # late ones, for tasks that ended, are forgotten
                        self._stopped = frozenset(
                            {n for n in self._stopped if n >= self._begun} | {number}
                        )
                    case NoMore(videos):
                        for video in videos:
                            self.unwanted.add(video)
                    case HandBack():
                        self._hand_back()
                    case tasks:
                        for task in unpacked_tasks(tasks):
                            self._tasks.put(task)
        except (EOFError, OSError, PipeClosed):
            self._closed.set()
            self._tasks.put(None)

    def _hand_back(self) -> None:
        count = 0
        with suppress(Empty):
            while True:
                self._tasks.get_nowait()
                count += 1
        with self._sending:
            self._send([HandedBack(count)])
