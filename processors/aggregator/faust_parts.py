"""Parts of Faust 0.15.3 that the aggregator needs to be otherwise, each with its reason.

The paths below are those of the `faust` package.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

import faust
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

_FETCH_WAIT_MS = 100


class HistoryLost(Exception):
    """The broker no longer has records that were not read yet: going on would skip them silently."""


class _Thread(driver.AIOKafkaConsumerThread):
    """Reads committed records only, soon, none skipped, and knows how far it has got.

    The driver reads uncommitted records unless Faust runs transactions of its own
    (`transport/drivers/aiokafka.py`, `_create_worker_consumer`); ours are made by the producers. And it
    lets the broker hold a fetch for 1.5 s; a broker answers one fetch at a time, so whatever arrives
    for another partition meanwhile waits.

    reached: by partition, the offset after the last record that was given out, and the fetch position.
    The position is ahead where records of aborted transactions, markers of transactions or compacted
    records follow: nothing is there to be handled.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.reached: dict[TP, tuple[int, int]] = {}

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # both are read when the consumer starts
        consumer._fetch_max_wait_ms = _FETCH_WAIT_MS
        return consumer

    async def _seek_wait(self, consumer: AIOKafkaConsumer, partitions: Mapping[TP, int]) -> None:
        self.reached.update({tp: (offset, offset) for tp, offset in partitions.items()})
        await super()._seek_wait(consumer, partitions)  # seeks before it first waits

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> Any:
        try:
            records = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        except NoOffsetForPartitionError:  # it was just assigned, and will be told where to begin
            return {}
        except OffsetOutOfRangeError as error:
            ((tp, offset),) = error.args[0].items()
            reason = f"{tp.topic} [{tp.partition}]: the broker no longer has {offset}, which was next"
            cast("App", self.app).give_up(HistoryLost(reason))
            raise
        # Nothing is waited for from here on, so that no seek comes between the records and the note.
        assignment = consumer._subscription.subscription.assignment
        for tp, (end, _) in list(self.reached.items()):
            if tp in assignment.tps and (state := assignment.state_value(tp)).has_valid_position:
                given_out = records[tp][-1].offset + 1 if tp in records else end
                self.reached[tp] = given_out, state.position
        return records


class _Consumer(driver.Consumer):
    """Goes back to where each partition was left, whether or not anything was committed.

    Faust drops what it has fetched when partitions are paused or assigned anew, and fetches it again
    from the committed offset. Without one it stays where it is (aiokafka's `seek_to_committed`), so the
    first records of a partition can be lost.

    starts: by partition, where that was.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.starts: dict[TP, int] = {}

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    @property
    def reached(self) -> Mapping[TP, tuple[int, int]]:
        """As `_Thread` says."""
        return cast("_Thread", self._thread).reached

    async def seek_to_committed(self) -> Mapping[TP, int]:
        self._found = await super().seek_to_committed()
        return self._found

    async def perform_seek(self) -> None:
        await super().perform_seek()
        found: Mapping[TP, int | None] = self._found  # the committed offset 0 is None to Faust
        ours = {tp for tp in self.assignment() if tp.topic not in self.app.tables.changelog_topics}
        committed = {tp: offset for tp in ours if (offset := found.get(tp)) is not None}
        new = ours - committed.keys()
        earliest = dict(await self.earliest_offsets(*new)) if new else {}
        self.starts = committed | earliest
        await self.seek_wait(self.starts)


class _Transport(driver.Transport):
    """Uses that consumer."""

    Consumer = _Consumer


class _CompleteRecovery(Recovery):
    """Faust's recovery, with two holes closed (`tables/recovery.py`).

    It begins at the first record that the broker still has, wherever that is (`_build_offsets`), so rows
    that are gone would be missed without a word; compaction does not move that beginning. It waits for
    the record at the very end of a changelog (`need_recovery`), which is none where compaction or a
    transaction has left a gap there. And when it is done (`on_recovery_completed`) it resumes
    partitions, then seeks, then clears all queues: what was fetched in between is gone.
    """

    def need_recovery(self) -> bool:
        reached = cast("_Consumer", self.app.consumer).reached
        for tp, highwater in self.active_highwaters.items():
            applied, (end, position) = self.active_offsets[tp], reached.get(tp, (0, 0))
            if applied is not None and end - 1 <= applied < highwater < position:
                self.active_offsets[tp] = highwater
        return super().need_recovery()

    async def _build_offsets(self, consumer: Any, tps: Any, destination: Any, title: str) -> None:
        known = dict(destination)
        earliest = await consumer.earliest_offsets(*tps)
        for tp in tps:
            last, first = known.get(tp), earliest.get(tp)
            if first is not None and first > (0 if last is None else last + 1):
                cast("App", self.app).give_up(
                    HistoryLost(f"changelog {tp.topic} [{tp.partition}] begins at {first}")
                )
        await super()._build_offsets(consumer, tps, destination, title)

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        app = cast("App", self.app)
        consumer = app.consumer
        await app.on_rebalance_complete.send()
        self._set_recovery_ended()
        for table in self.tables.values():
            await table.on_recovery_completed(
                self.actives_for_table[table], self.standbys_for_table[table]
            )
        if app.consumer_generation_id != generation_id:
            return  # partitions were assigned anew meanwhile, and another recovery is under way
        consumer.stop_flow()  # what is being fetched now is dropped, not taken for read
        assignment = consumer.assignment()
        if assignment:
            await self._wait(consumer.perform_seek(), timeout=app.conf.broker_request_timeout)
        app.flow_control.resume()
        consumer.resume_partitions({tp for tp in assignment if not self._is_changelog_tp(tp)})
        consumer.resume_flow()
        self.completed.set()
        await app._fetcher.maybe_start()
        self.tables.on_actives_ready()
        self.tables.on_standbys_ready()
        app.on_rebalance_end()


class _Tables(TableManager):
    """Uses that recovery, and begins it at once: Faust first sleeps for a second (`tables/manager.py`,
    `on_start`), in which other apps may still add tables. Ours is there before the app starts."""

    async def on_start(self) -> None:
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()

    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = _CompleteRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


class App(faust.App):
    """A Faust app that reads committed records and recovers whole tables.

    give_up: called with the reason when going on would lose something; does not return.
    """

    def __init__(self, *args: Any, give_up: Callable[[Exception], None], **kwargs: Any) -> None:
        super().__init__(*args, TableManager=_Tables, **kwargs)
        self.give_up = give_up

    def _new_transport(self) -> driver.Transport:
        return _Transport(self.conf.broker_consumer, self)


class Progress:
    """What has been handled, and may be committed. It takes the place of Faust's acknowledgements.

    Those lose events in ways that cannot be mended from outside: an event is acknowledged when its agent
    raises or is cancelled, as it is by every stop (`streams.py`, the `finally` of `_c_aiter`); offsets
    are committed past one that is missing (`transport/consumer.py`, `_new_offset`: `> 1` where the
    committed offset is the one to read next, and no check at all before the first commit); and a
    commit does not wait for rows that the broker has not acknowledged (`transport/producer.py`: `flush`
    gives up after 0.1 s, a failed send is only logged). So the agent's topics have `acks=False`, the
    agent waits for every row and event that it sends, and says here when a record is handled.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._consumer: Any = app.consumer  # what it takes is not in Faust's interface
        self._next: dict[TP, int] = {}
        self._committed: dict[TP, int] = {}

    def handled(self, message: Any) -> None:
        """The record and all before it on its partition are done."""
        if message.generation_id == self._app.consumer_generation_id:
            self._next[message.tp] = message.offset + 1

    def forget(self) -> None:
        """Partitions were assigned anew; each is read from its committed offset."""
        self._next.clear()
        self._committed.clear()

    async def commit(self) -> None:
        """Commit what is handled, and what lies behind it without being a record. At first that is where
        each partition begins, so that a record that the broker drops is missed even if it was the first.

        Were the marker of a transaction left uncommitted, a partition where nothing comes for as long
        as its topic keeps records would look as if the broker had dropped something unread.
        """
        starts = dict(self._consumer.starts)
        due = {}
        for tp, (end, position) in dict(self._consumer.reached).items():
            if (start := starts.get(tp)) is not None:
                handled = self._next.get(tp, start)
                offset = position if handled == end else handled
                if offset != self._committed.get(tp):
                    due[tp] = offset
        if due and not self._app.rebalancing and await self._consumer._commit(due):
            self._committed.update(due)
