"""The processors on this machine, around the embedded broker."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from connectors.settings import Connections
from ops.pipeline.processes import Processes
from ops.pipeline.restarts import A_FEW, Patience

_CONVERTERS = 2
"""Enough to keep many transcribers busy: sound is read a hundred times as fast as it is understood."""

_SESSION_TIMEOUT_S = "4"
"""So long a killed process keeps its partitions from the one that takes its place. Heartbeats are sent
by a thread of librdkafka's, and no network can delay them."""


@dataclass(frozen=True, slots=True)
class LocalPipeline:
    """A running pipeline."""

    connections: Connections
    processes: Processes


@contextmanager
def local_pipeline(
    *,
    store_url: str,
    local_roots: str,
    workers: int,
    model: str,
    logs: Path,
    videos: int = _CONVERTERS,
    patience: Patience = A_FEW,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[LocalPipeline]:
    """The broker and all processors, as long as the context lasts.

    local_roots: folders joined by ':' that a file: source may lie in. videos: how many there will be, if
    few. workers: segments that are transcribed at once. patience, tell: as `Processes`.

    Returns before the processors are ready: what is published meanwhile waits for them in the broker.
    Raises ProcessDied.
    """
    with Processes(logs, patience, tell) as processes:
        connections = Connections.only(
            kafka_brokers=processes.start_broker(), store_url=store_url, local_roots=local_roots
        )
        shared = {
            "REELAY_RUNTIME_HTTP_PORT": "-1",
            "REELAY_RUNTIME_SESSION_TIMEOUT_S": _SESSION_TIMEOUT_S,
            "REELAY_RUNTIME_DELIVERY": "at-least-once",
            "REELAY_RUNTIME_GROUP_PROTOCOL": "classic",
        } | connections.environment()
        for name, more in _settings(videos, workers, model, logs).items():
            processes.start(name, shared | more)
        yield LocalPipeline(connections, processes)


def _settings(videos: int, workers: int, model: str, logs: Path) -> dict[str, dict[str, str]]:
    """What each processor's environment says besides where everything is."""
    return {
        "converter": {"REELAY_RUNTIME_WORKERS": str(min(videos, _CONVERTERS))},
        "transcriber": {"REELAY_RUNTIME_WORKERS": str(workers), "REELAY_TRANSCRIBER_MODEL": model},
        "enricher": {"REELAY_RUNTIME_WORKERS": "1"},
        "aggregator": {
            # a temporary folder would stay behind when the process is killed
            "REELAY_AGGREGATOR_STATE_FOLDER": os.fspath(logs / "aggregator"),
        },
    }
