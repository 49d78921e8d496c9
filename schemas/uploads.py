"""`upload.json`: the VideoUploaded event as a stored object; creating it takes the revision's number.

JSON, UTF-8, times in ISO 8601 (UTC where they name no zone). Fields that are left out have their
defaults, fields that are not known are ignored, so that files of older and newer versions read alike.
"""

import json
from datetime import datetime
from typing import Any

from schemas.codec import from_record, to_record
from schemas.events import VideoUploaded
from schemas.outcomes import MAX_REVISION, check_video_id, results_prefix, uploads_prefix
from schemas.times import read_stages, read_time

NOTES = "inbox/"
"""Where notes are kept in the object store."""

_NAME_BYTES = 200
"""File systems hold 255, and a store may want some for itself."""


def upload_key(video_id: str, revision: int) -> str:
    """Where the upload of that revision is kept in the object store. Raises ValueError as
    `results_prefix`."""
    return f"{results_prefix(video_id, revision)}upload.json"


def file_key(video_id: str, name: str) -> str:
    """Where an uploaded file is kept: its name as far as any store and any listing can hold it. Raises
    ValueError for a video_id that is no plain name."""
    plain = "".join("_" if not c.isprintable() or c in "/\\" else c for c in name).lstrip(". ")
    stem, dot, suffix = plain.rpartition(".")
    most = _NAME_BYTES - len((dot + suffix).encode())
    if dot and most > 0:
        plain = stem.encode()[:most].decode(errors="ignore") + dot + suffix
    plain = plain.encode()[:_NAME_BYTES].decode(errors="ignore")
    return f"{uploads_prefix(video_id)}{plain or 'file'}"


def note_key(video_id: str) -> str:
    """A note that something was asked about that video: whoever writes an upload, a cancel request or a
    deletion into the store leaves it *afterwards*, so that a running supervisor need not look through
    all results. The object is empty; the supervisor removes it before it looks."""
    return f"{NOTES}{video_id}"


def dump_upload(event: VideoUploaded) -> bytes:
    """The object's bytes; the same event gives the same bytes."""
    return json.dumps(
        to_record(event), ensure_ascii=False, indent=1, default=datetime.isoformat
    ).encode()


def load_upload(data: bytes) -> VideoUploaded:
    """The inverse. Raises ValueError for anything else."""
    try:
        given: dict[str, Any] = json.loads(data)
        defaults = to_record(VideoUploaded(video_id=given["video_id"], source=given["source"]))
        record = defaults | given
        if not isinstance(record["video_id"], str) or type(record["revision"]) is not int:
            raise TypeError("video_id or revision")
        check_video_id(record["video_id"])
        if not 1 <= record["revision"] <= MAX_REVISION:
            raise ValueError(f"revision {record['revision']}: expected 1 to {MAX_REVISION}")
        record["options"] = defaults["options"] | given.get("options", {})
        if "made_at" in given:
            record["made_at"] = read_time(given["made_at"])
        record["stages"] = read_stages(record["stages"])
        return from_record(VideoUploaded, record)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no upload: {error!r}") from error
