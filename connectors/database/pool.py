"""Connections that are kept for the next one who needs one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, Full, LifoQueue
from typing import Generic, Protocol, TypeVar


class Closing(Protocol):
    """What can be closed."""

    def close(self) -> None: ...


C = TypeVar("C", bound=Closing)

_KEPT = 8


class Pool(Generic[C]):
    """Opens connections as they are needed and keeps some; one is used by one thread at a time."""

    def __init__(self, connect: Callable[[], C], is_good: Callable[[C], bool]) -> None:
        """is_good: whether a kept one may be used again."""
        self._connect = connect
        self._is_good = is_good
        self._kept: LifoQueue[C] = LifoQueue(_KEPT)

    @contextmanager
    def connection(self) -> Iterator[C]:
        """A connection, which is closed if the context ends with an error: it may be broken."""
        connection = self._take() or self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        try:
            self._kept.put_nowait(connection)
        except Full:
            connection.close()

    def close(self) -> None:
        """Close those that nobody uses."""
        while (connection := self._next()) is not None:
            connection.close()

    def _take(self) -> C | None:
        while (connection := self._next()) is not None:
            if self._is_good(connection):
                return connection
            connection.close()
        return None

    def _next(self) -> C | None:
        try:
            return self._kept.get_nowait()
        except Empty:
            return None
