"""The topics: what they carry, how they are keyed, kept and partitioned."""

from collections.abc import Callable
from dataclasses import dataclass

from schemas import events
from schemas.events import Event

PREFIX = "reelay."
DEFAULT_PARTITIONS = 12
FIRST_LANE_S = 600.0
"""A video's audio before this time is transcribed ahead of the rest of long videos."""

HOUR_S = 3600
DAY_S = 24 * HOUR_S
RETRY_KEPT_S = 7 * DAY_S
DEAD_KEPT_S = 30 * DAY_S


def _by_video(event: Event) -> str:
    return event.video_id


def _by_segment(event: Event) -> str:
    assert isinstance(event, events.AudioSegmented)
    return f"{event.video_id}:{event.index}"


def _by_revision(event: Event) -> str:
    return f"{event.video_id}:{event.revision}"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic and what its users agree on.

    joined: the aggregator joins it, so all such topics have one partition count, which can't change
    while videos are in flight. key: gives an event's key (sent as UTF-8).
    """

    name: str
    event: type[Event]
    kept_s: int | None = 7 * DAY_S
    compacted: bool = False
    joined: bool = False
    key: Callable[[Event], str] = _by_video

    @property
    def subject(self) -> str:
        """The schema registry's subject of this topic's values."""
        return f"{self.name}-value"

    @property
    def schema_file(self) -> str:
        """Name of the `.avsc` file; both lanes of audio segments share one."""
        return f"{self.name.removeprefix(PREFIX).removesuffix('.bulk')}.avsc"


def _topic(name: str, event: type[Event], **rest: object) -> Topic:
    return Topic(PREFIX + name, event, **rest)  # type: ignore[arg-type]


VIDEO_UPLOADED = _topic("video.uploaded", events.VideoUploaded)
VIDEO_PROBED = _topic("video.probed", events.VideoProbed, joined=True)
AUDIO_SEGMENTED = _topic("audio.segmented", events.AudioSegmented, key=_by_segment)
AUDIO_SEGMENTED_BULK = _topic("audio.segmented.bulk", events.AudioSegmented, key=_by_segment)
VIDEO_CONVERTED = _topic("video.converted", events.VideoConverted, joined=True)
SEGMENT_TRANSCRIBED = _topic("segment.transcribed", events.SegmentTranscribed)
SEGMENT_ENRICHED = _topic("segment.enriched", events.SegmentEnriched, joined=True)
VIDEO_RENDERED = _topic("video.rendered", events.VideoRendered, joined=True)
STAGE_FAILED = _topic("stage.failed", events.StageFailed, joined=True)
VIDEO_CANCEL_REQUESTED = _topic("video.cancel_requested", events.VideoCancelRequested, joined=True)
VIDEO_CAPTIONED = _topic("video.captioned", events.VideoCaptioned)
VIDEO_COMPLETED = _topic(
    "video.completed", events.VideoCompleted, kept_s=None, compacted=True, key=_by_revision
)
VIDEO_FAILED = _topic("video.failed", events.VideoFailed, kept_s=None, compacted=True, key=_by_revision)
VIDEO_CANCELLED = _topic(
    "video.cancelled", events.VideoCancelled, kept_s=None, compacted=True, key=_by_revision
)
VIDEO_DELETED = _topic("video.deleted", events.VideoDeleted, kept_s=None, compacted=True, joined=True)
VIDEO_PROGRESS = _topic("video.progress", events.Progress, kept_s=HOUR_S)

TOPICS = (
    VIDEO_UPLOADED,
    VIDEO_PROBED,
    AUDIO_SEGMENTED,
    AUDIO_SEGMENTED_BULK,
    VIDEO_CONVERTED,
    SEGMENT_TRANSCRIBED,
    SEGMENT_ENRICHED,
    VIDEO_RENDERED,
    STAGE_FAILED,
    VIDEO_CANCEL_REQUESTED,
    VIDEO_CAPTIONED,
    VIDEO_COMPLETED,
    VIDEO_FAILED,
    VIDEO_CANCELLED,
    VIDEO_DELETED,
    VIDEO_PROGRESS,
)
OUTCOMES = (VIDEO_COMPLETED, VIDEO_FAILED, VIDEO_CANCELLED)

RETRYING = {
    "converter": (VIDEO_UPLOADED,),
    "transcriber": (AUDIO_SEGMENTED, AUDIO_SEGMENTED_BULK),
    "enricher": (SEGMENT_TRANSCRIBED,),
}
"""Consumer groups on the runtime, and what each reads: they put records aside in retry topics."""
AGGREGATOR = "aggregator"
"""The consumer group that joins."""
CHANGELOG = f"{AGGREGATOR}-pieces-changelog"
"""Where the aggregator keeps its table; it has the partition count of the topics that are joined."""
CATALOG = "catalog"
"""The consumer group that fills the catalogue."""
READERS = {
    **RETRYING,
    AGGREGATOR: tuple(topic for topic in TOPICS if topic.joined),
    CATALOG: (
        VIDEO_UPLOADED,
        VIDEO_PROBED,
        VIDEO_CONVERTED,
        VIDEO_RENDERED,
        SEGMENT_ENRICHED,
        STAGE_FAILED,
        VIDEO_CANCEL_REQUESTED,
        *OUTCOMES,
        VIDEO_DELETED,
    ),
}
"""Every consumer group, and what it reads and may give up on."""

_BY_NAME = {topic.name: topic for topic in TOPICS}
_BY_EVENT = {topic.event: topic for topic in TOPICS if topic is not AUDIO_SEGMENTED_BULK}


def topic_named(name: str) -> Topic:
    """The topic of that name, with or without the prefix. Raises KeyError."""
    return _BY_NAME[name if name.startswith(PREFIX) else PREFIX + name]


def topic_of(event: Event) -> Topic:
    """The topic that an event is written to."""
    if isinstance(event, events.AudioSegmented) and event.start_s >= FIRST_LANE_S:
        return AUDIO_SEGMENTED_BULK
    return _BY_EVENT[type(event)]


def retry_topic(topic: str, group: str) -> str:
    """Where a consumer group puts a record of `topic` that is to be tried again later."""
    return f"{topic}.{group}.retry"


def dead_topic(topic: str, group: str) -> str:
    """Where a consumer group puts a record of `topic` that it gave up on (the dead letters)."""
    return f"{topic}.{group}.dead"
