"""The toy on a runtime of which one part is careless, to see whether that is found out:
`python careless.py FLAW FOLDER GROUP [WHEN CALL NUMBER SIGNAL]`.

FLAW: of FLAWS, or "none". The moment is as in `mortal.py`.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from strikes import mortal
from toy import stage

from connectors.kafka import clients
from connectors.kafka.clients import client_config, open_producer
from connectors.kafka.records import Outgoing, Partition
from connectors.settings import Connections
from processors.runtime import loop
from processors.runtime.assignments import Assignments
from processors.runtime.main import run
from processors.runtime.settings import RuntimeSettings, read_settings
from processors.runtime.transactions import Transactions


class EarlyAssignments(Assignments):
    """Commits what was fetched, before any work."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[Partition, int] = {}

    def to_commit(self, *, again: bool = False) -> list[TopicPartition]:
        super().to_commit()  # so that nothing else is left to say
        fetched = {place: owned.fetched + 1 for place, owned in self if owned.fetched >= 0}
        new = {place: offset for place, offset in fetched.items() if self._said.get(place) != offset}
        self._said |= new
        return [TopicPartition(*place, offset) for place, offset in new.items()]

    def not_committed(self, partitions: Iterable[Partition]) -> None:
        for place in partitions:
            self._said.pop(place, None)


class OutsideTransactions(Transactions):
    """Has only the offsets in its transactions: outputs are written by themselves, before."""

    def commit(
        self, outputs: Sequence[Outgoing], offsets: Sequence[TopicPartition], *, last: bool
    ) -> None:
        producer = open_producer(read_settings(Connections))
        for output in outputs:
            producer.produce(
                output.topic, value=output.value, key=output.key, headers=list(output.headers)
            )
        assert producer.flush(30) == 0
        super().commit([], offsets, last=last)


class Stranger:
    """A consumer that never joined its group: the coordinator does not check who it is."""

    def __init__(self, group: str) -> None:
        self._consumer = Consumer(client_config(read_settings(Connections)) | {"group.id": group})

    def consumer_group_metadata(self) -> object:
        return self._consumer.consumer_group_metadata()

    def memberid(self) -> str:
        return "anybody"


def commit_early(group: str) -> None:
    loop.Assignments = EarlyAssignments  # type: ignore[misc]


def emit_outside(group: str) -> None:
    loop.Transactions = OutsideTransactions  # type: ignore[misc]


def skip_fencing(group: str) -> None:
    def transactions(_: Consumer, *rest: Any, **times: float) -> Transactions:
        return Transactions(Stranger(group), *rest, **times)  # type: ignore[arg-type]

    loop.Transactions = transactions  # type: ignore[assignment,misc]


FLAWS: dict[str, Callable[[str], None]] = {
    "commits-early": commit_early,
    "emits-outside": emit_outside,
    "skips-fencing": skip_fencing,
    "none": lambda group: None,
}

if __name__ == "__main__":
    flaw, folder, group, *moment = sys.argv[1:]
    FLAWS[flaw](group)
    if moment:
        when, call, number, signal_name = moment
        struck = Path(folder, f"struck-{group}")
        clients.Producer = mortal(struck, when, call, int(number), signal_name)  # type: ignore[misc]
    chosen = stage(Path(folder), group)
    sys.exit(run(chosen, read_settings(Connections), read_settings(RuntimeSettings)))
