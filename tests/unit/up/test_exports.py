"""Each video's files are written once."""

import shutil
from pathlib import Path

import pytest

from connectors.objectstore import FolderStore
from connectors.objectstore.wishes import ask_to_delete
from ops.up.exports import Exports
from schemas.uploads import upload_key
from tests.unit.up.things import accepted, completed


@pytest.fixture
def exports(tmp_path: Path) -> Exports:
    return Exports(tmp_path / "notes", FolderStore(tmp_path / "store"))


def test_a_completed_video_is_written_once_and_crossed_out(exports: Exports, tmp_path: Path) -> None:
    assert isinstance(exports.store, FolderStore)
    upload = accepted(exports.store, "talk")
    exports.note(upload, tmp_path / "out")
    assert exports.settle(("talk", 1)) == [], "it is not completed yet"
    assert list(exports.pending()) == [("talk", 1)]
    completed(exports.store, upload)

    (written,) = exports.settle(("talk", 1))

    assert written.path == tmp_path / "out" / "talk" / "talk.en.txt"
    assert written.path.read_bytes() == b"words"
    assert list(exports.pending()) == []
    shutil.rmtree(tmp_path / "out")
    assert exports.settle(("talk", 1)) == []


def test_a_folder_that_cannot_be_written_is_tried_again(exports: Exports, tmp_path: Path) -> None:
    assert isinstance(exports.store, FolderStore)
    upload = accepted(exports.store, "talk")
    (tmp_path / "out").write_text("in the way")
    exports.note(upload, tmp_path / "out")
    completed(exports.store, upload)

    with pytest.raises(OSError, match=r"out"):
        exports.settle(("talk", 1))

    (tmp_path / "out").unlink()
    assert len(exports.settle(("talk", 1))) == 1


def test_a_folder_that_cannot_be_written_keeps_no_other_back(exports: Exports, tmp_path: Path) -> None:
    assert isinstance(exports.store, FolderStore)
    (tmp_path / "file").touch()
    for video_id, out in ("a", "file"), ("b", "out"), ("c", "file"), ("d", "out"):
        upload = accepted(exports.store, video_id)
        exports.note(upload, tmp_path / out)
        completed(exports.store, upload)

    faults = [error.filename for error in exports.settle_all(but={("d", 1)})]

    assert sorted(faults) == [str(tmp_path / "file" / name) for name in "ac"]
    assert sorted(exports.pending()) == [("a", 1), ("c", 1), ("d", 1)]
    assert (tmp_path / "out" / "b" / "b.en.txt").exists()


def test_what_was_deleted_is_crossed_out(exports: Exports, tmp_path: Path) -> None:
    assert isinstance(exports.store, FolderStore)
    exports.note(accepted(exports.store, "a.b"), tmp_path / "out")
    assert list(exports.pending()) == [("a.b", 1)]
    ask_to_delete(exports.store, "a.b")
    exports.store.delete(upload_key("a.b", 1))

    assert exports.settle(("a.b", 1)) == []

    assert list(exports.pending()) == []
