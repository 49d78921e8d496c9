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
    waiting.hold(first)
    waiting.hold(second)
    assert [waiting.choose(any_record).offset for _ in range(4)] == [0, 1, 2, 3]


def segment(partition: int, offset: int, *, video: str, index: int, made_s: float) -> Record:
    headers = [("ce_subject", f"{video}/1/{index}".encode()), ("media_s", b"60.000")]
    return Record("short", partition, offset, None, b"", headers, int(made_s * 1000))


def test_a_short_video_does_not_wait_for_the_later_minutes_of_a_longer_one_before_it() -> None:
    waiting = lanes()
    for index in range(10):
        waiting.hold(segment(index % 2, index // 2, video="long", index=index, made_s=100))
    waiting.hold(segment(0, 5, video="clip", index=0, made_s=103))
    waiting.hold(segment(1, 5, video="clip", index=1, made_s=103))
    taken = [waiting.choose(any_record) for _ in range(12)]
    order = [str(record.header("ce_subject")) for record in taken if record is not None]
    assert order[:4] == ["long/1/0", "clip/1/0", "long/1/1", "clip/1/1"]
    assert order[4:] == [f"long/1/{index}" for index in range(2, 10)]


def test_what_waits_longest_goes_at_last_however_many_short_videos_come() -> None:
    waiting = lanes()
    waiting.hold(segment(0, 0, video="long", index=5, made_s=0))
    for n in range(10):
        waiting.hold(segment(0, n + 1, video=f"clip{n}", index=0, made_s=n * 60))
    taken = [waiting.choose(any_record) for _ in range(11)]
    assert [r.offset for r in taken if r is not None].index(0) == 5


def test_what_was_passed_over_is_named_in_order() -> None:
    waiting = lanes()
    for index in range(3):
        waiting.hold(segment(0, index, video="long", index=index + 1, made_s=0))
    waiting.hold(segment(0, 3, video="clip", index=0, made_s=1))
    chosen = waiting.choose(any_record)
    assert chosen is not None
    assert chosen.offset == 3
    assert waiting.before(chosen) == [0, 1, 2]


def test_a_partition_whose_first_record_cannot_start_waits_with_all_that_it_holds() -> None:
    waiting = lanes()
    waiting.hold(segment(0, 0, video="long", index=5, made_s=0))
    waiting.hold(segment(0, 1, video="clip", index=0, made_s=0))
    assert waiting.choose(lambda record: record.offset != 0) is None


def test_a_record_that_may_not_start_yet_does_not_go_ahead() -> None:
    waiting = lanes()
    waiting.hold(segment(0, 0, video="long", index=5, made_s=0))
    waiting.hold(segment(0, 1, video="clip", index=0, made_s=0))
    chosen = waiting.choose(lambda record: record.offset != 1)
    assert chosen is not None
    assert chosen.offset == 0


def test_headers_of_others_count_for_nothing() -> None:
    waiting = lanes()
    strange = [("ce_subject", b"a/b/c/d"), ("media_s", b"nan")]
    waiting.hold(Record("short", 0, 0, None, b"", strange, 5))
    far = [("ce_subject", b"x/1/" + b"9" * 400), ("media_s", b"1")]
    waiting.hold(Record("short", 2, 0, None, b"", far, 6))
    waiting.hold(Record("short", 1, 0, None, b"", [("ce_subject", b"x/1/3"), ("media_s", b"inf")], 4))
    assert [waiting.choose(any_record).place[1] for _ in range(3)] == [1, 0, 2]
