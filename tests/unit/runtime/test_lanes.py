from collections import Counter

from connectors.kafka.records import Record
from processors.runtime.lanes import Lanes


def record(topic: str, partition: int, offset: int) -> Record:
    return Record(topic, partition, offset, None, b"", [], 0)


def lanes() -> Lanes:
    return Lanes({"short": 4, "bulk": 1}, {"short": "short", "short.retry": "short", "bulk": "bulk"})


def any_record(_: Record) -> bool:
    return True


def test_two_waiting_lanes_are_taken_four_to_one_from_the_start() -> None:
    waiting = lanes()
    for offset in range(40):
        waiting.hold(record("short", 0, offset))
        waiting.hold(record("bulk", 0, offset))
    taken = [waiting.choose(any_record).topic for _ in range(20)]
    assert Counter(taken) == {"short": 16, "bulk": 4}
    assert all(taken[i : i + 5].count("bulk") == 1 for i in range(0, 20, 5))


def test_a_lane_that_waits_alone_is_taken_at_once() -> None:
    waiting = lanes()
    for offset in range(3):
        waiting.hold(record("bulk", 0, offset))
    assert [waiting.choose(any_record).offset for _ in range(3)] == [0, 1, 2]
    assert waiting.choose(any_record) is None


def test_partitions_of_a_lane_take_turns() -> None:
    waiting = lanes()
    for offset in range(3):
        waiting.hold(record("short", 0, offset))
    waiting.hold(record("short", 1, 7))
    waiting.hold(record("short.retry", 0, 9))
    assert [waiting.choose(any_record).offset for _ in range(5)] == [0, 7, 9, 1, 2]


def test_a_partition_whose_first_record_cannot_start_hides_no_other() -> None:
    waiting = lanes()
    waiting.hold(record("short", 0, 1))
    waiting.hold(record("short", 0, 2))
    waiting.hold(record("short", 1, 5))
    assert waiting.choose(lambda r: r.offset != 1).offset == 5
    assert waiting.choose(lambda r: r.offset != 1) is None
    assert waiting.held(("short", 0)) == 2


def test_records_of_a_partition_that_went_are_dropped() -> None:
    waiting = lanes()
    waiting.hold(record("short", 0, 1))
    waiting.hold(record("short", 1, 2))
    waiting.drop([("short", 0), ("bulk", 3)])
    assert waiting.choose(any_record).offset == 2
    assert waiting.choose(any_record) is None


def test_records_that_are_put_back_come_first_and_in_order() -> None:
    waiting = lanes()
    for offset in range(4):
        waiting.hold(record("short", 0, offset))
    first, second = waiting.choose(any_record), waiting.choose(any_record)
    waiting.put_back(first)
    waiting.put_back(second)
    assert [waiting.choose(any_record).offset for _ in range(4)] == [0, 1, 2, 3]
