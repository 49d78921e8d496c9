"""Why partitions are paused. A partition flows only while there is no reason left to pause it.

Pure: it says what to pause and resume; the poll loop does it. Paused partitions are polled all the same,
since polling is what keeps a member in its group.
"""

from collections.abc import Iterable
from enum import StrEnum

from connectors.kafka.records import Partition


class Reason(StrEnum):
    """Why a partition does not flow."""

    WORKERS_FULL = "workers_full"
    """Enough of its records are held here, waiting for a worker."""
    WINDOW = "window"
    """Its next record is too far beyond the frontier to be noted in a commit."""
    NOT_BEFORE = "not_before"
    """Its next record is a retry that is not due."""
    DEPENDENCY_DOWN = "dependency_down"
    """All partitions: a dependency that all work needs is down."""
    DRAINING = "draining"
    """All partitions: this process is about to leave."""


class Pauses:
    """The reasons of every assigned partition, and those that hold for all."""

    def __init__(self) -> None:
        self._reasons: dict[Partition, set[Reason]] = {}
        self._general: set[Reason] = set()
        self._paused: set[Partition] = set()

    def assigned(self, partitions: Iterable[Partition]) -> None:
        """Partitions came. They flow, until `changes` says otherwise: general reasons hold for them
        too."""
        for partition in partitions:
            self._reasons[partition] = set()
            self._paused.discard(partition)

    def gone(self, partitions: Iterable[Partition]) -> None:
        """Partitions went, and their reasons with them."""
        for partition in partitions:
            self._reasons.pop(partition, None)
            self._paused.discard(partition)

    def mark(self, partition: Partition, reason: Reason, holds: bool) -> None:
        """Say whether the reason holds for an assigned partition; ignored for any other."""
        if (reasons := self._reasons.get(partition)) is not None:
            (reasons.add if holds else reasons.discard)(reason)

    def mark_general(self, reason: Reason, holds: bool) -> None:
        """Say whether the reason holds for all partitions, those that come later included."""
        (self._general.add if holds else self._general.discard)(reason)

    def has(self, partition: Partition, reason: Reason) -> bool:
        """Whether the partition is paused for this reason, among others."""
        return reason in self._general or reason in self._reasons.get(partition, ())

    def count(self, reason: Reason) -> int:
        """How many partitions are paused for this reason."""
        if reason in self._general:
            return len(self._reasons)
        return sum(reason in reasons for reasons in self._reasons.values())

    def changes(self) -> tuple[set[Partition], set[Partition]]:
        """What to pause and what to resume now, since the last call; the caller does so at once."""
        wanted = {p for p, reasons in self._reasons.items() if reasons or self._general}
        pause, resume = wanted - self._paused, self._paused - wanted
        self._paused = wanted
        return pause, resume
