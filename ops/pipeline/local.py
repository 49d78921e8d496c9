"""The processors on this machine, around the embedded broker."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from connectors.settings import Connections
from ops.pipeline.broker import PARTITIONS
from ops.pipeline.processes import Processes

_CONVERTERS = 2
"""Enough to keep many transcribers busy: sound is read a hundred times as fast as it is understood."""


@dataclass(frozen=True, slots=True)
class LocalPipeline:
    """A running pipeline."""

    connections: Connections
    processes: Processes


@contextmanager
def local_pipeline(
    *, store_url: str, local_roots: str, videos: int, workers: int, model: str, logs: Path
) -> Iterator[LocalPipeline]:
    """The broker and all processors, as long as the context lasts.

    local_roots: folders joined by ':' that a file: source may lie in. videos: how many there will be.
    workers: segments that are transcribed at once. Returns before the processors are ready: what is
    published meanwhile waits for them in the broker. Raises ProcessDied.
    """
    with Processes(logs) as processes:
        connections = Connections(
            kafka_brokers=processes.start_broker(),
            registry_url="",
            store_url=store_url,
            local_roots=local_roots,
            log_level="INFO",
        )
        shared = {
            "REELAY_RUNTIME_HTTP_PORT": "-1",
            "REELAY_KAFKA_BROKERS": connections.kafka_brokers,
            "REELAY_REGISTRY_URL": connections.registry_url,
            "REELAY_STORE_URL": connections.store_url,
            "REELAY_LOCAL_ROOTS": connections.local_roots,
        }
        for name, more in _settings(videos, workers, model).items():
            processes.start(name, shared | more)
        yield LocalPipeline(connections, processes)


def _settings(videos: int, workers: int, model: str) -> dict[str, dict[str, str]]:
    """What each processor's environment says besides where everything is."""
    return {
        "converter": {"REELAY_RUNTIME_WORKERS": str(min(videos, _CONVERTERS))},
        "transcriber": {"REELAY_RUNTIME_WORKERS": str(workers), "REELAY_TRANSCRIBER_MODEL": model},
        "enricher": {"REELAY_RUNTIME_WORKERS": "1"},
        "aggregator": {"REELAY_AGGREGATOR_PARTITIONS": str(PARTITIONS)},
    }
