"""Dead letters: what they tell, and how they go back."""

import pytest

from connectors.kafka.records import Outgoing, Record
from processors.runtime.contract import Failure
from processors.runtime.handover import (
    Burial,
    Handover,
    Mark,
    buried,
    marked,
    received,
    to_dead,
    to_mark,
    to_redrive,
)
from processors.runtime.retry import RetryPolicy, Tries, after_failure, is_due
from schemas.events import FailureKind

POLICY = RetryPolicy(give_up_after_s=100, max_attempts=3, first_delay_s=1, max_delay_s=20)
RECORD = Record("in.g.retry", 1, 5, b"key", b"\x00bytes", [("ce_id", b"1"), ("x", b"\xff")], 9_000)
TRIED = Handover("in", 3, 42, 1_000, Tries(3, 2, 5_000, 6_000), events_out=2)


def read(out: Outgoing, partition: int = 0, offset: int = 7) -> Record:
    """A record as it is read back."""
    return Record(out.topic, partition, offset, out.key, out.value, list(out.headers), 20_000)


def dead() -> Record:
    failure = Failure(FailureKind.BUG, "no\nsuch step", yields_out=2)
    return read(to_dead(RECORD, TRIED, failure, group="g", now_ms=10_000))


def test_a_dead_letter_tells_where_when_and_why() -> None:
    assert buried(dead()) == Burial("in/3/42", 3, "bug", "no such step", 10_000, None)


def test_why_it_died_may_be_no_text() -> None:
    failure = Failure(FailureKind.POISON, "\udcff.mp4: never", yields_out=0)
    letter = read(to_dead(RECORD, TRIED, failure, group="g", now_ms=10_000))
    assert buried(letter).reason == "?.mp4: never"


def test_a_redriven_letter_is_a_first_try_of_the_very_record_with_what_is_out_held_back() -> None:
    out = to_redrive(dead(), "in", "g")
    assert (out.topic, out.key, out.value) == ("in.g.retry", b"key", b"\x00bytes")
    assert [header for header in out.headers if not header[0].startswith("reelay-")] == RECORD.headers
    handover = received(read(out), "in")
    assert handover == Handover("in", 3, 42, 1_000, Tries(), events_out=2)
    assert is_due(handover.tries, POLICY, now_ms=0)
    assert after_failure(handover.tries, FailureKind.BUG, POLICY, now_ms=10**12, seed="x") is not None


@pytest.mark.parametrize("headers", [[], [("reelay-attempt", b"x"), ("reelay-kind", b"\xff")]])
def test_a_letter_whose_headers_are_lost_is_shown_and_goes_back_as_a_new_record(
    headers: list[tuple[str, bytes]],
) -> None:
    letter = Record("in.g.dead", 0, 7, b"key", b"v", headers, 20_000)
    assert buried(letter) == Burial(None, None, None, None, None, None)
    handover = received(read(to_redrive(letter, "in", "g"), 2, 8), "in")
    assert (handover.origin, handover.tries, handover.events_out) == ("in/2/8", Tries(), 0)


def test_a_mark_names_its_letter_and_where_that_went() -> None:
    letter = dead()
    mark = read(to_mark(letter, "in.g.retry"), offset=8)
    assert (mark.topic, mark.value) == (letter.topic, b"")
    assert marked(mark) == Mark(0, 7, "in.g.retry")
    assert marked(letter) is None


@pytest.mark.parametrize("place", [b"", b"7", b"x/7", b"0/", b"-1/7", b"\xff", b"9" * 5000 + b"/7"])
def test_what_only_resembles_a_mark_is_a_letter(place: bytes) -> None:
    assert marked(Record("in.g.dead", 0, 8, None, b"", [("reelay-redriven", place)], 0)) is None
