"""The few records that were fetched and wait for a worker, and the choice among them.

Lanes are chosen in proportion to their weights while several wait (smooth weighted round robin, as in
nginx's upstream module: every waiting lane gains its weight, the richest goes and pays the sum); a lane
that waits alone goes at once. Within a lane the record goes that is due first: a piece of a video is due
when somebody who began to watch at the upload would come to it. So the minutes of a short video do not
wait for those of a longer one that came before, and nothing waits for ever. Of equally due records the
partitions take turns.
"""

import math
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from operator import attrgetter
from typing import NamedTuple

from connectors.kafka.records import Partition, Record


class _Held(NamedTuple):
    """In the order in which records are due; within a partition no two have one offset."""

    due_ms: float
    offset: int
    record: Record


_due = attrgetter("due_ms")
_offset = attrgetter("offset")


class _Queue:
    """The records of one partition, in their order and as a heap by when they are due. There is at
    least one."""

    __slots__ = ("_by_due", "_held", "due_ms", "urgent")

    def __init__(self, first: _Held) -> None:
        self._held = deque([first])
        self._by_due = [first]
        self.urgent = first
        """Of those that are due first, the first."""
        self.due_ms = first.due_ms
        """When that one is due."""

    def __len__(self) -> int:
        return len(self._held)

    @property
    def first(self) -> _Held:
        return self._held[0]

    def hold(self, held: _Held) -> None:
        """Keep another; most come in their order."""
        if held.offset > self._held[-1].offset:
            self._held.append(held)
        else:
            insort(self._held, held, key=_offset)
        heappush(self._by_due, held)
        self._note_urgent()

    def take(self, held: _Held) -> None:
        """Remove one of at least two."""
        if held is self._held[0]:
            self._held.popleft()
        else:
            self._held.remove(held)
        if held is self.urgent:
            heappop(self._by_due)
        else:
            self._by_due.remove(held)
            heapify(self._by_due)
        self._note_urgent()

    def before(self, offset: int) -> list[int]:
        earlier = []
        for held in self._held:
            if held.offset >= offset:
                break
            earlier.append(held.offset)
        return earlier

    def _note_urgent(self) -> None:
        self.urgent = self._by_due[0]
        self.due_ms = self.urgent.due_ms


@dataclass(slots=True)
class _Lane:
    """waiting: those partitions first whose turn it is."""

    weight: int
    credit: int = 0
    waiting: dict[Partition, _Queue] = field(default_factory=dict)


class Lanes:
    """Held records by partition. weights: the lanes; lane_of: the lane of each topic (retries
    included)."""

    def __init__(self, weights: Mapping[str, int], lane_of: Mapping[str, str]) -> None:
        self._lanes = {name: _Lane(weight) for name, weight in weights.items()}
        self._lane_of = {topic: self._lanes[name] for topic, name in lane_of.items()}

    def hold(self, record: Record) -> None:
        """Keep a record until it is chosen, in its place among those of its partition: one that was
        fetched, or one that was chosen and not done."""
        waiting = self._lane_of[record.topic].waiting
        held = _Held(due_ms(record), record.offset, record)
        if (queue := waiting.get(place := record.place)) is not None:
            queue.hold(held)
        else:
            waiting[place] = _Queue(held)

    def held(self, partition: Partition) -> int:
        """How many records of the partition are held."""
        return len(self._lane_of[partition[0]].waiting.get(partition, ()))

    def drop(self, partitions: Iterable[Partition]) -> None:
        """Forget the records of partitions that went."""
        for partition in partitions:
            self._lane_of[partition[0]].waiting.pop(partition, None)

    def before(self, record: Record) -> list[int]:
        """Offsets of its partition that are held and lie before it: it was chosen ahead of them."""
        queue = self._lane_of[record.topic].waiting.get(record.place)
        return [] if queue is None else queue.before(record.offset)

    def choose(self, startable: Callable[[Record], bool]) -> Record | None:
        """Remove and return the record to work on next; None if there is none.

        startable: whether a record may be worked on now. If a partition's first may not, the partition
        waits; the answer for the first is always asked last.
        """
        ready = []
        for lane in self._lanes.values():
            if lane.waiting and (found := _next(lane, startable)) is not None:
                ready.append((lane, found))
        if not ready:
            return None
        lane, held = ready[0] if len(ready) == 1 else _whose_turn(ready)
        place = held.record.place
        queue = lane.waiting.pop(place)
        if len(queue) > 1:
            queue.take(held)
            lane.waiting[place] = queue  # the last whose turn it is
        return held.record


def _whose_turn(ready: list[tuple[_Lane, _Held]]) -> tuple[_Lane, _Held]:
    for lane, _ in ready:
        lane.credit += lane.weight
    lane, held = max(ready, key=lambda item: item[0].credit)
    lane.credit -= sum(other.weight for other, _ in ready)
    return lane, held


def _next(lane: _Lane, startable: Callable[[Record], bool]) -> _Held | None:
    """What is due first, of the partitions whose first record is startable."""
    queue = min(lane.waiting.values(), key=_due)
    if queue.urgent is queue.first and startable(queue.urgent.record):  # nearly always
        return queue.urgent
    waiting, found = list(lane.waiting.values()), None
    while waiting:
        queue = min(waiting, key=_due)
        if found is not None and found.due_ms <= queue.due_ms:
            break
        waiting.remove(queue)
        first, urgent = queue.first, queue.urgent
        ahead = urgent is first or startable(urgent.record)
        if startable(first.record):
            if ahead:
                return urgent
            if found is None or first.due_ms < found.due_ms:
                found = first
    return found


def due_ms(record: Record) -> float:
    """When a record's result is wanted (Unix time): when it was made, and for a segment of a video so
    much later as it lies into the video, taking those before it for as long as it is itself."""
    subject = (record.header("ce_subject") or "").split("/")
    try:
        into_s = int(subject[2]) * float(record.header("media_s") or 0) if len(subject) > 2 else 0.0
    except (ValueError, OverflowError):  # somebody else's headers
        into_s = 0.0
    return record.timestamp_ms + 1000 * (into_s if math.isfinite(into_s) and into_s > 0 else 0.0)
