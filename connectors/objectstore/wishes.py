"""What is asked for in the store and not done yet, and how to ask.

`results/<video>/<revision>/upload.json` asks for captions, `cancel.json` beside it to stop, until there
is an `outcome.json`; `results/<video>/deleted.json` asks to remove the video. Each is written before
anything is said about it, so what is asked for outlives every crash. On a cluster an event says it then;
on one machine a note in `inbox/` tells the running supervisor where to look, which looks everywhere when
it starts.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from connectors.objectstore.contract import ObjectMissing, ObjectStore
from connectors.objectstore.revisions import upload_of
from schemas.events import EPOCH, VideoCancelRequested, VideoDeleted, VideoUploaded
from schemas.ids import event_id
from schemas.outcomes import (
    cancel_key,
    check_video_id,
    deleted_key,
    is_revision,
    results_prefix,
    uploads_prefix,
)
from schemas.times import read_time
from schemas.uploads import NOTES, note_key, upload_key

_STAGE = "cli"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be done. uploads: in order of their time. broken: keys of uploads that nobody can
    read, or whose ids no video can have."""

    uploads: tuple[VideoUploaded, ...]
    cancels: tuple[VideoCancelRequested, ...]
    deletions: tuple[VideoDeleted, ...]
    broken: tuple[str, ...] = ()


@dataclass(slots=True)
class _Kept:
    """What the store has of one video: the names of objects, by revision."""

    revisions: defaultdict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    is_deleted: bool = False


def all_wishes(store: ObjectStore) -> Wishes:
    """What is asked for in the whole store. Takes a moment where there are many results."""
    return _wishes(store, store.keys("results/"))


def wishes_of(store: ObjectStore, video_id: str) -> Wishes:
    """What is asked for about one video. Raises ValueError if that is no plain name."""
    return _wishes(store, store.keys(results_prefix(video_id)))


def notes(store: ObjectStore) -> list[str]:
    """The videos that notes name."""
    return [key.removeprefix(NOTES) for key in store.keys(NOTES)]


def leave_note(store: ObjectStore, video_id: str) -> None:
    """Have a running supervisor look at that video. Raises DependencyDown."""
    store.put(note_key(video_id), b"")


def ask_to_cancel(store: ObjectStore, video_id: str, revision: int) -> VideoCancelRequested:
    """Ask that no more is done for a revision; the event to announce, the same however often it is
    asked. Raises DependencyDown."""
    store.put_if_absent(cancel_key(video_id, revision), _dump(video_id, revision))
    return _cancel(store, video_id, revision)


def ask_to_delete(store: ObjectStore, video_id: str) -> VideoDeleted:
    """Ask that a video and its results are removed, for ever; the event to announce, the same however
    often it is asked. Raises DependencyDown."""
    store.put_if_absent(deleted_key(video_id), _dump(video_id, None))
    return _deletion(store, video_id)


def _wishes(store: ObjectStore, keys: Iterable[str]) -> Wishes:
    uploads: list[VideoUploaded] = []
    cancels: list[VideoCancelRequested] = []
    deletions: list[VideoDeleted] = []
    broken: list[str] = []
    for video_id, kept in _by_video(keys).items():
        try:
            check_video_id(video_id)
        except ValueError:
            broken += [f"results/{video_id}/{revision}/upload.json" for revision in kept.revisions]
            continue
        if kept.is_deleted:
            if kept.revisions or any(store.keys(uploads_prefix(video_id))):
                deletions.append(_deletion(store, video_id))
            continue
        for revision, names in sorted(kept.revisions.items()):
            if "outcome.json" in names:
                continue
            if "cancel.json" in names:
                cancels.append(_cancel(store, video_id, revision))
            elif "upload.json" in names:
                try:
                    uploads.append(upload_of(store, video_id, revision))
                except ValueError:
                    broken.append(upload_key(video_id, revision))
                except ObjectMissing:  # deleted meanwhile
                    continue
    uploads.sort(key=lambda upload: upload.made_at)
    return Wishes(tuple(uploads), tuple(cancels), tuple(deletions), tuple(broken))


def _by_video(keys: Iterable[str]) -> dict[str, _Kept]:
    found: defaultdict[str, _Kept] = defaultdict(_Kept)
    for _, video_id, *rest in (key.split("/") for key in keys):
        match rest:
            case ["deleted.json"]:
                found[video_id].is_deleted = True
            case [number, name] if is_revision(number):
                found[video_id].revisions[int(number)].add(name)
    return found


def _cancel(store: ObjectStore, video_id: str, revision: int) -> VideoCancelRequested:
    return VideoCancelRequested(
        event_id=event_id(VideoCancelRequested.__name__, video_id, revision, _STAGE),
        video_id=video_id,
        revision=revision,
        made_at=_time_in(store, cancel_key(video_id, revision)) or EPOCH,
    )


def _deletion(store: ObjectStore, video_id: str) -> VideoDeleted:
    return VideoDeleted(
        event_id=event_id(VideoDeleted.__name__, video_id, 1, _STAGE),
        video_id=video_id,
        made_at=_time_in(store, deleted_key(video_id)) or EPOCH,
    )


def _dump(video_id: str, revision: int | None) -> bytes:
    record: dict[str, str | int] = {"video_id": video_id}
    if revision is not None:
        record["revision"] = revision
    record["made_at"] = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps(record).encode()


def _time_in(store: ObjectStore, key: str) -> datetime | None:
    """When the object was asked for, EPOCH if it does not say; None without one."""
    try:
        return read_time(json.loads(store.get(key))["made_at"])
    except ObjectMissing:
        return None
    except (ValueError, KeyError, TypeError, RecursionError):
        return EPOCH


def revisions_of(store: ObjectStore, video_id: str) -> Iterator[tuple[int, frozenset[str]]]:
    """The video's revisions, ascending, each with the names of its objects. Raises ValueError if the id
    is no plain name."""
    kept = _by_video(store.keys(results_prefix(video_id))).get(video_id, _Kept())
    for number, names in sorted(kept.revisions.items()):
        yield number, frozenset(names)
