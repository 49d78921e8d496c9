"""What topics hold, for tests on any broker."""

from collections.abc import Iterable

from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.records import Record
from connectors.settings import Connections

_POLL_S = 0.1


def records_of(connections: Connections, topics: Iterable[str]) -> list[Record]:
    """All that these topics hold now and that is committed, each partition's in its order."""
    records = []
    with BroadcastReader(connections, topics) as reader:
        while not reader.caught_up:
            if (record := reader.poll(_POLL_S)) is not None:
                records.append(record)
    return records
