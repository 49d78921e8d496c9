"""One supervisor for each state folder: a lock that the system drops when its holder is gone."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TRY_S = 1.0
"""Somebody who only looks whether the lock is held has it for an instant; so has a killed supervisor's
child until it dies, too."""
_TICK_S = 0.02


class Held(Exception):
    """Another process holds the lock."""


@contextmanager
def hold(path: Path, *, try_s: float = _TRY_S) -> Iterator[None]:
    """Have the lock while the context lasts. Raises Held, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # not inherited
    try:
        deadline = time.monotonic() + try_s
        while not _locked(file, fcntl.LOCK_EX):
            if time.monotonic() >= deadline:
                raise Held(path)
            time.sleep(_TICK_S)
        yield
    finally:
        os.close(file)


def is_held(path: Path) -> bool:
    """Whether somebody has the lock now."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _locked(file, fcntl.LOCK_SH)
    finally:
        os.close(file)


def _locked(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
