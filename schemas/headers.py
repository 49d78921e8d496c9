"""Kafka headers of an event: CloudEvents 1.0, Kafka protocol binding, binary mode.

They repeat what the value says, for tools that route without decoding.
"""

from schemas.events import AudioSegmented, Event
from schemas.topics import PREFIX, topic_of

Headers = list[tuple[str, bytes]]


def event_headers(event: Event, *, source: str, traceparent: str | None = None) -> Headers:
    """Headers for `event` as the program `source` (for instance "converter") emits it."""
    topic = topic_of(event)
    index = getattr(event, "index", None)
    subject = f"{event.video_id}/{event.revision}"
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event.event_id,
        "ce_type": PREFIX + topic.schema_file.removesuffix(".avsc"),
        "ce_source": f"/reelay/{source}",
        "ce_subject": subject if index is None else f"{subject}/{index}",
        "ce_time": event.made_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "content-type": "application/avro",
        "media_s": f"{media_s(event):.3f}",
    }
    if traceparent is not None:
        headers["traceparent"] = traceparent
    return [(name, value.encode()) for name, value in headers.items()]


def media_s(event: Event) -> float:
    """Seconds of media that this event makes work of; 0 where that is not known yet."""
    if isinstance(event, AudioSegmented):
        return event.audio_end_s - event.audio_start_s
    return 0.0
