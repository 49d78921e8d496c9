"""What a client hears, and what it is made of."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from connectors.kafka.records import Partition, Record
from schemas.events import Event, Progress, SegmentTranscribed, VideoDeleted
from schemas.outcomes import Outcome
from schemas.topics import CATALOG, READERS

CATALOGUED = frozenset(topic.name for topic in READERS[CATALOG])
"""Topics whose records change what the catalogue says of a video."""

Kind = Literal["snapshot", "video", "progress", "caption", "deleted"]


_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}
"""The stream's format does not take them for line ends and JSON needs no escapes for them, but programs
that split text into lines do."""


@dataclass(frozen=True, slots=True)
class Message:
    """One event of the stream. video_id: whom it is about. data: JSON in one line."""

    kind: Kind
    video_id: str
    data: str

    def encode(self, event_id: str | None = None) -> bytes:
        """As the stream has it (HTML standard, "Server-sent events")."""
        head = f"id: {event_id}\n" if event_id else ""
        return f"{head}event: {self.kind}\ndata: {self.data}\n\n".encode()


@dataclass(frozen=True, slots=True)
class Entry:
    """What a record has to tell: a message, that its video is no longer as it was, or both. ends_video:
    nothing more comes of the revision."""

    place: Partition
    offset: int
    video_id: str
    message: Message | None
    changes_video: bool
    ends_video: bool

    @property
    def size_bytes(self) -> int:
        return len(self.message.data) if self.message else 0


def entry_of(record: Record, event: Event) -> Entry:
    """What clients are to hear of an event, other than that its video changed."""
    message = None
    if isinstance(event, Progress):
        message = _message("progress", event.video_id, _progress(event))
    elif isinstance(event, SegmentTranscribed):
        message = _message("caption", event.video_id, _caption(event))
    elif isinstance(event, VideoDeleted):
        message = _message("deleted", event.video_id, {"video_id": event.video_id})
    return Entry(
        place=record.place,
        offset=record.offset,
        video_id=event.video_id,
        message=message,
        changes_video=record.topic in CATALOGUED,
        ends_video=isinstance(event, Outcome | VideoDeleted),
    )


def summary_message(summary: dict[str, Any]) -> Message:
    """How a video is now."""
    return _message("video", summary["video_id"], summary)


def snapshot_message(summaries: list[dict[str, Any]]) -> Message:
    """How all videos at work are now."""
    return _message("snapshot", "", {"videos": summaries})


def _message(kind: Kind, video_id: str, content: dict[str, Any]) -> Message:
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Message(kind, video_id, data.translate(_LINE_ENDS))


def _progress(event: Progress) -> dict[str, Any]:
    return {
        "video_id": event.video_id,
        "revision": event.revision,
        "stage": event.stage,
        "index": event.index,
        "done": event.done,
        "total": event.total,
        "unit": event.unit,
    }


def _caption(event: SegmentTranscribed) -> dict[str, Any]:
    return {
        "video_id": event.video_id,
        "revision": event.revision,
        "index": event.index,
        "language": event.language,
        "start_s": event.start_s,
        "end_s": event.end_s,
        "words": [[word.start_s, word.end_s, word.text] for word in event.words],
    }
