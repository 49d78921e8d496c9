"""The cluster that a command talks to."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from connectors.settings import Connections
from ops.pipeline.state import state_folder
from ops.up.status import read_status
from processors.runtime.settings import read_settings

F = TypeVar("F", bound=Callable[..., Any])


def cluster_options(*, required: bool = True) -> Callable[[F], F]:
    """Add --brokers and --registry, by default those of the environment."""
    brokers = click.option(
        "--brokers",
        envvar="REELAY_KAFKA_BROKERS",
        required=required,
        show_envvar=True,
        help="Kafka bootstrap servers, host:port[,host:port…]."
        + ("" if required else "  [default: reelay up on this machine]"),
    )
    registry = click.option(
        "--registry",
        envvar="REELAY_REGISTRY_URL",
        default="",
        show_envvar=True,
        help="Schema registry's URL; without one, ids are fingerprints of the shipped schemas.",
    )
    return lambda command: brokers(registry(command))


def cluster(brokers: str, registry: str) -> Connections:
    """The connections of a command: brokers and registry as its options say, all else from the
    environment. Without REELAY_STORE_URL they name no object store."""
    given = {"kafka_brokers": brokers, "registry_url": registry, "log_level": "ERROR"}
    if "REELAY_STORE_URL" not in os.environ:
        given["store_url"] = ""
    return read_settings(Connections, **given)


def running(brokers: str | None, registry: str) -> Connections:
    """As `cluster`; without brokers those of the `reelay up` that runs on this machine, and its store.

    Raises UsageError if none runs.
    """
    if brokers:
        return cluster(brokers, registry)
    state = state_folder(os.environ)
    status = read_status(state)
    if status is None or status.brokers is None:
        raise click.UsageError("Missing option '--brokers': reelay up is not running on this machine")
    return Connections.only(kafka_brokers=status.brokers, store_url=state.store_url, log_level="ERROR")
