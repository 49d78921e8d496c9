"""Records that are put aside, as they travel: the original bytes and key, with what happened in headers.

| header (`reelay-…`) | on | value |
|---|---|---|
| `origin` | both | `topic/partition/offset` of the record as it first came |
| `attempt` | retry: of the try to come; dead letter: how many were made | a number from 1 |
| `faults` | retry | how many tries ended by a bug or a dead worker process |
| `written-ms` | both | when the record first came, Unix time in milliseconds |
| `first-failed-ms`, `not-before-ms` | retry, once it failed | Unix time in milliseconds |
| `events-out` | both | how many of the record's events were emitted already |
| `error` | both | why the last try failed, one line |
| `kind`, `dead-ms` | dead letter | the kind of failure, and when it was given up |
| `left-out-bytes` | dead letter | size of the value, where the record is too large to be copied |
| `redriven` | mark | `partition/offset` of the dead letter that was redriven |
| `redriven-as` | mark | the topic or revision that it went to |

A broker may take records from others that it does not take again with our headers. Such a record has no
retries, and its dead letter is without its value and headers; `origin` says where they lie.

A mark is a record without a value among the dead letters, written when one of them was redriven. It lies
in the letter's partition, and so is kept for as long as the letter at least.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from connectors.kafka.clients import MAX_RECORD_BYTES
from connectors.kafka.records import Outgoing, Record, size_bytes
from processors.runtime.contract import Failure
from processors.runtime.retry import Tries
from schemas.headers import Headers
from schemas.topics import dead_topic, retry_topic

_PREFIX = "reelay-"
_MAX_ERROR_CHARS = 500
_MAX_KEY_BYTES = 1_000
_UNTRIED = Tries()


class Handover(NamedTuple):
    """What a record brings with it: where and when it first came, its tries, its events that are out."""

    topic: str
    partition: int
    offset: int
    written_ms: int
    tries: Tries = _UNTRIED
    events_out: int = 0

    @property
    def origin(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


def received(record: Record, topic: str) -> Handover:
    """What a record brings that was read from `topic` or from that topic's retries.

    A first-time record, or a retry without readable headers, brings nothing: outside the retry topic
    such headers mean nothing, since a tool may have copied them along to have the record done anew.
    """
    fresh = Handover(topic, record.partition, record.offset, record.timestamp_ms)
    if record.topic == topic:
        return fresh
    try:
        _, partition, offset = (record.header(f"{_PREFIX}origin") or "").rsplit("/", 2)
        return Handover(
            topic,
            int(partition),
            int(offset),
            _number(record, "written-ms"),
            Tries(
                attempt=_number(record, "attempt"),
                faults=_number(record, "faults"),
                first_failed_ms=_number_if_any(record, "first-failed-ms"),
                not_before_ms=_number_if_any(record, "not-before-ms"),
            ),
            events_out=_number(record, "events-out"),
        )
    except ValueError:
        return fresh


def copies(record: Record) -> bool:
    """Whether the record is small enough to be written again."""
    return size_bytes(record) <= MAX_RECORD_BYTES


def to_retry(
    record: Record, handover: Handover, tries: Tries, *, group: str, events_out: int, error: str
) -> Outgoing:
    """The record, of which there can be a copy, as it waits in the retry topic for the try `tries`."""
    headers = {
        "origin": handover.origin,
        "written-ms": handover.written_ms,
        "attempt": tries.attempt,
        "faults": tries.faults,
        "first-failed-ms": tries.first_failed_ms,
        "not-before-ms": tries.not_before_ms,
        "events-out": events_out,
        "error": _line(error),
    }
    return _aside(record, retry_topic(handover.topic, group), headers)


def to_dead(
    record: Record, handover: Handover, failure: Failure, *, group: str, now_ms: int
) -> Outgoing:
    """The record as a dead letter."""
    headers: dict[str, object] = {
        "origin": handover.origin,
        "written-ms": handover.written_ms,
        "attempt": handover.tries.attempt,
        "events-out": failure.yields_out,
        "kind": failure.kind.value,
        "error": _line(failure.reason),
        "dead-ms": now_ms,
    }
    topic = dead_topic(handover.topic, group)
    if copies(record):
        return _aside(record, topic, headers)
    headers["left-out-bytes"] = len(record.value)
    key = record.key if record.key is not None and len(record.key) <= _MAX_KEY_BYTES else None
    return _aside(record._replace(key=key, value=b"", headers=[]), topic, headers)


@dataclass(frozen=True, slots=True)
class Burial:
    """What a dead letter's headers say. None: nothing that can be read."""

    origin: str | None
    attempts: int | None
    kind: str | None
    reason: str | None
    dead_ms: int | None
    left_out_bytes: int | None


@dataclass(frozen=True, slots=True)
class Mark:
    """That the dead letter at this place of the same topic was redriven, and to where."""

    partition: int
    offset: int
    redriven_as: str


def buried(record: Record) -> Burial:
    """What a dead letter tells of itself."""
    return Burial(
        origin=record.header(f"{_PREFIX}origin"),
        attempts=_number_or_none(record, "attempt"),
        kind=record.header(f"{_PREFIX}kind"),
        reason=record.header(f"{_PREFIX}error"),
        dead_ms=_number_or_none(record, "dead-ms"),
        left_out_bytes=_number_or_none(record, "left-out-bytes"),
    )


def to_redrive(record: Record, topic: str, group: str) -> Outgoing:
    """A dead letter as a first try in the retry topic: all its tries are forgotten, but not which of its
    events are out. A letter that does not say where it first came is a new record."""
    headers: dict[str, object] = {}
    if (origin := record.header(f"{_PREFIX}origin")) is not None:
        written_ms = _number_or_none(record, "written-ms")
        headers = {
            "origin": origin,
            "written-ms": record.timestamp_ms if written_ms is None else written_ms,
            "attempt": 1,
            "faults": 0,
            "events-out": _number_or_none(record, "events-out") or 0,
        }
    return _aside(record, retry_topic(topic, group), headers)


def to_mark(record: Record, redriven_as: str) -> Outgoing:
    """The mark beside a dead letter; it belongs into the letter's partition."""
    headers = {"redriven": f"{record.partition}/{record.offset}", "redriven-as": redriven_as}
    return _aside(record._replace(value=b"", headers=[]), record.topic, headers)


def marked(record: Record) -> Mark | None:
    """What a record among dead letters marks; None for a dead letter."""
    place = record.header(f"{_PREFIX}redriven")
    if place is None or record.value:
        return None
    partition, _, offset = place.partition("/")
    if not (partition.isdecimal() and offset.isdecimal()):
        return None
    try:
        return Mark(int(partition), int(offset), record.header(f"{_PREFIX}redriven-as") or "")
    except ValueError:  # Python reads no number of thousands of digits
        return None


def _aside(record: Record, topic: str, headers: Mapping[str, object]) -> Outgoing:
    kept: Headers = [(name, value) for name, value in record.headers if not name.startswith(_PREFIX)]
    ours: Headers = [
        (_PREFIX + name, str(value).encode(errors="replace")) for name, value in headers.items()
    ]
    return Outgoing(topic, record.key, record.value, kept + ours)


def _number(record: Record, name: str) -> int:
    return int(record.header(_PREFIX + name) or "")


def _number_if_any(record: Record, name: str) -> int | None:
    return None if record.header(_PREFIX + name) is None else _number(record, name)


def _number_or_none(record: Record, name: str) -> int | None:
    try:
        return _number_if_any(record, name)
    except ValueError:
        return None


def _line(text: str) -> str:
    return " ".join(text.split())[:_MAX_ERROR_CHARS]
