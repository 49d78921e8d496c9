"""`reelay topics`: the topics of a Kafka cluster, as the list of topics says."""

import dataclasses
import json
import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from connectors.kafka.admin import Change, TopicsRefused, TopicState, apply_topics, describe_topics
from connectors.kafka.layout import TopicChoices, read_choices
from ops.cli.errors import one_line
from ops.cli.kafka import cluster
from ops.cli.text import counted
from ops.inflight.drained import work_left

_DONE = {"create": "created", "grow": "grown", "alter": "altered", "stays": "left as it is"}
_TO_DO = {"create": "create", "grow": "grow", "alter": "alter", "stays": "leave as it is"}
_UNITS_MS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000))

F = TypeVar("F", bound=Callable[..., Any])


def _choices(command: F) -> F:
    """Options that say how topics should be."""
    brokers = click.option(
        "--brokers",
        envvar="REELAY_KAFKA_BROKERS",
        required=True,
        show_envvar=True,
        help="Kafka bootstrap servers, host:port[,host:port…].",
    )
    partitions = click.option(
        "--partitions",
        type=click.IntRange(1),
        envvar="REELAY_AGGREGATOR_PARTITIONS",
        show_envvar=True,
        help="Partitions of each topic; the aggregator has to be told the same number.  [default: 12]",
    )
    replication = click.option(
        "--replication",
        type=click.IntRange(1),
        help="Copies of each partition.  [default: 3, or one for each broker]",
    )
    settings = click.option(
        "--settings",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        envvar="REELAY_TOPICS_FILE",
        show_envvar=True,
        help="TOML file with what is to be otherwise.",
    )
    return brokers(partitions(replication(settings(command))))


@click.group("topics", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Create and configure the topics of a Kafka cluster, or show how they are.

    \b
    Examples:
      reelay topics apply --brokers localhost:9092 --dry-run
      reelay topics describe --brokers localhost:9092
    """


@command.command("apply")
@_choices
@click.option("--dry-run", is_flag=True, help="Only say what would be changed.")
@click.option(
    "--grow-joined",
    is_flag=True,
    help="Let the topics that the aggregator joins grow; all work must be done, all processors stopped.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each change.")
def apply_(
    *,
    brokers: str,
    partitions: int | None,
    replication: int | None,
    settings: Path | None,
    dry_run: bool,
    grow_joined: bool,
    as_json: bool,
) -> int:
    """Create and configure all topics: events, retries, dead letters, the aggregator's changelog.

    What is as it should be is left alone, so applying again changes nothing; other topics are not
    touched. A file of settings may say otherwise, for all or for some topics:

    \b
      replication = 3
      ["audio.segmented"]
      partitions = 48
      "retention.ms" = 86400000

    \b
    Examples:
      reelay topics apply --brokers localhost:9092
      reelay topics apply --brokers kafka:9092 --settings topics.toml --dry-run
    """
    with one_line():
        choices = _read(partitions, replication, settings)
        try:
            connections = cluster(brokers, "")
            drained = partial(work_left, connections) if grow_joined else None
            changes = apply_topics(connections, choices, dry_run=dry_run, work_left=drained)
        except TopicsRefused as error:
            raise click.ClickException(str(error)) from error
    for change in changes:
        click.echo(json.dumps(dataclasses.asdict(change)) if as_json else _line(change, dry_run))
    if not as_json:
        click.echo(_sum(changes, dry_run), err=True)
    return 0


@command.command("describe")
@_choices
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each topic.")
def describe(
    *,
    brokers: str,
    partitions: int | None,
    replication: int | None,
    settings: Path | None,
    as_json: bool,
) -> int:
    """Show each topic as it is, and where it differs from the list. Records are counted by offsets, so
    transactions' markers and compacted records are among them.

    \b
    Example:
      reelay topics describe --brokers localhost:9092 --json | jq 'select(.differs != [])'
    """
    with one_line():
        states = describe_topics(cluster(brokers, ""), _read(partitions, replication, settings))
    if as_json:
        for state in states:
            click.echo(json.dumps(dataclasses.asdict(state)))
    else:
        for line in _table(states):
            click.echo(line)
    return 0


def _read(partitions: int | None, replication: int | None, settings: Path | None) -> TopicChoices:
    """The choices of the file; what an option says goes before. Raises ClickException."""
    try:
        choices = TopicChoices() if settings is None else read_choices(settings.read_text("utf-8"))
    except ValueError as error:
        raise click.ClickException(f"{os.fspath(settings or '')}: {error}") from error
    return dataclasses.replace(
        choices,
        partitions=partitions or choices.partitions,
        replication=replication or choices.replication,
    )


def _line(change: Change, dry_run: bool) -> str:
    verb = (_TO_DO if dry_run else _DONE)[change.action]
    return f"{verb} {change.topic}: {change.what}"


def _sum(changes: Iterable[Change], dry_run: bool) -> str:
    """What all of it comes to, for standard error."""
    topics = len({change.topic for change in changes if change.action != "stays"})
    if not topics:
        return "all topics are as they should be" if not changes else "nothing that could be changed"
    return f"{counted(topics, 'topic')} {'would be changed' if dry_run else 'changed'}"


def _table(states: Iterable[TopicState]) -> list[str]:
    """A line for each topic, and one below it for each difference."""
    states = list(states)
    width = max(len(state.name) for state in states)
    lines = [f"{'topic':<{width}}  partitions  copies  kept       records"]
    for state in states:
        if state.partitions is None:
            lines.append(f"{state.name:<{width}}  is not there")
            continue
        kept = "compacted" if "compact" in state.config["cleanup.policy"] else _kept(state)
        lines.append(
            f"{state.name:<{width}}  {state.partitions:>10}  {state.replication:>6}  {kept:<9}"
            f"  {state.records:>7,}"
        )
        lines += [f"  differs: {difference}" for difference in state.differs]
    return lines


def _kept(state: TopicState) -> str:
    """How long a topic's records are kept: 7 d, 1 h, for ever."""
    milliseconds = int(state.config["retention.ms"])
    if milliseconds < 0:
        return "for ever"
    for unit, size in _UNITS_MS:
        if milliseconds >= size and milliseconds % size == 0:
            return f"{milliseconds // size} {unit}"
    return f"{milliseconds} ms"
