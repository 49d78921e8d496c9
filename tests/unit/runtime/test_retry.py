import pytest

from connectors.kafka.records import Record
from processors.runtime.contract import Failure
from processors.runtime.deadrow import DeadRow
from processors.runtime.handover import copies, received, to_dead, to_retry
from processors.runtime.outage import Outage
from processors.runtime.retry import RetryPolicy, Tries, after_failure, is_due
from schemas.events import FailureKind

POLICY = RetryPolicy(give_up_after_s=100, max_attempts=3, first_delay_s=1, max_delay_s=20)


def again(tries: Tries, kind: FailureKind, now_ms: int = 0) -> Tries | None:
    return after_failure(tries, kind, POLICY, now_ms=now_ms, seed="t/0/1")


def test_delays_double_up_to_the_longest_and_are_spread_the_same_way_each_time() -> None:
    delays = []
    tries, now_ms = Tries(), 0
    while (following := again(tries, FailureKind.TRANSIENT, now_ms)) is not None:
        assert following == again(tries, FailureKind.TRANSIENT, now_ms)
        delays.append((following.not_before_ms - now_ms) / 1000)
        tries, now_ms = following, following.not_before_ms
    for i, delay_s in enumerate(delays):
        assert 0.75 <= delay_s / min(20, 2**i) <= 1.25
    assert now_ms <= POLICY.give_up_after_s * 1000


@pytest.mark.parametrize("now_ms", [0, 86_400_000])
def test_a_retry_is_due_at_its_time_and_never_later_than_by_the_longest_delay(now_ms: int) -> None:
    following = again(Tries(attempt=30), FailureKind.TRANSIENT, now_ms)
    assert following.not_before_ms > now_ms
    assert not is_due(following, POLICY, now_ms=now_ms)
    assert not is_due(following, POLICY, now_ms=following.not_before_ms - 1)
    assert is_due(following, POLICY, now_ms=following.not_before_ms)
    assert is_due(following, POLICY, now_ms=now_ms - 3_600_000)  # the clock was set back by an hour
    assert is_due(Tries(), POLICY, now_ms=now_ms)


def test_transient_failures_do_not_count_against_attempts() -> None:
    tries = Tries()
    for _ in range(5):
        tries = again(tries, FailureKind.TRANSIENT)
    assert (tries.attempt, tries.faults) == (6, 0)
    assert again(tries, FailureKind.BUG).faults == 1


@pytest.mark.parametrize("kind", [FailureKind.BUG, FailureKind.CRASH])
def test_bugs_and_crashes_are_given_up_after_the_last_attempt(kind: FailureKind) -> None:
    tries = again(again(Tries(), kind), kind)
    assert tries.attempt == 3
    assert again(tries, kind) is None


def test_poison_is_given_up_at_once() -> None:
    assert again(Tries(), FailureKind.POISON) is None


def test_a_record_travels_through_its_retries_with_its_bytes_key_and_history() -> None:
    record = Record("in", 3, 42, b"key", b"\x00bytes", [("ce_id", b"1")], 1_000)
    fresh = received(record, "in")
    tries = again(fresh.tries, FailureKind.BUG, now_ms=5_000)
    out = to_retry(record, fresh, tries, group="g", events_out=2, error="no\n such")
    assert (out.topic, out.key, out.value) == ("in.g.retry", b"key", b"\x00bytes")
    assert dict(out.headers)["reelay-error"] == b"no such"

    second = Record(out.topic, 0, 7, out.key, out.value, out.headers, 9_000)
    handover = received(second, "in")
    assert handover.tries == tries
    assert (handover.origin, handover.written_ms, handover.events_out) == ("in/3/42", 1_000, 2)

    third = to_retry(second, handover, again(tries, FailureKind.BUG), group="g", events_out=3, error="x")
    assert third.topic == "in.g.retry"
    assert [name for name, _ in third.headers].count("reelay-attempt") == 1
    dead = to_dead(second, handover, Failure(FailureKind.BUG, "why", 3), group="g", now_ms=1)
    assert dead.topic == "in.g.dead"
    assert dict(dead.headers)["reelay-origin"] == b"in/3/42"
    assert dict(dead.headers)["ce_id"] == b"1"


def test_a_records_size_is_counted_in_bytes() -> None:
    header = ("\ufffd" * 900_000, b"")
    assert not copies(Record("in", 0, 0, None, b"", [header], 0))


@pytest.mark.parametrize("large", ["key", "value", "header"])
def test_the_dead_letter_of_a_record_too_large_to_copy_says_where_it_lies(large: str) -> None:
    sizes = {"key": 1, "value": 2, "header": 3} | {large: 1_020_000}
    headers = [("x", b"h" * sizes["header"])]
    record = Record("in", 3, 42, b"k" * sizes["key"], b"v" * sizes["value"], headers, 0)
    assert not copies(record)
    dead = to_dead(
        record, received(record, "in"), Failure(FailureKind.POISON, "é" * 999, 0), group="g", now_ms=1
    )
    brought = dict(dead.headers)
    assert (brought["reelay-origin"], brought["reelay-left-out-bytes"]) == (
        b"in/3/42",
        str(sizes["value"]).encode(),
    )
    size = len(dead.key or b"") + len(dead.value) + sum(len(n) + len(v) for n, v in dead.headers)
    assert size < 10_000


def test_retry_headers_mean_nothing_outside_the_retry_topic() -> None:
    headers = [("reelay-origin", b"in/3/42"), ("reelay-attempt", b"3")]
    assert received(Record("in", 0, 1, None, b"", headers, 0), "in").tries == Tries()


def test_a_retry_without_readable_headers_is_a_first_try() -> None:
    handover = received(Record("in.g.retry", 0, 1, None, b"", [("reelay-origin", b"in/x")], 5), "in")
    assert (handover.topic, handover.tries) == ("in", Tries())


def test_dead_letters_of_different_videos_in_a_row_are_noticed() -> None:
    row = DeadRow(3)
    assert [row.dead(video) for video in ("a", "a", "b")] == [False, False, False]
    row.done()
    assert [row.dead(video) for video in ("c", "d", "e")] == [False, False, True]


def test_an_outage_is_probed_one_at_a_time_and_ever_more_rarely() -> None:
    outage = Outage(max_delay_s=4)
    assert outage.began("store", 0.0)
    assert not outage.began("store", 0.1)
    assert not outage.probe_due(0.9)
    assert outage.probe_due(1.0)
    outage.probing = True
    assert not outage.probe_due(5.0)
    outage.probed(still_down=True, now=1.0)
    assert not outage.probe_due(2.9)
    assert outage.probe_due(3.0)
    outage.probed(still_down=False, now=3.0)
    assert outage.dependency is None
    assert not outage.probe_due(100.0)


def test_an_outage_that_a_look_does_not_see_is_looked_at_ever_more_rarely_too() -> None:
    outage = Outage(max_delay_s=4)
    now, delays = 0.0, []
    for _ in range(4):
        assert outage.began("registry", now)
        due = next(at for at in (now + tenths / 10 for tenths in range(100)) if outage.probe_due(at))
        delays.append(round(due - now))
        now = due
        outage.probed(still_down=False, now=now)
    assert delays == [1, 2, 4, 4]
    outage.began("registry", now + 60.0)
    assert outage.probe_due(now + 61.0)
