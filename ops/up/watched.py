"""A watched folder: which of its files are there whole and have not been taken before."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ops.pipeline.files import MediaFile, identify, walk

SETTLE_S = 5.0


@dataclass(slots=True)
class WatchedFolder:
    """The media files in a folder and those below it, found by looking again and again: that sees every
    kind of change on every file system.

    A file is whole when its size and time of change have stayed the same for `settle_s` and no program
    has it open for writing, as far as the system tells. Copying to a name that is no media file's, and
    renaming, is as good.
    """

    folder: Path
    settle_s: float = SETTLE_S
    _seen: dict[Path, tuple[tuple[int, int], float]] = field(default_factory=dict)
    _taken: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def ready(self, now: float, is_known: Callable[[str], bool]) -> Iterator[MediaFile]:
        """The files that have become whole by `now` (seconds of any clock) and whose video id nobody
        knows; each once, also after a restart."""
        there = dict(self._there())
        self._seen = {path: seen for path, seen in self._seen.items() if path in there}
        self._taken = {path: facts for path, facts in self._taken.items() if path in there}
        for path, facts in there.items():
            if self._taken.get(path) == facts:
                continue
            seen, since = self._seen.get(path, (None, now))
            if seen != facts:
                self._seen[path] = (facts, now)
            elif now - since >= self.settle_s and not is_being_written(path):
                file = identify(path)
                if isinstance(file, MediaFile) and not is_known(file.video_id):
                    yield file  # whoever cannot take it now gets it again
                self._taken[path] = facts
                self._seen.pop(path, None)

    def _there(self) -> Iterator[tuple[Path, tuple[int, int]]]:
        for path in walk(self.folder):
            try:
                facts = path.stat()
            except OSError:  # gone, or a link to nothing
                continue
            yield path, (facts.st_size, facts.st_mtime_ns)


def is_being_written(path: Path) -> bool:
    """Whether a program on this machine has the file open for writing; False where the system does not
    tell: of others' files, and on most network file systems."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)  # only granted while nobody writes
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno in (errno.EAGAIN, errno.EWOULDBLOCK)
    finally:
        os.close(file)
    return False
