"""`outcome.json`: the event that ends a revision, as a stored object, and where results are kept.

Creating the object, only if it is absent, *is* the decision; whoever finds it emits the event that it
holds. JSON, UTF-8, times in ISO 8601 to the millisecond, so that the event read back has the very bytes
of the event written. Fields left out have their defaults, unknown ones are ignored, and a time that
names no zone is of UTC.
"""

import dataclasses
import json
from datetime import datetime
from typing import Any

from schemas.codec import from_record, to_record
from schemas.events import VideoCancelled, VideoCompleted, VideoFailed
from schemas.times import read_stages, read_time

Outcome = VideoCompleted | VideoFailed | VideoCancelled

_KINDS: dict[str, type[Outcome]] = {
    kind.__name__: kind for kind in (VideoCompleted, VideoFailed, VideoCancelled)
}


MAX_ID_BYTES = 200
"""File systems hold names of 255, and a store may want some for itself."""

MAX_REVISION = 2**31 - 1
"""A revision is an `int` of Avro and of databases."""


def check_video_id(video_id: str) -> None:
    """Raises ValueError for what can be no video's id: it could lead to what is not the video's, or
    nowhere. This is the one rule for ids, in every room."""
    if (
        video_id in ("", ".", "..")
        or not video_id.isprintable()
        or any(character in video_id for character in "/\\:")
        or len(video_id.encode()) > MAX_ID_BYTES
    ):
        raise ValueError(
            f"video_id {video_id[:MAX_ID_BYTES]!r}: expected a plain name: 1 to {MAX_ID_BYTES} bytes of"
            " printable characters without '/', '\\' and ':'"
        )


def is_revision(name: str) -> bool:
    """Whether a name in the object store is the number of a revision."""
    return name.isdecimal() and 1 <= int(name) <= MAX_REVISION


def results_prefix(video_id: str, revision: int | None = None) -> str:
    """Where the results of a revision, or of all, are kept in the object store; ends with "/".

    Raises ValueError for an id as `check_video_id`, and for a number that no revision can have.
    """
    check_video_id(video_id)
    if revision is None:
        return f"results/{video_id}/"
    if abs(revision) > MAX_REVISION:
        raise ValueError(f"revision {revision}: expected at most {MAX_REVISION}")
    return f"results/{video_id}/{revision}/"


def uploads_prefix(video_id: str) -> str:
    """Where a video's uploaded files are kept; ends with "/". Raises ValueError as `check_video_id`."""
    check_video_id(video_id)
    return f"uploads/{video_id}/"


def outcome_key(video_id: str, revision: int) -> str:
    """Where a revision's outcome is kept. Raises ValueError as `results_prefix`."""
    return f"{results_prefix(video_id, revision)}outcome.json"


def cancel_key(video_id: str, revision: int) -> str:
    """Where the wish to cancel a revision is kept. Raises ValueError as `results_prefix`."""
    return f"{results_prefix(video_id, revision)}cancel.json"


def deleted_key(video_id: str) -> str:
    """The marker of a deleted video, the one object of it that stays. Raises ValueError as
    `results_prefix`."""
    return f"{results_prefix(video_id)}deleted.json"


def dump_outcome(event: Outcome) -> bytes:
    """The object's bytes; the same event gives the same bytes."""
    record = {"type": type(event).__name__, "event": to_record(event)}
    return json.dumps(record, ensure_ascii=False, indent=1, default=_milliseconds).encode()


def load_outcome(data: bytes) -> Outcome:
    """The inverse. Raises ValueError for anything else."""
    try:
        record: dict[str, Any] = json.loads(data)
        kind = _KINDS[record["type"]]
        given: dict[str, Any] = _defaults(kind) | record["event"]
        given["made_at"] = read_time(given["made_at"])
        given["stages"] = read_stages(given["stages"])
        return from_record(kind, given)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no outcome: {error!r}") from error


def _defaults(kind: type[Outcome]) -> dict[str, Any]:
    return {
        field.name: to_record(field.default)
        for field in dataclasses.fields(kind)
        if field.default is not dataclasses.MISSING
    }


def _milliseconds(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")
