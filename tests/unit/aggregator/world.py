"""A world in memory that dies at any chosen step, and stays as it was then."""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from connectors.kafka.records import Record
from connectors.objectstore import ObjectMissing, ref_to
from connectors.registry import FingerprintRegistry
from processors.aggregator.aggregator import Aggregator
from schemas.codec import Codec
from schemas.events import ArtefactRef, Event
from schemas.headers import Headers, event_headers
from schemas.topics import topic_of
from tests.unit.aggregator.pieces import AT

T = TypeVar("T")
CODEC = Codec(FingerprintRegistry())


class Crash(BaseException):
    """The process died."""


@dataclass
class Steps:
    """Counts what changes the world; the process dies `before` step `dies_at` is done, or after."""

    dies_at: int | None = None
    before: bool = True
    done: int = 0

    def __call__(self, change: Callable[[], T]) -> T:
        at_this = self.done == self.dies_at
        self.done += 1
        if at_this and self.before:
            raise Crash
        result = change()
        if at_this:
            raise Crash
        return result


@dataclass
class MemoryStore:
    """An object store in a dictionary."""

    steps: Steps
    objects: dict[str, bytes] = field(default_factory=dict)

    def put(self, key: str, data: bytes) -> ArtefactRef:
        self.steps(lambda: self.objects.__setitem__(key, data))
        return ref_to(key, data)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        return self.steps(lambda: self.objects.setdefault(key, data) is data)

    def get(self, key: str) -> bytes:
        try:
            return self.objects[key]
        except KeyError:
            raise ObjectMissing(key) from None

    def size(self, key: str) -> int:
        return len(self.get(key))

    def find(self, key: str) -> ArtefactRef | None:
        return ref_to(key, self.objects[key]) if key in self.objects else None

    def local_file(self, key: str) -> AbstractContextManager[Path]:
        raise NotImplementedError

    def keys(self, prefix: str) -> Iterator[str]:
        return iter(sorted(key for key in self.objects if key.startswith(prefix)))

    def delete(self, key: str) -> None:
        self.steps(lambda: self.objects.pop(key, None))


@dataclass
class World:
    """What outlives the process: store, table, topics, and the clock, which goes on."""

    steps: Steps = field(default_factory=Steps)
    table: dict[bytes, bytes] = field(default_factory=dict)
    sent: list[tuple[str, bytes | None, bytes | None]] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    ticks: int = 0
    store: MemoryStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.steps)

    async def call(self, work: Callable[[], T]) -> T:
        return work()

    async def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        self.steps(lambda: self.sent.append((topic, key, value)))

    async def write_row(self, partition: int, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.steps(lambda: self.table.pop(key, None))
        else:
            self.steps(lambda: self.table.__setitem__(key, value))

    def count(self, what: str) -> None:
        self.counted.append(what)

    def now(self) -> datetime:
        self.ticks += 1
        return AT + timedelta(minutes=self.ticks)

    def started(self, max_done: int = 1000) -> Aggregator:
        """A new process, recovered from what the last one left."""
        aggregator = Aggregator(self.store, CODEC, self, now=self.now, max_done=max_done)
        run(aggregator.recover(self.table))
        return aggregator

    def feed(self, events: Sequence[Event], *, commits: bool = True) -> None:
        """Have the events handled in this order. After a crash a new process goes on from the last
        commit: that before the event at hand, or without `commits` from the first event."""
        aggregator = self.started()
        at = 0
        while at < len(events):
            try:
                run(aggregator.handle(record(events[at])))
                at += 1
            except Crash:
                aggregator = self.started()
                at = at if commits else 0

    def sent_to(self, *names: str) -> list[tuple[bytes | None, bytes | None]]:
        return [
            (key, value) for topic, key, value in self.sent if topic.removeprefix("reelay.") in names
        ]

    def outcomes(self) -> set[tuple[bytes | None, bytes | None]]:
        return set(self.sent_to("video.completed", "video.failed", "video.cancelled"))


def record(event: Event) -> Record:
    """The event as it is read from its topic."""
    topic = topic_of(event)
    return Record(
        topic=topic.name,
        partition=0,
        offset=0,
        key=topic.key(event).encode(),
        value=CODEC.encode(event),
        headers=event_headers(event, source="test"),
        timestamp_ms=0,
    )


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")
