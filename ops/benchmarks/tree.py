"""The memory of a program with all that it starts."""

import os
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import psutil  # type: ignore[import-untyped]

_EVERY_S = 0.25


@dataclass
class PeakMemory:
    """Watches a process tree while the context lasts.

    Counted is the proportional set size: a page that several processes share counts once. now_bytes:
    what all have together; peak_bytes: the most that they had; parts: the most that each part had. A
    part is a process of the pipeline, named by its log, with its workers and their programs; all else is
    "the rest".
    """

    pid: int
    now_bytes: int = 0
    peak_bytes: int = 0
    parts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._over.is_set():
            sizes = _sizes(self.pid)
            self.now_bytes = sizes.total()
            self.peak_bytes = max(self.peak_bytes, self.now_bytes)
            self.parts |= sizes  # the greater of each
            self._over.wait(_EVERY_S)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()


def _sizes(pid: int) -> Counter[str]:
    sizes: Counter[str] = Counter()
    parts: dict[int, str] = {}
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.Error:
        return sizes
    for process in tree:
        try:
            said = Path(os.readlink(f"/proc/{process.pid}/fd/2"))
            above = parts.get(process.ppid(), "the rest")
            parts[process.pid] = said.stem if said.suffix == ".log" else above
            sizes[parts[process.pid]] += process.memory_full_info().pss
        except (psutil.Error, OSError):  # it is gone
            continue
    return sizes
