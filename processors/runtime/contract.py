"""The contract between a stage and the runtime that runs it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from schemas.events import Event, FailureKind
from schemas.topics import Topic


class PoisonError(Exception):
    """This record can never be processed, however often it is tried. The message says why."""


class Job(Protocol):
    """What a processor may ask of the runtime while it works on one event. Nothing here blocks."""

    @property
    def attempt(self) -> int:
        """1 for the first try."""

    def progress(self, done: float, total: float | None, unit: str) -> None:
        """Say how far the work is. Sent now and then; some are skipped."""

    def check(self) -> None:
        """Raise Cancelled if the work is no longer wanted. Call it between yields of long work."""


class Cancelled(Exception):
    """The video was cancelled or deleted, or the partition was lost; the runtime handles this."""


class Processor(Protocol):
    """One stage's work. Made once in each worker process, so it may hold a model or a connection.

    `process` may block as long as it likes: it runs in a worker process, never in the poll loop. It
    yields events as they become ready, and for one input it yields the same events in the same order
    each time, since a redo emits only those that are not out yet. It leaves `event_id`, `made_at` and
    `stages` of what it yields to the runtime.

    It raises TransientError (try this record later), DependencyDown (stop all work until the dependency
    is back), PoisonError (never try again) or, for a bug, anything else. What is wrong with the *video*
    is no error but an event like any other: StageFailed.
    """

    def process(self, event: Any, job: Job) -> Iterator[Event]: ...


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the runtime gave up on an input event."""

    kind: FailureKind
    reason: str
    yields_out: int
    """How many events of this input were emitted before."""


@dataclass(frozen=True, slots=True)
class Lane:
    """An input topic. While several lanes wait, records are taken in proportion to their weights."""

    topic: Topic
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Stage:
    """A processor as the runtime sees it; cheap to import and to pickle.

    name: stage and consumer group. make: called once in each worker process with `settings`. gave_up:
    the event that tells the world that an input is given up. probe: called in a worker while a
    dependency is down; raises DependencyDown until it is back. workers: worker processes, where no
    setting says otherwise.
    """

    name: str
    lanes: tuple[Lane, ...]
    make: Callable[[Any], Processor]
    settings: Any
    gave_up: Callable[[Any, Failure], Event]
    probe: Callable[[Any], None]
    workers: int = 1
