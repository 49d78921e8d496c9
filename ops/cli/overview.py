"""What is in the works, at `reelay up` on this machine or on a cluster: as data, and in lines."""

from dataclasses import dataclass
from typing import Any

from ops.cli import status_of_cluster, status_of_up
from ops.cli.place import Cluster, ThisMachine


@dataclass(frozen=True, slots=True)
class Overview:
    """How a pipeline is at a moment. record: as plain data. lines: the same for people."""

    record: dict[str, Any]
    lines: tuple[str, ...]


def look(place: ThisMachine | Cluster, *, by_partition: bool) -> Overview:
    """Look once. by_partition: of a cluster, show every partition that has lag. Blocks for some seconds
    where much is unfinished. Raises DependencyDown, KafkaException, ClickException."""
    if isinstance(place, Cluster):
        status = status_of_cluster.look(place)
        lines = status_of_cluster.lines(status, by_partition=by_partition)
        return Overview(status_of_cluster.record(status), tuple(lines))
    return Overview(status_of_up.record(place), tuple(status_of_up.lines(place)))
