"""A user's file in the object store."""

from pathlib import Path

import pytest

from connectors.objectstore import FolderStore
from ops.pipeline.uploading import NameTaken, upload_file
from schemas.uploads import file_key


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "talk.mp4"
    path.write_bytes(b"film")
    return path


def test_a_file_is_copied_once(store: FolderStore, film: Path, tmp_path: Path) -> None:
    key = upload_file(store, "v", film.name, film)
    written = (tmp_path / "store" / key).stat().st_ino

    assert upload_file(store, "v", film.name, film) == key == "uploads/v/talk.mp4"
    assert store.get(key) == b"film"
    assert (tmp_path / "store" / key).stat().st_ino == written


@pytest.mark.parametrize("other", [b"mlif", b"a longer film"])
def test_another_file_never_replaces_one_of_its_name(
    store: FolderStore, film: Path, other: bytes
) -> None:
    upload_file(store, "v", film.name, film)
    film.write_bytes(other)

    with pytest.raises(NameTaken):
        upload_file(store, "v", film.name, film)
    assert store.get("uploads/v/talk.mp4") == b"film"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("talk.mp4", "talk.mp4"),
        ("a b\n🎬.mp4", "a b_🎬.mp4"),
        ("../../etc/passwd", "_.._etc_passwd"),
        (".writing-x", "writing-x"),
        ("...", "file"),
        ("ü" * 300 + ".mp4", "ü" * 98 + ".mp4"),
        ("x" * 300, "x" * 200),
        ("x." + "y" * 300, "x." + "y" * 198),
    ],
)
def test_a_name_is_kept_as_far_as_a_store_can_hold_it(name: str, kept: str) -> None:
    assert file_key("v", name) == f"uploads/v/{kept}"


def test_an_id_that_is_no_plain_name_has_no_place_for_files() -> None:
    with pytest.raises(ValueError, match="expected a plain name"):
        file_key("../v", "talk.mp4")
