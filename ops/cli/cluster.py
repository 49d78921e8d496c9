"""`reelay cluster`: a real Kafka, schema registry and object store on this machine."""

import json
import os
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ops.cli.errors import one_line
from ops.cli.exits import FAILED
from ops.cli.text import plain, shown
from ops.pipeline.state import state_folder
from ops.up.lock import Held, hold

if TYPE_CHECKING:
    from ops.cluster.cluster import Cluster
    from ops.cluster.server import ServerStatus

_WAIT_S = 300.0
"""How long another `up` or `down` of the same cluster may take."""
_DEFAULT_PORTS = {"kafka": 9092, "registry": 8081, "store": 7070}


def _folder_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--folder",
        type=click.Path(path_type=Path, file_okay=False),
        default=lambda: state_folder(os.environ).root / "cluster",
        show_default="~/.local/state/reelay/cluster",
        envvar="REELAY_CLUSTER_FOLDER",
        show_envvar=True,
        help="Where data, settings and logs are kept.",
    )(function)


def _port_option(name: str, what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    default = f"[default: as before; at first {_DEFAULT_PORTS[name]}]"
    return click.option(
        f"--{name}-port",
        name,
        type=click.IntRange(0, 65535),
        envvar=f"REELAY_CLUSTER_{name.upper()}_PORT",
        show_envvar=True,
        help=f"Where {what} listens; 0: a free port.  {default}",
    )


@click.group("cluster")
def command() -> None:
    """Run a real Kafka, schema registry and object store on this machine, without containers.

    \b
    Example:
      eval "$(reelay cluster up)"
      reelay processor converter
    """


@command.command("up")
@_folder_option
@_port_option("kafka", "Kafka")
@_port_option("registry", "the schema registry")
@_port_option("store", "the object store")
@click.option(
    "--kafka-heap",
    type=click.IntRange(128),
    default=512,
    show_default=True,
    metavar="MB",
    envvar="REELAY_CLUSTER_KAFKA_HEAP",
    show_envvar=True,
    help="Kafka's memory for objects.",
)
@click.option("--secure", is_flag=True, help="A new cluster uses TLS, and Kafka asks for a password.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def up(folder: Path, kafka_heap: int, secure: bool, as_json: bool, **ports: int | None) -> int:
    """Start what does not run, with topics and schemas, and print how programs reach it.

    The servers go on until `reelay cluster down`. What is printed on standard output is for the shell.

    \b
    Examples:
      eval "$(reelay cluster up)"
      reelay cluster up --secure --folder /tmp/secure --kafka-port 0 --registry-port 0 --store-port 0
    """
    from ops.cluster.cluster import Cluster  # noqa: PLC0415  # much to import
    from ops.cluster.contents import furnish  # noqa: PLC0415
    from ops.cluster.setup import Ports, read_setup  # noqa: PLC0415

    with _alone(folder):
        existing = read_setup(folder)
        defaults = _DEFAULT_PORTS if existing is None else {}
        given = {name: port for name, port in ports.items() if port is not None}
        cluster = Cluster(
            folder,
            secure=secure or (existing is not None and existing.secure),
            ports=Ports(**defaults | given),
            outlives=True,
            kafka_heap_mb=kafka_heap,
            tell=_say,
        )
        began_at = time.monotonic()
        try:
            cluster.start()
            furnish(cluster.connections())
        except BaseException:
            if any(server.running for server in cluster.servers):
                _say("What was started goes on; `reelay cluster down` stops it.")
            raise
    statuses = cluster.status()
    for status in statuses:
        _say(_line(status))
    _say(f"All up after {time.monotonic() - began_at:.1f} s; `reelay cluster down` stops it.")
    if as_json:
        click.echo(
            json.dumps({"servers": _records(statuses), "environment": cluster.environment()}, indent=2)
        )
    else:
        for name, value in cluster.environment().items():
            click.echo(f"export {name}={shlex.quote(value)}")
    return 0


@command.command("status")
@_folder_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def status(folder: Path, as_json: bool) -> int:
    """Show how each server is. Exit status 1 if not all of them answer.

    \b
    Example:
      reelay cluster status
    """
    from ops.cluster.server import State  # noqa: PLC0415  # much to import

    with _errors():
        cluster = _found(folder)
        statuses = [] if cluster is None else cluster.status()
    if as_json:
        click.echo(json.dumps({"servers": _records(statuses)}, indent=2))
    else:
        for each in statuses:
            click.echo(_line(each))
        if not statuses:
            click.echo(f"There is no cluster in {plain(folder)}; start one: reelay cluster up", err=True)
    well = statuses and all(each.state == State.HEALTHY for each in statuses)
    return 0 if well else FAILED


@command.command("down")
@_folder_option
@click.option("--delete", is_flag=True, help="Remove all its data, too.")
def down(folder: Path, delete: bool) -> int:
    """Stop all servers. Their data stay, and `reelay cluster up` goes on with them.

    \b
    Examples:
      reelay cluster down
      reelay cluster down --delete
    """
    with _alone(folder):
        cluster = _found(folder)
        if cluster is None:
            _say(f"There is no cluster in {plain(folder)}.")
            return 0
        cluster.stop()
        _say("Stopped.")
        if delete:
            cluster.delete()
            _say(f"Removed {plain(folder)}.")
    return 0


def _found(folder: Path) -> "Cluster | None":
    from ops.cluster.cluster import Cluster  # noqa: PLC0415  # much to import

    return Cluster.found(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else starts or stops this cluster meanwhile."""
    with _errors():
        try:
            with hold(Path(f"{os.path.realpath(folder)}.lock"), try_s=_WAIT_S):
                yield
        except Held as error:
            raise click.ClickException("another `reelay cluster` has been at it for too long") from error


@contextmanager
def _errors() -> Iterator[None]:
    from ops.cluster.errors import ClusterError  # noqa: PLC0415

    with one_line():
        try:
            yield
        except ClusterError as error:
            raise click.ClickException(str(error)) from error


def _records(statuses: "list[ServerStatus]") -> list[dict[str, Any]]:
    return [asdict(status) for status in statuses]


def _line(status: "ServerStatus") -> str:
    start = f"{status.name:<9} {status.version:<13} {status.address:<40} {status.state:<8}"
    if status.pid is None or status.since is None:
        return f"{start} log: {shown(status.log)}"
    since = datetime.fromtimestamp(status.since).strftime("%Y-%m-%d %H:%M:%S")
    memory = f"{(status.memory_bytes or 0) / 10**6:.0f} MB"
    return f"{start} pid {status.pid}, {memory}, since {since}"


def _say(line: str) -> None:
    click.echo(line, err=True)
