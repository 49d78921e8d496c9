"""What becomes of records: which are being worked on, and what each answer of a worker means for them.

Nothing here talks to Kafka. Answers leave two things behind for the poll loop to commit together:
`outputs`, and changed frontiers in the assignments.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache

from prometheus_client import Counter

from connectors.kafka.records import Outgoing, Partition, Record
from processors.runtime.assignments import Assigned, Assignments
from processors.runtime.contract import Failure, Stage
from processors.runtime.deadrow import DeadRow
from processors.runtime.handover import Handover, copies, received, to_dead, to_retry
from processors.runtime.lanes import Lanes
from processors.runtime.lastwords import LastWords
from processors.runtime.logs import Ration, fields, record_fields
from processors.runtime.metrics import Metrics
from processors.runtime.outage import Outage
from processors.runtime.outbox import Outbox
from processors.runtime.pauses import Pauses, Reason
from processors.runtime.pool import AHEAD_S, Died, Heard, Pool, Untried, Worker
from processors.runtime.retry import RetryPolicy, after_failure, is_due
from processors.runtime.unwanted import Unwanted, VideoKey
from processors.runtime.wire import (
    Done,
    Down,
    Failed,
    GaveUp,
    GiveUp,
    NotWanted,
    Outcome,
    Probe,
    Probed,
    Progressed,
    Report,
    Task,
    Work,
)
from schemas.events import FailureKind
from schemas.topics import retry_topic

log = logging.getLogger("reelay.runtime")

_MAX_GIVE_UPS = 3
"""How many workers may die of a record's last words before they are made here."""
_MAX_REASON_CHARS = 2_000
"""An error may quote whatever was being worked on, and last words that do not fit a record are none: the
video would be waited for without end."""
_MAX_AHEAD = 1000
_LINES_PER_S = 50
"""Log lines about records that went well; the metrics count all of them."""
_PACE_WEIGHT = 0.02
"""Of the latest try in the mean time of a try. Some quick ones take a hundred times as long as the rest,
since another process has their core meanwhile: they must not make all look slow."""


class TooManyDeadLettersError(Exception):
    """Video after video is given up: the fault is here, not in the videos."""


@dataclass(slots=True, eq=False)
class _Job:
    """One record that is taken and not done. number: of the task that it is in a worker's hands."""

    number: int
    worker: Worker
    record: Record
    place: Partition
    handover: Handover
    epoch: int
    events_out: int
    video: VideoKey | None = None
    index: int | None = None
    media_s: float = 0.0
    stopped: bool = False
    failure: Failure | None = None
    give_ups: int = 0


@dataclass(slots=True)
class Jobs:
    """All records at work. The fields before `outputs` are shared with the poll loop."""

    stage: Stage
    policy: RetryPolicy
    pool: Pool
    assignments: Assignments
    lanes: Lanes
    pauses: Pauses
    outage: Outage
    dead_row: DeadRow
    metrics: Metrics
    last_words: LastWords
    outputs: Outbox = field(default_factory=Outbox)
    progress: list[Outgoing] = field(default_factory=list)
    too_many_dead: bool = False
    _running: dict[int, _Job] = field(default_factory=dict)
    _to_give_up: deque[_Job] = field(default_factory=deque)
    _tasks: int = 0
    _pace_s: float | None = None
    _unwanted: Unwanted = field(default_factory=Unwanted)
    _unwanted_keys: list[VideoKey] = field(default_factory=list)
    _told: dict[Worker, int] = field(default_factory=dict)
    _lines: Ration = field(default_factory=lambda: Ration(_LINES_PER_S))
    _lane_topics: dict[str, str] = field(default_factory=dict)
    _ended: Callable[[str], Counter] = field(init=False)

    def __post_init__(self) -> None:
        self._ended = cache(self.metrics.finished.labels)
        for name in (lane.topic.name for lane in self.stage.lanes):
            self._lane_topics |= {name: name, retry_topic(name, self.stage.name): name}

    @property
    def running(self) -> int:
        """How many records are in the hands of workers, or about to be given up."""
        return len(self._running) + len(self._to_give_up)

    def unwanted(self, keys: list[VideoKey]) -> None:
        """Take note of all unwanted work that is known (`keys` only grows), and stop what is running."""
        for key in keys[len(self._unwanted_keys) :]:
            self._unwanted_keys.append(key)
            self._unwanted.add(key)
            for job in self._running.values():
                if job.video is not None and self._unwanted.covers(job.video):
                    _stop(job)

    def lost(self, partitions: Iterable[Partition]) -> None:
        """Partitions went: their jobs' results are not ours to commit, so the work need not go on."""
        gone = set(partitions)
        for job in self._running.values():
            if job.place in gone:
                _stop(job)

    def dispatch(self, *, new_work: bool) -> None:
        """Give workers something to do. new_work: whether records that wait may be begun."""
        self._recall(new_work)
        ahead = self._ahead()
        while (worker := self.pool.next_worker(ahead)) is not None:
            if not self._give(worker, new_work):
                break
        self.pool.send_given()

    def hear(self, worker: Worker, task: Task | None, reply: Heard) -> None:
        """Take in what a worker said about its task."""
        match reply:
            case Report():  # first what comes with every record
                assert task is not None
                self._reported(self._running[task.number], reply)
            case GaveUp():
                assert task is not None
                job = self._running.pop(task.number)
                if (owned := self._owned(job)) is not None:
                    self._gave_up(job, owned, reply)
            case Progressed(record):
                self.progress.append(record)
            case Probed(down):
                self._probed(down)
            case Untried(tasks):
                self._untried(tasks)
            case Died(how, untried):
                self._told.pop(worker, None)
                self._died(task, how)
                self._untried(untried)

    # -- what to do next

    def _ahead(self) -> int:
        """How many tasks may wait in each worker: none while it is not known how long they take, nor
        while records fail, so that a processor that fails them all has soon failed enough of them."""
        if self._pace_s is None or self._to_give_up:
            return 0
        return min(_MAX_AHEAD, int(AHEAD_S / max(self._pace_s, 1e-6)))

    def _recall(self, new_work: bool) -> None:
        """Take back what waits in workers if it could be done elsewhere, or must not be begun."""
        must_not = not new_work or self._pace_s is None or self.outage.dependency is not None
        for worker in self.pool.workers:
            if worker.waiting and (must_not or worker.is_long):
                worker.recall()

    def _give(self, worker: Worker, new_work: bool) -> bool:
        """Give the worker one task; False if there is none."""
        now = time.monotonic()
        if self.outage.dependency is None and self._to_give_up:
            self._begin_give_up(worker, self._to_give_up.popleft())
            return True
        if new_work and self.outage.probe_due(now):
            self.outage.probing = True
            worker.give(Probe(self._number()))
            return True
        if not new_work or self.outage.dependency is not None:
            return False
        record = self.lanes.choose(self._startable)
        if record is None:
            return False
        self._begin(worker, record)
        return True

    def _number(self) -> int:
        self._tasks += 1
        return self._tasks

    def _startable(self, record: Record) -> bool:
        """Whether a partition's first record may be begun; if not, its partition is paused until
        then."""
        place = record.place
        owned = self.assignments.get(place)
        admitted = owned is not None and owned.frontier.admits(record.offset)
        self.pauses.mark(place, Reason.WINDOW, not admitted)
        topic = self._lane_topics[record.topic]
        if record.topic == topic:
            return admitted
        # only what comes from the retry topic may have to wait
        tries = received(record, topic).tries
        due = is_due(tries, self.policy, now_ms=_now_ms())
        self.pauses.mark(place, Reason.NOT_BEFORE, not due)
        return admitted and due and (not tries.faults or self._can_lose_a_worker())

    def _can_lose_a_worker(self) -> bool:
        """Whether a record that may have killed its worker can be tried again without holding all others
        up until a new worker has started; with a single one, that can't be had."""
        workers = self.pool.workers
        return len(workers) == 1 or sum(worker.ready for worker in workers) > 1

    def _begin(self, worker: Worker, record: Record) -> None:
        """Start a record, unless what was committed says that it is done."""
        place = record.place
        owned = self.assignments.get(place)
        if owned is None:
            return
        for earlier in self.lanes.before(record):  # the frontier wants them in order, begun or not
            owned.frontier.take(earlier)
        if not owned.frontier.take(record.offset):
            return
        topic = self._lane_topics[record.topic]
        handover = received(record, topic)
        events_out = max(owned.frontier.events_out(record.offset), handover.events_out)
        number = self._number()
        self._running[number] = _Job(number, worker, record, place, handover, owned.epoch, events_out)
        self._tell(worker)
        attempt = handover.tries.attempt
        worker.give(Work(number, topic, _as_written(record, handover), attempt, events_out))

    def _tell(self, worker: Worker) -> None:
        """Let the worker know what became unwanted since it was last told."""
        told = self._told.get(worker, 0)
        if told < len(self._unwanted_keys):
            self._told[worker] = len(self._unwanted_keys)
            worker.tell(self._unwanted_keys[told:])

    def _begin_give_up(self, worker: Worker, job: _Job) -> None:
        assert job.failure is not None
        if self._owned(job) is None:
            return
        job.number, job.worker = self._number(), worker
        self._running[job.number] = job
        attempt = job.handover.tries.attempt
        record = _as_written(job.record, job.handover)
        worker.give(GiveUp(job.number, job.handover.topic, record, attempt, job.failure))

    # -- what workers say

    def _reported(self, job: _Job, report: Report) -> None:
        began, events, finished = report
        if finished is not None:
            del self._running[job.number]
        owned = self._owned(job)
        if owned is None:
            if finished is not None:
                self._count("lost", finished.work_s, job)
            return
        if began is not None:
            job.video, job.index, job.media_s = began
            if self._unwanted.covers(began.video):
                _stop(job)
        if events and not job.stopped:
            for event in events:
                self.outputs.add(job.place, event)
            job.events_out += len(events)
            owned.frontier.emitted(job.record.offset, job.events_out)
            owned.changed = True
        if finished is not None:
            self._finished(job, owned, *finished)

    def _finished(self, job: _Job, owned: Assigned, outcome: Outcome, work_s: float) -> None:
        match outcome:
            case Done():
                self._count("done", work_s, job)
                pace_s = work_s if self._pace_s is None else self._pace_s
                self._pace_s = pace_s + _PACE_WEIGHT * (work_s - pace_s)
                if job.media_s:
                    self.metrics.media.inc(job.media_s)
                self.dead_row.done()
                _finish(job, owned)
            case NotWanted():
                self._count("cancelled", work_s, job)
                _finish(job, owned)
            case Failed(kind, reason):
                reason = _sayable(reason)
                self._count(kind.value, work_s, job, reason)
                self._failed(job, owned, kind, reason)
            case Down(dependency, reason):
                self._count("down", work_s, job, f"{dependency}: {reason}")
                self._down(outcome)
                if job.failure is not None:  # it was giving up
                    self._to_give_up.append(job)
                else:
                    self.lanes.hold(job.record)

    def _failed(self, job: _Job, owned: Assigned, kind: FailureKind, reason: str) -> None:
        """Put the record aside for another try, or give it up."""
        self._pace_s = None
        tries = after_failure(
            job.handover.tries, kind, self.policy, now_ms=_now_ms(), seed=job.handover.origin
        )
        if tries is None or not copies(job.record):
            job.failure = Failure(kind, reason, job.events_out)
            self._to_give_up.append(job)
            return
        self.metrics.retries.labels(kind.value).inc()
        self.outputs.add(
            job.place,
            to_retry(
                job.record,
                job.handover,
                tries,
                group=self.stage.name,
                events_out=job.events_out,
                error=reason,
            ),
        )
        _finish(job, owned)

    def _gave_up(self, job: _Job, owned: Assigned, said: GaveUp) -> None:
        """The record's last words are there: emit them, bury the record."""
        assert job.failure is not None
        if said.event is not None:
            self.outputs.add(job.place, said.event)
        else:
            log.error(
                "given up without an event: %s",
                said.error or "its video is not known",
                extra=_about(job),
            )
        self.outputs.add(
            job.place,
            to_dead(job.record, job.handover, job.failure, group=self.stage.name, now_ms=_now_ms()),
        )
        _finish(job, owned)
        self.metrics.dead_letters.labels(job.failure.kind.value).inc()
        log.error("given up: %s", job.failure.reason, extra=_about(job))
        video = said.video or job.video
        if self.dead_row.dead(video.video_id if video else job.handover.origin):
            self.too_many_dead = True

    def _untried(self, tasks: Iterable[Task]) -> None:
        """A worker will not do these: another may, as if nothing had been."""
        for task in tasks:
            job = self._running.pop(task.number, None)
            if job is None:
                self.outage.probing = False
            elif self._owned(job) is not None:
                if job.failure is not None:
                    self._to_give_up.append(job)
                else:
                    self.lanes.hold(job.record)

    def _died(self, task: Task | None, how: str) -> None:
        self.metrics.worker_deaths.inc()
        job = None if task is None else self._running.pop(task.number, None)
        if isinstance(task, Probe):
            self.outage.probed(still_down=True, now=time.monotonic())
        if job is None or (owned := self._owned(job)) is None:
            return
        if job.failure is None:
            reason = f"its worker process died: {how}"
            self._count(FailureKind.CRASH.value, None, job, reason)
            self._failed(job, owned, FailureKind.CRASH, reason)
            return
        job.give_ups += 1
        if job.give_ups < _MAX_GIVE_UPS:
            self._to_give_up.append(job)
        else:
            self._gave_up(job, owned, self._without_worker(job))

    def _without_worker(self, job: _Job) -> GaveUp:
        """The last words for a record whose last words kill workers."""
        assert job.failure is not None
        record = _as_written(job.record, job.handover)
        began = None if job.video is None else (job.video, job.index)
        said = self.last_words.of(record, job.failure, attempt=job.handover.tries.attempt, began=began)
        return GaveUp(*said) if said else GaveUp(None, None, "its workers died, its video is not known")

    def _down(self, down: Down) -> None:
        if self.outage.began(down.dependency, time.monotonic()):
            log.error("%s is down, consumption pauses: %s", down.dependency, down.reason)
            self.pauses.mark_general(Reason.DEPENDENCY_DOWN, True)

    def _probed(self, down: Down | None) -> None:
        dependency = self.outage.dependency
        self.outage.probed(still_down=down is not None, now=time.monotonic())
        if down is not None:
            log.warning("%s is still down: %s", dependency, down.reason)
        else:
            log.info("%s is back, consumption goes on", dependency)
            self.pauses.mark_general(Reason.DEPENDENCY_DOWN, False)

    def _owned(self, job: _Job) -> Assigned | None:
        return self.assignments.current(job.place, job.epoch)

    def _count(self, outcome: str, work_s: float | None, job: _Job, reason: str | None = None) -> None:
        self._ended(outcome).inc()
        if work_s is not None:
            self.metrics.work.observe(work_s)
        level = logging.INFO if reason is None else logging.WARNING
        if not log.isEnabledFor(level):
            return
        withheld = self._lines.take() if reason is None else 0
        if withheld is None:
            return
        about: dict[str, object] = {
            "outcome": outcome,
            "work_s": None if work_s is None else round(work_s, 4),
        }
        if withheld:
            about["like_it"] = withheld
        log.log(level, outcome if reason is None else f"{outcome}: {reason}", extra=_about(job, **about))


def _finish(job: _Job, owned: Assigned) -> None:
    owned.frontier.finish(job.record.offset)
    owned.changed = True


def _stop(job: _Job) -> None:
    if not job.stopped and job.failure is None:
        job.stopped = True
        job.worker.stop(job.number)


def _sayable(reason: str) -> str:
    """The reason as events, headers and logs can say it: text, and no longer than anybody reads."""
    return reason[:_MAX_REASON_CHARS].encode("utf-8", "replace").decode()


def _as_written(record: Record, handover: Handover) -> Record:
    """The record with the time at which it first came."""
    if record.timestamp_ms == handover.written_ms:
        return record
    return record._replace(timestamp_ms=handover.written_ms)


def _about(job: _Job, **more: object) -> dict[str, dict[str, object]]:
    video = {} if job.video is None else {"video": job.video.video_id, "revision": job.video.revision}
    return fields(**video, **record_fields(job.record, job.handover.tries.attempt), **more)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
