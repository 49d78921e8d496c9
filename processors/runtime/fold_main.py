"""Run one fold until it is told to stop."""

import logging
import signal
from collections.abc import Callable, Iterable
from types import FrameType

from confluent_kafka import KafkaException

from connectors.errors import DependencyDown
from connectors.kafka.access import reach
from connectors.kafka.clients import TopicMissing
from connectors.settings import Connections
from processors.runtime import logs
from processors.runtime.delivery import DeliveryError
from processors.runtime.fold import Fold, FoldLoop
from processors.runtime.health import HealthServer
from processors.runtime.jobs import TooManyDeadLettersError
from processors.runtime.loop import BrokerError, GapError
from processors.runtime.main import Exit
from processors.runtime.settings import RuntimeSettings
from schemas.topics import Topic

log = logging.getLogger("reelay.runtime")


def run_fold(
    name: str,
    topics: Iterable[Topic],
    open_fold: Callable[[], Fold],
    connections: Connections,
    settings: RuntimeSettings,
) -> int:
    """Run a fold in this process, which joins the consumer group `name`; returns the exit status.

    Blocks until SIGTERM or Ctrl-C, or an error that only a new start can mend. Call it from the main
    thread, once per process: it takes over signals and logging.
    """
    logs.configure(connections.log_level)
    try:
        reach(connections)
        return _run(FoldLoop(name, topics, open_fold(), connections, settings), settings)
    except TooManyDeadLettersError as error:
        return _failed(Exit.FAILED, error)
    except GapError as error:
        return _failed(Exit.GAP, error)
    except (DependencyDown, TopicMissing, DeliveryError, BrokerError, KafkaException) as error:
        return _failed(Exit.BROKER, error)


def _run(loop: FoldLoop, settings: RuntimeSettings) -> Exit:
    told: list[int] = []

    def on_signal(number: int, _: FrameType | None) -> None:
        loop.drain()
        told.append(number)

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    health = None
    try:
        if settings.http_port >= 0:
            health = HealthServer(
                settings.http_host, settings.http_port, loop.vitals, loop.metrics.registry
            )
        loop.run()
    finally:
        if health is not None:
            health.close()
        for number, handler in previous.items():
            signal.signal(number, handler)
    return Exit.INTERRUPTED if signal.SIGINT in told else Exit.DRAINED


def _failed(status: Exit, error: Exception) -> Exit:
    log.error("%s", error, extra=logs.fields(exit_status=int(status)))
    return status
