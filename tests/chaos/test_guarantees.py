"""The oracle finds each fault by its name, and none where there is none."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from connectors.kafka.records import Record
from processors.runtime.frontier import Frontier
from schemas.topics import VIDEO_CANCELLED, VIDEO_COMPLETED, VIDEO_CONVERTED, VIDEO_FAILED
from tests.chaos.guarantees import Commit, Fault, History, Input, Name, Seen, faults, seen

TALK = ("talk", 1)
CONVERTED = Seen(VIDEO_CONVERTED.name, 0, 7, "c", TALK, b"converted at noon", b"converted")
COMPLETED = Seen(VIDEO_COMPLETED.name, 3, 0, "o", TALK, b"completed at noon", b"completed")
INPUT = Input(TALK, {"c": b"converted", "o": b"completed"})
HISTORY = History([INPUT], [CONVERTED, COMPLETED])
COMMIT = Commit("converter", "reelay.video.uploaded", 2, 10)


def names(found: Iterable[Fault]) -> list[Name]:
    return [fault.name for fault in found]


def test_each_output_once_and_one_outcome_is_faultless() -> None:
    assert faults(HISTORY) == []


def test_an_input_without_an_outcome_is_lost() -> None:
    (fault,) = faults(History([Input(TALK)], [CONVERTED]))

    assert str(fault) == "lost: ('talk', 1) has no outcome"


def test_an_input_that_lacks_an_output_is_lost() -> None:
    (fault,) = faults(replace(HISTORY, records=[COMPLETED]))

    assert str(fault) == "lost: ('talk', 1) lacks 1 of 2 outputs: c"


def test_a_cancelled_input_may_lack_outputs_but_no_outcome() -> None:
    asked = [replace(INPUT, cancelled=True)]
    cancelled = replace(COMPLETED, topic=VIDEO_CANCELLED.name, event_id="x")

    assert faults(History(asked, [cancelled])) == []
    assert names(faults(History(asked, [CONVERTED]))) == [Name.LOST]


def test_where_there_are_no_outcomes_the_outputs_are_enough() -> None:
    assert faults(History([Input(TALK, {"c": b""})], [CONVERTED], outcomes=())) == []


def test_an_id_that_comes_again_is_emitted_twice() -> None:
    (fault,) = faults(replace(HISTORY, records=[CONVERTED, COMPLETED, replace(CONVERTED, offset=9)]))

    assert fault.name == Name.TWICE
    assert "reelay.video.converted/0/7, reelay.video.converted/0/9" in fault.says


def test_what_the_aggregator_emits_may_come_again_with_the_same_bytes() -> None:
    assert faults(replace(HISTORY, records=[CONVERTED, COMPLETED, replace(COMPLETED, offset=1)])) == []


def test_what_the_aggregator_emits_with_other_bytes_has_changed() -> None:
    later = replace(COMPLETED, offset=1, value=b"completed at one")

    (fault,) = faults(replace(HISTORY, records=[CONVERTED, COMPLETED, later]))

    assert str(fault) == "changed: o of ('talk', 1) has other bytes at reelay.video.completed/3/1"


def test_a_second_outcome_is_a_change() -> None:
    failed = replace(COMPLETED, topic=VIDEO_FAILED.name, event_id="f")

    assert names(faults(History([Input(TALK)], [COMPLETED, failed]))) == [Name.CHANGED]


@pytest.mark.parametrize(
    "other",
    [
        replace(CONVERTED, content=b"converted otherwise"),
        replace(CONVERTED, offset=8, event_id="one more"),
        replace(CONVERTED, offset=8, event_id="one more", revision=("unheard of", 1)),
        replace(COMPLETED, topic=VIDEO_CANCELLED.name),
    ],
)
def test_what_would_not_be_there_undisturbed_has_changed(other: Seen) -> None:
    kept = [record for record in HISTORY.records if record.event_id != other.event_id]

    assert names(faults(replace(HISTORY, records=[*kept, other]))) == [Name.CHANGED]


def test_events_go_by_their_id_and_what_was_put_aside_by_its_origin_and_attempt() -> None:
    event = Record("t", 0, 1, b"k", b"v", [("ce_id", b"c"), ("ce_subject", b"talk/1/4")], 0)
    aside = [("reelay-origin", b"t/0/1"), ("reelay-attempt", b"2")]

    assert seen(event, b"says") == Seen("t", 0, 1, "c", TALK, b"v", b"says")
    assert seen(event._replace(headers=[*event.headers, *aside])).event_id == "t/0/1 attempt 2"
    with pytest.raises(ValueError, match="t/0/1 has no id"):
        seen(event._replace(headers=[]))


def progress(start: int, *, taken: int, done: Iterable[int] = (), out: Iterable[int] = ()) -> Commit:
    """What the runtime commits when it has taken so many records from `start` on."""
    frontier = Frontier(start)
    for offset in range(start, start + taken):
        frontier.take(offset)
    for offset in out:
        frontier.emitted(offset, 2)
    for offset in done:
        frontier.finish(offset)
    assert frontier.position is not None
    return replace(COMMIT, offset=frontier.position, metadata=frontier.metadata())


def committed(*commits: Commit) -> list[Fault]:
    return faults(replace(HISTORY, commits=commits))


def test_commits_that_only_ever_say_more_are_faultless() -> None:
    assert (
        committed(
            progress(10, taken=3),
            progress(10, taken=3, out=[10], done=[12]),
            progress(10, taken=3, out=[10], done=[12]),
            progress(10, taken=3, done=[10, 12]),
            progress(10, taken=3, done=[10, 11, 12]),
            replace(COMMIT, offset=2000),
        )
        == []
    )


@pytest.mark.parametrize(
    ("first", "then", "says"),
    [
        (progress(12, taken=1), progress(11, taken=1), "the committed offset went from 12 back to 11"),
        (progress(10, taken=3, done=[12]), progress(10, taken=3, done=[11]), "offset 12 was done"),
        (progress(10, taken=3, done=[12]), progress(10, taken=2, done=[10]), "offset 12 was done"),
        (
            progress(10, taken=1, out=[10]),
            progress(10, taken=1),
            "2 events of offset 10 were out, now 0",
        ),
    ],
)
def test_a_commit_that_takes_back_what_was_said_is_a_former_owners(
    first: Commit, then: Commit, says: str
) -> None:
    (fault,) = committed(first, then)

    assert fault.name == Name.FORMER_OWNER
    assert says in fault.says


def test_an_earlier_offset_that_says_the_same_otherwise_takes_nothing_back() -> None:
    assert committed(replace(COMMIT, offset=12), progress(10, taken=3, done=[11])) != []
    same = Frontier(10, done=frozenset({10, 11}))

    assert committed(replace(COMMIT, offset=12), replace(COMMIT, metadata=same.metadata())) == []


def test_another_group_or_partition_may_be_further_behind() -> None:
    ahead = replace(COMMIT, offset=99)

    assert committed(ahead, replace(COMMIT, partition=3), replace(COMMIT, group="renderer")) == []
