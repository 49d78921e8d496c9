"""A thread for work that blocks, while the thread that waits for it does something else."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

_SOON_S = 0.1

T = TypeVar("T")


class Aside:
    """Does one piece of work after another, all in one thread of its own."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, name)

    def do(self, work: Callable[[], T], *, meanwhile: Callable[[float], None]) -> T:
        """What `work` gives or raises.

        meanwhile: called again and again until then, unless that is soon; told for how long the work has
        gone on, in seconds. It takes a moment each time, and ends the waiting if it raises.
        """
        began = time.monotonic()
        doing = self._thread.submit(work)
        wait([doing], _SOON_S)
        while not doing.done():
            meanwhile(time.monotonic() - began)
        return doing.result()

    def close(self) -> None:
        """Wait for the work under way."""
        self._thread.shutdown()
