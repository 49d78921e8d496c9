"""What the object store says: the events that were written there before they were published."""

import logging
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field

from connectors.objectstore import ObjectMissing, ObjectStore
from schemas.events import Event, VideoCancelRequested, VideoDeleted
from schemas.outcomes import is_revision, load_outcome, outcome_key
from schemas.uploads import load_upload, upload_key

log = logging.getLogger(__name__)

_READS = ("upload.json", "outcome.json", "cancel.json")
_KEYS_A_YIELD = 1_000
"""What S3 gives in one answer."""


@dataclass(slots=True)
class StoredVideo:
    """What the store has of a video: which of the objects that say something, by revision."""

    video_id: str
    is_deleted: bool = False
    revisions: defaultdict[int, set[str]] = field(default_factory=lambda: defaultdict(set))


def stored_videos(store: ObjectStore) -> Generator[None, None, list[StoredVideo]]:
    """Every video of which the store knows. Yields now and then, since stores hold many objects. Raises
    DependencyDown."""
    found: dict[str, StoredVideo] = {}
    for count, key in enumerate(store.keys("results/"), 1):
        if count % _KEYS_A_YIELD == 0:
            yield
        match key.split("/"):
            case [_, video_id, "deleted.json"]:
                found.setdefault(video_id, StoredVideo(video_id)).is_deleted = True
            case [_, video_id, number, name] if is_revision(number) and name in _READS:
                found.setdefault(video_id, StoredVideo(video_id)).revisions[int(number)].add(name)
    return list(found.values())


def events_of(store: ObjectStore, video: StoredVideo) -> Iterator[Event]:
    """The events that the store holds about a video; what cannot be read is passed over. Raises
    DependencyDown."""
    if video.is_deleted:
        yield VideoDeleted(video_id=video.video_id)
        return
    for number, names in sorted(video.revisions.items()):
        if "cancel.json" in names:
            yield VideoCancelRequested(video_id=video.video_id, revision=number)
        if "upload.json" in names:
            yield from _loaded(store, upload_key(video.video_id, number), load_upload)
        if "outcome.json" in names:
            yield from _loaded(store, outcome_key(video.video_id, number), load_outcome)


def _loaded(store: ObjectStore, key: str, load: Callable[[bytes], Event]) -> Iterator[Event]:
    try:
        yield load(store.get(key))
    except ObjectMissing:  # deleted meanwhile
        return
    except ValueError as error:
        log.warning("%s is passed over: %s", key, error)
