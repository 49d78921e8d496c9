"""What a run does about each of its files, by what the store says."""

from dataclasses import dataclass

from connectors.objectstore import ObjectStore
from connectors.objectstore.revisions import earlier_upload, find_outcome, take_revision
from ops.pipeline.files import MediaFile
from schemas.events import Options, VideoCompleted, VideoUploaded


@dataclass(frozen=True, slots=True)
class Task:
    """One revision of one file. done: its outcome, if an earlier run completed it."""

    file: MediaFile
    upload: VideoUploaded
    done: VideoCompleted | None


def earlier_task(store: ObjectStore, file: MediaFile, options: Options) -> Task | None:
    """The latest revision with these options, if it is completed or unfinished; None if there is none or
    it failed. Raises VideoWasDeleted, DependencyDown."""
    upload = earlier_upload(store, file.video_id, options)
    if upload is None:
        return None
    outcome = find_outcome(store, upload)
    return Task(file, upload, outcome if isinstance(outcome, VideoCompleted) else None)


def new_task(store: ObjectStore, file: MediaFile, options: Options) -> Task:
    """A new revision, whose number this takes in the store. Raises DependencyDown, VideoWasDeleted."""
    upload = take_revision(
        store,
        file.video_id,
        source=file.source,
        name=file.name,
        size_bytes=file.size_bytes,
        options=options,
    )
    return Task(file, upload, None)
