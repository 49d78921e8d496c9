"""Run one stage until it is told to stop."""

import gc
import logging
import signal
from collections.abc import Callable
from enum import IntEnum
from types import FrameType

from confluent_kafka import KafkaException
from prometheus_client import CollectorRegistry

from connectors.errors import DependencyDown
from connectors.kafka.access import reach
from connectors.kafka.clients import TopicMissing
from connectors.settings import Connections
from processors.runtime import logs
from processors.runtime.contract import Stage
from processors.runtime.delivery import DeliveryError
from processors.runtime.faults import BrokerError, GapError
from processors.runtime.health import HealthServer, Vitals
from processors.runtime.jobs import TooManyDeadLettersError
from processors.runtime.loop import PollLoop
from processors.runtime.pool import Pool, WorkersUnusableError
from processors.runtime.settings import RuntimeSettings
from processors.runtime.unwanted import UnwantedFeed

log = logging.getLogger("reelay.runtime")


_COLLECTED_AT = 10_000
"""At how many new objects the garbage collector looks for cycles."""


class Exit(IntEnum):
    """Exit statuses of a processor. All but the first want a supervisor to restart it, in time."""

    DRAINED = 0
    """SIGTERM: running work was finished, or its time was up."""
    FAILED = 1
    """Workers cannot be made ready, or video after video was given up."""
    SETTINGS = 2
    """A setting has a wrong value; a restart does not help."""
    BROKER = 3
    """The broker cannot be reached, lacks a topic, refuses this process or did not take an event."""
    GAP = 4
    """Records were dropped by the broker before they were read."""
    INTERRUPTED = 130
    """Ctrl-C; otherwise as DRAINED."""


def run(stage: Stage, connections: Connections, settings: RuntimeSettings) -> int:
    """Run the stage in this process, which joins the consumer group `stage.name`; returns the exit
    status.

    Blocks until SIGTERM or Ctrl-C (a second one does not wait for running work), or an error that only a
    new start can mend. Call it from the main thread, once per process: it takes over signals and
    logging. Raises SettingsError.
    """
    logs.configure(connections.log_level)
    workers = settings.workers or stage.workers
    # Here and in workers that are forked, what was imported lives as long as the process, and hardly
    # anything else is in a cycle: by default, the collector would look for some every sixty records.
    gc.freeze()
    gc.set_threshold(_COLLECTED_AT)
    pool = Pool(stage, workers, connections, max_silence_s=settings.max_silence_s)
    log.info("%s starts with %s workers", stage.name, workers)
    try:
        return exit_of(lambda: _run(stage, connections, settings, pool))
    finally:
        pool.close()


def exit_of(work: Callable[[], Exit]) -> Exit:
    """What the work returns, or the status of what ended it, which is logged."""
    try:
        return work()
    except (WorkersUnusableError, TooManyDeadLettersError) as error:
        return _failed(Exit.FAILED, error)
    except GapError as error:
        return _failed(Exit.GAP, error)
    except (DependencyDown, TopicMissing, DeliveryError, BrokerError, KafkaException) as error:
        return _failed(Exit.BROKER, error)


def run_until_told(
    run: Callable[[], None],
    drain: Callable[[bool], None],
    vitals: Vitals,
    registry: CollectorRegistry,
    settings: RuntimeSettings,
) -> Exit:
    """Run a loop that ends when it is drained, with its health served and its signals heard.

    drain: called by a signal's handler; told whether it is not the first. Raises SettingsError if the
    health's address cannot be had, and what `run` raises.
    """
    told: list[int] = []

    def on_signal(number: int, _: FrameType | None) -> None:
        drain(bool(told))
        told.append(number)

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    health = None
    try:
        if settings.http_port >= 0:
            health = HealthServer(settings.http_host, settings.http_port, vitals, registry)
        run()
    finally:
        if health is not None:
            health.close()
        for number, handler in previous.items():
            signal.signal(number, handler)
    return Exit.INTERRUPTED if signal.SIGINT in told else Exit.DRAINED


def _run(stage: Stage, connections: Connections, settings: RuntimeSettings, pool: Pool) -> Exit:
    reach(connections)  # before there is any other client, which would say the same forty times
    feed = UnwantedFeed(connections)
    try:
        loop = PollLoop(stage, connections, settings, pool, feed)
        return run_until_told(
            loop.run,
            lambda again: loop.drain(0.0 if again else settings.drain_s),
            loop.vitals,
            loop.metrics.registry,
            settings,
        )
    finally:
        feed.close()


def _failed(status: Exit, error: Exception) -> Exit:
    log.error("%s", error, extra=logs.fields(exit_status=int(status)))
    return status
