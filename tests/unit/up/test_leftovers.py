"""What may go from the store, and what must stay."""

import os
import time
from pathlib import Path

import pytest

from connectors.objectstore import FolderStore
from ops.up.leftovers import abandoned, halves, leftovers

DAY_S = 24 * 3600.0
NOW = time.time()


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def aged(root: Path, key: str, days: float) -> None:
    os.utime(root / key, (NOW - days * DAY_S,) * 2)


def found(store: FolderStore) -> set[str]:
    return {leftover.key for leftover in leftovers(store, older_than_s=8 * DAY_S, now=NOW)}


def test_old_artefacts_go_but_what_was_looked_up_or_is_named_by_an_outcome_stays(
    store: FolderStore, tmp_path: Path
) -> None:
    for key in ("media/old/words", "media/new/words", "media/used/words", "media/named/film.mp4"):
        store.put(key, b"")
        aged(tmp_path, key, 30)
    store.put("results/v/1/outcome.json", b'{"event": {"files": [{"key": "media/named/film.mp4"}]}}')
    store.put("results/v/1/transcript.txt", b"words")
    aged(tmp_path, "results/v/1/transcript.txt", 300)
    aged(tmp_path, "media/new/words", 7)
    store.find("media/used/words")

    assert found(store) == {"media/old/words"}


def test_halves_of_writes_go_after_a_day(tmp_path: Path) -> None:
    (tmp_path / "media" / "x").mkdir(parents=True)
    for name, days in ((".writing-old", 1.1), (".writing-new", 0.9)):
        (tmp_path / "media" / "x" / name).write_bytes(b"half")
        aged(tmp_path, f"media/x/{name}", days)

    assert [half.key for half in halves(tmp_path, now=NOW)] == ["media/x/.writing-old"]


def test_removing_takes_empty_folders_along_and_no_others(store: FolderStore, tmp_path: Path) -> None:
    for key in ("media/a/one", "media/a/two"):
        store.put(key, b"")
        aged(tmp_path, key, 30)
        store.put(key.replace("/a/", "/b/"), b"")
    for leftover in leftovers(store, older_than_s=DAY_S, now=NOW):
        store.delete(leftover.key)

    assert [path.name for path in (tmp_path / "media").iterdir()] == ["b"]
    for leftover in leftovers(store, older_than_s=0, now=NOW + DAY_S):
        store.delete(leftover.key)

    assert tmp_path.is_dir()
    assert not (tmp_path / "media").exists()


def test_parts_that_nobody_finished_go_when_they_are_old(tmp_path: Path) -> None:
    store, key = FolderStore(tmp_path), "uploads/v/film.mp4"
    parts_id = store.begin_parts(key)
    store.put_part(key, parts_id, 1, b"half")
    written = next(store.unfinished_parts()).modified

    def found(age_s: float, *, older_than_s: float) -> list[str]:
        gone = abandoned(store, older_than_s=older_than_s, now=written + age_s)
        return [unfinished.key for unfinished in gone]

    assert found(7 * DAY_S, older_than_s=8 * DAY_S) == []
    assert found(9 * DAY_S, older_than_s=8 * DAY_S) == [key]
    assert found(0.9 * DAY_S, older_than_s=0) == []  # somebody may be at it
    assert found(1.1 * DAY_S, older_than_s=0) == [key]
