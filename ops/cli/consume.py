"""`reelay consume`: any topic, decoded."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import click
from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from connectors.registry import open_registry
from ops.cli.errors import one_line
from ops.cli.kafka import cluster_options
from ops.cli.text import shown
from schemas.codec import Codec, UndecodableError, to_record
from schemas.topics import PREFIX, TOPICS, Topic, topic_named

_CONNECT_S = 10.0


@click.command("consume")
@click.argument("topic")
@cluster_options
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
    brokers: str,
    registry: str,
    from_beginning: bool,
    count: int | None,
    timeout_s: float | None,
    as_json: bool,
) -> int:
    """Show the events of TOPIC as they come, decoded, with key, partition, offset and headers.

    It joins no consumer group and commits nothing. The prefix "reelay." may be left out; retry and dead
    letter topics are named in full.

    \b
    Examples:
      reelay consume video.completed --from-beginning --json | jq .value.name
      reelay consume stage.failed -n 1
    """
    with one_line():
        codec = Codec(open_registry(registry))
        messages = _messages(_known(topic), brokers, from_beginning=from_beginning, timeout_s=timeout_s)
        for message in islice(messages, count):
            record = _record(message, codec)
            click.echo(json.dumps(record, default=str) if as_json else _for_people(record))
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


def _messages(
    topic: str, brokers: str, *, from_beginning: bool, timeout_s: float | None
) -> Iterator[Message]:
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "reelay-onlooker",  # required; nothing is subscribed or committed
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed",
            "log_level": 2,
        }
    )
    try:
        found = consumer.list_topics(topic, timeout=_CONNECT_S).topics[topic]
        if found.error is not None:
            raise KafkaException(found.error)
        start = OFFSET_BEGINNING if from_beginning else OFFSET_END
        consumer.assign([TopicPartition(topic, partition, start) for partition in found.partitions])
        last = time.monotonic()
        while timeout_s is None or time.monotonic() - last < timeout_s:
            message = consumer.poll(0.2)
            if message is None:
                continue
            error = message.error()
            if error is None:
                last = time.monotonic()
                yield message
            elif error.fatal() or error.code() == KafkaError._ALL_BROKERS_DOWN:
                raise KafkaException(error)
    finally:
        consumer.close()


def _record(message: Message, codec: Codec) -> dict[str, Any]:
    """The message as plain data; "value" is the event, or null with "error" saying why."""
    topic, key, value = message.topic(), message.key(), message.value()
    _, timestamp_ms = message.timestamp()
    headers = cast("list[tuple[str, bytes]]", message.headers() or [])
    record: dict[str, Any] = {
        "topic": topic,
        "partition": message.partition(),
        "offset": message.offset(),
        "time": datetime.fromtimestamp(timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds"),
        "key": _text(key),
        "headers": {name: _text(content) for name, content in headers},
        "type": None,
        "value": None,
    }
    origin = _origin(topic or "")
    if value is not None and origin is not None:
        try:
            event = codec.decode(value, origin)
            record |= {"type": type(event).__name__, "value": to_record(event)}
        except UndecodableError as error:
            record["error"] = str(error)
    return record


def _text(content: bytes | str | None) -> str | None:
    return content.decode(errors="replace") if isinstance(content, bytes) else content


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
            f"    {name}: {json.dumps(value, default=str, ensure_ascii=False)}"
            for name, value in record["value"].items()
        ]
    return "\n".join(shown(line) for line in lines)
