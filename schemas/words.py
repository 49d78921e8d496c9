"""The words artefact: one segment's words as a stored object, shared by equal uploads.

JSON, UTF-8, the same bytes for the same words. Times are seconds from the start of the segment's audio,
since the same audio may lie elsewhere in another video.
"""

import json
from dataclasses import dataclass, replace

from schemas.codec import from_record, to_record
from schemas.events import Model, Task, Word

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentWords:
    """A segment's words, and how they were made."""

    version: int = VERSION
    language: str
    language_probability: float
    task: Task
    model: Model
    words: tuple[Word, ...]


def dump_words(words: SegmentWords) -> bytes:
    """The artefact's bytes."""
    return json.dumps(to_record(words), ensure_ascii=False, separators=(",", ":")).encode()


def load_words(data: bytes) -> SegmentWords:
    """The inverse. Raises ValueError for anything else."""
    try:
        record = json.loads(data)
        if record["version"] != VERSION:
            raise ValueError(f"words artefact of version {record['version']}, expected {VERSION}")
        return from_record(SegmentWords, record)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"no words artefact: {error!r}") from error


def moved(word: Word, by_s: float) -> Word:
    """The word `by_s` seconds later, to the millisecond."""
    return replace(word, start_s=round(word.start_s + by_s, 3), end_s=round(word.end_s + by_s, 3))
