"""The Faust app: one agent that reads all joined topics, one table with a changelog."""

import asyncio
import contextlib
import logging
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from connectors.errors import DependencyDown
from connectors.kafka.records import Record
from connectors.objectstore import open_store
from connectors.registry import open_registry
from connectors.settings import Connections
from processors.aggregator import client_logs, foreign_records
from processors.aggregator.aggregator import POISON, Aggregator
from processors.aggregator.broker import JOINED, await_topics, credentials
from processors.aggregator.faust_parts import App, HistoryLost, Progress
from processors.aggregator.metrics import Metrics
from processors.aggregator.settings import AggregatorSettings
from processors.runtime import logs
from processors.runtime.health import HealthServer, Vitals
from processors.runtime.main import Exit
from schemas.codec import Codec
from schemas.headers import Headers
from schemas.topics import AGGREGATOR, CHANGELOG

log = logging.getLogger(__name__)

T = TypeVar("T")

GROUP = AGGREGATOR
_TABLE = CHANGELOG.removeprefix(f"{GROUP}-").removesuffix("-changelog")
"""Faust names the table's changelog after it."""
_POLL_S = 0.2
_FIRST_PAUSE_S = 0.2
_LATEST_MS = 253_402_300_799_000
"""The end of the year 9999. A record's time is whatever its producer says."""

_NO_LIMIT_S = 7 * 24 * 3600.0
"""Longest time between two polls. While the store is down and its buffers are full, Faust does not poll.
A member that aiokafka takes out of the group for that does not come back: it rejoins only when it has
polled (`_ensure_active_group`), and Faust polls only when it has rejoined. So heartbeats go on, others
need not wait for it (rebalances have their own time-out), and the health check sees work that hangs.
"""


def internal_topics() -> tuple[str, ...]:
    """Topics that only the aggregator uses; they have the joined topics' partition count and are
    compacted. It creates none itself."""
    return (CHANGELOG,)


def run(connections: Connections, settings: AggregatorSettings | None = None) -> int:
    """Run the aggregator until SIGTERM or SIGINT; the exit status, one of the runtime's.

    An error that it cannot mend ends the *process*, before anything is committed that is not done.
    """
    settings = settings or AggregatorSettings()
    logs.configure(connections.log_level)
    client_logs.configure()
    foreign_records.accept()
    try:
        partitions = await_topics(connections, settings.topics_timeout_s)
    except (LookupError, DependencyDown) as error:
        log.error("%s", error)
        return Exit.BROKER
    with _state_folder(settings.state_folder) as folder:
        return asyncio.run(_serve(connections, settings, partitions, folder))


async def _serve(
    connections: Connections, settings: AggregatorSettings, partitions: int, folder: Path
) -> Exit:
    return await _Service(connections, settings, partitions, folder).run()


def _give_up(error: BaseException) -> NoReturn:
    """End the process for an error that it cannot mend."""
    log.critical("giving up: %s", error, exc_info=error)
    _end(Exit.GAP if isinstance(error, HistoryLost) else Exit.FAILED)


def _end(status: Exit) -> NoReturn:
    """End the process here and now: nothing more is committed, and a restart goes on from there."""
    logging.shutdown()
    os._exit(status)


class _Service:
    """The app with what surrounds it, made inside the event loop that runs it."""

    def __init__(
        self, connections: Connections, settings: AggregatorSettings, partitions: int, folder: Path
    ) -> None:
        self._settings = settings
        self._app = _app(connections, settings, partitions, folder)
        self._table: Any = self._app.Table(
            _TABLE, key_type=bytes, value_type=bytes, partitions=partitions
        )
        self._progress = Progress(self._app)
        self._vitals = Vitals(settings.max_loop_age_s, caught_up=True)
        self._metrics = Metrics()
        self._working_since: float | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="work")
        self._busy = asyncio.Lock()
        self._aggregator = Aggregator(
            open_store(connections),
            Codec(open_registry(connections)),
            self,
        )
        self._table.on_recover(self._recovered)
        self._app.on_partitions_assigned.connect(self._assigned)
        channel = self._app.topic(
            *JOINED,
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
            allow_empty=True,
            acks=False,
        )
        self._app.agent(channel, name="join", concurrency=1)(self._join)

    async def run(self) -> Exit:
        """Serve until a signal says stop."""
        stop = asyncio.Event()
        status = Exit.DRAINED

        def on_signal(number: signal.Signals) -> None:
            nonlocal status
            status = Exit.INTERRUPTED if number is signal.SIGINT else status
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, on_signal, number)
        health = None
        if self._settings.http_port >= 0:
            health = HealthServer(
                self._settings.http_host, self._settings.http_port, self._vitals, self._metrics.registry
            )
        self._app.in_worker = True  # as faust.Worker says it
        running: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._app.start(), name="start"),
            asyncio.create_task(self._commit_now_and_then(), name="commit"),
        ]
        stopping = asyncio.create_task(stop.wait())
        while not stop.is_set():
            done, _ = await asyncio.wait(
                {stopping, *running}, timeout=_POLL_S, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done.intersection(running):
                if (error := task.exception()) is not None:
                    _give_up(error)
                running.remove(task)
            if self._app.crashed:
                _give_up(self._app.crash_reason or RuntimeError("Faust stopped"))
            self._feel()
        stopped = asyncio.create_task(self._stop())
        await asyncio.wait({stopped}, timeout=2 * self._settings.drain_timeout_s)
        if not stopped.done():  # without a broker neither a commit nor leaving the group ever ends
            log.warning("stopped without a last commit: the broker does not answer")
            _end(status)
        await stopped
        for task in running:
            task.cancel()
        if health is not None:
            health.close()
        return status

    def _feel(self) -> None:
        """Let the health server know how things are."""
        recovered = self._app.tables.actives_ready and not self._app.rebalancing
        now, since = time.monotonic(), self._working_since
        if since is None or now - since < self._settings.max_work_s:
            self._vitals.polled_at = now
        self._vitals.joined = recovered
        self._vitals.producer_initialised = recovered  # it flushed before the recovery
        self._vitals.workers_ready = 1 if recovered else 0

    async def _stop(self) -> None:
        """Let the event at hand finish, commit, leave the group."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._busy.acquire(), self._settings.drain_timeout_s)
        await self._progress.commit()
        await self._app.stop()
        log.info("stopped")

    async def _join(self, stream: Any) -> None:
        """The agent."""
        async for event in stream.events():
            async with self._busy:
                await self._handle(event.message)

    async def _handle(self, message: Any) -> None:
        try:
            with self._metrics.work.time():
                await self._aggregator.handle(_record(message))
        except Exception as error:  # Faust would go on with the next event
            _give_up(error)
        self._progress.handled(message)

    async def _recovered(self) -> None:
        """The table is complete for the partitions that are ours now."""
        try:
            await self._aggregator.recover(self._table.data.data)
        except Exception as error:  # Faust would go on without it
            _give_up(error)

    async def _assigned(self, *_: Any, **__: Any) -> None:
        self._progress.forget()

    async def _commit_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._settings.commit_interval_s)
            if self._app.started:
                await self._progress.commit()

    # What the aggregator needs of the world (`Outside`).

    async def call(self, work: Callable[[], T]) -> T:
        """Run blocking work in a thread, again and again while what it depends on is down."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(
                    self._executor, self._timed, work
                )
            except DependencyDown as error:
                log.warning("waiting: %s", error)
                self._metrics.waits.labels(error.dependency).inc()
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, self._settings.retry_max_s)

    def _timed(self, work: Callable[[], T]) -> T:
        """Do the work in the one thread for it, where the health check sees how long it takes."""
        self._working_since = time.monotonic()
        try:
            return work()
        finally:
            self._working_since = None

    async def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Send a record; returns when the broker has acknowledged it."""
        await self._app.producer.send_and_wait(topic, key, value, None, None, headers)

    async def write_row(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Write or remove a row; returns when the broker has acknowledged it.

        Faust's own `table[key] = value` does not wait for that. Its memory store notes a row's partition
        only when it recovers the row (`stores/memory.py`), so rows written since would outlive it.
        """
        await self._app.producer.send_and_wait(
            self._table.changelog_topic_name, key, value, partition, None, None
        )
        store = self._table.data
        if value is None:
            store.data.pop(key, None)
            store._key_partition.pop(key, None)
        else:
            store.data[key] = value
            store._key_partition[key] = partition

    def count(self, what: str) -> None:
        """Count for the metrics."""
        if what == POISON:
            self._metrics.dead_letters.inc()
        else:
            self._metrics.outcomes.labels(what).inc()


def _app(connections: Connections, settings: AggregatorSettings, partitions: int, folder: Path) -> App:
    return App(
        GROUP,
        give_up=_give_up,
        broker=[f"kafka://{broker}" for broker in connections.kafka_brokers.split(",")],
        broker_credentials=credentials(connections),
        broker_client_id=GROUP,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=min(3.0, settings.session_timeout_s / 3),
        broker_max_poll_interval=_NO_LIMIT_S,
        producer_request_timeout=60.0,
        consumer_auto_offset_reset="none",  # where to begin is known: `_Consumer.perform_seek`
        store="memory://",
        table_standby_replicas=0,
        topic_partitions=partitions,
        topic_allow_declare=False,  # whoever runs the cluster creates topics
        topic_disable_leader=True,
        reply_create_topic=False,
        web_enabled=False,
        autodiscover=False,
        worker_redirect_stdouts=False,
        datadir=str(folder),
    )


def _record(message: Any) -> Record:
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value or b"",
        headers=[(name, value or b"") for name, value in message.headers or ()],
        timestamp_ms=min(round(message.timestamp * 1000), _LATEST_MS),
    )


@contextlib.contextmanager
def _state_folder(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="reelay-aggregator-") as temporary:
        yield Path(temporary)
