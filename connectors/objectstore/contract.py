"""What every object store does; one test suite runs against each."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from connectors.errors import DependencyDown
from schemas.events import ArtefactRef

PROBE_BYTES = 4 * 2**20
"""More than an audio segment has."""

PART_BYTES = 8 * 2**20
"""The size of each part but the last of an object that is written in parts. S3 takes 5 MiB to 5 GiB."""

MAX_PARTS = 10_000
"""S3 takes no more."""

Block = bytes | memoryview
"""Bytes that need not be copied."""


class ObjectMissing(LookupError):
    """There is no object under that key."""


class PartsGone(LookupError):
    """The parts of an unfinished object are not there, or not as they were put: somebody aborted,
    completed or overwrote them."""


class ObjectTooLarge(Exception):
    """The object is larger than what may be copied to this machine. The message names both sizes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An object in a listing. modified: when it was written or, if that was later, last looked up by
    `find` (Unix time; looking up may not count within a day)."""

    key: str
    size_bytes: int
    modified: float


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is stored for good. number: from 1 on; it tells the place in the object. tag: the
    store's own name for exactly these bytes, empty where it has none."""

    number: int
    size_bytes: int
    sha256: str
    tag: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Parts that are no object yet. modified: when they were begun or, where the store tells, last
    written to (Unix time)."""

    key: str
    parts_id: str
    modified: float


class ObjectStore(Protocol):
    """Objects are put in place complete: a reader never sees half of one.

    A large object may be written in parts, by several threads and processes in any order: nobody sees
    it before `complete_parts`.

    Every call may block on the disk or the network, and raises DependencyDown when the store cannot be
    reached, refuses us or is full, ValueError for a key that is no relative path of plain names or that
    the store cannot hold.
    """

    def put(self, key: str, data: bytes) -> ArtefactRef:
        """Write an object, replacing what was there."""

    def put_file(self, key: str, path: Path) -> ArtefactRef:
        """Write a file's bytes as an object, replacing what was there, in bounded memory. The file must
        not change meanwhile. Raises OSError if it cannot be read."""

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Create an object; False, with nothing changed, if one was there. The first of a race wins, and
        it alone is told True, also when others bring the same bytes.

        After DependencyDown the object may have been created all the same: whoever tries again and is
        told False reads what is there, which may be its own.
        """

    def get(self, key: str) -> bytes:
        """An object's bytes. Raises ObjectMissing."""

    def size(self, key: str) -> int:
        """How many bytes an object has. Raises ObjectMissing."""

    def read_range(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """An object's bytes from `start` up to, but without, `end`, in bounded memory; fewer if it ends
        before. Raises ObjectMissing, when the first are asked for."""

    def find(self, key: str) -> ArtefactRef | None:
        """The reference to a stored artefact, or None. Renews its age, so that clean-up spares it."""

    def local_file(self, key: str) -> AbstractContextManager[Path]:
        """A local file with the object's bytes while the context lasts; do not write to it.
        Raises ObjectMissing, or ObjectTooLarge where a copy is made that would be too large."""

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys that start with `prefix`, which ends with "/" or is empty."""

    def entries(self, prefix: str) -> Iterator[Entry]:
        """All objects whose keys start with `prefix`, as for `keys`, with their sizes and ages."""

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens if there is none."""

    def begin_parts(self, key: str) -> str:
        """Begin to write an object in parts; what to call these parts, for whoever goes on."""

    def put_part(self, key: str, parts_id: str, number: int, data: Block) -> Part:
        """Write a part, replacing one of that number. Only the object's last may have other than
        PART_BYTES. Raises PartsGone, ValueError for a number or a size that no part has."""

    def complete_parts(self, key: str, parts_id: str, parts: Sequence[Part]) -> None:
        """Make one object of parts 1 to the last, replacing what was there; to repeat it changes
        nothing. Raises PartsGone if one is not there or, where the store can tell, is another."""

    def abort_parts(self, key: str, parts_id: str) -> None:
        """Remove parts that are to be no object; nothing happens if there are none."""

    def unfinished_parts(self) -> Iterator[Unfinished]:
        """All parts in the store that are no objects yet."""


def ref_to(key: str, data: bytes) -> ArtefactRef:
    """The reference to an object of these bytes."""
    return ArtefactRef(key=key, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def names_in(key: str) -> tuple[str, ...]:
    """The plain names that a key is made of. Raises ValueError for anything else."""
    names = PurePosixPath(key).parts
    if not names or key != "/".join(names) or any(n in ("..", "/") or "\0" in n for n in names):
        raise ValueError(f"object key {key!r}: expected plain names joined by '/'")
    return names


def check_part(number: int, data: Block) -> None:
    """Raises ValueError for what is no part."""
    if not 1 <= number <= MAX_PARTS:
        raise ValueError(f"part {number}: expected 1 to {MAX_PARTS:,}")
    if not 0 < len(data) <= PART_BYTES:
        raise ValueError(f"a part of {len(data):,} bytes: expected 1 to {PART_BYTES:,}")


def check_prefix(prefix: str) -> None:
    """Raises ValueError for a prefix that is neither empty nor plain names, each followed by "/"."""
    if prefix and (not prefix.endswith("/") or ".." in prefix.split("/") or prefix.startswith("/")):
        raise ValueError(f"prefix {prefix!r}: expected plain names, each followed by '/'")


def put_once(store: ObjectStore, key: str, data: bytes) -> ArtefactRef:
    """Store an artefact under its content address; whoever was first is named, so that a redo and the
    loser of a race use the same bytes."""
    if store.put_if_absent(key, data):
        return ref_to(key, data)
    found = store.find(key)
    return ref_to(key, data) if found is None else found


def probe(store: ObjectStore, name: str) -> None:
    """Raise DependencyDown until the store takes an object again that is as large as the artefacts are,
    and keeps its promise about the first of a race.

    A few bytes would fit on a disk that is full for everything else. name: tells those who probe apart.
    """
    key = f"media/probe/{name}"
    store.put(key, bytes(PROBE_BYTES))
    if store.put_if_absent(key, b""):
        raise DependencyDown("object store", f"{key} was created though it is there already")
    store.delete(key)
