"""What becomes of records: which are being worked on, and what each answer of a worker means for them.

Nothing here talks to Kafka. Answers leave two things behind for the poll loop to commit together:
`outputs`, and changed frontiers in the assignments.
"""

import logging
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from connectors.kafka.records import Outgoing, Partition, Record
from processors.runtime.assignments import Assigned, Assignments
from processors.runtime.contract import Failure, Stage
from processors.runtime.deadrow import DeadRow
from processors.runtime.handover import Handover, copies, received, to_dead, to_retry
from processors.runtime.lanes import Lanes
from processors.runtime.lastwords import LastWords
from processors.runtime.logs import fields, record_fields
from processors.runtime.metrics import Metrics
from processors.runtime.outage import Outage
from processors.runtime.outbox import Outbox
from processors.runtime.pauses import Pauses, Reason
from processors.runtime.pool import Died, Pool, Worker
from processors.runtime.retry import RetryPolicy, after_failure, is_due
from processors.runtime.unwanted import Unwanted, VideoKey
from processors.runtime.wire import (
    Began,
    Done,
    Down,
    Emitted,
    Failed,
    Finished,
    GaveUp,
    GiveUp,
    NotWanted,
    Probe,
    Probed,
    Progressed,
    Reply,
    Stop,
    Task,
    Work,
)
from schemas.events import FailureKind
from schemas.topics import retry_topic

log = logging.getLogger("reelay.runtime")

_MAX_GIVE_UPS = 3
"""How many workers may die of a record's last words before they are made here."""


class TooManyDeadLettersError(Exception):
    """Video after video is given up: the fault is here, not in the videos."""


@dataclass(slots=True, eq=False)
class _Job:
    """One record that is taken and not done. number: of its try; tells a late `Stop` from a fitting
    one."""

    number: int
    record: Record
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
    _running: dict[Worker, _Job] = field(default_factory=dict)
    _to_give_up: deque[_Job] = field(default_factory=deque)
    _started: int = 0
    _unwanted: Unwanted = field(default_factory=Unwanted)
    _unwanted_keys: list[VideoKey] = field(default_factory=list)
    _told: dict[Worker, int] = field(default_factory=dict)
    _lane_topics: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (lane.topic.name for lane in self.stage.lanes):
            self._lane_topics |= {name: name, retry_topic(name, self.stage.name): name}

    @property
    def running(self) -> int:
        """How many records are being worked on or given up."""
        return len(self._running) + len(self._to_give_up)

    def unwanted(self, keys: list[VideoKey]) -> None:
        """Take note of all unwanted work that is known (`keys` only grows), and stop what is running."""
        for key in keys[len(self._unwanted_keys) :]:
            self._unwanted_keys.append(key)
            self._unwanted.add(key)
            for worker, job in self._running.items():
                if job.video is not None and self._unwanted.covers(job.video):
                    _stop(worker, job)

    def lost(self, partitions: Iterable[Partition]) -> None:
        """Partitions went: their jobs' results are not ours to commit, so the work need not go on."""
        gone = set(partitions)
        for worker, job in self._running.items():
            if job.record.place in gone:
                _stop(worker, job)

    def dispatch(self, *, new_work: bool) -> None:
        """Give idle workers something to do. new_work: whether records that wait may be begun."""
        while (worker := self.pool.idle()) is not None:
            if not self._give(worker, new_work):
                return

    def hear(self, worker: Worker, task: Task | None, reply: Reply | Died) -> None:
        """Take in what a worker said about its task."""
        match reply:
            case Progressed(record):
                self.progress.append(record)
            case Probed(down):
                self._probed(down)
            case Died(how):
                self._died(worker, task, how)
            case Began() | Emitted() | Finished() | GaveUp():
                self._heard_of(worker, self._running[worker], reply)

    # -- what to do next

    def _give(self, worker: Worker, new_work: bool) -> bool:
        """Give the worker one task; False if there is none."""
        now = time.monotonic()
        if self.outage.dependency is None and self._to_give_up:
            self._begin_give_up(worker, self._to_give_up.popleft())
            return True
        if new_work and self.outage.probe_due(now):
            self.outage.probing = True
            self.pool.give(worker, Probe())
            return True
        if not new_work or self.outage.dependency is not None:
            return False
        record = self.lanes.choose(self._startable)
        if record is None:
            return False
        self._begin(worker, record)
        return True

    def _startable(self, record: Record) -> bool:
        """Whether a partition's first record may be begun; if not, its partition is paused until
        then."""
        owned = self.assignments.get(record.place)
        admitted = owned is not None and owned.frontier.admits(record.offset)
        tries = received(record, self._lane_topics[record.topic]).tries
        due = is_due(tries, self.policy, now_ms=_now_ms())
        self.pauses.mark(record.place, Reason.WINDOW, not admitted)
        self.pauses.mark(record.place, Reason.NOT_BEFORE, not due)
        return admitted and due

    def _begin(self, worker: Worker, record: Record) -> None:
        """Start a record, unless what was committed says that it is done."""
        owned = self.assignments.get(record.place)
        if owned is None:
            return
        for earlier in self.lanes.before(record):  # the frontier wants them in order, begun or not
            owned.frontier.take(earlier)
        if not owned.frontier.take(record.offset):
            return
        topic = self._lane_topics[record.topic]
        handover = received(record, topic)
        events_out = max(owned.frontier.events_out(record.offset), handover.events_out)
        self._started += 1
        self._running[worker] = _Job(self._started, record, handover, owned.epoch, events_out)
        told = self._told.get(worker, 0)
        self._told[worker] = len(self._unwanted_keys)
        news = tuple(self._unwanted_keys[told:])
        work = Work(
            self._started,
            topic,
            replace(record, timestamp_ms=handover.written_ms),
            handover.tries.attempt,
            events_out,
            unwanted=news,
        )
        self.pool.give(worker, work)

    def _begin_give_up(self, worker: Worker, job: _Job) -> None:
        assert job.failure is not None
        if self._owned(job) is None:
            return
        self._running[worker] = job
        self.pool.give(
            worker,
            GiveUp(
                job.handover.topic,
                replace(job.record, timestamp_ms=job.handover.written_ms),
                job.handover.tries.attempt,
                job.failure,
            ),
        )

    # -- what workers say

    def _heard_of(self, worker: Worker, job: _Job, reply: Began | Emitted | Finished | GaveUp) -> None:
        if isinstance(reply, Finished | GaveUp):
            del self._running[worker]
        owned = self._owned(job)
        if owned is None:
            if isinstance(reply, Finished):
                self._count("lost", reply.work_s, job)
            return
        match reply:
            case Began(video, index, media_s):
                job.video, job.index, job.media_s = video, index, media_s
                if self._unwanted.covers(video):
                    _stop(worker, job)
            case Emitted(record) if not job.stopped:
                self.outputs.add(job.record.place, record)
                job.events_out += 1
                owned.frontier.emitted(job.record.offset, job.events_out)
                owned.changed = True
            case Finished(outcome, work_s):
                self._finished(job, owned, outcome, work_s)
            case GaveUp():
                self._gave_up(job, owned, reply)

    def _finished(
        self, job: _Job, owned: Assigned, outcome: Done | NotWanted | Failed | Down, work_s: float
    ) -> None:
        match outcome:
            case Done():
                self._count("done", work_s, job)
                self.metrics.media.inc(job.media_s)
                self.dead_row.done()
                _finish(job, owned)
            case NotWanted():
                self._count("cancelled", work_s, job)
                _finish(job, owned)
            case Failed(kind, reason):
                self._count(kind.value, work_s, job, reason)
                self._failed(job, owned, kind, reason)
            case Down(dependency, reason):
                self._count("down", work_s, job, f"{dependency}: {reason}")
                self._down(outcome)
                if job.failure is not None:  # it was giving up
                    self._to_give_up.append(job)
                else:
                    self.lanes.put_back(job.record)

    def _failed(self, job: _Job, owned: Assigned, kind: FailureKind, reason: str) -> None:
        """Put the record aside for another try, or give it up."""
        tries = after_failure(
            job.handover.tries, kind, self.policy, now_ms=_now_ms(), seed=job.handover.origin
        )
        if tries is None or not copies(job.record):
            job.failure = Failure(kind, reason, job.events_out)
            self._to_give_up.append(job)
            return
        self.metrics.retries.labels(kind.value).inc()
        self.outputs.add(
            job.record.place,
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
            self.outputs.add(job.record.place, said.event)
        else:
            log.error(
                "given up without an event: %s",
                said.error or "its video is not known",
                extra=_about(job),
            )
        self.outputs.add(
            job.record.place,
            to_dead(job.record, job.handover, job.failure, group=self.stage.name, now_ms=_now_ms()),
        )
        _finish(job, owned)
        self.metrics.dead_letters.labels(job.failure.kind.value).inc()
        log.error("given up: %s", job.failure.reason, extra=_about(job))
        video = said.video or job.video
        if self.dead_row.dead(video.video_id if video else job.handover.origin):
            self.too_many_dead = True

    def _died(self, worker: Worker, task: Task | None, how: str) -> None:
        self.metrics.worker_deaths.inc()
        self._told.pop(worker, None)
        job = self._running.pop(worker, None)
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
        record = replace(job.record, timestamp_ms=job.handover.written_ms)
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
        return self.assignments.current(job.record.place, job.epoch)

    def _count(self, outcome: str, work_s: float | None, job: _Job, reason: str | None = None) -> None:
        self.metrics.finished.labels(outcome).inc()
        if work_s is not None:
            self.metrics.work.observe(work_s)
        level = logging.INFO if reason is None else logging.WARNING
        about = _about(job, outcome=outcome, work_s=None if work_s is None else round(work_s, 4))
        log.log(level, outcome if reason is None else f"{outcome}: {reason}", extra=about)


def _finish(job: _Job, owned: Assigned) -> None:
    owned.frontier.finish(job.record.offset)
    owned.changed = True


def _stop(worker: Worker, job: _Job) -> None:
    if not job.stopped and job.failure is None:
        job.stopped = True
        worker.send(Stop(job.number))


def _about(job: _Job, **more: object) -> dict[str, dict[str, object]]:
    video = {} if job.video is None else {"video": job.video.video_id, "revision": job.video.revision}
    return fields(**video, **record_fields(job.record, job.handover.tries.attempt), **more)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
