"""Who is killed and when: a plan made by dice, and the hand that carries it out."""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from connectors.objectstore.folder import TEMPORARY
from tests.chaos.up import BROKER, SUPERVISOR, TOOL, Member, Up

IN_A_WRITE = " in a write"
BETWEEN_SEGMENTS = "aggregator between segments"

ODDS = {
    "converter": 3,
    "transcriber": 3,
    "enricher": 3,
    "aggregator": 3,
    "converter worker": 4,
    "transcriber worker": 6,
    "enricher worker": 4,
    TOOL: 2,
    BROKER: 2,
    SUPERVISOR: 2,
    "converter worker" + IN_A_WRITE: 2,
    "transcriber worker" + IN_A_WRITE: 2,
    "aggregator" + IN_A_WRITE: 2,
    BETWEEN_SEGMENTS: 1,
}
"""How often each kind of kill is drawn."""

MOMENTS = (TOOL, *(kind for kind in ODDS if kind.endswith(IN_A_WRITE)), BETWEEN_SEGMENTS)
"""Kinds whose moment has to be waited for."""

_MEAN_PAUSE_S = 0.5
_CHANCE_S = 1.5
"""How long such a moment is waited for by default."""
_TICK_S = 0.005
_LOOK_AGAIN_S = 0.3


@dataclass(frozen=True, slots=True)
class Plan:
    """One kill to come. pause_s: after the one before."""

    kind: str
    pause_s: float


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill that was done, at so many seconds from the start."""

    at_s: float
    kind: str
    pid: int

    def __str__(self) -> str:
        return f"{self.at_s:7.2f} s  {self.kind} ({self.pid})"


def plans(dice: random.Random) -> Iterator[Plan]:
    """Kills for ever, as the odds have it. Pauses are mostly short, so that processes are killed while
    they start, too."""
    kinds = sorted(ODDS)
    weights = [ODDS[kind] for kind in kinds]
    while True:
        (kind,) = dice.choices(kinds, weights)
        yield Plan(kind, dice.expovariate(1 / _MEAN_PAUSE_S))


@dataclass(slots=True)
class Hand:
    """Kills processes of one `reelay up`, with SIGKILL, and starts that again if it was the one.

    kills: what was done. torn: the temporary files of those that were killed in a write.
    """

    up: Up
    kills: list[Kill] = field(default_factory=list)
    torn: list[Path] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def strike(
        self, kind: str, when: Callable[[], bool] = lambda: True, *, chance_s: float = _CHANCE_S
    ) -> bool:
        """Do such a kill; False if there is no such process, or the moment that it needs does not come
        within `chance_s`. when: whether it is that moment.

        Raises AssertionError if a process outlives its supervisor.
        """
        if kind == SUPERVISOR:
            pid = next(self.up.members()).process.pid
            self.up.kill()
            self._note(kind, pid)
            self.up.start()
            return True
        deadline = time.monotonic() + (chance_s if kind in MOMENTS else 0.0)
        if kind.endswith(IN_A_WRITE):
            return self._strike_in_a_write(kind, deadline)
        role = "aggregator" if kind == BETWEEN_SEGMENTS else kind
        while True:
            if when():
                for member in self._living(role):
                    with suppress(psutil.NoSuchProcess):
                        member.process.kill()
                        self._note(kind, member.process.pid)
                        return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(_TICK_S)

    def _strike_in_a_write(self, kind: str, deadline: float) -> bool:
        """Stop a process that has a temporary file open, see that it still has it, and kill it then."""
        role = kind.removesuffix(IN_A_WRITE)
        writers: list[Member] = []
        look_at = 0.0
        while (now := time.monotonic()) < deadline:
            if now >= look_at:
                writers = list(self._living(role))
                look_at = now + _LOOK_AGAIN_S
            for writer in writers:
                if _written_by(writer.process.pid):
                    with suppress(psutil.NoSuchProcess):
                        if self._is_killed_in_a_write(writer.process, kind):
                            return True
        return False

    def _is_killed_in_a_write(self, process: psutil.Process, kind: str) -> bool:
        process.suspend()
        while process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
            pass  # it comes at once, but not before the system call at hand has ended
        places = _written_by(process.pid)
        if not places:
            process.resume()
            return False
        process.kill()
        self._note(kind, process.pid)
        self.torn += places
        return True

    def _living(self, role: str) -> Iterator[Member]:
        return (member for member in self.up.members() if member.role == role)

    def _note(self, kind: str, pid: int) -> None:
        self.kills.append(Kill(time.monotonic() - self._began, kind, pid))


def _written_by(pid: int) -> list[Path]:
    """The temporary files of an object store that the process has open now."""
    found = []
    with suppress(OSError):
        for file in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                place = Path(os.readlink(f"/proc/{pid}/fd/{file}"))
                if place.name.startswith(TEMPORARY):
                    found.append(place)
    return found
