"""What the poll loop and a worker tell each other, as it travels."""

import pickle

import pytest

from connectors.kafka.records import Outgoing, Record
from processors.runtime.contract import Failure
from processors.runtime.unwanted import VideoKey
from processors.runtime.wire import (
    Began,
    Done,
    Down,
    Emitted,
    Finished,
    GaveUp,
    GiveUp,
    Probe,
    Progressed,
    Report,
    Said,
    Work,
    packed,
    packed_tasks,
    unpacked,
    unpacked_tasks,
)
from schemas.events import FailureKind

TRACE = ("traceparent", b"00-1-2-01")
RECORD = Record("topic", 1, 2, b"key", b"value", [("ce_subject", b"v/1"), TRACE], 3)
EVENTS = [Outgoing("out", b"k", b"%d" % number, [("ce_id", b"1")]) for number in range(3)]
BEGAN = Began(VideoKey("v", 1), 7, 30.0)
DONE = Finished(Done(), 0.1)
PROGRESS = Progressed(EVENTS[0])


def sent(message: object) -> object:
    return pickle.loads(pickle.dumps(message))


def test_a_worker_gets_of_a_record_what_it_needs_to_do_it() -> None:
    (work,) = unpacked_tasks(sent(packed_tasks([Work(1, "lane", RECORD, 2, 3)])))  # type: ignore[arg-type]
    assert work == Work(1, "lane", RECORD._replace(key=None, headers=[TRACE]), 2, 3)


def test_tasks_that_are_rare_travel_whole() -> None:
    tasks = [GiveUp(1, "lane", RECORD, 2, Failure(FailureKind.BUG, "x", 0)), Probe(2)]
    assert unpacked_tasks(sent(packed_tasks(tasks))) == tasks  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ([BEGAN, *map(Emitted, EVENTS), DONE], [Report(BEGAN, EVENTS, DONE)]),
        ([BEGAN], [Report(BEGAN, [], None)]),
        ([Emitted(EVENTS[1])], [Report(None, [EVENTS[1]], None)]),
        (
            [DONE, BEGAN, DONE, BEGAN],
            [Report(None, [], DONE), Report(BEGAN, [], DONE), Report(BEGAN, [])],
        ),
        ([BEGAN, PROGRESS, Emitted(EVENTS[0]), DONE], [PROGRESS, Report(BEGAN, [EVENTS[0]], DONE)]),
        (
            [GaveUp(EVENTS[0], None), Finished(Down("store", "gone"), 0.0)],
            [GaveUp(EVENTS[0], None), Report(None, [], Finished(Down("store", "gone"), 0.0))],
        ),
    ],
)
def test_what_was_said_of_a_task_is_heard_in_its_order_and_as_one(
    said: list[Said], heard: list[object]
) -> None:
    assert unpacked(sent(packed(said))) == heard  # type: ignore[arg-type]
