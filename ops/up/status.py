"""What a running supervisor says about itself, in a file that it writes about once a second."""

import errno
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ops.pipeline.folders import write_whole
from ops.pipeline.state import StateFolder
from ops.up.lock import is_held

STALE_S = 10.0
_ROOM_BYTES = 64 * 1024
"""The file is never smaller, so that it can be written over in place when the disk is full."""
_TRIES = 5
_AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class VideoStatus:
    """One revision that has no outcome yet. stage: what is done for it, in words; done, total: segments,
    None before they are known; age_s: since it was accepted."""

    video_id: str
    revision: int
    name: str
    stage: str
    done: int | None
    total: int | None
    more_segments_come: bool
    age_s: float | None


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One process. restarts: how often in a row it was started again; pause_s: how long until it is,
    None while it runs; ended: why it was the last time."""

    name: str
    pid: int
    restarts: int
    pause_s: float | None
    ended: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The supervisor's state. time: Unix time. trouble: what it waits for, in words. at_work, waiting:
    how many videos; videos: the first of them."""

    pid: int
    time: float
    began: float
    brokers: str | None
    model: str
    workers: int
    roots: tuple[str, ...]
    watch: str | None
    out: str | None
    trouble: str | None
    fresh_starts: int
    completed: int
    failed: int
    cancelled: int
    at_work: int
    waiting: int
    videos: tuple[VideoStatus, ...] = ()
    processes: tuple[ProcessStatus, ...] = ()

    @property
    def age_s(self) -> float:
        """Seconds since it was written."""
        return max(0.0, time.time() - self.time)


def write_status(path: Path, status: Status) -> None:
    """Put the status in place of the one before, also on a full disk. Raises OSError."""
    data = json.dumps(asdict(status)).encode().ljust(_ROOM_BYTES)
    try:
        write_whole(path, data)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        with path.open("r+b") as file:  # whoever reads half of it reads again
            if os.fstat(file.fileno()).st_size < len(data):
                raise
            file.write(data)
            file.truncate()


def read_status(state: StateFolder) -> Status | None:
    """The status of the supervisor that runs on this state folder; None if none does, or if it has not
    written any yet."""
    if not is_held(state.lock):
        return None
    for _ in range(_TRIES):
        with suppress(OSError, ValueError, KeyError, TypeError):
            return _load(json.loads(state.status.read_bytes()))
        time.sleep(_AGAIN_S)
    return None


def _load(record: Mapping[str, Any]) -> Status:
    return Status(
        **{
            **record,
            "roots": tuple(record["roots"]),
            "videos": tuple(VideoStatus(**video) for video in record["videos"]),
            "processes": tuple(ProcessStatus(**process) for process in record["processes"]),
        }
    )
