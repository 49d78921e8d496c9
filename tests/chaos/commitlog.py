"""All that consumer groups ever committed, in the coordinator's order: the log in which it keeps that.

A commit within a transaction is there as soon as the coordinator took it, and a reader of what is
committed sees it when its transaction is. The key of a commit is: version 0 or 1 (16 bits), group,
topic, partition (32 bits); its value: version (16 bits), offset (64 bits), from version 3 on the
leader's epoch (32 bits), metadata, and what does not matter here. Numbers are big-endian and signed; a
string is its length (16 bits) and UTF-8, but in values from version 4 on its length plus 1 as an
unsigned LEB128. (Kafka's `OffsetCommitKey.json` and `OffsetCommitValue.json`.)
"""

import struct
from collections.abc import Collection

from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.records import Record
from connectors.settings import Connections
from tests.chaos.guarantees import Commit

LOG = "__consumer_offsets"
_COMMIT_KEYS = frozenset({0, 1})
_WITH_EPOCH = 3
_FLEXIBLE = 4


def read_commits(connections: Connections, groups: Collection[str]) -> list[Commit]:
    """What these groups have committed until now; each group's in order.

    What is compacted away is not there, but the log's last segment, of 100 MB by default, never is. Nor
    is there what comes after a transaction that is still open.
    """
    found = []
    with BroadcastReader(connections, [LOG]) as reader:
        while not reader.caught_up:
            record = reader.poll(0.1)
            if record is not None and (commit := commit_of(record)) and commit.group in groups:
                found.append(commit)
    return found


def commit_of(record: Record) -> Commit | None:
    """The commit that a record of the log is; None for what is none, or forgets one."""
    key = _Fields(record.key or b"")
    if not record.value or key.number("h") not in _COMMIT_KEYS:
        return None
    group, topic, partition = key.text(), key.text(), key.number("i")
    value = _Fields(record.value)
    version, offset = value.number("h"), value.number("q")
    if version >= _WITH_EPOCH:
        value.number("i")
    metadata = value.compact_text() if version >= _FLEXIBLE else value.text()
    # confluent-kafka sends a C string with its end
    return Commit(group, topic, partition, offset, metadata.removesuffix("\0"))


class _Fields:
    """Reads one field after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def number(self, kind: str) -> int:
        """kind: as `struct` has it."""
        (value,) = struct.unpack(f">{kind}", self._take(struct.calcsize(f">{kind}")))
        return int(value)

    def text(self) -> str:
        return self._take(self.number("h")).decode()

    def compact_text(self) -> str:
        size = shift = 0
        while (byte := self._take(1)[0]) & 0x80:
            size |= (byte & 0x7F) << shift
            shift += 7
        return self._take((size | byte << shift) - 1).decode()

    def _take(self, size: int) -> bytes:
        taken, self._data = self._data[:size], self._data[size:]
        return taken
