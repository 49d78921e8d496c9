"""Which records of one partition are done, in a form that fits into a commit.

Jobs of one partition may finish out of order. What is committed is the *frontier*: the first offset that
is not done. What is done beyond it travels in the commit's metadata, together with the number of events
that are out already for each unfinished record, so that neither is done or emitted again by whoever
continues from the commit.

Metadata, version 1: `1.` and base64 of: CRC-32 of the rest (4 bytes, big-endian); the number of pairs;
pairs of (offset - frontier, events out); the bitmap (bit i of byte i // 8, least significant first:
offset `frontier + i` is done). Numbers are unsigned LEB128. Nothing to say: an empty string. Brokers
refuse more than 4,096 bytes; the limits below keep it under 3,000.
"""

import base64
import zlib
from collections.abc import Iterator, Mapping

WINDOW = 1024
"""How far beyond the frontier a record may be taken, in offsets."""
MAX_PARTIAL = 256
"""How many records beyond the frontier may be unfinished with events out: each costs some bytes."""

_VERSION = "1."
_CHECKSUM_BYTES = 4


class UnreadableMetadataError(ValueError):
    """A commit's metadata is not ours or was damaged: what it said is unknown."""


class Frontier:
    """What is taken and what is done in one partition, from `start` on.

    start: the committed offset; None where nothing was committed, so that the first record taken begins
    it. Records are taken in the order of their offsets, each before it is finished.
    """

    def __init__(
        self,
        start: int | None = None,
        *,
        done: frozenset[int] = frozenset(),
        out: Mapping[int, int] | None = None,
    ) -> None:
        self._base = start
        self._next = start
        self._done = set(done)
        self._taken: set[int] = set()
        self._out = dict(out or {})

    @classmethod
    def restored(cls, offset: int, metadata: str) -> "Frontier":
        """The frontier that was committed. Raises UnreadableMetadataError."""
        done, out = _decode(metadata)
        return cls(
            offset,
            done=frozenset(offset + i for i in done),
            out={offset + i: count for i, count in out.items()},
        )

    @property
    def position(self) -> int | None:
        """The offset to commit: all before it are done. None if nothing was taken or committed yet."""
        return self._base

    def admits(self, offset: int) -> bool:
        """Whether the record may be taken now, so that the metadata stays within its bounds.

        The first unfinished record always is, so a partition cannot get stuck.
        """
        if self._base is None or not self._taken or offset in self._taken:
            return True
        if offset >= self._base + WINDOW:
            return False
        most = len(self._taken) + len(self._out)  # an offset may be in both
        if offset in self._out or most < MAX_PARTIAL:
            return True
        return len(self._taken | self._out.keys()) < MAX_PARTIAL

    def take(self, offset: int) -> bool:
        """Note that the record is to be worked on; False if it is done already.

        Offsets between it and the one taken before were never delivered: they do not exist (compacted,
        or a transaction's markers), so they count as done.
        """
        if self._base is None or self._next is None:
            self._base = self._next = offset
        if offset >= self._next:
            if offset > self._next:
                self._skip_missing(offset)
            self._next = offset + 1
        if offset < self._base or offset in self._done:
            return False
        self._taken.add(offset)
        return True

    def events_out(self, offset: int) -> int:
        """How many events of this record are emitted already."""
        return self._out.get(offset, 0)

    def emitted(self, offset: int, events_out: int) -> None:
        """Note that the first `events_out` events of a taken record are out."""
        self._out[offset] = events_out

    def finish(self, offset: int) -> None:
        """Note that a taken record is done."""
        self._taken.remove(offset)
        self._out.pop(offset, None)
        self._done.add(offset)
        self._advance()

    def end(self, offset: int) -> bool:
        """Note that the partition ends there for now and that each record before was taken: what lies
        in between are a transaction's markers, or what was aborted, and counts as done.

        False if the gap is too wide to be noted while records are unfinished; note it again later.
        """
        if self._base is None or self._next is None or offset <= self._next:
            return True
        if self._taken and offset > self._base + WINDOW:
            return False
        self._skip_missing(offset)
        self._next = offset
        return True

    def metadata(self) -> str:
        """What to commit beside `position`: ASCII, under 3,000 bytes, empty if there is nothing to
        say."""
        if self._base is None or not (self._done or self._out):
            return ""
        base = self._base
        return _encode(
            {offset - base for offset in self._done}, {o - base: n for o, n in self._out.items()}
        )

    def _skip_missing(self, offset: int) -> None:
        assert self._base is not None
        assert self._next is not None
        if not self._taken:
            self._base = max(self._base, offset)
            self._done = {o for o in self._done if o >= self._base}
        else:  # `admits` keeps this short: the offset lies in the window
            self._done.update(range(max(self._next, self._base), offset))
        self._out = {o: n for o, n in self._out.items() if o >= offset or o in self._taken}
        self._advance()

    def _advance(self) -> None:
        assert self._base is not None
        while self._base in self._done:
            self._done.remove(self._base)
            self._base += 1


def _encode(done: set[int], out: dict[int, int]) -> str:
    body = bytearray(_number(len(out)))
    for i, count in sorted(out.items()):
        body += _number(i) + _number(count)
    bitmap = bytearray(max(done, default=-1) // 8 + 1)
    for i in done:
        bitmap[i // 8] |= 1 << i % 8
    body += bitmap
    checked = zlib.crc32(body).to_bytes(_CHECKSUM_BYTES, "big") + body
    return _VERSION + base64.b64encode(checked).decode("ascii")


def _decode(metadata: str) -> tuple[set[int], dict[int, int]]:
    """Offsets that are done, and events out by offset, both relative to the frontier."""
    if not metadata:
        return set(), {}
    if not metadata.startswith(_VERSION):
        raise UnreadableMetadataError(f"expected version {_VERSION[:-1]}, found {metadata[:16]!r}")
    try:
        checked = base64.b64decode(metadata.removeprefix(_VERSION), validate=True)
    except ValueError as error:
        raise UnreadableMetadataError(f"no base64: {error}") from error
    checksum, body = checked[:_CHECKSUM_BYTES], checked[_CHECKSUM_BYTES:]
    if zlib.crc32(body).to_bytes(_CHECKSUM_BYTES, "big") != checksum:
        raise UnreadableMetadataError("the checksum does not match")
    data = iter(body)
    pairs = range(_read_number(data))
    out = {_read_number(data): _read_number(data) for _ in pairs}
    bitmap = bytes(data)
    return {i for i in range(len(bitmap) * 8) if bitmap[i // 8] >> i % 8 & 1}, out


def _number(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _read_number(data: Iterator[int]) -> int:
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7
    raise UnreadableMetadataError("ends within a number")
