"""What the object store alone tells of a video.

The store has an upload at once, the catalogue a moment later; so this is asked where the catalogue knows
nothing (yet), and where there is none.
"""

from collections.abc import Iterator

from connectors.database import RevisionRow, State, VideoDetail, VideoRow
from connectors.objectstore import ObjectMissing, ObjectStore
from connectors.objectstore.revisions import find_outcome, is_deleted
from connectors.objectstore.wishes import revisions_of
from schemas.events import VideoCompleted, VideoFailed, VideoUploaded
from schemas.outcomes import Outcome
from schemas.uploads import load_upload, upload_key

Revision = tuple[VideoUploaded, Outcome | None]


def stored_revisions(store: ObjectStore, video_id: str) -> Iterator[Revision]:
    """A video's revisions that can be read, latest first, each with its outcome if it has one; none of a
    deleted video. Raises DependencyDown, ValueError for an id that is no plain name."""
    if is_deleted(store, video_id):
        return
    for number, names in reversed(list(revisions_of(store, video_id))):
        if "upload.json" not in names:
            continue
        try:
            upload = load_upload(store.get(upload_key(video_id, number)))
            yield upload, find_outcome(store, upload) if "outcome.json" in names else None
        except (ObjectMissing, ValueError):  # deleted meanwhile, or not to be read
            continue


def latest_completed(store: ObjectStore, video_id: str) -> tuple[VideoUploaded, VideoCompleted] | None:
    """The revision that is shown. Raises as `stored_revisions`."""
    for upload, outcome in stored_revisions(store, video_id):
        if isinstance(outcome, VideoCompleted):
            return upload, outcome
    return None


def latest_wanted(store: ObjectStore, video_id: str) -> VideoUploaded | None:
    """The newest revision that is completed, or is to be. What is asked for next is asked on top of it.
    Raises as `stored_revisions`."""
    cancelled = {number for number, names in revisions_of(store, video_id) if "cancel.json" in names}
    for upload, outcome in stored_revisions(store, video_id):
        is_to_be = outcome is None and upload.revision not in cancelled
        if is_to_be or isinstance(outcome, VideoCompleted):
            return upload
    return None


def stored_detail(store: ObjectStore, video_id: str) -> VideoDetail | None:
    """All that the store tells; None if there is no such video. Raises as `stored_revisions`."""
    revisions = list(stored_revisions(store, video_id))
    if not revisions:
        return None
    completed = next((each for each in revisions if isinstance(each[1], VideoCompleted)), None)
    upload, outcome = next((each for each in revisions if each[1] is None), completed or revisions[0])
    shown = completed[1] if completed else None
    row = VideoRow(
        video_id=video_id,
        revision=upload.revision,
        name=upload.name,
        state=_state(outcome),
        uploaded_at=revisions[-1][0].made_at,
        ended_at=outcome.made_at if outcome else None,
        size_bytes=upload.size_bytes,
        duration_s=outcome.duration_s if isinstance(outcome, VideoCompleted) else None,
        language=outcome.language if isinstance(outcome, VideoCompleted) else None,
        word_count=outcome.word_count if isinstance(outcome, VideoCompleted) else None,
        reason=outcome.reason if isinstance(outcome, VideoFailed) else None,
    )
    return VideoDetail(
        row=row,
        shown_revision=shown.revision if shown else None,
        revisions=tuple(_revision(*each) for each in reversed(revisions)),
        source=upload.source,
        options=upload.options,
        files=shown.files if isinstance(shown, VideoCompleted) else (),
        gaps=shown.gaps if isinstance(shown, VideoCompleted) else (),
        warnings=shown.warnings if isinstance(shown, VideoCompleted) else (),
    )


def _state(outcome: Outcome | None) -> State:
    if outcome is None:
        return State.WAITING
    return State(type(outcome).__name__.removeprefix("Video").lower())


def _revision(upload: VideoUploaded, outcome: Outcome | None) -> RevisionRow:
    return RevisionRow(
        revision=upload.revision,
        state=_state(outcome),
        uploaded_at=upload.made_at,
        ended_at=outcome.made_at if outcome else None,
        reason=outcome.reason if isinstance(outcome, VideoFailed) else None,
        model=upload.options.model,
        language=outcome.language if isinstance(outcome, VideoCompleted) else upload.options.language,
    )
