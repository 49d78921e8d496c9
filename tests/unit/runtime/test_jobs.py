"""What answers of workers mean, with a stand-in for the processes alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from confluent_kafka import TopicPartition

from connectors.kafka.records import Outgoing, Record
from connectors.registry import FingerprintRegistry
from processors.runtime.assignments import Assignments
from processors.runtime.contract import Lane, Stage
from processors.runtime.deadrow import DeadRow
from processors.runtime.jobs import Jobs
from processors.runtime.lanes import Lanes
from processors.runtime.lastwords import LastWords
from processors.runtime.metrics import Metrics
from processors.runtime.outage import Outage
from processors.runtime.pauses import Pauses, Reason
from processors.runtime.pool import Died
from processors.runtime.retry import RetryPolicy
from processors.runtime.unwanted import VideoKey
from processors.runtime.wire import (
    Began,
    Done,
    Down,
    Failed,
    Finished,
    GaveUp,
    GiveUp,
    HandBack,
    NoMore,
    Probe,
    Probed,
    Report,
    Stop,
    Task,
    Work,
)
from schemas.codec import Codec
from schemas.events import FailureKind, StageFailed
from schemas.headers import Headers
from schemas.ids import event_id
from schemas.topics import STAGE_FAILED, VIDEO_UPLOADED

TOPIC = VIDEO_UPLOADED.name
EVENT = Outgoing("out", b"k", b"v", [])
BEGAN = Began(VideoKey("v", 1), None, 0.0)
SAID = Report(events=[EVENT])
DONE = Report(finished=Finished(Done(), 0.1))
QUICK = Report(BEGAN, [EVENT], Finished(Done(), 0.1))


def failed(kind: FailureKind, reason: str) -> Report:
    return Report(finished=Finished(Failed(kind, reason), 0.1))


@dataclass(eq=False)
class StandInWorker:
    """Remembers what it was sent."""

    tasks: list[Task] = field(default_factory=list)
    ready: bool = True
    is_long: bool = False
    sent: list[object] = field(default_factory=list)

    @property
    def task(self) -> Task | None:
        return self.tasks[0] if self.tasks else None

    @property
    def waiting(self) -> int:
        return max(0, len(self.tasks) - 1)

    def give(self, task: Task) -> None:
        self.tasks.append(task)

    def stop(self, number: int) -> None:
        self.sent.append(Stop(number))

    def recall(self) -> None:
        self.sent.append(HandBack())

    def tell(self, unwanted: Sequence[VideoKey]) -> None:
        self.sent.append(NoMore(tuple(unwanted)))


class StandInPool:
    """One worker, whose answers the test writes; others are given nothing."""

    def __init__(self) -> None:
        self.worker = StandInWorker()
        self.others: list[StandInWorker] = []

    @property
    def workers(self) -> list[StandInWorker]:
        return [self.worker, *self.others]

    def next_worker(self, most_waiting: int) -> StandInWorker | None:
        idle = self.worker.task is None
        return self.worker if idle or self.worker.waiting < most_waiting else None

    def send_given(self) -> None:
        pass


class World:
    def __init__(self) -> None:
        self.assignments = Assignments()
        self.lanes = Lanes({TOPIC: 1}, {TOPIC: TOPIC, f"{TOPIC}.g.retry": TOPIC})
        self.pauses = Pauses()
        self.pool = StandInPool()
        stage = Stage("g", (Lane(VIDEO_UPLOADED),), None, None, None, None)  # type: ignore[arg-type]
        policy = RetryPolicy(give_up_after_s=60, max_attempts=2, first_delay_s=1, max_delay_s=1)
        self.jobs = Jobs(
            stage,
            policy,
            self.pool,  # type: ignore[arg-type]
            self.assignments,
            self.lanes,
            self.pauses,
            Outage(1.0),
            DeadRow(2),
            Metrics(),
            LastWords("g", Codec(FingerprintRegistry())),
        )
        self.assign()

    def assign(self) -> None:
        self.assignments.add([TopicPartition(TOPIC, 0, 0)])
        self.pauses.assigned([(TOPIC, 0)])

    def revoke(self) -> None:
        self.assignments.remove([(TOPIC, 0)])
        self.lanes.drop([(TOPIC, 0)])
        self.pauses.gone([(TOPIC, 0)])
        self.jobs.lost([(TOPIC, 0)])

    def fetch(self, offset: int, headers: Headers | None = None) -> object:
        """A record comes and is given to the worker."""
        self.lanes.hold(Record(TOPIC, 0, offset, b"k", b"v", headers or [], 0))
        self.jobs.dispatch(new_work=True)
        return self.pool.worker.task

    def say(self, *replies: object) -> None:
        worker = self.pool.worker
        for reply in replies:
            task = worker.task
            ends = reply.finished is not None if isinstance(reply, Report) else True
            if ends:
                del worker.tasks[0]
            self.jobs.hear(worker, task, reply)  # type: ignore[arg-type]

    def committed(self) -> list[int]:
        return [place.offset for place in self.assignments.to_commit()]


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("said", [(QUICK,), (Report(BEGAN), SAID, DONE)], ids=["at once", "in parts"])
def test_events_and_progress_of_a_job_are_left_for_one_commit(
    world: World, said: tuple[Report, ...]
) -> None:
    assert isinstance(world.fetch(0), Work)
    world.say(*said)
    assert world.jobs.outputs.records() == [EVENT]
    assert world.committed() == [1]
    assert world.jobs.running == 0


@pytest.mark.parametrize("comes_back", [False, True])
def test_result_of_a_revoked_partition_is_dropped(world: World, comes_back: bool) -> None:
    task = world.fetch(0)
    world.say(Report(BEGAN))
    world.revoke()
    if comes_back:
        world.assign()
    world.say(SAID, DONE)
    assert isinstance(task, Work)
    assert Stop(task.number) in world.pool.worker.sent
    assert world.jobs.outputs.records() == []
    assert world.committed() == []
    assert world.jobs.running == 0


@pytest.mark.parametrize("ending", [failed(FailureKind.BUG, "x"), Died("SIGKILL")])
def test_a_failure_after_the_partition_went_is_nobodys_retry(world: World, ending: object) -> None:
    world.fetch(0)
    world.revoke()
    world.say(ending)
    assert world.jobs.outputs.records() == []


def test_a_retry_is_written_and_the_record_done_in_one_batch(world: World) -> None:
    world.fetch(0)
    world.say(Report(BEGAN, [EVENT]), failed(FailureKind.TRANSIENT, "not now"))
    _, retry = world.jobs.outputs.records()
    assert retry.topic == f"{TOPIC}.g.retry"
    assert (
        dict(retry.headers)["reelay-events-out"],
        dict(retry.headers)["reelay-attempt"],
    ) == (b"1", b"2")
    assert world.committed() == [1]


def test_a_dead_letter_waits_for_its_event(world: World) -> None:
    world.fetch(0)
    world.say(Report(BEGAN), failed(FailureKind.POISON, "never"))
    assert (world.jobs.outputs.records(), world.committed(), world.jobs.running) == ([], [], 1)
    world.jobs.dispatch(new_work=False)  # also while draining
    assert isinstance(world.pool.worker.task, GiveUp)
    world.say(GaveUp(EVENT, VideoKey("v", 1)))
    assert [output.topic for output in world.jobs.outputs.records()] == ["out", f"{TOPIC}.g.dead"]
    assert world.committed() == [1]


@pytest.mark.parametrize("reason", ["x" * 1_000_000, "no text: \udcff"], ids=["long", "no text"])
def test_a_reason_that_no_event_can_bear_is_told_as_far_as_it_goes(world: World, reason: str) -> None:
    world.fetch(0)
    world.say(failed(FailureKind.BUG, reason))
    (again,) = world.jobs.outputs.records()
    assert again.topic == f"{TOPIC}.g.retry"
    world.fetch(1)
    world.say(failed(FailureKind.POISON, reason))
    world.jobs.dispatch(new_work=False)
    task = world.pool.worker.task
    assert isinstance(task, GiveUp)
    assert 0 < len(task.failure.reason.encode()) < 10_000


@pytest.mark.parametrize("told_by", ["worker", "headers", "nobody", "wrong headers"])
def test_the_video_of_a_record_whose_last_words_kill_workers_fails_all_the_same(
    world: World, told_by: str
) -> None:
    subject = {"headers": b"v/1/7", "wrong headers": b"v/99999999999999999999"}.get(told_by)
    world.fetch(0, [("ce_subject", subject)] if subject else [])
    if told_by == "worker":
        world.say(Report(Began(VideoKey("v", 1), 7, 0.0)))
    world.say(failed(FailureKind.POISON, "never"))
    for _ in range(3):
        world.jobs.dispatch(new_work=True)
        world.say(Died("SIGKILL"))
    *said, dead = world.jobs.outputs.records()
    assert dead.topic == f"{TOPIC}.g.dead"
    assert world.jobs.running == 0
    assert bool(said) == (told_by in ("worker", "headers"))
    for output in said:
        event = Codec(FingerprintRegistry()).decode(output.value, STAGE_FAILED)
        assert isinstance(event, StageFailed)
        assert event.event_id == event_id("StageFailed", "v", 1, "g", 7)
        assert (event.stage, event.index, event.reason) == ("g", 7, "never")


def test_a_dependency_that_is_down_puts_the_record_back_and_only_probes(world: World) -> None:
    world.fetch(0)
    world.say(Report(BEGAN, [EVENT], Finished(Down("store", "gone"), 0.1)))
    assert world.pauses.count(Reason.DEPENDENCY_DOWN) == 1
    assert world.fetch(1) is None
    world.jobs.outage.probed(still_down=True, now=-100.0)  # the time for a look has come
    world.jobs.dispatch(new_work=True)
    assert isinstance(world.pool.worker.task, Probe)
    world.say(Probed(None))
    world.jobs.dispatch(new_work=True)
    task = world.pool.worker.task
    assert isinstance(task, Work)
    assert (task.record.offset, task.attempt, task.events_out) == (0, 1, 1)


def test_a_running_job_that_becomes_unwanted_is_stopped_and_emits_no_more(world: World) -> None:
    task = world.fetch(0)
    world.say(Report(BEGAN))
    world.jobs.unwanted([VideoKey("v", 1)])
    world.say(SAID, DONE)
    assert isinstance(task, Work)
    assert world.pool.worker.sent[-1] == Stop(task.number)
    assert world.jobs.outputs.records() == []
    assert world.committed() == [1]


def test_a_worker_is_told_once_what_is_unwanted(world: World) -> None:
    keys = [VideoKey("a", 1), VideoKey("b", None)]
    world.jobs.unwanted(keys)
    world.fetch(0)
    world.say(DONE)
    world.fetch(1)
    world.say(DONE)
    keys.append(VideoKey("c", 1))
    world.jobs.unwanted(keys)
    world.fetch(2)
    assert world.pool.worker.sent == [
        NoMore((VideoKey("a", 1), VideoKey("b", None))),
        NoMore((VideoKey("c", 1),)),
    ]


def test_a_record_that_had_a_fault_is_not_given_to_the_last_worker_that_is_ready(world: World) -> None:
    world.fetch(0)
    world.say(Died("SIGKILL"))
    (retry,) = world.jobs.outputs.records()
    starting = StandInWorker(ready=False)
    world.pool.others.append(starting)
    world.assignments.add([TopicPartition(retry.topic, 0, 0)])
    world.pauses.assigned([(retry.topic, 0)])
    due = [(name, b"0" if "not-before" in name else value) for name, value in retry.headers]
    world.lanes.hold(Record(retry.topic, 0, 0, b"k", b"v", due, 0))
    world.jobs.dispatch(new_work=True)
    assert world.pool.worker.task is None
    starting.ready = True
    world.jobs.dispatch(new_work=True)
    assert isinstance(world.pool.worker.task, Work)
    assert world.pool.worker.task.attempt == 2
