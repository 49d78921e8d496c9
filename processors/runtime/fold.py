"""How a processor runs that keeps its state in a database.

It reads its topics in a consumer group, in order within each partition, and applies what it reads in
batches, here in the process itself. A batch and how far it read are stored in one transaction of the
*database*: so each record is applied exactly once, also on a broker without transactions, and where to
read on is the database's say, not the group's (which is told all the same, for those who watch lag).

- A batch is bounded in records and bytes, and yet nobody knows how long a database takes for one: it
  may be large, wait for a lock, or index hours of speech. So all that the fold does is done in a thread
  of its own, while the loop stays a member of its group and is seen to live.
- A batch is stored only if it continues from what is stored, so a process that lost its partitions
  without noticing cannot undo what its successor did: it is told so (`Superseded`), and reads the
  positions anew.
- Stored positions are of one cluster. If they are of another, or of none, the fold begins anew
  (`Fold.begin`), and then all topics are read from their beginnings.
- While the database, the store or the registry is down, nothing is read; the batch at hand is tried
  again when a probe finds it back, in place and in order. Nothing goes to a retry topic.
- What cannot be read becomes a dead letter and is passed over; so does what raises an error of any other
  kind, by itself, `max_attempts` times.
- Records that were dropped before they were read (`GapError`) have the next start begin anew.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from connectors.database import Move, Superseded
from connectors.errors import DependencyDown
from connectors.kafka.clients import open_group_consumer, open_producer, partitions_of, subscribe
from connectors.kafka.identity import cluster_id
from connectors.kafka.records import Partition, Record, record_of
from connectors.registry import open_registry
from connectors.settings import Connections
from processors.runtime import logs
from processors.runtime.aside import Aside
from processors.runtime.contract import Failure
from processors.runtime.deadrow import DeadRow
from processors.runtime.delivery import AtLeastOnce
from processors.runtime.faults import Faults, GapError
from processors.runtime.handover import received, to_dead
from processors.runtime.health import Vitals
from processors.runtime.jobs import TooManyDeadLettersError
from processors.runtime.metrics import Metrics
from processors.runtime.outage import Outage
from processors.runtime.pauses import Reason
from processors.runtime.settings import RuntimeSettings
from processors.runtime.stamp import completed
from schemas.codec import Codec, UndecodableError
from schemas.events import Event, FailureKind
from schemas.topics import Topic, dead_topic

log = logging.getLogger("reelay.runtime")

_POLL_S = 0.1
_TICK_S = 1.0
_BROKER_TIMEOUT_S = 10.0
_BATCH_RECORDS = 100
_BATCH_BYTES = 8 * 2**20
_GATHER_S = 0.05
"""So long more records are awaited, once there is one: a transaction has its price."""
_HANGS_S = 600.0
"""Who works on one thing for so long is not seen to live any more."""

_END = object()

T = TypeVar("T")


class Fold(Protocol):
    """What a processor that keeps its state in a database does with events. Used by one thread at a
    time.

    Everything may block for a while, and raises DependencyDown. Events come in order within a partition,
    and topics in whatever order.
    """

    def positions(self, cluster_id: str) -> Mapping[Partition, int] | None:
        """Where to read on; None if what is stored is not of this cluster."""

    def begin(self, cluster_id: str) -> Iterator[None]:
        """Make the state anew from what does not depend on this cluster, and store no positions. Yields
        now and then, so that it can be stopped."""

    def apply(self, cluster_id: str, moves: Sequence[Move], events: Sequence[Event]) -> None:
        """Apply events and note the moves, in one transaction. Raises Superseded, with nothing
        applied."""

    def forget(self) -> None:
        """Have the next start begin anew."""

    def probe(self) -> None:
        """Raise DependencyDown until what was down is back."""

    def close(self) -> None: ...


@dataclass(slots=True)
class _Taken:
    """A record that is not applied yet. event: None if it says nothing, also until it is `decoded`."""

    record: Record
    event: Event | None = None
    decoded: bool = False

    @property
    def size_bytes(self) -> int:
        return len(self.record.value or b"")


@dataclass(slots=True)
class _Owned:
    """An assigned partition.

    placed: the consumer reads from where the database has got. applied: up to where (exclusive) that is;
    None: nothing is stored. read: the same for what came from the broker since.
    """

    placed: bool = False
    applied: int | None = None
    read: int | None = None
    taken: list[_Taken] = field(default_factory=list)

    def place(self, position: int | None) -> None:
        """Go on from there."""
        self.placed, self.applied, self.read = True, position, position
        self.taken.clear()

    def advanced(self, end: int) -> None:
        """The database has all before `end`."""
        self.applied = end
        self.taken = [one for one in self.taken if one.record.offset >= end]


@dataclass(frozen=True, slots=True)
class _Piece:
    """What a batch has of one partition: from `start` up to, but without, `end`."""

    place: Partition
    owned: _Owned
    start: int | None
    end: int
    taken: tuple[_Taken, ...]


class FoldLoop:
    """One process's membership in its consumer group, from joining to leaving."""

    def __init__(
        self,
        name: str,
        topics: Iterable[Topic],
        fold: Fold,
        connections: Connections,
        settings: RuntimeSettings,
    ) -> None:
        """Reaches for the broker. Raises DependencyDown, TopicMissing."""
        self._name = name
        self._topics = {topic.name: topic for topic in topics}
        self._fold = fold
        self._settings = settings
        self._codec = Codec(open_registry(connections))
        self.metrics = Metrics()
        self.vitals = Vitals(settings.max_poll_interval_s, producer_initialised=True)
        self._faults = Faults()
        self._outage = Outage(settings.max_probe_delay_s)
        self._dead_row = DeadRow(settings.max_dead_in_row)
        self._consumer = open_group_consumer(
            connections,
            name,
            protocol=settings.group_protocol,
            session_timeout_s=settings.session_timeout_s,
            max_poll_interval_s=settings.max_poll_interval_s,
            on_commit=self._on_commit,
            on_error=self._faults.hear,
        )
        producer = open_producer(
            connections, delivery_timeout_ms=round(settings.delivery_timeout_s * 1000)
        )
        for topic in (*self._topics, *(dead_topic(topic, name) for topic in self._topics)):
            partitions_of(producer, topic, timeout_s=_BROKER_TIMEOUT_S)
        self._letters = AtLeastOnce(
            self._consumer, producer, timeout_s=settings.delivery_timeout_s + _TICK_S
        )
        self._aside = Aside("fold")
        self._cluster_id = cluster_id(self._consumer)
        self._owned: dict[Partition, _Owned] = {}
        self._paused: set[Partition] = set()
        self._draining = False
        self._tick_at = 0.0

    def drain(self) -> None:
        """Finish the batch at hand and end `run`. Only sets a field, so a signal handler may call it."""
        self._draining = True

    def run(self) -> None:
        """Make sure that there is a state, join the group and work until drained.

        Raises GapError, BrokerError, DeliveryError, KafkaException, TooManyDeadLettersError; the process
        must then end, and continues from what is stored.
        """
        try:
            self._ensure_begun()
            self.vitals.caught_up = True
            subscribe(
                self._consumer,
                self._topics,
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_revoke,
            )
            while not self._draining:
                self._turn()
        except GapError:
            self._fold.forget()
            raise
        finally:
            self._aside.close()
            self._consumer.close()
            self._fold.close()

    def _do(self, work: Callable[[], T]) -> T:
        """Have the fold do that, and stay a member of the group meanwhile. Partitions may come and go;
        of those that stay, nothing is read."""
        return self._aside.do(work, meanwhile=self._stay)

    def _stay(self, for_s: float) -> None:
        self._pause(self._owned.keys())
        if (message := self._consumer.poll(_POLL_S)) is not None:
            self._hear(message)
        if for_s < _HANGS_S:
            self.vitals.polled_at = time.monotonic()

    def _ensure_begun(self) -> None:
        """Return when the stored positions are of this cluster."""
        while not self._draining:
            try:
                if self._outage.dependency is None:
                    if self._positions() is not None:
                        return
                    log.info("%s begins anew", self._name)
                    self._begin()
                    continue
            except DependencyDown as error:
                self._down(error)
            self._probe_if_due()
            self._stay(0.0)

    def _positions(self) -> Mapping[Partition, int] | None:
        return self._do(lambda: self._fold.positions(self._cluster_id))

    def _begin(self) -> None:
        steps = self._fold.begin(self._cluster_id)
        while not self._draining and self._do(lambda: next(steps, _END)) is not _END:
            if time.monotonic() - self.vitals.polled_at > _TICK_S:  # no step took long enough for it
                self._stay(0.0)

    def _turn(self) -> None:
        self._poll()
        if self._outage.dependency is None:
            try:
                self._place()
                self._decode()
                self._apply()
            except DependencyDown as error:
                self._down(error)
            except Superseded as error:
                log.warning("the positions are read anew: %s", error)
                for owned in self._owned.values():
                    owned.placed = False
        else:
            self._probe_if_due()
        self._pause(self._unwanted())
        self._tick()

    # -- Kafka

    def _poll(self) -> None:
        """Take what Kafka has, a batch at most."""
        until = time.monotonic() + _POLL_S
        taken = [one.size_bytes for owned in self._owned.values() for one in owned.taken]
        records, size_bytes = len(taken), sum(taken)
        while (message := self._consumer.poll(max(0.0, until - time.monotonic()))) is not None:
            if self._hear(message):
                records, size_bytes = records + 1, size_bytes + len(message)
                until = min(until, time.monotonic() + _GATHER_S)
            if records >= _BATCH_RECORDS or size_bytes >= _BATCH_BYTES:
                break
        self.vitals.polled_at = time.monotonic()
        self._faults.check()

    def _hear(self, message: Message) -> bool:
        """Whether it is a record, and taken."""
        error = message.error()
        if error is None:
            return self._take(record_of(message))
        if error.code() == KafkaError._PARTITION_EOF:
            owned = self._owned.get((str(message.topic()), int(message.partition() or 0)))
            if owned is not None and owned.placed and (end := message.offset()) is not None:
                # beyond the last record lie marks of transactions, which nobody is given
                owned.read = max(owned.read or 0, end)
        else:
            self._faults.hear_in(message)
        return False

    def _take(self, record: Record) -> bool:
        owned = self._owned.get(record.place)
        if owned is None or not owned.placed or record.offset < (owned.read or 0):
            return False
        owned.taken.append(_Taken(record))
        owned.read = record.offset + 1
        return True

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Where to read is asked later: the database may be down, and a callback has to return."""
        self.vitals.joined = True
        if not partitions:
            return
        places = [TopicPartition(p.topic, p.partition, OFFSET_BEGINNING) for p in partitions]
        consumer.incremental_assign(places)
        consumer.pause(places)
        for place in places:
            self._owned[place.topic, place.partition] = _Owned()
            self._paused.add((place.topic, place.partition))
        self.metrics.rebalances.inc()
        log.info("assigned %s partitions", len(places))

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """What is not applied yet, the next owner reads again."""
        for place in partitions:
            self._owned.pop((place.topic, place.partition), None)
            self._paused.discard((place.topic, place.partition))
            with suppress(KeyError):  # never set
                self.metrics.lag.remove(place.topic, str(place.partition))
        self.metrics.rebalances.inc()
        log.info("gave up %s partitions", len(partitions))

    def _on_commit(self, error: KafkaError | None, _: list[TopicPartition]) -> None:
        """The group's offsets only show how far we are."""
        if error is not None:
            self.metrics.commit_failures.inc()

    def _place(self) -> None:
        """Have new partitions read from where the database has got."""
        new = {place: owned for place, owned in self._owned.items() if not owned.placed}
        if not new:
            return
        positions = self._positions()
        if positions is None:  # somebody found a gap
            self._ensure_begun()
            return
        for place, owned in new.items():
            if self._owned.get(place) is not owned:  # it went meanwhile, and may have come again
                continue
            position = positions.get(place)
            start = OFFSET_BEGINNING if position is None else position
            try:
                self._consumer.seek(TopicPartition(*place, start))
            except KafkaException as error:  # it has only just been assigned: the next turn tries again
                log.debug("%s/%s: %s", *place, error)
            else:
                owned.place(position)

    def _unwanted(self) -> set[Partition]:
        """Partitions of which nothing is to be read now."""
        held_up = self._outage.dependency is not None
        return {place for place, owned in self._owned.items() if held_up or not owned.placed}

    def _pause(self, places: Collection[Partition]) -> None:
        """Read nothing of these, and of all others."""
        paused = set(places)
        if pause := paused - self._paused:
            self._consumer.pause([TopicPartition(*place) for place in pause])
        if resume := self._paused - paused:
            self._consumer.resume([TopicPartition(*place) for place in resume])
        self._paused = paused

    # -- the database

    def _decode(self) -> None:
        for owned in self._owned.values():
            for one in owned.taken:
                if one.decoded:
                    continue
                record = one.record
                try:
                    if record.value:  # else a tombstone, which says nothing that is not said elsewhere
                        event = self._codec.decode(record.value, self._topics[record.topic])
                        one.event = completed(event, record)
                except UndecodableError as error:
                    self._bury(record, FailureKind.POISON, str(error))
                except (ValueError, OverflowError) as error:  # a time that no calendar has
                    self._bury(record, FailureKind.POISON, f"no such time: {error}")
                one.decoded = True

    def _apply(self) -> None:
        """Apply all that was taken, in one transaction if nothing is wrong with it."""
        batch = [
            _Piece(place, one, one.applied, one.read, tuple(one.taken))
            for place, one in self._owned.items()
            if one.placed and one.read is not None and one.read != one.applied
        ]
        if not batch:
            return
        moves = [Move(piece.place, piece.start, piece.end) for piece in batch]
        events = [one.event for piece in batch for one in piece.taken if one.event is not None]
        began = time.monotonic()
        try:
            self._store(moves, events)
        except (DependencyDown, Superseded):
            raise
        except Exception as error:
            log.warning("a batch of %s events failed, each is tried by itself: %r", len(events), error)
        else:
            self.metrics.commit.observe(time.monotonic() - began)
            self._applied(moves, events)
            return
        for piece in batch:
            for taken in piece.taken:
                if self._owned.get(piece.place) is not piece.owned:  # the next owner sees to the rest
                    break
                self._apply_one(taken, Move(piece.place, piece.owned.applied, taken.record.offset + 1))

    def _store(self, moves: Sequence[Move], events: Sequence[Event]) -> None:
        self._do(lambda: self._fold.apply(self._cluster_id, moves, events))

    def _apply_one(self, taken: _Taken, move: Move) -> None:
        """Apply one record, or give it up."""
        events = [] if taken.event is None else [taken.event]
        for attempt in range(1, self._settings.max_attempts + 1):
            try:
                self._store([move], events)
            except (DependencyDown, Superseded):
                raise
            except Exception as error:
                with logs.job_fields(taken.record, attempt):
                    log.exception("a record failed")
                self.metrics.finished.labels("bug").inc()
                reason = f"{type(error).__name__}: {error}"
            else:
                self._applied([move], events)
                return
        video_id = taken.event.video_id if taken.event else str(taken.record.place)
        self._bury(taken.record, FailureKind.BUG, reason)
        if self._dead_row.dead(video_id):
            raise TooManyDeadLettersError("video after video was given up; see the dead letters")
        taken.event = None
        self._store([move], [])
        self._applied([move], [])

    def _applied(self, moves: Sequence[Move], events: Sequence[Event]) -> None:
        """The database has it. What was given up meanwhile is no longer ours to say."""
        ours = []
        for move in moves:
            owned = self._owned.get(move.place)
            if owned is not None and owned.placed:
                owned.advanced(move.end)
                ours.append(TopicPartition(*move.place, move.end))
        if events:
            self._dead_row.done()
            self.metrics.finished.labels("done").inc(len(events))
        if not ours:
            return
        try:
            self._consumer.commit(offsets=ours, asynchronous=True)
        except KafkaException:  # the partitions are about to move
            self.metrics.commit_failures.inc()

    def _bury(self, record: Record, kind: FailureKind, reason: str) -> None:
        """Make a dead letter of it, before it counts as done. Raises DeliveryError."""
        letter = to_dead(
            record,
            received(record, record.topic),
            Failure(kind, reason, yields_out=0),
            group=self._name,
            now_ms=round(time.time() * 1000),
        )
        self._letters.commit([letter], [], last=False)
        self.metrics.dead_letters.labels(kind.value).inc()
        with logs.job_fields(record, 1):
            log.error("given up: %s", reason)

    def _down(self, error: DependencyDown) -> None:
        if self._outage.began(error.dependency, time.monotonic()):
            log.warning("waiting: %s", error)
            self.metrics.finished.labels("down").inc()

    def _probe_if_due(self) -> None:
        if not self._outage.probe_due(time.monotonic()):
            return
        try:
            self._do(self._fold.probe)
        except DependencyDown as error:
            log.debug("still down: %s", error)
            self._outage.probed(still_down=True, now=time.monotonic())
        else:
            log.info("%s is back", self._outage.dependency)
            self._outage.probed(still_down=False, now=time.monotonic())

    def _tick(self) -> None:
        """What need not be done every turn."""
        now = time.monotonic()
        if now < self._tick_at:
            return
        self._tick_at = now + _TICK_S
        is_down = self._outage.dependency is not None
        self.vitals.workers_ready = 0 if is_down else 1
        down = len(self._owned) if is_down else 0
        self.metrics.paused.labels(Reason.DEPENDENCY_DOWN.value).set(down)
        self.metrics.held.set(sum(len(owned.taken) for owned in self._owned.values()))
        for (topic, partition), owned in self._owned.items():
            place = TopicPartition(topic, partition)
            low, high = self._consumer.get_watermark_offsets(place, cached=True)
            if high >= 0:
                behind = max(0, high - max(low, owned.applied or 0))
                self.metrics.lag.labels(topic, str(partition)).set(behind)
