"""Corrected captions as a stored object: cues, whichever format they were written in.

JSON, UTF-8, the same bytes for the same cues. It lies with the video's uploads, since it is one, and so
is removed with them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.codec import from_record, to_record
from schemas.outcomes import uploads_prefix

VERSION = 1
_FOLDER = ".corrected"
"""No uploaded file's name begins with a dot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """Text on the screen from start_s to end_s, seconds on the video's timeline."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Captions:
    version: int = VERSION
    cues: tuple[Cue, ...]


def captions_key(video_id: str, sha256: str) -> str:
    """Where captions of that digest are kept. Raises ValueError for a video_id that is no plain name."""
    return f"{uploads_prefix(video_id)}{_FOLDER}/{sha256}.json"


def dump_captions(cues: Sequence[Cue]) -> bytes:
    """The object's bytes."""
    return json.dumps(
        to_record(_Captions(cues=tuple(cues))), ensure_ascii=False, separators=(",", ":")
    ).encode()


def load_captions(data: bytes) -> tuple[Cue, ...]:
    """The inverse. Raises ValueError for anything else."""
    try:
        record = json.loads(data)
        if record["version"] != VERSION:
            raise ValueError(f"captions of version {record['version']}, expected {VERSION}")
        return from_record(_Captions, record).cues
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"no captions: {error!r}") from error
