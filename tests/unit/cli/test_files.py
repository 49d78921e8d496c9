"""Which files are meant, and who they are."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote_to_bytes

import pytest

from ops.pipeline.files import MediaFile, Unusable, covering_folders, identify, media_files
from ops.pipeline.folders import claim

_NOBODY = 65_534


def media_file(path: Path) -> MediaFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"sound")
    file = identify(path)
    assert isinstance(file, MediaFile)
    return file


def test_a_folder_is_searched_for_media_but_not_what_is_hidden_or_ours(tmp_path: Path) -> None:
    wanted = [tmp_path / "B.MP4", tmp_path / "a.mkv", tmp_path / "deep" / "er" / "c.opus"]
    ours = claim(tmp_path / "reelay-out" / "a", "file:///a.mkv")
    unwanted = [tmp_path / "notes.txt", tmp_path / ".d.mp4", tmp_path / ".e" / "f.mp4", ours / "g.mp4"]
    for path in (*wanted, *unwanted):
        media_file(path)

    found = [file.given for file in media_files([tmp_path]) if isinstance(file, MediaFile)]

    assert found == wanted


def test_a_file_given_by_name_is_taken_whatever_it_ends_in(tmp_path: Path) -> None:
    assert media_file(tmp_path / "recording.bin") in media_files([tmp_path / "recording.bin"])


def test_a_file_named_twice_is_one(tmp_path: Path) -> None:
    media_file(tmp_path / "a.mp4")

    assert len(list(media_files([tmp_path / "a.mp4", tmp_path, tmp_path / ".." / tmp_path.name]))) == 1


def test_what_cannot_be_captioned_is_named_with_its_reason_and_hurts_no_other(tmp_path: Path) -> None:
    good = media_file(tmp_path / "a.mp4")
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    long = "x" * 300

    names = ["gone.mp4", "empty", "pipe.mp4", "loop.mp4", long, "a.mp4"]
    gone, nothing, pipe, loop, no_name, file = media_files(tmp_path / name for name in names)

    assert gone == Unusable(tmp_path / "gone.mp4", "no such file or directory")
    assert nothing == Unusable(tmp_path / "empty", "no media files in this folder")
    assert pipe == Unusable(tmp_path / "pipe.mp4", "not a file")
    assert loop == Unusable(tmp_path / "loop.mp4", "too many levels of symbolic links")
    assert no_name == Unusable(tmp_path / long, "file name too long")
    assert file == good


def test_a_folder_that_may_not_be_looked_into_is_named_and_hurts_no_other() -> None:
    """Root may look everywhere, so then it is done as somebody else, who may not look into pytest's own
    folders."""
    who = os.geteuid()
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        media_file(Path(folder, "a.mp4"))
        closed = Path(folder, "closed")
        closed.mkdir(mode=0o311)
        os.seteuid(who or _NOBODY)
        try:
            inside = list(media_files([Path(folder)]))
            alone = list(media_files([closed]))
        finally:
            os.seteuid(who)

    assert [file.given.name for file in inside] == ["a.mp4", "closed"]
    assert inside[1:] == alone == [Unusable(closed, "permission denied")]


def test_an_edited_file_is_another_video(tmp_path: Path) -> None:
    first = media_file(tmp_path / "a.mp4")
    os.utime(tmp_path / "a.mp4", ns=(0, 0))
    second = identify(tmp_path / "a.mp4")

    assert isinstance(second, MediaFile)
    assert first.video_id != second.video_id
    assert second == identify(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    "name", [b"caf\xe9.mp4", b"a b%20\n\"'.mp4", "🎬: %03d.mp4".encode(), b"-dash.mp4"]
)
def test_a_source_names_the_very_file_and_its_name_is_text(tmp_path: Path, name: bytes) -> None:
    file = media_file(tmp_path / os.fsdecode(name))

    assert unquote_to_bytes(file.source.removeprefix("file://")) == os.fsencode(tmp_path) + b"/" + name
    assert file.source.isascii()
    assert file.name.encode()


def test_covering_folders_are_the_fewest_and_none_has_a_colon(tmp_path: Path) -> None:
    names = ["a/1.mp4", "a/b/2.mp4", "ab/3.mp4", "c/12:30/x/4.mp4"]
    files = [media_file(tmp_path / name) for name in names]

    assert covering_folders(file.path.parent for file in files).split(":") == [
        str(tmp_path / name) for name in ("a", "ab", "c")
    ]
