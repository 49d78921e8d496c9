"""Which files of a watched folder are taken, and when."""

import os
from pathlib import Path

import pytest

from ops.pipeline.folders import MARKER
from ops.up.watched import WatchedFolder, is_being_written


@pytest.fixture
def watched(tmp_path: Path) -> WatchedFolder:
    return WatchedFolder(tmp_path, settle_s=5)


def ready(watched: WatchedFolder, now: float, known: set[str] | None = None) -> list[str]:
    return [file.name for file in watched.ready(now, lambda who: who in (known or set()))]


def test_a_file_is_taken_once_when_it_has_stopped_growing(watched: WatchedFolder) -> None:
    film = watched.folder / "film.mp4"
    film.write_bytes(b"half")
    assert ready(watched, 0) == []
    film.write_bytes(b"half and half")
    assert ready(watched, 6) == []
    assert ready(watched, 10) == []

    assert ready(watched, 11) == ["film.mp4"]

    assert ready(watched, 30) == []


def test_a_file_that_is_open_for_writing_is_not_taken(watched: WatchedFolder) -> None:
    film = watched.folder / "film.mp4"
    with film.open("wb") as growing:
        growing.write(b"half")
        growing.flush()
        assert is_being_written(film)
        assert ready(watched, 0) == ready(watched, 6) == []

    assert not is_being_written(film)
    assert ready(watched, 12) == ["film.mp4"]


def test_a_file_that_was_taken_before_a_restart_is_known_by_its_video(watched: WatchedFolder) -> None:
    (watched.folder / "film.mp4").write_bytes(b"film")
    ready(watched, 0)
    (taken,) = watched.ready(6, lambda _: False)

    restarted = WatchedFolder(watched.folder, settle_s=5)
    ready(restarted, 0, {taken.video_id})

    assert ready(restarted, 6, {taken.video_id}) == []


def test_a_changed_file_and_a_renamed_one_are_taken(watched: WatchedFolder) -> None:
    film = watched.folder / "film.mp4"
    film.write_bytes(b"film")
    (watched.folder / "other.mp4.part").write_bytes(b"other")
    ready(watched, 0)
    assert ready(watched, 6) == ["film.mp4"]
    film.write_bytes(b"another film")
    (watched.folder / "other.mp4.part").rename(watched.folder / "other.mp4")
    assert ready(watched, 10) == []

    assert ready(watched, 15) == ["film.mp4", "other.mp4"]


def test_one_that_could_not_be_accepted_is_offered_again(watched: WatchedFolder) -> None:
    (watched.folder / "film.mp4").write_bytes(b"film")
    ready(watched, 0)
    offers = watched.ready(6, lambda _: False)
    next(offers)
    offers.close()  # as an error of whoever takes it does

    assert ready(watched, 7) == ["film.mp4"]


def test_our_own_results_broken_links_and_hidden_files_are_left_alone(watched: WatchedFolder) -> None:
    (watched.folder / "out").mkdir()
    (watched.folder / "out" / MARKER).write_text("{}")
    (watched.folder / "out" / "poster.mp4").write_bytes(b"")
    (watched.folder / ".hidden.mp4").write_bytes(b"")
    (watched.folder / "text.txt").write_bytes(b"")
    os.symlink(watched.folder / "nowhere", watched.folder / "link.mp4")

    assert ready(watched, 0) == ready(watched, 6) == []
