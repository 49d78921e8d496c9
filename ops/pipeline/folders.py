"""Output folders: one for each file, named after it, never one that belongs to anything else."""

import json
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from uuid import uuid4

MARKER = ".reelay"
"""A file in each output folder that names the source of what is in it."""

_NAME_BYTES = 180
"""A file system allows 255; the language, the kind and a temporary file's name come on top."""

_BIDI_CONTROLS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def folder_name(stem: str) -> str:
    """A file's name without suffix, as the name of a folder.

    Kept as it is, so that players find the captions of `talk: 1.mp4`, but for what would act on a
    terminal or a shell: control characters, slashes, a leading dot or dash become '_'.
    """
    text = os.fsencode(stem).decode(errors="replace").strip()
    text = "".join("_" if c in "/\\" or acts_on_terminals(c) else c for c in text)
    text = re.sub(r"^[.\-~]+", lambda found: "_" * len(found[0]), text)
    return text.encode()[:_NAME_BYTES].decode(errors="ignore").rstrip() or "_"


def acts_on_terminals(character: str) -> bool:
    """Whether a character does something other than show: controls, line ends, reversed writing."""
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _BIDI_CONTROLS


def plan_folders(out: Path, sources: Iterable[tuple[str, str]]) -> Mapping[str, Path]:
    """The output folder of each source (its URL, with the stem of its file name), in order.

    A source keeps the folder that it had before. Otherwise it gets `name`, or `name-2`, `name-3`, …: the
    first that is not planned for another and is not there (or is empty, or has been its own).
    """
    planned: dict[str, Path] = {}
    taken: set[str] = set()
    waiting: list[tuple[str, str]] = []
    before = _owned(out)
    for source, stem in sources:
        own = before.get(source)
        if own is None:
            waiting.append((source, folder_name(stem)))
        else:
            planned[source] = own
            taken.add(own.name.casefold())
    for source, name in waiting:
        number = 1
        while True:
            folder = out / (name if number == 1 else f"{name}-{number}")
            if folder.name.casefold() not in taken and _is_free(folder):
                break
            number += 1
        planned[source] = folder
        taken.add(folder.name.casefold())
    return planned


def folder_for(out: Path, source: str, stem: str) -> Path:
    """As `plan_folders`, for one source: it need not look into every folder that there is."""
    name = folder_name(stem)
    folder = out / name
    number = 1
    while owner(folder) != source and not _is_free(folder):
        number += 1
        folder = out / f"{name}-{number}"
    return folder


def claim(folder: Path, source: str) -> Path:
    """Make the folder and mark it as this source's; if another program took it since it was planned, the
    next free name. Raises OSError."""
    number = 1
    base = folder
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        marker = folder / MARKER
        try:
            with marker.open("x", encoding="utf-8") as file:
                json.dump({"source": source}, file)
            return folder
        except FileExistsError:
            if owner(folder) == source:
                return folder
        number += 1
        folder = base.with_name(f"{base.name}-{number}")


def owner(folder: Path) -> str | None:
    """The source whose results the folder holds; None if it is not one of ours."""
    try:
        return str(json.loads((folder / MARKER).read_text("utf-8"))["source"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_whole(place: Path, data: bytes) -> None:
    """Write a file that is either whole or not there. Raises OSError."""
    temporary = place.with_name(f".writing-{uuid4().hex}")
    try:
        temporary.write_bytes(data)
        temporary.replace(place)
    finally:
        temporary.unlink(missing_ok=True)


def _owned(out: Path) -> dict[str, Path]:
    """The folders in `out` that are somebody's, by their source."""
    try:
        return {source: folder for folder in sorted(out.iterdir()) if (source := owner(folder))}
    except OSError:
        return {}


def _is_free(folder: Path) -> bool:
    """Whether the name is ours to take. Raises OSError if no name in its folder is."""
    try:
        return not any(folder.iterdir())
    except FileNotFoundError:
        return True
    except OSError:
        if not (folder.parent.is_dir() and os.access(folder.parent, os.X_OK)):
            raise
        return False
