"""An object store in a local folder."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from connectors.errors import DependencyDown
from connectors.objectstore.contract import Entry, ObjectMissing, check_prefix, names_in, ref_to
from schemas.events import ArtefactRef

TEMPORARY = ".writing-"
"""How the name of a file begins that is not in its place yet."""

_BLOCK_BYTES = 2**20


class FolderStore:
    """Keys are paths below one folder. A write goes to a temporary file beside its place, is flushed to
    the disk and then renamed (or linked, where the first must win) into place."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, data: bytes) -> ArtefactRef:
        with _disk_faults(key):
            place = self._place(key)
            with _written(place, (data,)) as temporary:
                temporary.replace(place)
        return ref_to(key, data)

    def put_file(self, key: str, path: Path) -> ArtefactRef:
        place = self._place(key)
        digest = hashlib.sha256()
        with path.open("rb") as source:
            with _disk_faults(key), _written(place, _blocks(source, digest)) as temporary:
                temporary.replace(place)
            return ArtefactRef(key=key, sha256=digest.hexdigest(), size_bytes=source.tell())

    def put_if_absent(self, key: str, data: bytes) -> bool:
        with _disk_faults(key):
            place = self._place(key)
            if place.exists():
                return False
            with _written(place, (data,)) as temporary:
                try:
                    os.link(temporary, place)
                except FileExistsError:
                    return False
        return True

    def get(self, key: str) -> bytes:
        with _disk_faults(key):
            return self._place(key).read_bytes()

    def find(self, key: str) -> ArtefactRef | None:
        place = self._place(key)
        try:
            with _disk_faults(key), place.open("rb") as file:
                os.utime(file.fileno())
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                return ArtefactRef(key=key, sha256=digest, size_bytes=file.tell())
        except ObjectMissing:
            return None

    @contextmanager
    def local_file(self, key: str) -> Iterator[Path]:
        place = self._place(key)
        if not place.is_file():
            raise ObjectMissing(key)
        yield place

    def keys(self, prefix: str) -> Iterator[str]:
        check_prefix(prefix)
        for parent, folders, names in os.walk(self._root / prefix, onerror=_unreadable):
            folders.sort()
            for name in sorted(names):
                if not name.startswith(TEMPORARY):
                    yield Path(parent, name).relative_to(self._root).as_posix()

    def entries(self, prefix: str) -> Iterator[Entry]:
        for key in self.keys(prefix):
            try:
                with _disk_faults(key):
                    facts = self._place(key).stat()
            except ObjectMissing:  # deleted meanwhile
                continue
            yield Entry(key, facts.st_size, facts.st_mtime)

    def delete(self, key: str) -> None:
        place = self._place(key)
        with contextlib.suppress(ObjectMissing), _disk_faults(key):
            place.unlink(missing_ok=True)
            for parent in place.relative_to(self._root).parents:
                if parent != Path():
                    with contextlib.suppress(OSError):  # other objects are in it
                        (self._root / parent).rmdir()

    def _place(self, key: str) -> Path:
        return self._root.joinpath(*names_in(key))


def _blocks(source: BinaryIO, digest: "hashlib._Hash") -> Iterator[bytes]:
    """What is left of the file. digest: takes in what is read."""
    while block := source.read(_BLOCK_BYTES):
        digest.update(block)
        yield block


def _unreadable(error: OSError) -> None:
    """What a listing does about a folder that it cannot read; one that is gone holds nothing."""
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise DependencyDown("object store", f"{error.filename}: {error.strerror}") from error


@contextmanager
def _disk_faults(key: str) -> Iterator[None]:
    """Name the disk's errors by what the caller should do."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise ObjectMissing(key) from error
    except OSError as error:
        raise DependencyDown("object store", f"{key}: {error.strerror}") from error


@contextmanager
def _written(place: Path, blocks: Iterable[bytes]) -> Iterator[Path]:
    """A temporary file beside `place` that holds `blocks` for good; gone when the context ends."""
    temporary = place.with_name(f"{TEMPORARY}{uuid4().hex}")
    try:
        while True:
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                file = temporary.open("xb")
                break
            except FileNotFoundError:  # a delete removed the empty folder meanwhile
                continue
            except FileExistsError:
                with contextlib.suppress(FileNotFoundError):  # removed just now, as above
                    if not stat.S_ISDIR(place.parent.lstat().st_mode):
                        raise
        with file:
            file.writelines(blocks)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
