"""Uploads and outcomes in a store."""

from datetime import UTC, datetime

from connectors.objectstore import FolderStore
from schemas.events import VideoCompleted, VideoUploaded
from schemas.outcomes import dump_outcome, outcome_key, results_prefix
from schemas.uploads import dump_upload, upload_key


def accepted(store: FolderStore, video_id: str, revision: int = 1, second: int = 0) -> VideoUploaded:
    """An upload that the store has. second: of the minute in which it was accepted."""
    upload = VideoUploaded(
        video_id=video_id,
        revision=revision,
        source=f"file:///films/{video_id}.mp4",
        name=f"{video_id}.mp4",
        made_at=datetime(2026, 1, 1, 12, 0, second, tzinfo=UTC),
    )
    store.put(upload_key(video_id, revision), dump_upload(upload))
    return upload


def completed(store: FolderStore, upload: VideoUploaded) -> VideoCompleted:
    """Its outcome, with a result file, in the store."""
    text = store.put(results_prefix(upload.video_id, upload.revision) + "transcript.txt", b"words")
    outcome = VideoCompleted(
        video_id=upload.video_id,
        revision=upload.revision,
        made_at=datetime(2026, 1, 1, 13, tzinfo=UTC),
        name=upload.name,
        language="en",
        duration_s=1,
        word_count=2,
        parts=(),
        gaps=(),
        warnings=(),
        files=(text,),
    )
    store.put(outcome_key(upload.video_id, upload.revision), dump_outcome(outcome))
    return outcome
