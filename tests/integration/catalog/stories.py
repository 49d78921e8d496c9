"""What is said of many videos, and kept in the store."""

from collections.abc import Iterator

from connectors.objectstore import ObjectStore
from schemas.events import Event, VideoDeleted
from tests.unit.catalog.videos import (
    cancel_requested,
    cancelled,
    completed,
    converted,
    enriched,
    failed,
    keep,
    keep_deleted,
    probed,
    stage_failed,
    uploaded,
    with_transcript,
)


def story(store: ObjectStore, videos: range) -> Iterator[list[Event]]:
    """Of each video in turn, what is said of it, after it was put into the store: most are completed,
    some in two revisions, one in seven fails, is cancelled, is deleted or is still at work."""
    for n in videos:
        events = list(_events(store, f"v{n}", n))
        for event in events:
            keep(store, event)
        if any(isinstance(event, VideoDeleted) for event in events):
            keep_deleted(store, f"v{n}")
        yield events


def _events(store: ObjectStore, video: str, n: int) -> Iterator[Event]:
    yield uploaded(video, at_s=60.0 * n)
    yield probed(video)
    yield from (enriched(video, index=index) for index in range(3))
    match n % 7:
        case 0:
            yield failed(video)
        case 1:
            yield stage_failed(video, index=3)
        case 2:
            yield cancel_requested(video)
            yield cancelled(video)
        case 3:
            yield converted(video, segments=3)
            yield with_transcript(store, completed(video), f"alpha one word{n}", "two")
            yield VideoDeleted(video_id=video)
        case 4:
            yield converted(video, segments=3)
            yield with_transcript(store, completed(video), f"alpha one word{n}", "two")
            yield uploaded(video, 2, at_s=60.0 * n + 30)
            yield with_transcript(store, completed(video, 2), f"beta word{n}")
        case _:
            yield converted(video, segments=3)
            yield with_transcript(store, completed(video), f"alpha one word{n}", "two")
