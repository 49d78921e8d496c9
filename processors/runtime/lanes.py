"""The few records that were fetched and wait for a worker, and the choice among them.

Lanes are chosen in proportion to their weights while several wait (smooth weighted round robin, as in
nginx's upstream module: every waiting lane gains its weight, the richest goes and pays the sum); a lane
that waits alone goes at once. Within a lane the partitions take turns, so that one video's backlog does
not hide another's.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from connectors.kafka.records import Partition, Record


@dataclass(slots=True)
class _Lane:
    weight: int
    credit: int = 0
    waiting: dict[Partition, deque[Record]] = field(default_factory=dict)
    turns: deque[Partition] = field(default_factory=deque)


class Lanes:
    """Held records by partition. weights: the lanes; lane_of: the lane of each topic (retries
    included)."""

    def __init__(self, weights: Mapping[str, int], lane_of: Mapping[str, str]) -> None:
        self._lanes = {name: _Lane(weight) for name, weight in weights.items()}
        self._lane_of = {topic: self._lanes[name] for topic, name in lane_of.items()}

    def hold(self, record: Record) -> None:
        """Keep a fetched record until it is chosen."""
        self._queue(record).append(record)

    def put_back(self, record: Record) -> None:
        """Keep a record that was chosen but not done; it is before the others of its partition again."""
        queue = self._queue(record)
        earlier = sum(
            held.offset < record.offset for held in queue
        )  # put back just before, in any order
        queue.insert(earlier, record)

    def held(self, partition: Partition) -> int:
        """How many records of the partition are held."""
        return len(self._lane_of[partition[0]].waiting.get(partition, ()))

    def drop(self, partitions: Iterable[Partition]) -> None:
        """Forget the records of partitions that went."""
        for partition in partitions:
            lane = self._lane_of[partition[0]]
            if lane.waiting.pop(partition, None) is not None:
                lane.turns.remove(partition)

    def choose(self, startable: Callable[[Record], bool]) -> Record | None:
        """Remove and return the record to work on next; None if there is none.

        startable: whether a partition's first record may be worked on now; if not, the partition waits.
        """
        ready = [(lane, place) for lane in self._lanes.values() if (place := _first(lane, startable))]
        if not ready:
            return None
        for lane, _ in ready:
            lane.credit += lane.weight
        lane, place = max(ready, key=lambda item: item[0].credit)
        lane.credit -= sum(other.weight for other, _ in ready)
        lane.turns.remove(place)
        record = lane.waiting[place].popleft()
        if lane.waiting[place]:
            lane.turns.append(place)
        else:
            del lane.waiting[place]
        return record

    def _queue(self, record: Record) -> deque[Record]:
        lane = self._lane_of[record.topic]
        if record.place not in lane.waiting:
            lane.waiting[record.place] = deque()
            lane.turns.append(record.place)
        return lane.waiting[record.place]


def _first(lane: _Lane, startable: Callable[[Record], bool]) -> Partition | None:
    return next((place for place in lane.turns if startable(lane.waiting[place][0])), None)
