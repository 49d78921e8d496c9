"""What is known of an upload, as the store keeps it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from connectors.objectstore import Part
from schemas.events import Options, Task


class Step(StrEnum):
    """How far an upload has come. COMPLETE: every byte is in the store, and the object may or may not be
    in its place yet."""

    RECEIVING = "receiving"
    COMPLETE = "complete"
    ACCEPTED = "accepted"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Tail:
    """The bytes behind the last whole part, in an object of their own."""

    key: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An upload.

    key: where its object will be. size_bytes: None while nobody knows. metadata: as the client gave it
    (tus). parts: those that count, 1 to the last. parts_id: None before the first; an upload of less
    than a part never has one. touched: when something came last (Unix time). sha256: `digest_of` the
    parts, once all are there. revision: of the video, once it is accepted.
    """

    video_id: str
    name: str
    key: str
    size_bytes: int | None
    touched: float
    options: Options = field(default_factory=Options)
    metadata: str = ""
    step: Step = Step.RECEIVING
    parts_id: str | None = None
    parts: tuple[Part, ...] = ()
    tail: Tail | None = None
    sha256: str | None = None
    revision: int | None = None

    @property
    def offset(self) -> int:
        """How many bytes are safe in the store."""
        if self.step in (Step.COMPLETE, Step.ACCEPTED):
            return self.size_bytes or 0
        return sum(part.size_bytes for part in self.parts) + (self.tail.size_bytes if self.tail else 0)


def digest_of(parts: Sequence[Part]) -> str:
    """The digest of an upload: the SHA-256, in hexadecimal, of its parts' SHA-256 digests one after the
    other (32 bytes each). A part is 8 MiB, the last one what is left. So it does not depend on where an
    upload was cut, and no byte is read twice."""
    digests = b"".join(bytes.fromhex(part.sha256) for part in parts)
    return hashlib.sha256(digests).hexdigest()


def dump(record: Record) -> bytes:
    """JSON."""
    tail, options = record.tail, record.options
    return json.dumps(
        {
            "video_id": record.video_id,
            "name": record.name,
            "key": record.key,
            "size_bytes": record.size_bytes,
            "touched": record.touched,
            "language": options.language,
            "model": options.model,
            "task": options.task,
            "metadata": record.metadata,
            "step": record.step,
            "parts_id": record.parts_id,
            "parts": [[part.size_bytes, part.sha256, part.tag] for part in record.parts],
            "tail": [tail.key, tail.size_bytes] if tail else None,
            "sha256": record.sha256,
            "revision": record.revision,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


def load(data: bytes) -> Record:
    """The inverse. Raises ValueError for anything else."""
    try:
        return _record(json.loads(data))
    except (KeyError, TypeError) as error:
        raise ValueError(f"no record of an upload: {error!r}") from error


def _record(given: dict[str, Any]) -> Record:
    return Record(
        video_id=given["video_id"],
        name=given["name"],
        key=given["key"],
        size_bytes=given["size_bytes"],
        touched=given["touched"],
        options=Options(
            language=given["language"],
            model=given["model"],
            task=Task(given.get("task", Task.TRANSCRIBE)),
        ),
        metadata=given["metadata"],
        step=Step(given["step"]),
        parts_id=given["parts_id"],
        parts=tuple(
            Part(number, size_bytes, sha256, tag)
            for number, (size_bytes, sha256, tag) in enumerate(given["parts"], 1)
        ),
        tail=Tail(*given["tail"]) if given["tail"] else None,
        sha256=given["sha256"],
        revision=given["revision"],
    )
