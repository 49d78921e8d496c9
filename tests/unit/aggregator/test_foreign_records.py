"""Records of programs by others, as aiokafka's fetcher gets them."""

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy

from processors.aggregator.foreign_records import _records


def batches(*names: bytes) -> bytes:
    """One batch for each name, of two records with that header between two others."""
    data = b""
    for number, name in enumerate(names):
        builder = DefaultRecordBatchBuilder(
            magic=2,
            compression_type=0,
            is_transactional=0,
            producer_id=-1,
            producer_epoch=-1,
            base_sequence=-1,
            batch_size=10**6,
        )
        for offset in range(2):
            headers = [("a", b"1"), ("x" * len(name), b"\xff"), ("b", None)]
            builder.append(offset, 1000 + offset, b"key", b"value %d" % number, headers)
        data += bytes(builder.build()).replace(b"x" * len(name), name)
    return data


def read(data: bytes) -> list[tuple[bytes, list[tuple[str, bytes | None]]]]:
    records, found = _records(data), []
    while records.has_next():
        found += [(record.value, list(record.headers)) for record in records.next_batch()]
    return found


def test_names_that_are_no_text_have_marks_where_they_are_none() -> None:
    found = read(batches(b"fine", b"\xff\xfe", b"also fine"))

    assert [value for value, _ in found] == [b"value %d" % number for number in (0, 0, 1, 1, 2, 2)]
    assert [headers[1] for _, headers in found[1:4]] == [
        ("fine", b"\xff"),
        ("\ufffd\ufffd", b"\xff"),
        ("\ufffd\ufffd", b"\xff"),
    ]
    assert all((headers[0], headers[2]) == (("a", b"1"), ("b", None)) for _, headers in found)


def test_all_other_records_are_read_as_aiokafka_reads_them() -> None:
    assert isinstance(_records(batches(b"fine", "naïve".encode())), MemoryRecords)
    assert isinstance(_records(batches(b"\xff")), _MemoryRecordsPy)
    assert not _records(b"").has_next()
