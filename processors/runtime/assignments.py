"""The partitions that this process owns now, each with its frontier and its epoch.

An epoch is the number of an assignment. A job carries the epoch under which its record was read; if the
partition went meanwhile, even if it came back, the job's result is not this process's to commit.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

from connectors.kafka.records import Partition
from processors.runtime.frontier import Frontier, UnreadableMetadataError

log = logging.getLogger("reelay.runtime")


@dataclass(slots=True)
class Assigned:
    """One owned partition.

    changed: the frontier differs from what was last handed to a commit. committed: some commit was
    made, of which it is not known for sure that it was stored. fetched: the last offset that came; a
    client that fetches anew after a pause could deliver one twice. end: where the partition ended when
    all before had come; None once the frontier knows of it.
    """

    epoch: int
    frontier: Frontier
    changed: bool = False
    committed: bool = False
    fetched: int = -1
    end: int | None = None

    def note_end(self) -> None:
        """Let the frontier pass what was never delivered. Call it when all that came was taken."""
        if self.end is not None:
            before = self.frontier.position
            if self.frontier.end(self.end):
                self.end = None
            self.changed |= self.frontier.position != before


class Assignments:
    """Owned partitions. Pure: it computes what to assign and commit; the poll loop does it."""

    def __init__(self) -> None:
        self._owned: dict[Partition, Assigned] = {}
        self._epoch = 0

    def __iter__(self) -> Iterator[tuple[Partition, Assigned]]:
        return iter(self._owned.items())

    def get(self, partition: Partition) -> Assigned | None:
        """The partition if it is owned, under whichever epoch."""
        return self._owned.get(partition)

    def current(self, partition: Partition, epoch: int) -> Assigned | None:
        """The partition if it is still owned under that epoch."""
        owned = self._owned.get(partition)
        return owned if owned is not None and owned.epoch == epoch else None

    def add(self, committed: Iterable[TopicPartition]) -> list[TopicPartition]:
        """Own partitions, continuing from what is committed. Returns where to read each from.

        Metadata that cannot be read means that work beyond the committed offset is done again. Raises
        KafkaException if it is not known what is committed.
        """
        self._epoch += 1
        starts = []
        for place in committed:
            if place.error is not None:
                raise KafkaException(place.error)
            if place.offset < 0:
                frontier, start = Frontier(), OFFSET_BEGINNING
            else:
                frontier, start = self._restored(place), place.offset
            self._owned[place.topic, place.partition] = Assigned(self._epoch, frontier)
            starts.append(TopicPartition(place.topic, place.partition, start))
        return starts

    def remove(self, partitions: Iterable[Partition]) -> None:
        """Own these no longer."""
        for partition in partitions:
            self._owned.pop(partition, None)

    def to_commit(self, *, again: bool = False) -> list[TopicPartition]:
        """The progress that is not committed, which counts as committed from now on.

        again: also what earlier commits of these assignments said, in case one of them was not stored.
        """
        offsets = []
        for (topic, partition), owned in self._owned.items():
            wanted = owned.changed or (again and owned.committed)
            if wanted and owned.frontier.position is not None:
                owned.changed, owned.committed = False, True
                metadata = owned.frontier.metadata()
                offsets.append(TopicPartition(topic, partition, owned.frontier.position, metadata))
        return offsets

    def not_committed(self, partitions: Iterable[Partition]) -> None:
        """A commit of these was refused: they are to be committed again."""
        for partition in partitions:
            if (owned := self._owned.get(partition)) is not None:
                owned.changed = True

    @staticmethod
    def _restored(place: TopicPartition) -> Frontier:
        try:
            return Frontier.restored(place.offset, place.metadata or "")
        except UnreadableMetadataError as error:
            log.error(
                "unreadable commit metadata of %s/%s at %s, its work is done again: %s",
                place.topic,
                place.partition,
                place.offset,
                error,
            )
            return Frontier(place.offset)
