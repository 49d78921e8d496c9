"""Kafka headers of an event: CloudEvents 1.0, Kafka protocol binding, binary mode.

They repeat what the value says, for tools that route without decoding.
"""

from datetime import datetime
from functools import cache

from schemas.events import AudioSegmented, Event
from schemas.topics import PREFIX, Topic, topic_of

Headers = list[tuple[str, bytes]]


def event_headers(event: Event, *, source: str, traceparent: str | None = None) -> Headers:
    """Headers for `event` as the program `source` (for instance "converter") emits it."""
    return stamped_headers(event, event.event_id, event.made_at, source=source, traceparent=traceparent)


def stamped_headers(
    event: Event, event_id: str, made_at: datetime, *, source: str, traceparent: str | None
) -> Headers:
    """The same for an event that has that id and time where it goes."""
    index = getattr(event, "index", None)
    subject = f"{event.video_id}/{event.revision}"
    time = made_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    headers = [
        *_headers_of_all(topic_of(event), source),
        ("ce_id", event_id.encode()),
        ("ce_subject", (subject if index is None else f"{subject}/{index}").encode()),
        ("ce_time", time.encode()),
        ("media_s", b"%.3f" % media_s(event)),
    ]
    if traceparent is not None:
        headers.append(("traceparent", traceparent.encode()))
    return headers


@cache
def _headers_of_all(topic: Topic, source: str) -> Headers:
    """What is the same for all events of that topic from there."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_type", (PREFIX + topic.schema_file.removesuffix(".avsc")).encode()),
        ("ce_source", f"/reelay/{source}".encode()),
        ("content-type", b"application/avro"),
    ]


def media_s(event: Event) -> float:
    """Seconds of media that this event makes work of; 0 where that is not known yet."""
    if isinstance(event, AudioSegmented):
        return event.audio_end_s - event.audio_start_s
    return 0.0
