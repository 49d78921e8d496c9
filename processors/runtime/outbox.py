"""What is to be written, each record beside the partition whose progress it belongs to.

The two must last together or not at all: a partition that goes takes its records along.
"""

from collections.abc import Iterable

from connectors.kafka.records import Outgoing, Partition


class Outbox:
    """Records that are not written yet, in the order in which they came, per partition of the input."""

    def __init__(self) -> None:
        self._waiting: dict[Partition, list[Outgoing]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def records(self) -> list[Outgoing]:
        """All that waits; the records of one input partition keep their order."""
        return [record for records in self._waiting.values() for record in records]

    def add(self, belongs_to: Partition, record: Outgoing) -> None:
        self._waiting.setdefault(belongs_to, []).append(record)

    def clear(self) -> None:
        """All were written."""
        self._waiting.clear()

    def drop(self, partitions: Iterable[Partition]) -> None:
        """These partitions went, uncommitted: whoever continues them makes their records again."""
        for partition in partitions:
            self._waiting.pop(partition, None)
