"""What the poll loop and a worker process tell each other over their pipe. Plain data, pickled.

The loop sends lists of tasks (`Work`, `GiveUp`, `Probe`), which a worker does one after another; upon
`Stop` it drops one of them, upon `HandBack` those that it has not begun. The worker sends lists of
replies. It says `Ready` once it has made its processor, and answers each task, in their order, with any
number of `Emitted` and `Progressed` and then exactly one of `Finished`, `GaveUp`, `Probed`.

Tasks have numbers that grow. What goes by with every record is a named tuple: it is pickled in a third
of the time that a slotted dataclass takes.
"""

from dataclasses import dataclass
from typing import NamedTuple

from connectors.kafka.records import Outgoing, Record
from processors.runtime.contract import Failure
from processors.runtime.unwanted import VideoKey
from schemas.events import FailureKind


class Work(NamedTuple):
    """Process a record of the lane `topic`, emitting only what comes after its first `events_out`
    events."""

    number: int
    topic: str
    record: Record
    attempt: int
    events_out: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Make the event that says that the record is given up."""

    number: int
    topic: str
    record: Record
    attempt: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class Probe:
    """See whether the dependency is back."""

    number: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Drop the task of that number at its next check or yield."""

    number: int


@dataclass(frozen=True, slots=True)
class NoMore:
    """Nobody wants these videos any more."""

    videos: tuple[VideoKey, ...]


@dataclass(frozen=True, slots=True)
class HandBack:
    """Do not begin what you have not begun; answer with `HandedBack`."""


Task = Work | GiveUp | Probe


@dataclass(frozen=True, slots=True)
class Ready:
    """The processor is made."""


@dataclass(frozen=True, slots=True)
class NotReady:
    """The processor cannot be made, and trying again will not help."""

    reason: str


class Began(NamedTuple):
    """The record is decoded: whose it is."""

    video: VideoKey
    segment: int | None
    media_s: float


class Emitted(NamedTuple):
    """The next event is ready."""

    record: Outgoing


@dataclass(frozen=True, slots=True)
class Progressed:
    """An event for the progress topic; it may be lost."""

    record: Outgoing


@dataclass(frozen=True, slots=True)
class Done:
    """All events of the record are out."""


@dataclass(frozen=True, slots=True)
class NotWanted:
    """The video was cancelled or deleted, or the task was stopped."""


@dataclass(frozen=True, slots=True)
class Failed:
    """This try failed."""

    kind: FailureKind
    reason: str


@dataclass(frozen=True, slots=True)
class Down:
    """A dependency is down; the record itself is not to blame. Also said while the processor is made."""

    dependency: str
    reason: str


class Finished(NamedTuple):
    """How a `Work` ended."""

    outcome: Done | NotWanted | Failed | Down
    work_s: float


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The event to emit beside the dead letter; none if nobody knows which video it is about."""

    event: Outgoing | None
    video: VideoKey | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Probed:
    """What the probe found; None if the dependency is back."""

    down: Down | None


@dataclass(frozen=True, slots=True)
class HandedBack:
    """The last so many tasks of those given are not begun and never will be, here."""

    count: int


Reply = Ready | NotReady | Down | Began | Emitted | Progressed | Finished | GaveUp | Probed | HandedBack
