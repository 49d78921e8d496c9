"""What the aggregator does with one event: keep its piece, and decide when all are there.

The order of steps makes every crash harmless; whatever comes again finds what is done and does the rest:

1. the piece's row is in the changelog, acknowledged;
2. if the join is complete: the result files, then `outcome.json`, created only if absent. That is the
   decision: from here on everybody emits the event in that file, with its id, time and bytes;
3. the events are emitted and acknowledged;
4. the `done` row, then the tombstones of the pieces' rows;
5. only then may the input's offset be committed.

Whatever a record asks for, and whatever lies in the store, other videos go on: a record that cannot be
taken, or meets an outcome that nobody can read, is a dead letter; an upload that cannot be read is none;
where no result can be made of the pieces, the revision failed.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from connectors.errors import DependencyDown
from connectors.kafka.clients import MAX_EVENT_BYTES
from connectors.kafka.records import Record
from connectors.objectstore import ObjectMissing, ObjectStore
from connectors.objectstore.contract import put_once, ref_to
from connectors.objectstore.revisions import OutcomeUnreadable, outcome_of
from processors.aggregator import outcome as outcomes
from processors.aggregator import rows
from processors.aggregator.join import (
    NOT_CONVERTED,
    PROBED,
    Piece,
    StoredSegment,
    is_complete,
    merged,
    piece_name,
)
from processors.aggregator.outcome import STAGE
from processors.runtime.contract import Failure
from processors.runtime.handover import received, to_dead
from processors.runtime.logs import fields, record_fields
from processors.runtime.stamp import completed, unreadable
from schemas.codec import Codec, UndecodableError
from schemas.events import (
    Event,
    FailureKind,
    SegmentEnriched,
    StageFailed,
    VideoCancelRequested,
    VideoCompleted,
    VideoConverted,
    VideoDeleted,
    VideoProbed,
    VideoRendered,
    VideoUploaded,
)
from schemas.headers import Headers, event_headers
from schemas.ids import event_id
from schemas.outcomes import (
    Outcome,
    deleted_key,
    dump_outcome,
    outcome_key,
    results_prefix,
    uploads_prefix,
)
from schemas.topics import (
    OUTCOMES,
    SEGMENT_ENRICHED,
    VIDEO_CONVERTED,
    VIDEO_PROBED,
    VIDEO_RENDERED,
    topic_named,
    topic_of,
)
from schemas.uploads import load_upload, upload_key

log = logging.getLogger(__name__)

_WRITERS = {
    VIDEO_PROBED.name: "converter",
    VIDEO_CONVERTED.name: "converter",
    SEGMENT_ENRICHED.name: "enricher",
    VIDEO_RENDERED.name: "renderer",
}
"""The stages whose results are joined, by topic. Whose failure a record is, its header tells."""

POISON = "poison"
_UNREADABLE = "its result cannot be read"
_MAX_DONE = 50_000
_MAX_SEGMENTS = 100_000
"""A segment is some tens of seconds."""

_FAULTS = (ArithmeticError, AttributeError, TypeError, UndecodableError, ValueError)
"""What is raised for a record, or an object that it leads to, which is not as it should be. The broker's
errors are others, and so are those of dependencies that are down."""

T = TypeVar("T")
Revision = tuple[str, int]


class Outside(Protocol):
    """What the aggregator needs of the world. Sends return when the broker has acknowledged them."""

    async def call(self, work: Callable[[], T]) -> T:
        """Run blocking work beside the event loop; a dependency that is down is waited for."""

    async def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Send a record, to the partition that its key gives."""

    async def write_row(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Write a row of the table, or remove it (None)."""

    def count(self, what: str) -> None:
        """Count for the metrics: POISON, or the class name of an outcome."""


class Aggregator:
    """The joins of the partitions that this process owns. Handles one record at a time.

    max_done: for how many decided revisions it remembers that they are. That only saves a look into the
    store and a repetition of their outcome, should more come of them.
    """

    def __init__(
        self,
        store: ObjectStore,
        codec: Codec,
        outside: Outside,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        max_done: int = _MAX_DONE,
    ) -> None:
        self._store = store
        self._codec = codec
        self._outside = outside
        self._now = now
        self._max_done = max_done
        self._joins: dict[Revision, dict[str, Piece]] = {}
        self._done: dict[Revision, int] = {}  # with their partitions, oldest first
        self._deleted: set[str] = set()

    async def recover(self, table: Mapping[bytes, bytes]) -> None:
        """Start from these rows, forgetting all others."""
        items = list(table.items())  # now: an event that is still at hand may write to it meanwhile
        found = await self._outside.call(lambda: list(self._loaded(items)))
        self._joins, self._done, self._deleted = defaultdict(dict), {}, set()
        for (video_id, revision), name, value in found:
            if name == rows.DELETED:
                self._deleted.add(video_id)
            elif isinstance(value, int):
                self._done[video_id, revision] = value
            elif value is not None:
                self._joins[video_id, revision][name] = value
        self._joins = dict(self._joins)
        log.info(
            "tables recovered: %d open joins, %d done",
            len(self._joins.keys() - self._done.keys()),
            len(self._done),
        )

    async def handle(self, record: Record) -> None:
        """Do all that a record of a joined topic asks for, or bury it; when this returns, its offset may
        be committed. Raises nothing that trying again in this process could mend."""
        if not record.value:  # the tombstone of a compacted topic: what it removes was handled before
            return
        try:
            event = await self._outside.call(
                lambda: self._codec.decode(record.value, topic_named(record.topic))
            )
            results_prefix(event.video_id, event.revision)
            if isinstance(event, VideoDeleted):
                await self._delete(event.video_id, record.partition)
            elif event.video_id not in self._deleted:
                await self._take(completed(event, record), record.partition, record.value)
        except _FAULTS as error:
            await self._bury(record, error)

    async def _take(self, event: Event, partition: int, value: bytes) -> None:
        """Keep a piece of a video that is not known to be deleted, and decide if it was the last."""
        revision = (event.video_id, event.revision)
        name = piece_name(event)
        if name is None and not isinstance(event, VideoCancelRequested):
            return
        if revision in self._done:
            await self._forget(revision, partition)
            return
        if revision not in self._joins and await self._is_over(revision, partition):
            return
        if name is not None:
            await self._keep(revision, partition, name, await self._as_piece(event, value))
        join = self._joins.get(revision, {})
        upload = await self._upload(revision, join, event)
        ending = outcomes.Ending(*revision, join, upload, self._time())
        if isinstance(event, VideoCancelRequested):
            await self._decide(ending, partition, lambda: outcomes.cancelled(ending))
        elif is_complete(join, upload):
            await self._decide(
                ending, partition, lambda: outcomes.ended(self._store, self._codec, ending)
            )

    async def _as_piece(self, event: Event, value: bytes) -> Piece:
        """The event as a row can hold it."""
        if isinstance(event, SegmentEnriched):
            key = f"media/{ref_to('', value).sha256}/enriched.avro"
            return StoredSegment(
                event_id=event.event_id,
                made_at=event.made_at,
                index=event.index,
                start_s=event.start_s,
                end_s=event.end_s,
                event=await self._outside.call(lambda: put_once(self._store, key, value)),
            )
        assert isinstance(event, VideoProbed | VideoConverted | VideoRendered | StageFailed)
        _check_count(event)
        return event

    async def _keep(self, revision: Revision, partition: int, name: str, piece: Piece) -> None:
        """Write the piece's row, unless what is there counts for as much."""
        old = self._joins.get(revision, {}).get(name)
        counts = merged(old, piece)
        if counts != old:
            data = await self._outside.call(lambda: self._row(counts))
            await self._outside.write_row(partition, rows.row_key(*revision, name), data)
            self._joins.setdefault(revision, {})[name] = counts

    async def _is_over(self, revision: Revision, partition: int) -> bool:
        """Whether the store says that nothing can change for this revision any more."""
        video_id, _ = revision
        if await self._outside.call(lambda: self._found(deleted_key(video_id))) is not None:
            await self._mark_deleted(video_id, partition)
            return True
        outcome = await self._outside.call(lambda: outcome_of(self._store, *revision))
        if outcome is None:
            return False
        await self._close(revision, partition, outcome)
        return True

    async def _upload(
        self, revision: Revision, join: Mapping[str, Piece], event: Event
    ) -> VideoUploaded | None:
        """The upload itself, where only that can name the video and what was wanted."""
        if PROBED in join or not (NOT_CONVERTED in join or isinstance(event, VideoCancelRequested)):
            return None
        key = upload_key(*revision)
        data = await self._outside.call(lambda: self._found(key))
        if data is None:
            return None
        try:
            return load_upload(data)
        except ValueError as error:
            log.warning("%s is passed over: %s", key, error)
            return None

    async def _decide(
        self, ending: outcomes.Ending, partition: int, make: Callable[[], Outcome]
    ) -> None:
        """Make the outcome, unless there is one."""
        revision = (ending.video_id, ending.revision)
        outcome = await self._outside.call(lambda: self._decided(ending, make))
        if outcome is None:
            await self._mark_deleted(ending.video_id, partition)
        else:
            await self._close(revision, partition, outcome)

    def _decided(self, ending: outcomes.Ending, make: Callable[[], Outcome]) -> Outcome | None:
        """The revision's one outcome: the first that was put in place. None where the video was deleted
        meanwhile, by another that took over from this one while it froze: whoever deletes puts the
        marker before it removes, so what was written too late is seen there or here."""
        revision = (ending.video_id, ending.revision)
        outcome = outcome_of(self._store, *revision)
        if outcome is not None:
            return outcome
        made, key = self._made(ending, make), outcome_key(*revision)
        is_first = self._store.put_if_absent(key, dump_outcome(made))
        outcome = made if is_first else outcome_of(self._store, *revision)
        if self._found(deleted_key(ending.video_id)) is not None:
            self._remove_objects(ending.video_id)
            return None
        if outcome is None:
            raise ObjectMissing(key)
        self._remove_other_results(revision, outcome)
        return outcome

    def _made(self, ending: outcomes.Ending, make: Callable[[], Outcome]) -> Outcome:
        """The outcome of a revision that has none. It can be told, so that nobody waits for it."""
        try:
            outcome = make()
            self._encoded(outcome)
        except (DependencyDown, MemoryError):
            raise
        except Exception as error:  # whatever it is, the next try would meet it again
            log.exception("%s/%d: no results can be made", ending.video_id, ending.revision)
            return self._failed(ending, error)
        return outcome

    def _failed(self, ending: outcomes.Ending, error: Exception) -> Outcome:
        outcome = outcomes.failed(ending, error)
        try:
            self._encoded(outcome)
        except ValueError:  # its name is no text, or longer than any event
            return replace(outcome, name="")
        return outcome

    def _remove_other_results(self, revision: Revision, outcome: Outcome) -> None:
        """Remove what was written for an outcome that lost, or was never decided."""
        prefix = results_prefix(*revision)
        named = {ref.key for ref in outcome.files} if isinstance(outcome, VideoCompleted) else set()
        for key in list(self._store.keys(prefix)):
            if "/" in key.removeprefix(prefix) and key not in named:
                self._store.delete(key)

    async def _close(self, revision: Revision, partition: int, outcome: Outcome) -> None:
        """Tell the world, then forget the pieces."""
        for event in outcomes.announcements(outcome):
            await self._emit(event)
        mark = rows.dump_done(partition)
        await self._outside.write_row(partition, rows.row_key(*revision, rows.DONE), mark)
        self._done[revision] = partition
        await self._forget(revision, partition)
        await self._forget_oldest()
        self._outside.count(type(outcome).__name__)
        log.info("%s: %s/%d", type(outcome).__name__, *revision)

    async def _forget(self, revision: Revision, partition: int) -> None:
        """Remove the rows of pieces that are no longer needed."""
        for name in list(self._joins.get(revision, ())):
            await self._outside.write_row(partition, rows.row_key(*revision, name), None)
        self._joins.pop(revision, None)

    async def _forget_oldest(self) -> None:
        """Keep the table from growing with every video there ever was."""
        while len(self._done) > self._max_done:
            oldest, partition = next(iter(self._done.items()))
            await self._forget(oldest, partition)  # one that froze may have written a row too late
            await self._outside.write_row(partition, rows.row_key(*oldest, rows.DONE), None)
            self._done.pop(oldest, None)

    async def _delete(self, video_id: str, partition: int) -> None:
        """Remove a video and all that was said about it, for ever. Interrupted, it is done again."""
        marker = json.dumps({"video_id": video_id}).encode()
        await self._outside.call(lambda: self._store.put_if_absent(deleted_key(video_id), marker))
        stored = await self._outside.call(lambda: self._stored_revisions(video_id))
        for number in sorted(stored | self._known_revisions(video_id)):
            for topic in OUTCOMES:
                await self._outside.send(topic.name, f"{video_id}:{number}".encode(), None, [])
        await self._outside.call(lambda: self._remove_objects(video_id))
        await self._mark_deleted(video_id, partition)
        log.info("deleted: %s", video_id)

    async def _mark_deleted(self, video_id: str, partition: int) -> None:
        await self._outside.write_row(partition, rows.row_key(video_id, 0, rows.DELETED), rows.MARK)
        self._deleted.add(video_id)
        for number in self._known_revisions(video_id):
            await self._forget((video_id, number), partition)
            await self._outside.write_row(partition, rows.row_key(video_id, number, rows.DONE), None)
            self._done.pop((video_id, number), None)

    def _known_revisions(self, video_id: str) -> set[int]:
        return {number for known, number in [*self._joins, *self._done] if known == video_id}

    def _stored_revisions(self, video_id: str) -> set[int]:
        prefix = results_prefix(video_id)
        names = {key.removeprefix(prefix).split("/")[0] for key in self._store.keys(prefix)}
        return {int(name) for name in names if name.isdecimal()}

    def _remove_objects(self, video_id: str) -> None:
        for prefix in (uploads_prefix(video_id), results_prefix(video_id)):
            for key in list(self._store.keys(prefix)):
                if key != deleted_key(video_id):
                    self._store.delete(key)

    async def _bury(self, record: Record, error: Exception) -> None:
        """Send bytes that nobody can read to the dead letters, as they are, and say for the stage that
        wrote them that its piece failed: no other comes, and the join must not wait for ever."""
        failure = Failure(FailureKind.POISON, str(error), yields_out=0)
        now_ms = round(self._now().timestamp() * 1000)
        dead = to_dead(record, received(record, record.topic), failure, group=STAGE, now_ms=now_ms)
        log.error("dead letter: %s", error, extra=fields(**record_fields(record, attempt=1)))
        if not isinstance(error, OutcomeUnreadable):  # no piece can change anything for that revision
            await self._fail_piece(record)
        await self._outside.send(dead.topic, dead.key, dead.value, dead.headers)
        self._outside.count(POISON)

    async def _fail_piece(self, record: Record) -> None:
        """Say that the piece which a record was to be failed, if its headers name one."""
        source = (record.header("ce_source") or "").rpartition("/")[2]
        failed = unreadable(record, stage=_WRITERS.get(record.topic, source), reason=_UNREADABLE)
        if failed is None or piece_name(failed) is None:
            return
        made_id = event_id(StageFailed.__name__, failed.video_id, failed.revision, STAGE, failed.index)
        try:
            results_prefix(failed.video_id, failed.revision)
            await self._emit(completed(replace(failed, event_id=made_id), record))
        except _FAULTS as error:
            log.warning("no join waits for the piece of that dead letter: %s", error)

    async def _emit(self, event: Event) -> None:
        topic = topic_of(event)
        value = await self._outside.call(lambda: self._encoded(event))
        headers = event_headers(event, source=STAGE)
        await self._outside.send(topic.name, topic.key(event).encode(), value, headers)

    def _encoded(self, event: Event) -> bytes:
        """The event's bytes. Raises DependencyDown also while the registry lacks its schema, ValueError
        if it does not fit its schema or a record."""
        with _registered():
            return _fitting(self._codec.encode(event))

    def _row(self, piece: Piece) -> bytes:
        """A row's value. Raises as `_encoded`."""
        with _registered():
            return _fitting(rows.dump_piece(piece, self._codec))

    def _found(self, key: str) -> bytes | None:
        try:
            return self._store.get(key)
        except ObjectMissing:
            return None

    def _time(self) -> datetime:
        """Now, as exactly as events can say it."""
        now = self._now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def _loaded(
        self, items: Iterable[tuple[bytes, bytes]]
    ) -> Iterator[tuple[Revision, str, Piece | int | None]]:
        """The rows: pieces, the partitions of decided revisions, None for deleted videos."""
        for key, value in items:
            video_id, revision, name = rows.split_key(key)
            yield (video_id, revision), name, rows.load_row(name, value, self._codec)


def _check_count(event: Event) -> None:
    """Raises ValueError for more segments than any video has, of which each would be looked for."""
    match event:
        case VideoConverted(segments=count) | StageFailed(segments_out=int(count)):
            if not 0 <= count <= _MAX_SEGMENTS:
                raise ValueError(f"{count} segments: expected 0 to {_MAX_SEGMENTS:,}")


@contextmanager
def _registered() -> Iterator[None]:
    """A schema that is not registered is waited for: an operator registers it."""
    try:
        yield
    except LookupError as error:
        raise DependencyDown("schema registry", str(error)) from error


def _fitting(value: bytes) -> bytes:
    """The value of a record. Raises ValueError if it is larger than brokers take."""
    if len(value) > MAX_EVENT_BYTES:
        raise ValueError(f"{len(value):,} bytes, and {MAX_EVENT_BYTES:,} is the most")
    return value
