"""Revisions of videos in the store: which there are, what became of them, and how the next is taken."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from connectors.objectstore.contract import ObjectMissing, ObjectStore
from schemas.events import Options, VideoCompleted, VideoUploaded
from schemas.ids import event_id
from schemas.outcomes import (
    MAX_REVISION,
    Outcome,
    cancel_key,
    deleted_key,
    is_revision,
    load_outcome,
    outcome_key,
    results_prefix,
)
from schemas.uploads import dump_upload, load_upload, upload_key

DELETED = "its video was deleted, which is for ever; a changed or copied file is another video"
"""What a user is told about such a file."""


class VideoWasDeleted(Exception):
    """A deleted video's id is never accepted again."""


class OutcomeUnreadable(ValueError):
    """What lies where a revision's outcome is kept is none of that revision. The message names its key.
    Nobody can decide the revision any more; the video can be done again, as its next one."""


class RevisionTaken(Exception):
    """The video has that revision already."""


class RevisionsUsedUp(Exception):
    """The video has a revision of the last number that there is, so none can follow."""

    def __init__(self, video_id: str) -> None:
        super().__init__(f"{video_id} has revision {MAX_REVISION}, and no number follows that")


def earlier_upload(store: ObjectStore, video_id: str, options: Options) -> VideoUploaded | None:
    """The latest upload with these options, unless it failed or was cancelled, or what became of it
    cannot be read.

    Raises VideoWasDeleted, DependencyDown.
    """
    if is_deleted(store, video_id):
        raise VideoWasDeleted(video_id)
    for upload in _uploads(store, video_id):
        if replace(upload.options, reuse=True) == options:
            try:
                outcome = find_outcome(store, upload)
            except OutcomeUnreadable:
                return None
            if outcome is None:
                unwanted = _is_there(store, cancel_key(video_id, upload.revision))
                return None if unwanted else upload
            return upload if isinstance(outcome, VideoCompleted) else None
    return None


def take_revision(
    store: ObjectStore,
    video_id: str,
    *,
    source: str,
    name: str,
    size_bytes: int | None,
    options: Options,
    revision: int | None = None,
) -> VideoUploaded:
    """Accept an upload, by taking `revision` or else the video's next number in the store.

    Raises RevisionTaken, RevisionsUsedUp, VideoWasDeleted, DependencyDown, ValueError for an id or a
    number that nothing can have.
    """
    if is_deleted(store, video_id):
        raise VideoWasDeleted(video_id)
    number = _next_number(store, video_id) if revision is None else revision
    while True:
        upload = upload_event(
            video_id, number, source=source, name=name, size_bytes=size_bytes, options=options
        )
        if store.put_if_absent(upload_key(video_id, number), dump_upload(upload)):
            return upload
        if revision is not None:
            raise RevisionTaken(number)
        number = _next_number(store, video_id)


def next_revision(store: ObjectStore, upload: VideoUploaded) -> VideoUploaded:
    """Accept an upload once more: all that was asked for then, as the video's next revision, whose
    number this takes in the store. Raises RevisionsUsedUp, VideoWasDeleted, DependencyDown."""
    return revision_on_top(store, upload.video_id, lambda: upload)


def revision_on_top(
    store: ObjectStore, video_id: str, asked: Callable[[], VideoUploaded]
) -> VideoUploaded:
    """Accept what `asked` makes of the video's revisions as its next one.

    Where somebody else takes the next number meanwhile, it is asked again: so nothing is accepted
    without having seen what came before it, and of those who would all follow the same revision, one
    does. Raises what `asked` raises, RevisionsUsedUp, VideoWasDeleted, DependencyDown.
    """
    while True:
        if is_deleted(store, video_id):
            raise VideoWasDeleted(video_id)
        number = _next_number(store, video_id)
        upload = replace(
            asked(),
            event_id=event_id("VideoUploaded", video_id, number, "cli"),
            revision=number,
            made_at=datetime.now(UTC).replace(microsecond=0),
            stages=(),
        )
        if store.put_if_absent(upload_key(video_id, number), dump_upload(upload)):
            return upload


def is_deleted(store: ObjectStore, video_id: str) -> bool:
    """Whether somebody asked to remove the video. Raises DependencyDown, ValueError for an id that is no
    plain name."""
    return _is_there(store, deleted_key(video_id))


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
    """As `outcome_of`."""
    return outcome_of(store, upload.video_id, upload.revision)


def outcome_of(store: ObjectStore, video_id: str, revision: int) -> Outcome | None:
    """What the aggregator decided about this revision, or None.

    Raises OutcomeUnreadable, DependencyDown, ValueError as `outcome_key`.
    """
    key = outcome_key(video_id, revision)
    try:
        outcome = load_outcome(store.get(key))
    except ObjectMissing:
        return None
    except ValueError as error:
        raise OutcomeUnreadable(f"{key} cannot be read: {error}") from error
    if (outcome.video_id, outcome.revision) != (video_id, revision):
        raise OutcomeUnreadable(f"{key} cannot be read: it is about another revision")
    return outcome


def upload_of(store: ObjectStore, video_id: str, revision: int) -> VideoUploaded:
    """What was accepted as this revision.

    Raises ObjectMissing, DependencyDown, ValueError for what is no upload of that revision.
    """
    upload = load_upload(store.get(upload_key(video_id, revision)))
    if (upload.video_id, upload.revision) != (video_id, revision):
        raise ValueError(f"{upload_key(video_id, revision)} is about another revision")
    return upload


def _uploads(store: ObjectStore, video_id: str) -> Iterator[VideoUploaded]:
    """The video's revisions, latest first; one that cannot be read is passed over."""
    for revision in reversed(_revisions(store, video_id)):
        try:
            yield upload_of(store, video_id, revision)
        except (ObjectMissing, ValueError):
            continue


def _next_number(store: ObjectStore, video_id: str) -> int:
    """The number after all that are taken. Raises RevisionsUsedUp."""
    number = max(_revisions(store, video_id), default=0) + 1
    if number > MAX_REVISION:
        raise RevisionsUsedUp(video_id)
    return number


def _revisions(store: ObjectStore, video_id: str) -> list[int]:
    """Numbers that are taken, ascending."""
    numbers = {key.split("/")[2] for key in store.keys(results_prefix(video_id))}
    return sorted(int(number) for number in numbers if is_revision(number))


def _is_there(store: ObjectStore, key: str) -> bool:
    try:
        store.get(key)
    except ObjectMissing:
        return False
    return True
