"""Which revision of a file's results to work on, by what the store says."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from connectors.objectstore import ObjectMissing, ObjectStore
from ops.pipeline.files import MediaFile
from schemas.events import Options, VideoCompleted, VideoUploaded
from schemas.ids import event_id
from schemas.outcomes import Outcome, load_outcome, outcome_key
from schemas.uploads import dump_upload, load_upload, upload_key


@dataclass(frozen=True, slots=True)
class Task:
    """One revision of one file. done: its outcome, if an earlier run completed it."""

    file: MediaFile
    upload: VideoUploaded
    done: VideoCompleted | None


def earlier_task(store: ObjectStore, file: MediaFile, options: Options) -> Task | None:
    """The latest revision with these options, if it is completed or unfinished; None if there is none or
    it failed. Raises DependencyDown."""
    for upload in _uploads(store, file.video_id):
        if replace(upload.options, reuse=True) != options:
            continue
        outcome = find_outcome(store, upload)
        if outcome is None:
            return Task(file, upload, None)
        return Task(file, upload, outcome) if isinstance(outcome, VideoCompleted) else None
    return None


def new_task(store: ObjectStore, file: MediaFile, options: Options) -> Task:
    """A new revision, whose number this takes in the store. Raises DependencyDown."""
    revision = max(_revisions(store, file.video_id), default=0)
    while True:
        revision += 1
        upload = upload_event(
            file.video_id,
            revision,
            source=file.source,
            name=file.name,
            size_bytes=file.size_bytes,
            options=options,
        )
        if store.put_if_absent(upload_key(file.video_id, revision), dump_upload(upload)):
            return Task(file, upload, None)


def upload_event(
    video_id: str, revision: int, *, source: str, name: str, size_bytes: int | None, options: Options
) -> VideoUploaded:
    """The event that an upload becomes, made now."""
    return VideoUploaded(
        event_id=event_id("VideoUploaded", video_id, revision, "cli"),
        video_id=video_id,
        revision=revision,
        made_at=datetime.now(UTC).replace(microsecond=0),
        source=source,
        name=name,
        size_bytes=size_bytes,
        options=options,
    )


def find_outcome(store: ObjectStore, upload: VideoUploaded) -> Outcome | None:
    """What the aggregator decided about this revision, or None. Raises DependencyDown."""
    try:
        return load_outcome(store.get(outcome_key(upload.video_id, upload.revision)))
    except ObjectMissing:
        return None


def _uploads(store: ObjectStore, video_id: str) -> Iterator[VideoUploaded]:
    """The video's revisions, latest first; one that cannot be read is passed over."""
    for revision in reversed(_revisions(store, video_id)):
        try:
            yield load_upload(store.get(upload_key(video_id, revision)))
        except (ObjectMissing, ValueError):
            continue


def _revisions(store: ObjectStore, video_id: str) -> list[int]:
    """Numbers that are taken, ascending."""
    numbers = {key.split("/")[2] for key in store.keys(f"results/{video_id}/")}
    return sorted(int(number) for number in numbers if number.isdecimal())
