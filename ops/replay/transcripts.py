"""The transcript of a completed revision, as it is stored."""

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from connectors.objectstore import ObjectMissing, ObjectStore
from schemas.codec import from_record
from schemas.events import VideoCompleted, Word

_NAME = "transcript.json"


@dataclass(frozen=True, slots=True)
class StoredTranscript:
    """What a revision says, and the names of the models that made it."""

    revision: int
    language: str
    models: tuple[str, ...]
    words: tuple[Word, ...]


def load_transcript(store: ObjectStore, outcome: VideoCompleted) -> StoredTranscript:
    """A completed revision's transcript. Raises ObjectMissing if it has none (any more), ValueError if
    it cannot be read, DependencyDown."""
    keys = [file.key for file in outcome.files if PurePosixPath(file.key).name == _NAME]
    if not keys:
        raise ObjectMissing(_NAME)
    try:
        document: dict[str, Any] = json.loads(store.get(keys[0]))
        return StoredTranscript(
            revision=outcome.revision,
            language=document["language"],
            models=tuple(model["name"] for model in document["models"]),
            words=tuple(from_record(Word, word) for word in document["words"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{keys[0]} is no transcript: {error!r}") from error
