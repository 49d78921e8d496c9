"""A worker process: makes the processor once, then does one task after another.

It takes its tasks from a pipe and writes what becomes of them to the same pipe (`workerpipe.py`). It
ends when the pipe closes, and with its parent in any case.
"""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

from connectors.errors import DependencyDown, TransientError
from connectors.registry import open_registry
from connectors.settings import Connections
from processors.runtime import logs
from processors.runtime.birth import die_with
from processors.runtime.contract import Cancelled, PoisonError, Processor, Stage
from processors.runtime.stamp import Stamp, completed, unreadable
from processors.runtime.unwanted import VideoKey
from processors.runtime.wire import (
    Began,
    Done,
    Down,
    Emitted,
    Failed,
    Finished,
    GaveUp,
    GiveUp,
    NotReady,
    NotWanted,
    Outcome,
    Probe,
    Probed,
    Progressed,
    Ready,
    Work,
)
from processors.runtime.workerpipe import AtWork, PipeClosed, WorkerPipe
from schemas.codec import Codec, UndecodableError
from schemas.events import Event, FailureKind, Progress, StageFailed
from schemas.headers import media_s

log = logging.getLogger("reelay.runtime")

_PROGRESS_EVERY_S = 0.5
_RETRY_START_S = 2.0
_DONE = Done()  # always the same, so that pickle writes it once for many replies


def main(
    connection: Connection, at_work: AtWork, stage: Stage, connections: Connections, parent: int
) -> None:
    """The process's whole life. at_work: where the parent reads which task this process died of."""
    _detach(connection, parent)
    logs.configure(connections.log_level)
    pipe = WorkerPipe(connection)
    try:
        processor = _made(stage, pipe)
        if processor is not None:
            pipe.say(Ready())
            _Worker(stage, processor, Codec(open_registry(connections)), pipe, at_work).run()
        pipe.flush()
    except PipeClosed:
        return


def _detach(connection: Connection, parent: int) -> None:
    """Stand apart from the terminal and hold on to the parent.

    Ctrl-C in a terminal goes to a whole process group, so this worker leads one of its own: it and the
    programs that it runs go on while the parent drains. A handler that does nothing, and not SIG_IGN,
    since ignored signals stay ignored in the programs that a processor starts.
    """
    os.setpgid(0, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    os.set_inheritable(connection.fileno(), False)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    die_with(parent)


def _made(stage: Stage, pipe: WorkerPipe) -> Processor | None:
    """The processor, once what it depends on is there; None if it cannot be made."""
    while True:
        try:
            return stage.make(stage.settings)
        except DependencyDown as down:
            pipe.say(Down(down.dependency, down.reason))
            pipe.flush()
            pipe.wait(_RETRY_START_S)
        except Exception as error:
            log.exception("the processor cannot be made")
            pipe.say(NotReady(_said(error)))
            return None


class _Job:
    """What a processor may ask while it works on one event (`contract.Job`)."""

    def __init__(
        self,
        work: Work,
        source: Event,
        stage: str,
        *,
        pipe: WorkerPipe,
        codec: Codec,
    ) -> None:
        self._work = work
        self._source = source
        self._stage = stage
        self._pipe = pipe
        self._codec = codec
        self.video = VideoKey(source.video_id, source.revision)
        self._cancelled = pipe.unwanted.covers(self.video)
        self._reported_at = -_PROGRESS_EVERY_S

    @property
    def attempt(self) -> int:
        return self._work.attempt

    def progress(self, done: float, total: float | None, unit: str) -> None:
        now = time.monotonic()
        if now - self._reported_at < _PROGRESS_EVERY_S:
            return
        self._reported_at = now
        event = Progress(
            video_id=self._source.video_id,
            revision=self._source.revision,
            stage=self._stage,
            index=getattr(self._source, "index", None),
            done=done,
            total=total,
            unit=unit,
        )
        with contextlib.suppress(DependencyDown):  # progress may be lost
            self._pipe.say(Progressed(self.stamp()(event, self._codec)))

    def check(self) -> None:
        self._cancelled = self._cancelled or self._pipe.stopped(self._work.number)
        if self._cancelled:
            raise Cancelled

    def stamp(self) -> Stamp:
        """A stamp for events of this job, from its first yield on."""
        traceparent = self._work.record.header("traceparent")
        return Stamp(self._stage, self._source, traceparent, self._work.attempt)


class _Worker:
    def __init__(
        self, stage: Stage, processor: Processor, codec: Codec, pipe: WorkerPipe, at_work: AtWork
    ) -> None:
        self._stage = stage
        self._processor = processor
        self._codec = codec
        self._pipe = pipe
        self._at_work = at_work
        self._topics = {lane.topic.name: lane.topic for lane in stage.lanes}

    def run(self) -> None:
        """Does tasks until the pipe closes."""
        while True:
            task = self._pipe.next_task()
            self._at_work.value = task.number
            match task:
                case Work():
                    with logs.job_fields(task.record, task.attempt):
                        self._pipe.say(self._work(task))
                case GiveUp():
                    with logs.job_fields(task.record, task.attempt):
                        self._pipe.say(self._give_up(task))
                case Probe():
                    self._pipe.say(self._probe())

    def _work(self, work: Work) -> Finished:
        began = time.monotonic()
        outcome: Outcome
        try:
            self._process(work)
            outcome = _DONE
        except Cancelled:
            outcome = NotWanted()
        except DependencyDown as down:
            outcome = Down(down.dependency, down.reason)
        except TransientError as error:
            outcome = Failed(FailureKind.TRANSIENT, _said(error))
        except (PoisonError, UndecodableError) as error:
            outcome = Failed(FailureKind.POISON, str(error))
        except Exception as error:  # a bug in the processor: this record's, not this worker's
            log.exception("the processor failed")
            outcome = Failed(FailureKind.BUG, _said(error))
        return Finished(outcome, time.monotonic() - began)

    def _process(self, work: Work) -> None:
        source = self._decoded(work)
        logs.add_job_fields(video=source.video_id, revision=source.revision)
        job = _Job(work, source, self._stage.name, pipe=self._pipe, codec=self._codec)
        self._pipe.say(Began(job.video, getattr(source, "index", None), media_s(source)))
        job.check()
        stamp = job.stamp()
        events: Iterator[Event] = iter(self._processor.process(source, job))
        given, last = 0, None
        try:
            for given, last in enumerate(events, 1):
                job.check()
                if given > work.events_out:
                    self._pipe.say(Emitted(stamp(last, self._codec)))
                else:
                    stamp.skip(last)
        finally:
            if close := getattr(events, "close", None):
                close()  # lets go of files and programs now, not when memory is collected
        _reach_what_is_new(last, given, work.events_out)

    def _give_up(self, task: GiveUp) -> GaveUp | Finished:
        try:
            event, source = self._last_words(task)
            if event is None or source is None:
                return GaveUp(None, None)
            stamp = Stamp(self._stage.name, source, task.record.header("traceparent"), task.attempt)
            return GaveUp(stamp(event, self._codec), _key(event))
        except DependencyDown as down:
            return Finished(Down(down.dependency, down.reason), 0.0)
        except Exception as error:  # a bug in gave_up must not cost the dead letter
            log.exception("no event could be made for a record that is given up")
            return GaveUp(None, None, _said(error))

    def _last_words(self, task: GiveUp) -> tuple[Event | None, Event | None]:
        """The event that the stage says goodbye with, and the input to stamp it by."""
        try:
            source = self._decoded(task)
        except UndecodableError:
            event = unreadable(task.record, stage=self._stage.name, reason=task.failure.reason)
            return event, None if event is None else completed(event, task.record)
        return self._stage.gave_up(source, task.failure), source

    def _decoded(self, task: Work | GiveUp) -> Event:
        return completed(self._codec.decode(task.record.value, self._topics[task.topic]), task.record)

    def _probe(self) -> Probed:
        try:
            self._stage.probe(self._stage.settings)
        except DependencyDown as down:
            return Probed(Down(down.dependency, down.reason))
        except Exception as error:  # a probe that cannot tell has not found the dependency back
            log.exception("the probe failed")
            return Probed(Down("probe", _said(error)))
        return Probed(None)


def _key(event: Event) -> VideoKey:
    return VideoKey(event.video_id, event.revision)


def _reach_what_is_new(last: Event | None, given: int, out: int) -> None:
    """See that a try which gave `given` events did not end before the `out` events that are out already.

    Another try may fail where the one before did not: the file is gone meanwhile, for instance. What it
    said of that was held back as out already, and nobody would ever hear how the work ended. Raises
    PoisonError, so that the stage's last words tell how many events are out.
    """
    if (
        isinstance(last, StageFailed) and given <= out
    ):  # it may be what is out: said twice, it has one id
        raise PoisonError(last.reason)
    if given < out:
        raise PoisonError(f"another try gave {given} events, though {out} are out already")


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
