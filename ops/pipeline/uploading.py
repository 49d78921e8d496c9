"""A user's file into the object store, where every converter can read it."""

import hashlib
from pathlib import Path

from connectors.objectstore import ObjectStore
from schemas.uploads import file_key


class NameTaken(Exception):
    """The video has another file of that name already, which an earlier revision may still need."""


def upload_file(store: ObjectStore, video_id: str, name: str, path: Path) -> str:
    """Have the file in the store, in bounded memory; its key. Nothing is written if it is there already.

    Raises NameTaken, DependencyDown, OSError if the file cannot be read, ValueError for a video_id that
    is no plain name.
    """
    key = file_key(video_id, name)
    there = store.find(key)
    if there is None:
        store.put_file(key, path)
    elif there.size_bytes != path.stat().st_size or there.sha256 != _digest(path):
        raise NameTaken(key)
    return key


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
