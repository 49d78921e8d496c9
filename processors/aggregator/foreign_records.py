"""Records whose headers have names that are no UTF-8: the protocol says they are, no broker checks it.

aiokafka 0.14.0 raises UnicodeDecodeError for them, at every fetch again (`aiokafka` package,
`record/default_records.py`), so that one of them would stop its partition for good.
"""

from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import KafkaError
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy


def accept() -> None:
    """Have every consumer of this process read such records, their headers' names with U+FFFD."""
    fetcher.MemoryRecords = _records


def _records(data: bytes) -> Any:
    """The batches of a fetch, as the fetcher wants them."""
    batches = MemoryRecords(data)
    try:
        while (batch := batches.next_batch()) is not None:
            for _ in batch:
                pass
    except UnicodeDecodeError:
        return _Batches(data)
    except KafkaError:  # the fetcher meets it, too, and says where
        pass
    return MemoryRecords(data)


class _Batches(_MemoryRecordsPy):  # type: ignore[misc]  # it has no types
    def next_batch(self, *_: Any) -> Any:
        data = self._next_slice
        batch = super().next_batch()
        return _Batch(data) if isinstance(batch, DefaultRecordBatch) else batch


class _Batch(_DefaultRecordBatchPy):  # type: ignore[misc]
    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer: bytearray = _Text(self._buffer)


class _Text(bytearray):
    """Bytes of which every piece can be decoded."""

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return _Text(found) if isinstance(place, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return bytes(self).decode(encoding, errors)
