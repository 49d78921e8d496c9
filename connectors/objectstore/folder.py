"""An object store in a local folder."""

import contextlib
import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from connectors.errors import DependencyDown
from connectors.objectstore.contract import (
    PART_BYTES,
    Block,
    Entry,
    ObjectMissing,
    Part,
    PartsGone,
    Unfinished,
    check_part,
    check_prefix,
    names_in,
    ref_to,
)
from schemas.events import ArtefactRef

TEMPORARY = ".writing-"
"""How the name of a file begins that is not in its place yet."""

_PARTS = ".parts-"
"""How the name of a folder begins that holds a file whose parts are still written."""

_PARTS_ID = re.compile(r"[0-9a-f]{32}")
_NO_NAME = frozenset({errno.ENAMETOOLONG, errno.EILSEQ})
"""What a disk answers to a name that it cannot hold; waiting does not help."""

_BLOCK_BYTES = 2**20
_SHOWN_CHARS = 100


class FolderStore:
    """Keys are paths below one folder. A write goes to a temporary file beside its place, is flushed to
    the disk and then renamed (or linked, where the first must win) into place. Parts are written into
    one such file, each at its own place, in a hidden folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, data: bytes) -> ArtefactRef:
        self._make_root()
        with _disk_faults(key):
            place = self._place(key)
            with _written(place, (data,)) as temporary:
                temporary.replace(place)
        return ref_to(key, data)

    def put_file(self, key: str, path: Path) -> ArtefactRef:
        self._make_root()
        place = self._place(key)
        digest = hashlib.sha256()
        with path.open("rb") as source:
            with _disk_faults(key), _written(place, _blocks(source, digest)) as temporary:
                temporary.replace(place)
            return ArtefactRef(key=key, sha256=digest.hexdigest(), size_bytes=source.tell())

    def put_if_absent(self, key: str, data: bytes) -> bool:
        self._make_root()
        with _disk_faults(key):
            place = self._place(key)
            if place.is_file():
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

    def size(self, key: str) -> int:
        with _disk_faults(key):
            facts = self._place(key).stat()
        if not stat.S_ISREG(facts.st_mode):
            raise ObjectMissing(key)
        return facts.st_size

    def read_range(self, key: str, start: int, end: int) -> Iterator[bytes]:
        with _disk_faults(key), self._place(key).open("rb", buffering=0) as file:
            file.seek(start)
            while block := file.read(min(_BLOCK_BYTES, max(0, end - file.tell()))):
                yield block

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
        with _disk_faults(key):
            if not place.is_file():
                raise ObjectMissing(key)
        yield place

    def keys(self, prefix: str) -> Iterator[str]:
        check_prefix(prefix)
        for parent, folders, names in os.walk(self._root / prefix, onerror=_unreadable):
            folders[:] = sorted(name for name in folders if not name.startswith(_PARTS))
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
        with contextlib.suppress(ObjectMissing), _disk_faults(key):
            self._remove(self._place(key))

    def begin_parts(self, key: str) -> str:
        parts_id = uuid4().hex
        self._make_root()
        with _disk_faults(key):
            growing = self._growing(key, parts_id)
            while True:
                try:
                    growing.parent.mkdir(parents=True)
                    break
                except FileNotFoundError:  # a delete removed the empty folder above meanwhile
                    continue
            growing.touch()
        return parts_id

    def put_part(self, key: str, parts_id: str, number: int, data: Block) -> Part:
        check_part(number, data)
        digest = hashlib.sha256(data).hexdigest()
        with _no_parts(key), _disk_faults(key), self._growing(key, parts_id).open("r+b", 0) as file:
            file.seek((number - 1) * PART_BYTES)
            _write_all(file, data)
            os.fsync(file.fileno())
        return Part(number, len(data), digest, tag="")

    def complete_parts(self, key: str, parts_id: str, parts: Sequence[Part]) -> None:
        place, growing = self._place(key), self._growing(key, parts_id)
        size_bytes = sum(part.size_bytes for part in parts)
        try:
            with _disk_faults(key):
                if growing.stat().st_size < size_bytes:
                    raise PartsGone(key)
                os.truncate(growing, size_bytes)
                growing.replace(place)
                self._remove(growing)
        except ObjectMissing:
            with _no_parts(key):
                if self.size(key) != size_bytes:
                    raise PartsGone(key) from None

    def abort_parts(self, key: str, parts_id: str) -> None:
        with contextlib.suppress(ObjectMissing, PartsGone), _disk_faults(key):
            self._remove(self._growing(key, parts_id))

    def unfinished_parts(self) -> Iterator[Unfinished]:
        for parent, _, names in os.walk(self._root, onerror=_unreadable):
            folder = Path(parent)
            for name in names if folder.name.startswith(_PARTS) else ():
                key = (folder.parent / name).relative_to(self._root).as_posix()
                with contextlib.suppress(ObjectMissing), _disk_faults(key):
                    modified = (folder / name).stat().st_mtime
                    yield Unfinished(key, folder.name.removeprefix(_PARTS), modified)

    def _make_root(self) -> None:
        """Have the folder that all objects lie in; where it cannot be (a link to a disk that is away),
        trying again and again would be no use. Raises DependencyDown."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise DependencyDown("object store", f"{error.filename} leads to no folder") from error
        except OSError as error:
            raise DependencyDown("object store", f"{error.filename}: {error.strerror}") from error

    def _place(self, key: str) -> Path:
        return self._root.joinpath(*names_in(key))

    def _growing(self, key: str, parts_id: str) -> Path:
        """The file that parts of an object are written into. Raises PartsGone for what is no id."""
        place = self._place(key)
        if _PARTS_ID.fullmatch(parts_id) is None:
            raise PartsGone(key)
        return place.parent / f"{_PARTS}{parts_id}" / place.name

    def _remove(self, place: Path) -> None:
        """Remove a file, and the folders that are empty without it."""
        place.unlink(missing_ok=True)
        for parent in place.relative_to(self._root).parents:
            if parent != Path():
                with contextlib.suppress(OSError):  # other objects are in it
                    (self._root / parent).rmdir()


def _blocks(source: BinaryIO, digest: "hashlib._Hash") -> Iterator[bytes]:
    """What is left of the file. digest: takes in what is read."""
    while block := source.read(_BLOCK_BYTES):
        digest.update(block)
        yield block


def _unreadable(error: OSError) -> None:
    """What a listing does about a folder that it cannot read; one that is gone, or cannot be, holds
    nothing."""
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)) and error.errno not in _NO_NAME:
        raise DependencyDown("object store", f"{error.filename}: {error.strerror}") from error


@contextmanager
def _disk_faults(key: str) -> Iterator[None]:
    """Name the disk's errors by what the caller should do."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise ObjectMissing(key) from error
    except OSError as error:
        if error.errno in _NO_NAME:
            raise ValueError(f"object key {key[:_SHOWN_CHARS]!r}…: {error.strerror}") from error
        raise DependencyDown("object store", f"{key}: {error.strerror}") from error


@contextmanager
def _no_parts(key: str) -> Iterator[None]:
    """Say that parts are not there, rather than an object."""
    try:
        yield
    except ObjectMissing as error:
        raise PartsGone(key) from error


def _in_the_way(place: Path) -> ValueError:
    return ValueError(f"object key …/{place.name!r}: another object is where its folder should be")


def _write_all(file: RawIOBase, data: Block) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) or 0 :]


@contextmanager
def _written(place: Path, blocks: Iterable[bytes]) -> Iterator[Path]:
    """A temporary file beside `place` that holds `blocks` for good; gone when the context ends. Raises
    ValueError where other objects are in the way."""
    temporary = place.with_name(f"{TEMPORARY}{uuid4().hex}")
    if place.is_dir():
        raise ValueError(f"object key …/{place.name!r}: other objects lie below it")
    try:
        while True:
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                file = temporary.open("xb")
                break
            except FileNotFoundError:  # a delete removed the empty folder meanwhile
                continue
            except FileExistsError as error:
                with contextlib.suppress(FileNotFoundError):  # removed just now, as above
                    if not stat.S_ISDIR(os.lstat(error.filename).st_mode):
                        raise _in_the_way(place) from error
            except NotADirectoryError as error:
                raise _in_the_way(place) from error
        with file:
            file.writelines(blocks)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        with contextlib.suppress(NotADirectoryError):  # then nothing was made
            temporary.unlink(missing_ok=True)
