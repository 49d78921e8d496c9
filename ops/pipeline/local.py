"""The processors on this machine, around the embedded broker."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.pipeline.processes import Processes
from ops.pipeline.processors import PROCESSORS


@dataclass(frozen=True, slots=True)
class LocalPipeline:
    """A running pipeline. brokers: the address of its broker."""

    brokers: str
    processes: Processes


@contextmanager
def local_pipeline(
    *, store_url: str, local_roots: str, workers: int, model: str, logs: Path
) -> Iterator[LocalPipeline]:
    """The broker and all processors, as long as the context lasts.

    local_roots: folders joined by ':' that a file: source may lie in. workers: segments that are
    transcribed at once. Returns before the processors are ready: what is published meanwhile waits for
    them in the broker. Raises ProcessDied.
    """
    with Processes(logs) as processes:
        brokers = processes.start_broker()
        shared = {
            "REELAY_KAFKA_BROKERS": brokers,
            "REELAY_REGISTRY_URL": "",
            "REELAY_STORE_URL": store_url,
            "REELAY_LOCAL_ROOTS": local_roots,
            "REELAY_TRANSCRIBER_MODEL": model,
        }
        for name in PROCESSORS:
            processes.start(
                name, {**shared, "REELAY_RUNTIME_WORKERS": str(workers if name == "transcriber" else 1)}
            )
        yield LocalPipeline(brokers, processes)
