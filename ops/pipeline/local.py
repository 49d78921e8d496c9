"""The processors on this machine, around the embedded broker."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from connectors.settings import Connections
from ops.pipeline import GATEWAY
from ops.pipeline.processes import Processes
from ops.pipeline.restarts import A_FEW, Patience
from schemas.topics import CATALOG

_CONVERTERS = 2
"""Enough to keep many transcribers busy: sound is read a hundred times as fast as it is understood."""

_SESSION_TIMEOUT_S = "4"
"""So long a killed process keeps its partitions from the one that takes its place. Heartbeats are sent
by a thread of librdkafka's, and no network can delay them."""


@dataclass(frozen=True, slots=True)
class Web:
    """The catalogue and the gateway, which `reelay up` runs beside the processors. database: the
    catalogue's file. page: whether the web page is served, and not the API alone."""

    host: str
    port: int
    page: bool
    database: Path

    @property
    def database_url(self) -> str:
        return f"sqlite://{quote(os.fspath(self.database))}"


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
    web: Web | None = None,
    patience: Patience = A_FEW,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[LocalPipeline]:
    """The broker and all processors, as long as the context lasts.

    local_roots: folders joined by ':' that a file: source may lie in. videos: how many there will be, if
    few. workers: segments that are transcribed at once. web: None for the processors alone. patience,
    tell: as `Processes`.

    Returns before the processors are ready: what is published meanwhile waits for them in the broker.
    Raises ProcessDied.
    """
    with Processes(logs, patience, tell) as processes:
        connections = Connections.only(
            kafka_brokers=processes.start_broker(),
            store_url=store_url,
            local_roots=local_roots,
            database_url="" if web is None else web.database_url,
        )
        shared = {
            "REELAY_RUNTIME_HTTP_PORT": "-1",
            "REELAY_RUNTIME_SESSION_TIMEOUT_S": _SESSION_TIMEOUT_S,
            "REELAY_RUNTIME_DELIVERY": "at-least-once",
            "REELAY_RUNTIME_GROUP_PROTOCOL": "classic",
        } | connections.environment()
        settings = _settings(videos, workers, model, logs)
        if web is not None:
            settings |= _settings_of_web(web)
        for name, more in settings.items():
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


def _settings_of_web(web: Web) -> dict[str, dict[str, str]]:
    return {
        CATALOG: {},
        GATEWAY: {
            "REELAY_GATEWAY_HOST": web.host,
            "REELAY_GATEWAY_PORT": str(web.port),
            "REELAY_GATEWAY_PAGE": str(web.page),
            "REELAY_GATEWAY_ANNOUNCE": "note",  # the supervisor alone publishes uploads
        },
    }
