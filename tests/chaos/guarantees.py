"""The oracle of the cluster: what was promised of deliveries, held against what a reader saw.

It is pure. Somebody else published inputs, disturbed processes, and at the end read all topics with
`isolation.level=read_committed` and all that consumer groups committed; here is judged what they saw.

| fault | when |
|---|---|
| lost | an input has no outcome, or lacks an output that it would have undisturbed |
| emitted twice | an id is twice on a topic on which each may be once |
| changed | an id came again with other bytes, or there is something else than undisturbed |
| a former owner committed | a commit took back what an earlier one said of the same partition |

Why the last is a proof. An owner begins with what is committed and adds to it, and nobody else may
commit meanwhile. So in the order in which the coordinator stored them, commits of a partition only ever
say more: what was done stays done, and what was out stays out. A process that missed the moment at which
it lost a partition says what it knew by then, which is less as soon as its successor has committed
anything beyond. A healthy group never says less than before, however the storm went.

The opposite does not hold: a former owner that is ahead of its successor takes nothing back; but the
successor's next commit does, or its outputs are there twice. From outputs alone no owner can be told:
a partition may go to another process and come back, so "by A, by B, by A again" is no fault.

The order must be the coordinator's: of samples by one reader, or of the log of commits (`commitlog.py`),
which misses none.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from connectors.kafka.records import Record
from processors.runtime.frontier import WINDOW, Frontier
from processors.runtime.stamp import subject_of
from schemas.topics import OUTCOMES, VIDEO_CANCELLED, VIDEO_CAPTIONED

Revision = tuple[str, int]
"""Video and the number of its revision."""


class Name(StrEnum):
    """What can be wrong."""

    LOST = "lost"
    TWICE = "emitted twice"
    CHANGED = "changed"
    FORMER_OWNER = "a former owner committed"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and a sentence for whoever has to find out why."""

    name: Name
    says: str

    def __str__(self) -> str:
        return f"{self.name}: {self.says}"


@dataclass(frozen=True, slots=True)
class Input:
    """One thing that was published to have work done.

    outputs: the content of each event that comes of it undisturbed, by the event's id; content that is
    empty is not compared. Nothing at all: outputs are not judged. cancelled: somebody asked to cancel
    it, so its outputs may be missing, and how it ended is open.
    """

    revision: Revision
    outputs: Mapping[str, bytes] = field(default_factory=dict)
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One record that a reader of what is committed saw.

    event_id: tells whether a record is the same again. content: what it says apart from times and hosts,
    which differ from run to run; empty where that is not compared. value: all its bytes.
    """

    topic: str
    partition: int
    offset: int
    event_id: str
    revision: Revision | None
    value: bytes
    content: bytes = b""

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Commit:
    """What a group on the runtime had committed of a partition at some moment."""

    group: str
    topic: str
    partition: int
    offset: int
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """All that was seen.

    records: of topics that ours write, each partition's in its order. commits: in the coordinator's
    order, of groups on the runtime alone (Faust's commits promise nothing). repeats: topics on which an
    id may come again with the same bytes, as the aggregator's. outcomes: topics of which one must say
    how an input ended; none: inputs have no outcomes.
    """

    inputs: Collection[Input]
    records: Sequence[Seen]
    commits: Sequence[Commit] = ()
    repeats: Collection[str] = frozenset(topic.name for topic in (*OUTCOMES, VIDEO_CAPTIONED))
    outcomes: Collection[str] = frozenset(topic.name for topic in OUTCOMES)


def seen(record: Record, content: bytes = b"") -> Seen:
    """A record as the oracle takes it; not for tombstones.

    An event goes by the id in its header. What was put aside (a retry, a dead letter) carries the id of
    what it is a copy of, so it goes by its origin and attempt. Raises ValueError without either.
    """
    event_id = record.header("ce_id")
    if (origin := record.header("reelay-origin")) is not None:
        event_id = f"{origin} attempt {record.header('reelay-attempt')}"
    if not event_id:
        raise ValueError(f"{record.topic}/{record.partition}/{record.offset} has no id")
    subject = subject_of(record)
    revision = None if subject is None else (subject[0].video_id, subject[0].revision or 0)
    return Seen(record.topic, record.partition, record.offset, event_id, revision, record.value, content)


def faults(history: History) -> list[Fault]:
    """Everything that is wrong; empty if all promises were kept."""
    return [
        *_lost(history),
        *_emitted_twice(history),
        *_changed(history),
        *_taken_back(history.commits),
    ]


def _lost(history: History) -> Iterator[Fault]:
    ended = {record.revision for record in history.records if record.topic in history.outcomes}
    ids = {record.event_id for record in history.records}
    for one in history.inputs:
        if history.outcomes and one.revision not in ended:
            yield Fault(Name.LOST, f"{one.revision} has no outcome")
        if not one.cancelled and (missing := one.outputs.keys() - ids):
            listed = ", ".join(sorted(missing))
            yield Fault(
                Name.LOST, f"{one.revision} lacks {len(missing)} of {len(one.outputs)} outputs: {listed}"
            )


def _emitted_twice(history: History) -> Iterator[Fault]:
    for again in _by_id(record for record in history.records if record.topic not in history.repeats):
        if len(again) > 1:
            places = ", ".join(map(str, again))
            yield Fault(Name.TWICE, f"{again[0].event_id} of {again[0].revision} is at {places}")


def _changed(history: History) -> Iterator[Fault]:
    inputs = {one.revision: one for one in history.inputs}
    for again in _by_id(record for record in history.records if record.topic in history.repeats):
        yield from (
            Fault(Name.CHANGED, f"{first.event_id} of {first.revision} has other bytes at {record}")
            for first in again[:1]
            for record in again[1:]
            if record.value != first.value
        )
    yield from _second_outcomes(history)
    for record in history.records:
        if record.revision is None:
            continue
        if (one := inputs.get(record.revision)) is None:
            yield Fault(Name.CHANGED, f"{record} is of {record.revision}, which nobody published")
        elif not one.cancelled:
            yield from _not_as_undisturbed(record, one)


def _second_outcomes(history: History) -> Iterator[Fault]:
    first: dict[Revision | None, Seen] = {}
    for record in history.records:
        if record.topic in history.outcomes:
            before = first.setdefault(record.revision, record)
            if before.event_id != record.event_id:
                yield Fault(
                    Name.CHANGED,
                    f"the outcome of {record.revision} is at {before} and another at {record}",
                )


def _not_as_undisturbed(record: Seen, one: Input) -> Iterator[Fault]:
    if record.topic == VIDEO_CANCELLED.name:
        yield Fault(
            Name.CHANGED, f"{record} says that {one.revision} was cancelled, which nobody asked for"
        )
    elif one.outputs and record.event_id not in one.outputs:
        yield Fault(Name.CHANGED, f"{record} of {one.revision} would not be there undisturbed")
    elif (content := one.outputs.get(record.event_id)) and content != record.content:
        yield Fault(Name.CHANGED, f"{record} of {one.revision} says something else than undisturbed")


def _by_id(records: Iterable[Seen]) -> Iterator[list[Seen]]:
    """Records of one topic with one id, in the order in which they were seen."""
    found: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for record in records:
        found[record.topic, record.event_id].append(record)
    yield from found.values()


def _taken_back(commits: Iterable[Commit]) -> Iterator[Fault]:
    latest: dict[tuple[str, str, int], Commit] = {}
    for commit in commits:
        before = latest.get((commit.group, commit.topic, commit.partition))
        latest[commit.group, commit.topic, commit.partition] = commit
        if before is not None and (what := _less(before, commit)):
            place = f"{commit.group} on {commit.topic}/{commit.partition}"
            yield Fault(Name.FORMER_OWNER, f"{place}: {what}")


def _less(before: Commit, after: Commit) -> str:
    """What the later commit takes back of the earlier one; empty if it is nothing."""
    if before == after:
        return ""
    was, now = _Progress(before), _Progress(after)
    if undone := sorted(o for o in was.done - now.done if o >= after.offset):
        return f"offset {undone[0]} was done beyond {before.offset} and is not beyond {after.offset}"
    if after.offset < before.offset and not set(range(after.offset, before.offset)) <= now.done:
        return f"the committed offset went from {before.offset} back to {after.offset}"
    for offset, count in was.out.items():
        if offset >= after.offset and offset not in now.done and now.out.get(offset, 0) < count:
            return f"{count} events of offset {offset} were out, now {now.out.get(offset, 0)}"
    return ""


class _Progress:
    """What a commit says of records beyond its offset: which are done, and how many events of others are
    out."""

    def __init__(self, commit: Commit) -> None:
        frontier = Frontier.restored(commit.offset, commit.metadata)
        beyond = range(commit.offset, commit.offset + WINDOW + 1) if commit.metadata else ()
        self.out = {offset: count for offset in beyond if (count := frontier.events_out(offset))}
        self.done = {offset for offset in beyond if not frontier.take(offset)}
