"""The supervisor: keeps the pipeline running for as long as it is wanted, and gives it its work.

The embedded broker keeps nothing on disk and drops what it has no room for, so the store is the truth.
One life of a broker, with processes of its own, is an era; an era begins with everything that the store
says is unfinished, and artefacts make what was done before a look-up. When the broker is gone, or a
process finds that records were dropped, the next era begins.
"""

import os
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote_to_bytes, urlsplit

from confluent_kafka import KafkaException

from connectors.errors import DependencyDown
from connectors.objectstore import FolderStore, ObjectStore
from connectors.objectstore.revisions import VideoWasDeleted, take_revision
from connectors.objectstore.wishes import all_wishes, leave_note, revisions_of
from connectors.registry import FingerprintRegistry
from ops.pipeline.door import Limits
from ops.pipeline.export import Exported
from ops.pipeline.files import covering_folders
from ops.pipeline.local import LocalPipeline, Web, local_pipeline
from ops.pipeline.processes import PipelineLost
from ops.pipeline.progress import Progress, VideoProgress
from ops.pipeline.restarts import FOREVER, Patience, Restarts
from ops.pipeline.state import StateFolder
from ops.up.desk import Desk, Ended
from ops.up.exports import Exports
from ops.up.status import ProcessStatus, Status, VideoStatus, write_status
from ops.up.watched import WatchedFolder
from schemas.codec import Codec
from schemas.events import EPOCH, Options, VideoCompleted, VideoFailed, VideoUploaded

_HEAR_EVERY_S = 0.5
_LOOK_EVERY_S = 5.0
_STATUS_EVERY_S = 1.0
_WATCH_EVERY_S = 2.0
_EXPORT_AGAIN_S = 10.0
_LOGS_EVERY_S = 60.0
_LOG_BYTES = 20 * 10**6
_TICK_S = 0.1
_SHOWN_VIDEOS = 100
_NAME_CHARS = 120
_LOW_BYTES = 4 * 10**6
"""Free space that is too little for the few artefacts that are written at once."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How the user wants it. roots: folders whose files may be named. out: where results are written,
    None: only into the store. options: what is asked for files of the watched folder. web: where the
    gateway serves, None: nowhere."""

    state: StateFolder
    workers: int
    model: str
    roots: tuple[Path, ...]
    watch: WatchedFolder | None = None
    options: Options = field(default_factory=Options)
    out: Path | None = None
    limits: Limits = field(default_factory=Limits)
    web: Web | None = None
    patience: Patience = FOREVER


class Audience(Protocol):
    """Who is told what happens."""

    def ended(self, ended: Ended, written: Iterable[Exported]) -> None:
        """A revision has ended; what was written for the user, if that could be done at once."""

    def trouble(self, text: str) -> None:
        """Something went wrong that the supervisor sees to by itself."""

    def refresh(self, waiting: int) -> None:
        """Some time has passed."""


@dataclass(slots=True)
class _Counts:
    completed: int = 0
    failed: int = 0
    cancelled: int = 0


@dataclass(slots=True)
class _Every:
    """Something that is due again some seconds after it was done."""

    pause_s: float
    _due_at: float = 0.0

    def is_due(self, now: float) -> bool:
        if now < self._due_at:
            return False
        self._due_at = now + self.pause_s
        return True


@dataclass(slots=True)
class Supervisor:
    """One run of `reelay up`. stop: set by whoever wants it to end."""

    setup: Setup
    audience: Audience
    progress: Progress
    stop: threading.Event
    logs: Path
    _store: ObjectStore = field(init=False)
    _exports: Exports = field(init=False)
    _codec: Codec = field(default_factory=lambda: Codec(FingerprintRegistry()))
    _began: float = field(default_factory=time.time)
    _counts: _Counts = field(default_factory=_Counts)
    _trouble: str | None = None
    _unwritten: str | None = None
    _fresh_starts: int = 0
    _hear: _Every = field(default_factory=lambda: _Every(_HEAR_EVERY_S))
    _look: _Every = field(default_factory=lambda: _Every(_LOOK_EVERY_S))
    _say: _Every = field(default_factory=lambda: _Every(_STATUS_EVERY_S))
    _watch: _Every = field(default_factory=lambda: _Every(_WATCH_EVERY_S))
    _export: _Every = field(default_factory=lambda: _Every(_EXPORT_AGAIN_S))
    _trim: _Every = field(default_factory=lambda: _Every(_LOGS_EVERY_S))

    def __post_init__(self) -> None:
        self._store = FolderStore(self.setup.state.store)
        self._exports = Exports(self.setup.state.exports, self._store)

    def run(self) -> None:
        """Until `stop` is set. Raises ProcessDied for wrong settings; OSError or DependencyDown if the
        disk fails before anything runs."""
        restarts = Restarts(self.setup.patience, began_at=time.monotonic())
        while not self.stop.is_set():
            try:
                self._era()
            except (PipelineLost, KafkaException, DependencyDown, OSError) as error:
                if isinstance(error, DependencyDown | OSError) and not self._fresh_starts:
                    raise
                pause_s = restarts.pause_s(time.monotonic())
                if pause_s is None:
                    raise
                why = error.args[0].str() if isinstance(error, KafkaException) else str(error)
                self._fresh_starts += 1
                self.audience.trouble(f"{why}; everything starts afresh in {pause_s:.1f} s")
                self.stop.wait(pause_s)
                restarts.began_at = time.monotonic()

    def _era(self) -> None:
        """One life of a broker. Raises PipelineLost or KafkaException at its end."""
        self.progress.forget()
        pipeline = local_pipeline(
            store_url=self.setup.state.store_url,
            local_roots=covering_folders(self._roots()),
            workers=self.setup.workers,
            model=self.setup.model,
            logs=self.logs,
            web=self.setup.web,
            patience=self.setup.patience,
            tell=self.audience.trouble,
        )
        with pipeline as running, self._desk(running) as desk:
            while not self.stop.is_set():
                self._step(running, desk)

    def _desk(self, running: LocalPipeline) -> Desk:
        """Raises PipelineLost if the broker is gone already."""
        try:
            return Desk(running.connections, self._store, self._codec, self.setup.limits)
        except DependencyDown as error:  # the broker: the store is not asked yet
            raise PipelineLost(str(error)) from error

    def _roots(self) -> Iterator[Path]:
        """Folders whose files may be read: as the user said, and where those lie that are unfinished."""
        yield from self.setup.roots
        for upload in all_wishes(self._store).uploads:
            try:
                source = urlsplit(upload.source)
            except ValueError:  # no URL; the converter says so
                continue
            path = os.fsdecode(unquote_to_bytes(source.path))
            if source.scheme == "file" and "\0" not in path:
                yield Path(path).parent

    def _step(self, running: LocalPipeline, desk: Desk) -> None:
        now = time.monotonic()
        try:
            running.processes.watch()
            self._follow(desk, now)
            self._give(desk, now)
            if self._export.is_due(now):
                faults = [_in_words(error) for error in self._exports.settle_all(but=desk.inside)]
                self._unwritten = faults[0] if faults else None
            self._trouble = self._short_of_space() or self._unwritten
        except DependencyDown as error:
            if error.dependency == "broker":
                raise PipelineLost(str(error)) from error
            self._wait(str(error))
        except OSError as error:
            self._wait(_in_words(error))
        self._tell(running, desk, now)

    def _follow(self, desk: Desk, now: float) -> None:
        """What has become of the work?"""
        for event in desk.read():
            self.progress.take(event, now)
            self._settle(desk.ended([event]))
        if self._look.is_due(now):
            self._settle(desk.look())

    def _give(self, desk: Desk, now: float) -> None:
        """Is there more to do?"""
        if self.setup.watch is not None and self._watch.is_due(now):
            self._take_files(self.setup.watch, now)
        if self._hear.is_due(now):
            for key in desk.hear():
                self.audience.trouble(f"{key} is no upload, and is passed over")
        for upload in desk.admit():
            if self.setup.out is not None:
                self._exports.note(upload, self.setup.out)
            self.progress.take(upload, now)

    def _settle(self, all_ended: Iterable[Ended]) -> None:
        """Those have ended."""
        for ended in all_ended:
            revision = (ended.upload.video_id, ended.upload.revision)
            self.progress.at_work.pop(revision, None)
            written: list[Exported] = []
            try:
                written = self._exports.settle(revision)
            except (OSError, DependencyDown) as error:
                self.audience.trouble(f"{ended.upload.name}: {error}; its files are written later")
            if isinstance(ended.outcome, VideoCompleted):
                self._counts.completed += 1
            elif isinstance(ended.outcome, VideoFailed) or ended.unreadable is not None:
                self._counts.failed += 1
            else:
                self._counts.cancelled += 1
            self.audience.ended(ended, written)

    def _take_files(self, watch: WatchedFolder, now: float) -> None:
        """Accept what has come into the watched folder."""

        def is_known(video_id: str) -> bool:
            return any(revisions_of(self._store, video_id))

        for file in watch.ready(now, is_known):
            try:
                take_revision(
                    self._store,
                    file.video_id,
                    source=file.source,
                    name=file.name,
                    size_bytes=file.size_bytes,
                    options=self.setup.options,
                )
            except VideoWasDeleted:
                continue
            leave_note(self._store, file.video_id)

    def _wait(self, why: str) -> None:
        """Something outside does not work: go on a little later."""
        if why != self._trouble:
            self.audience.trouble(f"waiting: {why}")
        self._trouble = why
        self.stop.wait(_TICK_S)

    def _short_of_space(self) -> str | None:
        free_bytes = shutil.disk_usage(self.setup.state.root).free
        if free_bytes >= _LOW_BYTES:
            return None
        return f"the disk is full: {free_bytes / 10**6:.1f} MB are free in {self.setup.state.root}"

    def _tell(self, running: LocalPipeline, desk: Desk, now: float) -> None:
        waiting = len(desk.waiting)
        self.audience.refresh(waiting)
        if self._trim.is_due(now):
            trim_logs(self.logs)
        if not self._say.is_due(now):
            return
        status = Status(
            pid=os.getpid(),
            time=time.time(),
            began=self._began,
            brokers=running.connections.kafka_brokers,
            model=self.setup.model,
            workers=self.setup.workers,
            roots=tuple(running.connections.local_roots.split(":")),
            watch=None if self.setup.watch is None else str(self.setup.watch.folder),
            out=None if self.setup.out is None else str(self.setup.out),
            trouble=self._trouble,
            fresh_starts=self._fresh_starts,
            completed=self._counts.completed,
            failed=self._counts.failed,
            cancelled=self._counts.cancelled,
            at_work=len(desk.inside),
            waiting=waiting,
            videos=tuple(self._videos(desk)),
            processes=tuple(
                ProcessStatus(h.name, h.pid, h.restarts, h.pause_s, h.ended)
                for h in running.processes.health()
            ),
        )
        try:
            write_status(self.setup.state.status, status)
        except OSError as error:
            self._wait(f"{self.setup.state.status}: {error.strerror or error}")

    def _videos(self, desk: Desk) -> Iterator[VideoStatus]:
        shown = [*desk.inside.values()][:_SHOWN_VIDEOS]
        shown += [desk.waiting[i] for i in range(min(len(desk.waiting), _SHOWN_VIDEOS - len(shown)))]
        for upload in shown:
            yield _video_status(upload, self.progress.at_work.get((upload.video_id, upload.revision)))


def _in_words(error: OSError) -> str:
    where = f"{os.fspath(error.filename)}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


def _video_status(upload: VideoUploaded, video: VideoProgress | None) -> VideoStatus:
    return VideoStatus(
        video_id=upload.video_id[:_NAME_CHARS],
        revision=upload.revision,
        name=upload.name[:_NAME_CHARS],
        stage="waiting" if video is None else video.stage,
        done=None if video is None else len(video.done_s),
        total=None if video is None else video.segments_expected,
        more_segments_come=video is not None and video.segments is None,
        age_s=None if upload.made_at == EPOCH else max(0.0, time.time() - upload.made_at.timestamp()),
    )


def trim_logs(logs: Path, *, max_bytes: int = _LOG_BYTES) -> None:
    """Let no log grow for ever: one that is too long becomes NAME.log.1 and begins anew. The processes
    append to the same file all along."""
    for log in logs.glob("*.log"):
        if log.stat().st_size > max_bytes:
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)
