"""What the runtime writes into events: ids, times, headers; and what it fills in where a publisher left
it out."""

import dataclasses
import hashlib
import re
import socket
from datetime import UTC, datetime
from functools import cache
from typing import TypeVar

from connectors.errors import DependencyDown
from connectors.kafka.clients import MAX_EVENT_BYTES, MAX_RECORD_BYTES
from connectors.kafka.records import Outgoing, Record, size_bytes
from processors.runtime.unwanted import VideoKey
from schemas.codec import Codec
from schemas.events import EPOCH, Event, FailureKind, StageFailed, StageTime
from schemas.headers import stamped_headers
from schemas.ids import event_id
from schemas.topics import topic_of

E = TypeVar("E", bound=Event)

_PUBLISHER = "publisher"
_TRACEPARENT = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context, section 3.2; who cannot read one begins a new trace."""
_MIN_SUBJECT_PARTS, _MAX_SUBJECT_PARTS = 2, 3


def completed(event: E, record: Record) -> E:
    """An input with the id and time that its publisher left out: the same for the same event, and the
    time at which Kafka took it."""
    if event.event_id and event.made_at != EPOCH:
        return event
    index = getattr(event, "index", None)
    made_id = event_id(type(event).__name__, event.video_id, event.revision, _PUBLISHER, index)
    made_at = datetime.fromtimestamp(max(record.timestamp_ms, 0) / 1000, UTC)
    return dataclasses.replace(
        event,
        event_id=event.event_id or made_id,
        made_at=made_at if event.made_at == EPOCH else event.made_at,
    )


class Stamp:
    """Stamps the events that one stage makes of one input, in the order in which it yields them."""

    def __init__(self, stage: str, source: Event, traceparent: str | None, attempt: int) -> None:
        self._stage = stage
        self._source = source
        is_trace = traceparent is not None and _TRACEPARENT.fullmatch(traceparent)
        self._traceparent = traceparent if is_trace else new_traceparent(source.event_id)
        self._attempt = attempt
        self._began_at = datetime.now(UTC)
        self._pieces: dict[tuple[str, int | None], int] = {}

    def __call__(self, event: Event, codec: Codec) -> Outgoing:
        """The event as it goes to its topic, with its id, time and stages.

        Raises DependencyDown as the registry does, also while it lacks the schema (an operator registers
        it), ValueError if the event does not fit its schema or is too large.
        """
        now, event_id = datetime.now(UTC), self._next_id(event)
        time = StageTime(
            stage=self._stage,
            index=getattr(event, "index", None),
            queued_at=self._source.made_at,
            began_at=self._began_at,
            ended_at=now,
            attempt=self._attempt,
            host=_host(),
        )
        stages = (*self._source.stages, time)
        try:
            value = codec.encode(event, event_id=event_id, made_at=now, stages=stages)
        except LookupError as error:
            raise DependencyDown("schema registry", str(error)) from error
        headers = stamped_headers(
            event, event_id, now, source=self._stage, traceparent=self._traceparent
        )
        topic = topic_of(event)
        outgoing = Outgoing(topic.name, topic.key(event).encode(), value, headers)
        # key and headers repeat the video's id, which a stranger may have made as long as the value
        if len(value) > MAX_EVENT_BYTES or size_bytes(outgoing) > MAX_RECORD_BYTES:
            raise ValueError(
                f"{type(event).__name__} of {len(value):,} bytes, in all {size_bytes(outgoing):,}; "
                f"at most {MAX_EVENT_BYTES:,} and {MAX_RECORD_BYTES:,}"
            )
        return outgoing

    def skip(self, event: Event) -> None:
        """Pass over an event that is out already: ids of later ones depend on it."""
        self._next_id(event)

    def _next_id(self, event: Event) -> str:
        """Where one input gives several events of a type about one piece, all but the first are told
        apart by how many came before, as a negative number that no index is."""
        kind, index = type(event).__name__, getattr(event, "index", None)
        before = self._pieces.get((kind, index), 0)
        self._pieces[kind, index] = before + 1
        return event_id(kind, event.video_id, event.revision, self._stage, -before if before else index)


@cache
def _host() -> str:
    return socket.gethostname()


def new_traceparent(event: str) -> str:
    """A W3C trace context that begins with the event of that id; a redo is part of the same trace."""
    trace = hashlib.sha256(event.encode()).hexdigest()[:32]
    return f"00-{trace}-{trace[:16]}-01"


def subject_of(record: Record) -> tuple[VideoKey, int | None] | None:
    """The video, revision and segment index that `ce_subject` names; None without a readable one."""
    parts = (record.header("ce_subject") or "").split("/")
    if not _MIN_SUBJECT_PARTS <= len(parts) <= _MAX_SUBJECT_PARTS or not parts[0]:
        return None
    try:
        revision, *index = map(int, parts[1:])
    except ValueError:
        return None
    return VideoKey(parts[0], revision), index[0] if index else None


def unreadable(record: Record, *, stage: str, reason: str) -> StageFailed | None:
    """The event that says that a record's bytes are no event, if its headers name the video."""
    subject = subject_of(record)
    if subject is None:
        return None
    (video_id, revision), index = subject
    assert revision is not None
    return StageFailed(
        video_id=video_id,
        revision=revision,
        stage=stage,
        index=index,
        kind=FailureKind.POISON,
        reason=reason,
    )
