"""What the poll loop and a worker process tell each other over their pipe. Plain data, pickled.

The loop sends lists of tasks (`Work`, `GiveUp`, `Probe`), which a worker does one after another; upon
`Stop` it drops one of them, upon `HandBack` those that it has not begun. The worker sends lists of
replies. It says `Ready` once it has made its processor, and answers each task, in their order: a `Work`
with `Began`, any number of `Emitted`, and `Finished`; the others with one reply; with `Progressed`
anywhere in between. Tasks have numbers that grow.

What goes by with every record, a `Work` and what is said of it, travels as one plain tuple each way:
such a tuple of strings, bytes and numbers is pickled in a tenth of the time that objects take.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from connectors.kafka.records import Outgoing, Record
from processors.runtime.contract import Failure
from processors.runtime.unwanted import VideoKey
from schemas.events import FailureKind
from schemas.headers import Headers


class Work(NamedTuple):
    """Process a record of the lane `topic`, emitting only what comes after its first `events_out`
    events. What a worker gets has no key, and of the headers the trace alone."""

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


Outcome = Done | NotWanted | Failed | Down


class Finished(NamedTuple):
    """How a `Work` ended; or that a `GiveUp` could not be done now, since a dependency is down."""

    outcome: Outcome
    work_s: float


class Report(NamedTuple):
    """What was said of a task since its last report, in this order; of a quick one, all at once."""

    began: Began | None = None
    events: Sequence[Outgoing] = ()
    finished: Finished | None = None


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


_Other = Ready | NotReady | Down | Progressed | GaveUp | Probed | HandedBack
Said = Began | Emitted | Finished | _Other
"""What a worker says."""
Reply = Report | _Other
"""What the poll loop hears of it."""


def packed_tasks(tasks: Iterable[Task]) -> list[object]:
    """Tasks as they travel."""
    return [_packed_work(task) if isinstance(task, Work) else task for task in tasks]


def unpacked_tasks(message: Iterable[object]) -> list[Task]:
    """The inverse, but for what a worker does not get."""
    return [_work(*one) if type(one) is tuple else one for one in message]  # type: ignore[misc]


def packed(said: Iterable[Said]) -> list[object]:
    """What a worker said, as it travels."""
    message: list[object] = []
    began: object = None
    events: list[object] = []
    for one in said:
        if isinstance(one, Began):
            began = (*one.video, one.segment, one.media_s)
        elif isinstance(one, Emitted):
            events.append(tuple(one.record))
        elif isinstance(one, Finished):
            message.append((began, events, tuple(one)))
            began, events = None, []
        else:
            message.append(one)
    if began or events:
        message.append((began, events, None))
    return message


def unpacked(message: Iterable[object]) -> list[Reply]:
    """What was said, each task's parts in one report."""
    return [_report(*one) if type(one) is tuple else one for one in message]  # type: ignore[misc]


def _packed_work(work: Work) -> tuple[object, ...]:
    number, topic, record, attempt, events_out = work
    read_from, partition, offset, _, value, headers, timestamp_ms = record
    trace = [header for header in headers if header[0] == "traceparent"]
    needed = (read_from, partition, offset, None, value, trace, timestamp_ms)
    return number, topic, needed, attempt, events_out


def _work(number: int, topic: str, record: tuple[Any, ...], attempt: int, events_out: int) -> Work:
    return Work(number, topic, Record(*record), attempt, events_out)


def _report(
    began: tuple[str, int, int | None, float] | None,
    events: list[tuple[str, bytes | None, bytes, Headers]],
    finished: tuple[Outcome, float] | None,
) -> Report:
    return Report(
        None if began is None else _began(*began),
        list(map(Outgoing._make, events)),
        None if finished is None else Finished(*finished),
    )


def _began(video_id: str, revision: int, segment: int | None, media_s: float) -> Began:
    return Began(VideoKey(video_id, revision), segment, media_s)
