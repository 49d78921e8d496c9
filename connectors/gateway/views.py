"""The catalogue's rows as the API answers them."""

from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from connectors.database import Hit, VideoDetail, VideoRow
from connectors.gateway.door import API
from connectors.gateway.media_types import kind_of, media_type_of
from schemas.codec import to_record
from schemas.events import EPOCH, ArtefactRef


def summary(row: VideoRow) -> dict[str, Any]:
    """A VideoSummary."""
    return {
        "video_id": row.video_id,
        "revision": row.revision,
        "name": row.name,
        "state": row.state.value,
        "uploaded_at": time_of(row.uploaded_at),
        "ended_at": time_of(row.ended_at),
        "size_bytes": row.size_bytes,
        "duration_s": row.duration_s,
        "language": row.language,
        "word_count": row.word_count,
        "segments_done": row.segments_done,
        "segments": row.segments,
        "reason": row.reason,
        "has_picture": row.has_picture,
    }


def video(detail: VideoDetail) -> dict[str, Any]:
    """A VideoAnswer."""
    row = detail.row
    return summary(row) | {
        "shown_revision": detail.shown_revision,
        "revisions": [
            {
                "revision": revision.revision,
                "state": revision.state.value,
                "uploaded_at": time_of(revision.uploaded_at),
                "ended_at": time_of(revision.ended_at),
                "reason": revision.reason,
                "model": revision.model,
                "language": revision.language,
            }
            for revision in detail.revisions
        ],
        "files": [_file(row.video_id, detail.shown_revision, file) for file in detail.files],
        "options": to_record(detail.options),
        "gaps": to_record(detail.gaps),
        "warnings": list(detail.warnings),
        "stages": [
            {
                "stage": stage.stage,
                "index": stage.index,
                "queued_at": time_of(stage.queued_at),
                "began_at": time_of(stage.began_at),
                "ended_at": time_of(stage.ended_at),
                "attempt": stage.attempt,
            }
            for stage in detail.stages
        ],
        "source_url": f"{API}/videos/{quote(row.video_id, safe='')}/source",
    }


def hit(found: Hit) -> dict[str, Any]:
    """A HitAnswer."""
    return {
        "video_id": found.video_id,
        "revision": found.revision,
        "name": found.name,
        "language": found.language,
        "start_s": found.start_s,
        "end_s": found.end_s,
        "snippet": [{"text": snip.text, "hit": snip.hit} for snip in found.snippet],
    }


def time_of(time: datetime | None) -> str | None:
    """ISO 8601; None for a time that nobody said."""
    if time is None or time == EPOCH:
        return None
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _file(video_id: str, revision: int | None, file: ArtefactRef) -> dict[str, Any]:
    name = PurePosixPath(file.key).name
    place = f"{API}/videos/{quote(video_id, safe='')}/files/{quote(name, safe='')}"
    return {
        "name": name,
        "kind": kind_of(name),
        "size_bytes": file.size_bytes,
        "media_type": media_type_of(name),
        "url": f"{place}?revision={revision}",
    }
