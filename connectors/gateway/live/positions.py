"""Where in the topics a client is, packed into an event's id that means the same to every gateway.

An id says which cluster it is about and, of each partition, from which offset on nothing was told yet.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connectors.kafka.records import Partition
from schemas.topics import (
    OUTCOMES,
    SEGMENT_ENRICHED,
    SEGMENT_TRANSCRIBED,
    STAGE_FAILED,
    VIDEO_CONVERTED,
    VIDEO_DELETED,
    VIDEO_PROBED,
    VIDEO_PROGRESS,
    VIDEO_UPLOADED,
)

FOLLOWED = (
    VIDEO_UPLOADED,
    VIDEO_PROBED,
    VIDEO_CONVERTED,
    SEGMENT_ENRICHED,
    SEGMENT_TRANSCRIBED,
    STAGE_FAILED,
    *OUTCOMES,
    VIDEO_DELETED,
    VIDEO_PROGRESS,
)
"""The live topics, in the order in which ids name them."""

_VERSION = 1
_MOST_CHARS = 16_384
_MOST_BITS = 63


@dataclass(frozen=True, slots=True)
class Positions:
    """offsets: by partition, the first that was not told."""

    cluster_id: str
    offsets: Mapping[Partition, int]


def pack(positions: Positions) -> str:
    """The id: letters, digits, `-` and `_`."""
    cluster = positions.cluster_id.encode()
    packed = bytearray((_VERSION,))
    packed += _number(len(cluster)) + cluster
    for topic in FOLLOWED:
        offsets = sorted(
            (partition, offset)
            for (name, partition), offset in positions.offsets.items()
            if name == topic.name
        )
        packed += _number(len(offsets))
        for partition, offset in offsets:
            packed += _number(partition) + _number(offset)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def unpack(text: str) -> Positions | None:
    """The inverse; None for what is no such id."""
    if len(text) > _MOST_CHARS:
        return None
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if data[:1] != bytes((_VERSION,)):
            return None
        numbers = _Numbers(data, 1)
        cluster_id = numbers.bytes(next(numbers)).decode()
        offsets = {
            (topic.name, next(numbers)): next(numbers)
            for topic in FOLLOWED
            for _ in range(next(numbers))
        }
    except (binascii.Error, ValueError, StopIteration, RuntimeError):
        return None
    return Positions(cluster_id, offsets) if numbers.at_end else None


def _number(value: int) -> bytes:
    """Seven bits in each byte, the lowest first; all but the last have the eighth set."""
    packed = bytearray()
    while value > 127:
        packed.append(value & 127 | 128)
        value >>= 7
    packed.append(value)
    return bytes(packed)


class _Numbers(Iterator[int]):
    """Reads such numbers one after another. Raises StopIteration at the end, ValueError for more than 63
    bits."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def __next__(self) -> int:
        value = shift = 0
        while self._at < len(self._data):
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift >= _MOST_BITS:
                raise ValueError("a number of too many bits")
        raise StopIteration

    def bytes(self, count: int) -> bytes:
        """The next bytes as they are. Raises ValueError if there are fewer."""
        found = self._data[self._at : self._at + count]
        if len(found) < count:
            raise ValueError("too few bytes")
        self._at += count
        return found

    @property
    def at_end(self) -> bool:
        return self._at == len(self._data)
