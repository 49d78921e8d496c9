"""What every object store does; one test suite runs against each."""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from schemas.events import ArtefactRef

PROBE_BYTES = 4 * 2**20
"""More than an audio segment has."""


class ObjectMissing(LookupError):
    """There is no object under that key."""


class ObjectStore(Protocol):
    """Objects are put in place complete: a reader never sees half of one.

    Every call may block on the disk or the network, and raises DependencyDown when the store cannot be
    reached or is full, ValueError for a key that is no relative path of plain names.
    """

    def put(self, key: str, data: bytes) -> ArtefactRef:
        """Write an object, replacing what was there."""

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Create an object; False, with nothing changed, if one was there. The first of a race wins."""

    def get(self, key: str) -> bytes:
        """An object's bytes. Raises ObjectMissing."""

    def find(self, key: str) -> ArtefactRef | None:
        """The reference to a stored artefact, or None. Renews its age, so that clean-up spares it."""

    def local_file(self, key: str) -> AbstractContextManager[Path]:
        """A local file with the object's bytes while the context lasts; do not write to it.
        Raises ObjectMissing."""

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys that start with `prefix`, which ends with "/" or is empty."""

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens if there is none."""


def ref_to(key: str, data: bytes) -> ArtefactRef:
    """The reference to an object of these bytes."""
    return ArtefactRef(key=key, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def put_once(store: ObjectStore, key: str, data: bytes) -> ArtefactRef:
    """Store an artefact under its content address; whoever was first is named, so that a redo and the
    loser of a race use the same bytes."""
    if store.put_if_absent(key, data):
        return ref_to(key, data)
    found = store.find(key)
    return ref_to(key, data) if found is None else found


def probe(store: ObjectStore, name: str) -> None:
    """Raise DependencyDown until the store takes an object again that is as large as the artefacts are.

    A few bytes would fit on a disk that is full for everything else. name: tells those who probe apart.
    """
    key = f"media/probe/{name}"
    store.put(key, bytes(PROBE_BYTES))
    store.delete(key)
