"""Finds what may go from a store: artefacts that nobody needs, and halves of writes that died.

Results hold what they say and name none of the pieces that they were made from, so age decides: whoever
wants an artefact looks it up, which renews its age. What is unfinished needs no list of its own, since
its pieces are looked up as it goes on, and a piece that is missing is made again. Artefacts that an
outcome does name (files to be played) stay as long as that outcome.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from connectors.objectstore import ObjectMissing, ObjectStore, Unfinished
from connectors.objectstore.folder import TEMPORARY

_TEMPORARY_S = 24 * 3600.0
"""No write takes a day."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """An object that may go; `ObjectStore.delete` removes it."""

    key: str
    size_bytes: int


def leftovers(store: ObjectStore, *, older_than_s: float, now: float) -> Iterator[Leftover]:
    """Artefacts that may go. now: Unix time. Raises DependencyDown."""
    old = [entry for entry in store.entries("media/") if now - entry.modified > older_than_s]
    named = frozenset(_named(store)) if old else frozenset()
    for entry in old:
        if entry.key not in named:
            yield Leftover(entry.key, entry.size_bytes)


def abandoned(store: ObjectStore, *, older_than_s: float, now: float) -> Iterator[Unfinished]:
    """Parts of objects whose writers died, a day old at least; `ObjectStore.abort_parts` removes them.
    now: Unix time. Raises DependencyDown."""
    for unfinished in store.unfinished_parts():
        if now - unfinished.modified > max(older_than_s, _TEMPORARY_S):
            yield unfinished


def halves(folder: Path, *, now: float) -> Iterator[Leftover]:
    """What writes that died left in a store's folder, where no listing shows it. Raises OSError."""

    def unreadable(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for parent, _, names in os.walk(folder, onerror=unreadable):
        for name in names:
            path = Path(parent, name)
            if name.startswith(TEMPORARY):
                with suppress(FileNotFoundError):  # it has gone by itself
                    facts = path.stat()
                    if now - facts.st_mtime > _TEMPORARY_S:
                        yield Leftover(path.relative_to(folder).as_posix(), facts.st_size)


def _named(store: ObjectStore) -> Iterator[str]:
    """The artefacts that outcomes name."""
    for key in store.keys("results/"):
        if key.endswith("/outcome.json"):
            with suppress(ObjectMissing, ValueError):
                yield from _keys_in(json.loads(store.get(key)))


def _keys_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _keys_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys_in(inner)
    elif isinstance(value, str) and value.startswith("media/"):
        yield value
