"""The user's files: which ones are meant, and who they are."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ops.pipeline.folders import MARKER

_AUDIO = "aac ac3 aif aiff amr caf flac m4a m4b mka mp2 mp3 oga ogg opus ra spx wav weba wma wv"
_VIDEO = "3g2 3gp asf avi divx f4v flv m2ts m2v m4v mkv mov mp4 mpeg mpg mts mxf ogv rm ts vob webm wmv"
MEDIA_SUFFIXES = frozenset(f".{suffix}" for suffix in f"{_AUDIO} {_VIDEO}".split())
"""What a file in a folder must end in to be taken; a file that is named is taken whatever it ends in."""


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One file to be captioned.

    given: as the user named it. path: absolute, links resolved. video_id: the same for the same file
    until it is edited.
    """

    given: Path
    path: Path
    video_id: str
    size_bytes: int

    @property
    def source(self) -> str:
        """The file as a `file:` URL, exact for any name that a file system allows."""
        return "file://" + quote(os.fsencode(self.path))

    @property
    def name(self) -> str:
        """The file's name as text; bytes that are no UTF-8 become U+FFFD."""
        return os.fsencode(self.given.name or self.path.name).decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Unusable:
    """Something the user named that cannot be captioned, and why."""

    given: Path
    reason: str


def media_files(arguments: Iterable[Path]) -> Iterator[MediaFile | Unusable]:
    """Every file that the arguments mean, each once, folders walked in the order of their names."""
    seen: set[str] = set()
    for argument in arguments:
        closed: list[OSError] = []
        found = walk(argument, closed.append) if os.path.isdir(argument) else iter((argument,))
        empty = True
        for path in found:
            empty = False
            file = identify(path)
            if isinstance(file, Unusable):
                yield file
            elif file.video_id not in seen:
                seen.add(file.video_id)
                yield file
        for error in closed:
            yield Unusable(Path(error.filename), _in_words(error))
        if empty and not closed:
            yield Unusable(argument, "no media files in this folder")


def identify(given: Path) -> MediaFile | Unusable:
    """Who the file is, by its resolved path, size and time of change; its content is not read."""
    try:
        path = Path(os.path.realpath(given, strict=True))
        facts = path.stat()
        if not path.is_file():
            return Unusable(given, "not a file")
        with path.open("rb"):
            pass
    except OSError as error:
        return Unusable(given, _in_words(error))
    who = os.fsencode(path) + f"\0{facts.st_size}\0{facts.st_mtime_ns}".encode()
    return MediaFile(given, path, hashlib.sha256(who).hexdigest()[:32], facts.st_size)


def walk(folder: Path, closed: Callable[[OSError], object] | None = None) -> Iterator[Path]:
    """The media files in a folder and those below it, in order, but not in folders that we wrote.

    closed: takes the error of each folder that cannot be looked into.
    """
    for parent, folders, names in os.walk(folder, onerror=closed):
        if MARKER in names:
            folders.clear()  # we wrote this folder
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in MEDIA_SUFFIXES:
                yield Path(parent, name)


def _in_words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def covering_folders(folders: Iterable[Path]) -> str:
    """`REELAY_LOCAL_ROOTS` for files in these: the fewest folders that hold them all, joined by ':'.

    A folder with a ':' in its path cannot stand in that list, so its nearest ancestor without one does.
    An environment variable holds 128 KiB: very many folders are covered by the one they share.
    """
    roots: list[str] = []
    for folder in sorted({_without_colon(folder) for folder in folders}):
        if not any(folder.is_relative_to(root) for root in roots[-1:]):
            roots.append(os.fspath(folder))
    joined = ":".join(roots)
    return joined if len(os.fsencode(joined)) < 100_000 else os.path.commonpath(roots)


def _without_colon(folder: Path) -> Path:
    while ":" in os.fspath(folder):
        folder = folder.parent
    return folder
