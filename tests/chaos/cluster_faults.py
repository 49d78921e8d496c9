"""What happens to a cluster and its processors: each kind of fault once, then by dice."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ops.cluster.cluster import Cluster
from ops.cluster.server import Server
from ops.cluster.store import BUCKET
from tests.chaos.cluster_fleet import Fleet
from tests.chaos.cluster_uploads import Publisher
from tests.chaos.guarantees import Revision
from tests.processors import ALL, ON_THE_RUNTIME
from tests.processors import until as wait_until

SESSION_S = 6.0
"""Silence after which groups drop a member."""

KILLED = "killed"
WORKER_KILLED = "worker killed"
FROZEN = "stopped past its session"
RESTARTED = "restarted"
KILLED_AND_RESTARTED = "killed and restarted"
ADDED = "instance added"
REMOVED = "instance removed"
CUT = "killed between artefact and commit"

Kind = tuple[str, str]
"""To whom, and what."""

GROUPS = "a group"
SERVERS = ("kafka", "registry", "store")
KINDS: tuple[Kind, ...] = (
    *((processor, KILLED) for processor in ALL),
    *((processor, FROZEN) for processor in ALL),
    *((processor, WORKER_KILLED) for processor in ON_THE_RUNTIME),
    *((processor, CUT) for processor in ("converter", "transcriber")),
    *((server, RESTARTED) for server in SERVERS),
    *((server, KILLED_AND_RESTARTED) for server in SERVERS),
    (GROUPS, REMOVED),
    (GROUPS, ADDED),
)

_MEAN_PAUSE_S = 1.0
_MOST_AWAY_S = 2.0
_FROZEN_S = SESSION_S + 3.0
_CUT_CHANCE_S = 120.0
_VICTIM_S = 180.0
_TICK_S = 0.001


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, at so many seconds from the start."""

    at_s: float
    what: str
    whom: str

    def __str__(self) -> str:
        return f"{self.at_s:7.2f} s  {self.what:36}{self.whom}"


@dataclass(frozen=True, slots=True)
class Cut:
    """All instances of a stage were killed when an artefact of a revision had just appeared. at: when
    that was done."""

    revision: Revision
    processor: str
    key: str
    at: datetime


@dataclass(slots=True)
class Moments:
    """What happened so far, for several threads."""

    moments: list[Moment] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, whom: str) -> None:
        """Something happened now."""
        with self._lock:
            self.moments.append(Moment(time.monotonic() - self._began, what, whom))

    def __str__(self) -> str:
        return "\n".join(map(str, self.moments))


@dataclass(slots=True)
class Storm:
    """Disturbs a cluster and a fleet on it, by dice.

    bait: the keys of the artefacts that the publisher's bait has, by the processor that makes them.
    done: how often each kind was done. cuts: kills when an artefact had appeared; whether its event was
    out by then, the topics tell.
    """

    cluster: Cluster
    fleet: Fleet
    publisher: Publisher
    moments: Moments
    dice: random.Random
    bait: dict[str, str]
    done: Counter[Kind] = field(default_factory=Counter)
    cuts: list[Cut] = field(default_factory=list)
    _starting: set[str] = field(default_factory=set)

    def blow(self, *, until: float) -> None:
        """One fault of each kind, in any order, then more until that moment."""
        for kind in self._kinds(until):
            calm_until = time.monotonic() + self.dice.expovariate(1 / _MEAN_PAUSE_S)
            while time.monotonic() < calm_until:
                time.sleep(_TICK_S)
            self.strike(kind)
        self._await(*SERVERS)
        wait_until(lambda: not self.fleet.frozen(), "all that are frozen go on")

    def _kinds(self, until: float) -> Iterator[Kind]:
        yield from self.dice.sample(KINDS, len(KINDS))
        while time.monotonic() < until:
            yield self.dice.choice(KINDS)

    def strike(self, kind: Kind) -> None:
        """Do it now."""
        whom, what = kind
        if whom == GROUPS:
            self._change_groups(what)
        elif whom in ALL:
            self._strike_one(whom, what)
        else:
            self._restart(getattr(self.cluster, whom), whom, what)
        self.done[kind] += 1

    def _restart(self, server: Server, name: str, what: str) -> None:
        """It is not waited for until it is needed again: more may go wrong while it starts."""
        self._await(name)
        pid = server.pid
        if what == RESTARTED:
            server.stop()
        else:
            server.kill()
        self.moments.note(what, f"{name} ({pid})")
        back_at = time.monotonic() + self.dice.uniform(0, _MOST_AWAY_S)
        while time.monotonic() < back_at:
            time.sleep(_TICK_S)
        server.launch()
        self._starting.add(name)

    def _await(self, *names: str) -> None:
        """Wait until these servers answer again, if they are starting."""
        for name in sorted(self._starting.intersection(names)):
            getattr(self.cluster, name).wait()
            self._starting.remove(name)
            self.moments.note("has come back", name)

    def _change_groups(self, what: str) -> None:
        """One instance more or less. A group of one always stays."""
        missing = self.fleet.missing()
        if what == ADDED:
            if not missing:
                self._change_groups(REMOVED)
                missing = self.fleet.missing()
            name = self.dice.choice(missing)
            self.fleet.add(name)
        else:
            name = self.dice.choice([processor + ".2" for processor in ALL])
            if name in missing:
                self.fleet.add(name)
            self.fleet.remove(name)
        self.moments.note(what, name)

    def _strike_one(self, processor: str, what: str) -> None:
        if what == CUT:
            self._cut(processor)
            return

        def struck() -> str:
            # one that has just been started would not have joined its group yet
            running = self.fleet.running(processor)
            name = running[0] if running and what == FROZEN else next(iter(self._any(running)), None)
            if name is None:
                return ""
            if what == KILLED:
                pid = next(iter(self.fleet.kill(name)), None)
            elif what == WORKER_KILLED:
                pid = self.fleet.kill_worker(name)
            else:
                pid = self.fleet.freeze(name, _FROZEN_S)
            return "" if pid is None else f"{name} ({pid})"

        whom = wait_until(struck, f"a {processor} that can be {what}", within_s=_VICTIM_S)
        self.moments.note(what, whom)

    def _any(self, names: list[str]) -> list[str]:
        return self.dice.sample(names, len(names))

    def _cut(self, processor: str) -> None:
        """Have an artefact made anew, and kill all who may have made it as soon as it is there."""
        self._await(*SERVERS)
        key = self.bait[processor]
        bait = self.publisher.files.bait
        wait_until(
            lambda: bait not in map(self.publisher.published.get, self.publisher.unfinished()),
            "the bait's last revision is over",
        )
        self.publisher.remove(self.bait.values())
        revision = self.publisher.publish(bait)
        place = self.cluster.folder / "store" / BUCKET / key
        names = [processor, f"{processor}.2"]
        if not _appears(place):
            self.moments.note("the moment never came: " + CUT, processor)
            return
        pids = self.fleet.kill(*names)
        self.cuts.append(Cut(revision, processor, key, datetime.now(UTC)))
        self.moments.note(CUT, f"{processor} ({', '.join(map(str, pids))})")


def _appears(place: Path) -> bool:
    deadline = time.monotonic() + _CUT_CHANCE_S
    while not place.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(_TICK_S)
    return True
