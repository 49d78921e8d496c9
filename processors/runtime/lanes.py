"""The few records that were fetched and wait for a worker, and the choice among them.

Lanes are chosen in proportion to their weights while several wait (smooth weighted round robin, as in
nginx's upstream module: every waiting lane gains its weight, the richest goes and pays the sum); a lane
that waits alone goes at once. Within a lane the record goes that is due first: a piece of a video is due
when somebody who began to watch at the upload would come to it. So the minutes of a short video do not
wait for those of a longer one that came before, and nothing waits for ever. Of equally due records the
partitions take turns.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from connectors.kafka.records import Partition, Record


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    record: Record
    due_ms: float


@dataclass(slots=True)
class _Lane:
    weight: int
    credit: int = 0
    waiting: dict[Partition, deque[_Held]] = field(default_factory=dict)
    turns: deque[Partition] = field(default_factory=deque)


class Lanes:
    """Held records by partition. weights: the lanes; lane_of: the lane of each topic (retries
    included)."""

    def __init__(self, weights: Mapping[str, int], lane_of: Mapping[str, str]) -> None:
        self._lanes = {name: _Lane(weight) for name, weight in weights.items()}
        self._lane_of = {topic: self._lanes[name] for topic, name in lane_of.items()}

    def hold(self, record: Record) -> None:
        """Keep a fetched record until it is chosen."""
        self._queue(record).append(_Held(record, due_ms(record)))

    def put_back(self, record: Record) -> None:
        """Keep a record that was chosen but not done, in its place among those of its partition."""
        queue = self._queue(record)
        earlier = sum(held.record.offset < record.offset for held in queue)
        queue.insert(earlier, _Held(record, due_ms(record)))

    def held(self, partition: Partition) -> int:
        """How many records of the partition are held."""
        return len(self._lane_of[partition[0]].waiting.get(partition, ()))

    def drop(self, partitions: Iterable[Partition]) -> None:
        """Forget the records of partitions that went."""
        for partition in partitions:
            lane = self._lane_of[partition[0]]
            if lane.waiting.pop(partition, None) is not None:
                lane.turns.remove(partition)

    def before(self, record: Record) -> list[int]:
        """Offsets of its partition that are held and lie before it: it was chosen ahead of them."""
        held = self._lane_of[record.topic].waiting.get(record.place, ())
        return [other.record.offset for other in held if other.record.offset < record.offset]

    def choose(self, startable: Callable[[Record], bool]) -> Record | None:
        """Remove and return the record to work on next; None if there is none.

        startable: whether a record may be worked on now. If a partition's first may not, the partition
        waits; the answer for the first is always asked last.
        """
        ready = [(lane, found) for lane in self._lanes.values() if (found := _next(lane, startable))]
        if not ready:
            return None
        for lane, _ in ready:
            lane.credit += lane.weight
        lane, held = max(ready, key=lambda item: item[0].credit)
        lane.credit -= sum(other.weight for other, _ in ready)
        place = held.record.place
        lane.turns.remove(place)
        lane.waiting[place].remove(held)
        if lane.waiting[place]:
            lane.turns.append(place)
        else:
            del lane.waiting[place]
        return held.record

    def _queue(self, record: Record) -> deque[_Held]:
        lane = self._lane_of[record.topic]
        if record.place not in lane.waiting:
            lane.waiting[record.place] = deque()
            lane.turns.append(record.place)
        return lane.waiting[record.place]


def _next(lane: _Lane, startable: Callable[[Record], bool]) -> _Held | None:
    """What is due first, of the partitions whose first record is startable."""
    found: list[_Held] = []
    for place in lane.turns:
        first = lane.waiting[place][0]
        urgent = min(lane.waiting[place], key=_due)
        ahead = urgent is not first and startable(urgent.record)
        if startable(first.record):
            found.append(urgent if ahead else first)
    return min(found, key=_due, default=None)


def _due(held: _Held) -> float:
    return held.due_ms


def due_ms(record: Record) -> float:
    """When a record's result is wanted (Unix time): when it was made, and for a segment of a video so
    much later as it lies into the video, taking those before it for as long as it is itself."""
    subject = (record.header("ce_subject") or "").split("/")
    try:
        into_s = int(subject[2]) * float(record.header("media_s") or 0) if len(subject) > 2 else 0.0
    except ValueError:  # somebody else's headers
        into_s = 0.0
    return record.timestamp_ms + 1000 * (into_s if math.isfinite(into_s) and into_s > 0 else 0.0)
