"""The poll loop: owns the consumer, the producers and every commit, and never does a job's work itself.

One turn polls Kafka, takes in what workers said, gives idle workers new tasks, and commits what came of
the answers as one batch, which is delivered whole or in an order that loses nothing (`transactions.py`,
`delivery.py`).

- A crash before the commit: the records are done again. Exactly once, nothing of the batch was visible;
  at least once, their outputs may appear twice, with the same ids.
- An event of an unfinished record is committed as "n events out"; a redo emits only the rest.
- A record that goes to its retry topic or becomes a dead letter is done *here* in the same batch.
- Partitions that are taken away: what is finished by then is committed first, within the callback and
  while this process still owns them; what is still running is dropped by its epoch. Partitions that were
  *lost* have another owner already, so nothing is committed.
- A commit that is refused or aborted is no loss: the next one says the same and more.
"""

import logging
import time
from collections import Counter
from contextlib import suppress

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors.kafka.clients import (
    committed_offsets,
    open_group_consumer,
    open_producer,
    partitions_of,
    subscribe,
)
from connectors.kafka.records import Partition, Record, record_of
from connectors.settings import Connections
from processors.runtime.assignments import Assignments
from processors.runtime.contract import Stage
from processors.runtime.deadrow import DeadRow
from processors.runtime.delivery import (
    AtLeastOnce,
    BatchAbortedError,
    Delivery,
    OffsetsRefusedError,
)
from processors.runtime.faults import Faults
from processors.runtime.health import Vitals
from processors.runtime.jobs import Jobs, TooManyDeadLettersError
from processors.runtime.lanes import Lanes
from processors.runtime.lastwords import LastWords
from processors.runtime.metrics import Metrics
from processors.runtime.outage import Outage
from processors.runtime.pauses import Pauses, Reason
from processors.runtime.pool import Pool
from processors.runtime.retry import RetryPolicy
from processors.runtime.settings import RuntimeSettings
from processors.runtime.transactions import Transactions, open_transactional_producer
from processors.runtime.unwanted import UnwantedFeed
from schemas.topics import retry_topic

log = logging.getLogger("reelay.runtime")

_IDLE_POLL_S = 0.1
_SPARE_WAIT_S = 0.005
"""How long answers of workers are awaited while an idle worker could take what Kafka has."""
_FULL_WAIT_S = 0.05
"""The same while all are busy: an answer ends the wait, a record of Kafka's can wait."""
_MAX_RECORDS_A_TURN = 512
_TICK_S = 1.0
_BROKER_TIMEOUT_S = 10.0
_COMMITTED_WITHIN_S = 30.0
"""A dead owner's open transaction withholds what is committed until it times out."""
_AGAIN_S = 0.2
"""How soon a batch that was aborted is tried again."""


class PollLoop:
    """One process's membership in its consumer group, from joining to leaving."""

    def __init__(
        self,
        stage: Stage,
        connections: Connections,
        settings: RuntimeSettings,
        pool: Pool,
        feed: UnwantedFeed,
    ) -> None:
        """Reaches for the broker. Raises DependencyDown, TopicMissing, or DeliveryError."""
        lanes = {lane.topic.name: lane for lane in stage.lanes}
        lane_of = {name: name for name in lanes} | {
            retry_topic(name, stage.name): name for name in lanes
        }
        self._stage = stage
        self._settings = settings
        self._pool = pool
        self._feed = feed
        self._lanes = Lanes({name: lane.weight for name, lane in lanes.items()}, lane_of)
        self._pauses = Pauses()
        self._assignments = Assignments()
        self.metrics = Metrics()
        self.vitals = Vitals(max_poll_age_s=settings.max_poll_interval_s)
        self._jobs = Jobs(
            stage,
            RetryPolicy(
                give_up_after_s=settings.give_up_after_s,
                max_attempts=settings.max_attempts,
                first_delay_s=settings.retry_delay_s,
                max_delay_s=settings.max_retry_delay_s,
            ),
            pool,
            self._assignments,
            self._lanes,
            self._pauses,
            Outage(settings.max_probe_delay_s),
            DeadRow(settings.max_dead_in_row),
            self.metrics,
            LastWords(stage.name, feed.codec),
        )
        self._progress = open_producer(
            connections, enable_idempotence=False, acks=1, linger_ms=50, message_timeout_ms=5000
        )
        for topic in lane_of:
            partitions_of(self._progress, topic, timeout_s=_BROKER_TIMEOUT_S)
        self._faults = Faults()
        self._consumer = open_group_consumer(
            connections,
            stage.name,
            protocol=settings.group_protocol,
            session_timeout_s=settings.session_timeout_s,
            max_poll_interval_s=settings.max_poll_interval_s,
            on_commit=self._on_commit,
            on_error=self._faults.hear,
        )
        self._delivery = _open_delivery(stage.name, connections, settings, self._consumer)
        self.vitals.producer_initialised = True
        self._topics = list(lane_of)
        self._failed = False
        self._drain_until: float | None = None
        self._draining = False
        self._tick_at = 0.0
        self._commit_at = 0.0
        self._refused: set[Partition] = set()
        self._progress_refused = False

    def drain(self, within_s: float) -> None:
        """Begin no new work and end `run` when the running work is done, or after that time. Only sets a
        few fields, so a signal handler may call it."""
        until = time.monotonic() + within_s
        self._drain_until = until if self._drain_until is None else min(until, self._drain_until)

    def run(self) -> None:
        """Join the group and work until drained.

        Raises GapError, BrokerError, DependencyDown, DeliveryError, KafkaException,
        TooManyDeadLettersError, WorkersUnusableError, or what ended the reader of cancel requests; the
        process must then end, and continues from what is committed.
        """
        try:
            subscribe(
                self._consumer,
                self._topics,
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_lost,
            )
            while not self._drained():
                self._turn()
            self._commit(last=True)
        except BaseException:
            self._failed = True
            raise
        finally:
            self._consumer.close()  # gives the partitions up (`_on_revoke`) and leaves the group
            self._progress.flush(1.0)

    def _turn(self) -> None:
        fetched = self._poll()
        if self._feed.failed is not None:
            raise self._feed.failed
        self._jobs.unwanted(self._feed.keys)
        for worker, task, reply in self._pool.wait(self._wait_s(fetched)):
            self._jobs.hear(worker, task, reply)
        # before the commit, so that workers need not wait for it
        self._jobs.dispatch(new_work=self._feed.caught_up and self._drain_until is None)
        self._commit(last=False)
        if self._jobs.too_many_dead:
            raise TooManyDeadLettersError(
                f"{self._settings.max_dead_in_row} videos in a row were given up; see the dead letters"
            )
        self._apply_pauses()
        self._send_progress()
        self._tick()

    def _drained(self) -> bool:
        if self._drain_until is None:
            return False
        if not self._draining:
            self._draining = True
            self._pauses.mark_general(Reason.DRAINING, True)
            log.info("draining, %s records are at work", self._jobs.running)
        return self._jobs.running == 0 or time.monotonic() >= self._drain_until

    # -- Kafka

    def _poll(self) -> bool:
        """Take what Kafka has; waits for it only while there is nothing else to wait for."""
        busy = any(worker.task is not None or not worker.ready for worker in self._pool.workers)
        timeout_s = 0.0 if busy or self._drain_until is not None else self._at_most(_IDLE_POLL_S)
        fetched = 0
        # one at a time and not `consume`: a batch may hold records from before a rebalance within it
        while fetched < _MAX_RECORDS_A_TURN and (message := self._consumer.poll(timeout_s)) is not None:
            timeout_s = 0.0
            if (error := message.error()) is not None:
                self._hear(message, error)
            else:
                fetched += self._hold(record_of(message))
        self.vitals.polled_at = time.monotonic()
        self._faults.check()
        return fetched > 0

    def _hold(self, record: Record) -> bool:
        """Keep a record for a worker, if it is ours and new."""
        owned = self._assignments.get(record.place)
        if owned is None or record.offset <= owned.fetched:
            return False
        owned.fetched = record.offset
        self._lanes.hold(record)
        return True

    def _hear(self, message: Message, error: KafkaError) -> None:
        """What came in place of a record: the end of a partition, or a fault."""
        if error.code() != KafkaError._PARTITION_EOF:
            self._faults.hear_in(message)
            return
        owned = self._assignments.get((str(message.topic()), int(message.partition() or 0)))
        if owned is not None:
            owned.end = message.offset()

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.vitals.joined = True
        if not partitions:
            return
        committed = committed_offsets(consumer, partitions, within_s=_COMMITTED_WITHIN_S)
        consumer.incremental_assign(self._assignments.add(committed))
        consumer.resume(partitions)  # a pause of an earlier assignment must not outlive its reason
        self._pauses.assigned(_places(partitions))
        self.metrics.rebalances.inc()
        log.info("assigned %s", _listed(partitions))

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        if not self._failed:
            for worker, task, reply in self._pool.wait(0):
                self._jobs.hear(worker, task, reply)
            self._commit(last=True)
        self._give_up(partitions)
        log.info("revoked %s", _listed(partitions))

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._give_up(partitions)
        log.warning("lost %s", _listed(partitions))

    def _give_up(self, partitions: list[TopicPartition]) -> None:
        places = _places(partitions)
        self._assignments.remove(places)
        self._jobs.outputs.drop(places)
        self._lanes.drop(places)
        self._pauses.gone(places)
        self._jobs.lost(places)
        for topic, partition in places:
            with suppress(KeyError):  # never set
                self.metrics.lag.remove(topic, str(partition))
        self.metrics.rebalances.inc()

    def _commit(self, *, last: bool) -> None:
        """Make outputs and progress last, as one batch, unless the batch before was a moment ago."""
        began = time.monotonic()
        if began < self._commit_at and not last:
            return
        for place, owned in self._assignments:
            if not self._lanes.held(place):
                owned.note_end()
        outputs = self._jobs.outputs.records()
        offsets = self._assignments.to_commit(again=last and not self._delivery.certain)
        if not outputs and not offsets:
            return
        try:
            self._delivery.commit(outputs, offsets, last=last)
        except BatchAbortedError as error:
            log.warning("nothing was committed: %s", error)
            self.metrics.commit_failures.inc()
            # at once: the outputs must not go out without their progress
            self._assignments.not_committed(_places(offsets))
            self._commit_at = time.monotonic() + _AGAIN_S
            return
        except OffsetsRefusedError as error:
            self._commit_refused(str(error), _places(offsets))
        self._jobs.outputs.clear()
        ended = time.monotonic()
        self._commit_at = ended + self._delivery.interval_s
        self.metrics.commit.observe(ended - began)
        for topic, count in Counter(output.topic for output in outputs).items():
            self.metrics.emitted.labels(topic).inc(count)

    def _on_commit(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        refused = [place for place in offsets if error is not None or place.error is not None]
        if refused:
            self._commit_refused(str(error or refused[0].error), _places(refused))

    def _commit_refused(self, reason: str, places: list[Partition]) -> None:
        log.warning("offsets were not committed: %s", reason)
        self.metrics.commit_failures.inc()
        self._refused.update(places)  # said again at the next tick, so that a fault is not hammered

    # -- pace

    def _wait_s(self, fetched: bool) -> float:
        workers = self._pool.workers
        if fetched or all(worker.ready and worker.task is None for worker in workers):
            return 0.0
        full = all(worker.task is not None for worker in workers)
        return self._at_most(_FULL_WAIT_S if full or self._drain_until is not None else _SPARE_WAIT_S)

    def _at_most(self, wait_s: float) -> float:
        """That long, or until results that wait for their commit may have it."""
        until_commit_s = self._commit_at - time.monotonic()
        return min(wait_s, until_commit_s) if until_commit_s > 0 else wait_s

    def _apply_pauses(self) -> None:
        most = self._settings.held_records
        for place, _ in self._assignments:
            held = self._lanes.held(place)
            # resumed only when half are gone: each resumption fetches anew
            was_full = self._pauses.has(place, Reason.WORKERS_FULL)
            self._pauses.mark(
                place, Reason.WORKERS_FULL, held >= most or (was_full and held > most // 2)
            )
        pause, resume = self._pauses.changes()
        if pause:
            self._consumer.pause([TopicPartition(*place) for place in pause])
        if resume:
            self._consumer.resume([TopicPartition(*place) for place in resume])

    def _send_progress(self) -> None:
        records, self._jobs.progress = self._jobs.progress, []
        for record in records:
            try:
                self._progress.produce(
                    record.topic, value=record.value, key=record.key, headers=list(record.headers)
                )
            except BufferError:  # progress may be lost
                return
            except KafkaException as error:  # its topic is missing, or not ours to write to
                if not self._progress_refused:
                    log.warning("no progress is sent: %s", error.args[0].str())
                self._progress_refused = True
                return
        self._progress.poll(0)

    def _tick(self) -> None:
        """What need not be done every turn."""
        now = time.monotonic()
        if now < self._tick_at:
            return
        self._tick_at = now + _TICK_S
        self._assignments.not_committed(self._refused)
        self._refused.clear()
        self.vitals.caught_up = self._feed.caught_up
        self.vitals.workers_ready = sum(worker.ready for worker in self._pool.workers)
        self.metrics.running.set(sum(worker.task is not None for worker in self._pool.workers))
        for reason in Reason:
            self.metrics.paused.labels(reason.value).set(self._pauses.count(reason))
        held = 0
        for (topic, partition), owned in self._assignments:
            held += self._lanes.held((topic, partition))
            place = TopicPartition(topic, partition)
            _, high = self._consumer.get_watermark_offsets(place, cached=True)
            if owned.frontier.position is not None and high >= 0:
                lag = max(0, high - owned.frontier.position)
                self.metrics.lag.labels(topic, str(partition)).set(lag)
        self.metrics.held.set(held)


def _open_delivery(
    group: str, connections: Connections, settings: RuntimeSettings, consumer: Consumer
) -> Delivery:
    if settings.delivery == "exactly-once":
        return Transactions(
            consumer,
            lambda within_s, on_error: open_transactional_producer(
                connections,
                group,
                transaction_timeout_s=settings.transaction_timeout_s,
                within_s=within_s,
                on_error=on_error,
            ),
            transaction_timeout_s=settings.transaction_timeout_s,
            timeout_s=settings.delivery_timeout_s,
        )
    producer = open_producer(connections, delivery_timeout_ms=round(settings.delivery_timeout_s * 1000))
    return AtLeastOnce(consumer, producer, timeout_s=settings.delivery_timeout_s + _TICK_S)


def _places(partitions: list[TopicPartition]) -> list[Partition]:
    return [(place.topic, place.partition) for place in partitions]


def _listed(partitions: list[TopicPartition]) -> str:
    return ", ".join(f"{place.topic}/{place.partition}" for place in partitions)
