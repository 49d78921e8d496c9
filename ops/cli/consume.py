"""`reelay consume`: any topic, decoded."""

import json
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

import click

from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.records import Record
from connectors.registry import open_registry
from connectors.settings import Connections
from ops.cli.errors import one_line
from ops.cli.kafka import cluster_options, running
from ops.cli.text import shown
from schemas.codec import Codec, UndecodableError, to_record
from schemas.times import time_of
from schemas.topics import PREFIX, TOPICS, Topic, topic_named


@click.command("consume")
@click.argument("topic")
@cluster_options(required=False)
@click.option("--from-beginning", is_flag=True, help="Also what is there already.")
@click.option(
    "-n", "--count", type=click.IntRange(1), help="Stop after so many events.  [default: never]"
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0),
    help="Stop when nothing came for so many seconds.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each event.")
def command(
    *,
    topic: str,
    brokers: str | None,
    registry: str,
    from_beginning: bool,
    count: int | None,
    timeout_s: float | None,
    as_json: bool,
) -> int:
    """Show the events of TOPIC as they come, decoded, with key, partition, offset and headers.

    Without --brokers it listens to `reelay up` on this machine. It joins no consumer group and commits
    nothing. The prefix "reelay." may be left out; retry and dead letter topics are named in full.

    \b
    Examples:
      reelay consume video.completed --from-beginning --json | jq .value.name
      reelay consume stage.failed -n 1
    """
    with one_line():
        full_name = _known(topic)
        connections = running(brokers, registry)
        codec = Codec(open_registry(connections))
        records = _records(
            full_name,
            connections,
            from_beginning=from_beginning,
            timeout_s=timeout_s,
        )
        for record in islice(records, count):
            plain = _plain(record, codec)
            click.echo(json.dumps(plain, default=datetime.isoformat) if as_json else _for_people(plain))
    return 0


def _known(name: str) -> str:
    """The topic's full name. Raises UsageError with the list of all topics."""
    full = name if name.startswith(PREFIX) else PREFIX + name
    if _origin(full) is None:
        names = ", ".join(topic.name.removeprefix(PREFIX) for topic in TOPICS)
        raise click.UsageError(f"there is no topic {shown(name)!r}. Topics: {names}")
    return full


def _origin(name: str) -> Topic | None:
    """The topic that says what a record is: for `<topic>.<group>.retry` and `.dead` the original's."""
    parts = name.split(".")
    candidates = [name] if parts[-1] not in ("retry", "dead") else [".".join(parts[:-2])]
    for candidate in candidates:
        try:
            return topic_named(candidate)
        except KeyError:
            continue
    return None


def _records(
    topic: str, connections: Connections, *, from_beginning: bool, timeout_s: float | None
) -> Iterator[Record]:
    with BroadcastReader(connections, [topic], start="beginning" if from_beginning else "end") as reader:
        last = time.monotonic()
        while timeout_s is None or time.monotonic() - last < timeout_s:
            record = reader.poll(0.2)
            if record is not None:
                last = time.monotonic()
                yield record


def _plain(record: Record, codec: Codec) -> dict[str, Any]:
    """The record as plain data; "value" is the event, or null with "error" saying why."""
    plain: dict[str, Any] = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "time": time_of(record.timestamp_ms).isoformat(timespec="milliseconds"),
        "key": None if record.key is None else record.key.decode(errors="replace"),
        "headers": {name: content.decode(errors="replace") for name, content in record.headers},
        "type": None,
        "value": None,
    }
    origin = _origin(record.topic)
    if record.value and origin is not None:
        try:
            event = codec.decode(record.value, origin)
            plain |= {"type": type(event).__name__, "value": to_record(event)}
        except UndecodableError as error:
            plain["error"] = str(error)
    return plain


def _for_people(record: dict[str, Any]) -> str:
    where = f"{record['topic']} [{record['partition']}] @ {record['offset']}"
    lines = [f"{where}  {record['time']}  key {record['key']}"]
    lines += [f"  {name}: {value}" for name, value in record["headers"].items()]
    if "error" in record:
        lines.append(f"  cannot be decoded: {record['error']}")
    elif record["value"] is None:
        lines.append("  deleted (a tombstone)")
    else:
        lines.append(f"  {record['type']}")
        lines += [
            f"    {name}: {json.dumps(value, default=datetime.isoformat, ensure_ascii=False)}"
            for name, value in record["value"].items()
        ]
    return "\n".join(shown(line) for line in lines)
