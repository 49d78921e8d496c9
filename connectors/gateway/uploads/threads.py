"""Where calls to the store wait, so that the event loop does not."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Threads:
    """A few threads; calls beyond that wait in line."""

    def __init__(self, most: int) -> None:
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="uploads")

    def start(self, call: Callable[P, R], *args: P.args, **more: P.kwargs) -> "asyncio.Future[R]":
        """Have it called; its result or error is the future's."""
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._pool, lambda: call(*args, **more))

    async def run(self, call: Callable[P, R], *args: P.args, **more: P.kwargs) -> R:
        """Call it. Who is cancelled meanwhile waits for it all the same: a call cannot be taken back."""
        future = self.start(call, *args, **more)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    def close(self) -> None:
        """Take no more calls; those that are under way end."""
        self._pool.shutdown(wait=False)
