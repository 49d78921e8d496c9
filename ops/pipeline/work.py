"""Gives uploads to a running pipeline and tells what becomes of them."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.clients import open_producer
from connectors.kafka.publishing import publish
from connectors.objectstore import ObjectStore
from connectors.objectstore.revisions import find_outcome
from connectors.settings import Connections
from ops.pipeline.door import Door, Limits
from schemas.codec import Codec, UndecodableError
from schemas.events import Event, VideoCancelled, VideoCompleted, VideoFailed, VideoUploaded
from schemas.topics import (
    AUDIO_SEGMENTED,
    AUDIO_SEGMENTED_BULK,
    OUTCOMES,
    SEGMENT_ENRICHED,
    STAGE_FAILED,
    VIDEO_CONVERTED,
    VIDEO_PROBED,
    topic_named,
)

FOLLOWED = (
    VIDEO_PROBED,
    AUDIO_SEGMENTED,
    AUDIO_SEGMENTED_BULK,
    VIDEO_CONVERTED,
    SEGMENT_ENRICHED,
    STAGE_FAILED,
    *OUTCOMES,
)
_TICK_S = 0.1
_AT_ONCE = 500


def work(
    uploads: Iterable[VideoUploaded],
    connections: Connections,
    store: ObjectStore,
    codec: Codec,
    *,
    limits: Limits,
    on_tick: Callable[[], None],
    look_every_s: float = 5.0,
) -> Iterator[Event]:
    """Publish the uploads as the door lets them in; yield what happens until each has its outcome.

    Each is taken from `uploads` when the one before is in, and is yielded itself when it goes in. Its
    outcome comes once; other events may be repeated. on_tick is called some times a second; what it
    raises ends the work. Every `look_every_s` the store is asked for outcomes too: events say the same
    sooner, but if this program was suspended for long, the broker may have dropped them.

    Raises KafkaException, DependencyDown.
    """
    door = Door(limits)
    waiting = iter(uploads)
    upload = next(waiting, None)
    unfinished: dict[tuple[str, int], VideoUploaded] = {}
    producer = open_producer(connections)
    look_at = time.monotonic() + look_every_s
    with BroadcastReader(connections, (topic.name for topic in FOLLOWED)) as reader:
        while upload is not None or unfinished:
            while upload is not None and door.lets_in(upload):
                publish(producer, upload, codec)
                door.enter(upload)
                unfinished[upload.video_id, upload.revision] = upload
                yield upload
                upload = next(waiting, None)
            events = list(read(reader, codec))
            if time.monotonic() >= look_at:
                events += [
                    found for inside in unfinished.values() if (found := find_outcome(store, inside))
                ]
                look_at = time.monotonic() + look_every_s
            for event in events:
                door.take(event)
                key = (event.video_id, event.revision)
                if key in unfinished:
                    if isinstance(event, VideoCompleted | VideoFailed | VideoCancelled):
                        del unfinished[key]
                    yield event
            on_tick()


def read(reader: BroadcastReader, codec: Codec) -> Iterator[Event]:
    """What has come by now, after a short wait if that is nothing. Records of others are left out."""
    record = reader.poll(_TICK_S)
    for _ in range(_AT_ONCE):
        if record is None:
            return
        with suppress(UndecodableError):  # whoever works on it dead-letters it and tells the aggregator
            yield codec.decode(record.value, topic_named(record.topic))
        record = reader.poll(0)
