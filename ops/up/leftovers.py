"""Finds what may go from a local store: artefacts that nobody needs, and halves of writes that died.

Results hold what they say and name none of the pieces that they were made from, so age decides: whoever
wants an artefact looks it up, which renews its time of change. What is unfinished needs no list of its
own, since its pieces are looked up as it goes on, and a piece that is missing is made again. Artefacts
that an outcome does name (files to be played) stay as long as that outcome.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from connectors.objectstore.folder import TEMPORARY

_TEMPORARY_S = 24 * 3600.0
"""No write takes a day."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file that may go. key: its path in the store."""

    key: str
    path: Path
    size_bytes: int


def leftovers(store: Path, *, older_than_s: float, now: float) -> Iterator[Leftover]:
    """Files in the store's folder that may go. now: Unix time. Raises OSError."""
    named = frozenset(_named(store))
    for path in _files(store):
        try:
            facts = path.stat()
        except FileNotFoundError:  # it has gone by itself
            continue
        key = path.relative_to(store).as_posix()
        age_s = now - facts.st_mtime
        if path.name.startswith(TEMPORARY):
            is_over = age_s > _TEMPORARY_S
        else:
            is_over = key.startswith("media/") and age_s > older_than_s and key not in named
        if is_over:
            yield Leftover(key, path, facts.st_size)


def remove(leftover: Leftover, store: Path) -> None:
    """Remove it, and the folders that are empty then. Raises OSError."""
    leftover.path.unlink(missing_ok=True)
    for parent in leftover.path.parents:
        if parent == store or not _removed(parent):
            return


def _files(store: Path) -> Iterator[Path]:
    """All files, whatever comes and goes meanwhile."""

    def unreadable(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for folder, _, names in os.walk(store, onerror=unreadable):
        for name in names:
            yield Path(folder, name)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:  # there is more in it
        return False
    return True


def _named(store: Path) -> Iterator[str]:
    """The artefacts that outcomes name."""
    for outcome in store.glob("results/*/*/outcome.json"):
        try:
            yield from _keys_in(json.loads(outcome.read_bytes()))
        except (FileNotFoundError, ValueError):
            continue


def _keys_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _keys_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys_in(inner)
    elif isinstance(value, str) and value.startswith("media/"):
        yield value
