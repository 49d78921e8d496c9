"""Copies of objects on this machine's disk, for programs that read files."""

import errno
import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from connectors.errors import DependencyDown
from connectors.objectstore.contract import ObjectTooLarge

_PREFIX = "reelay-scratch-"
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}")


@dataclass(frozen=True, slots=True)
class Scratch:
    """A folder for such copies, which other processes may share. max_bytes: the largest that is made."""

    folder: Path
    max_bytes: int

    @contextmanager
    def copy(self, blocks: Iterator[bytes], size_bytes: int, ending: str) -> Iterator[Path]:
        """A file that holds `blocks`, `size_bytes` together, while the context lasts.

        ending: of the name, such as ".mp4": programs guess by it; left out if it is not plain. Raises
        ObjectTooLarge, and DependencyDown of the "scratch disk" before anything is copied if there is no
        room.
        """
        if size_bytes > self.max_bytes:
            raise ObjectTooLarge(f"{size_bytes:,} bytes, and {self.max_bytes:,} is the most")
        with self._locked_file(ending) as (file, path):
            with self._disk_faults():
                _reserve(file, size_bytes)
            for block in blocks:
                with self._disk_faults():
                    file.write(block)
            with self._disk_faults():
                file.flush()
            yield path

    def remove_leftovers(self) -> None:
        """Remove the copies of processes that died: a lock dies with its owner. Those that may not be
        touched stay."""
        for path in self.folder.glob(f"{_PREFIX}*"):
            with suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()

    @contextmanager
    def _locked_file(self, ending: str) -> Iterator[tuple[BinaryIO, Path]]:
        with self._disk_faults():
            self.folder.mkdir(parents=True, exist_ok=True)
            file, path = self._created(ending if _ENDING.fullmatch(ending) else "")
        try:
            with file:
                yield file, path
        finally:
            path.unlink(missing_ok=True)

    def _created(self, ending: str) -> tuple[BinaryIO, Path]:
        while True:
            descriptor, name = tempfile.mkstemp(prefix=_PREFIX, suffix=ending, dir=self.folder)
            file = os.fdopen(descriptor, "wb")
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return file, Path(name)
            file.close()  # somebody took it for a leftover before it was locked

    @contextmanager
    def _disk_faults(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DependencyDown(
                "scratch disk",
                f"{self.folder}: {error.strerror}: make room there, or name another folder in"
                " REELAY_SCRATCH_FOLDER",
            ) from error


def _reserve(file: BinaryIO, size_bytes: int) -> None:
    """Take the room at once, so that a copy does not fill the disk and fail at its end."""
    if size_bytes and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, size_bytes)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # a file system that cannot
                raise
