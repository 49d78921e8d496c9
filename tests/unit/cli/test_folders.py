"""Output folders: whose they are and what they are called."""

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.pipeline.folders import MARKER, claim, folder_name, plan_folders

file_names = st.binary(min_size=1, max_size=255).filter(
    lambda name: b"/" not in name and b"\0" not in name
)


@given(file_names)
def test_any_file_name_gives_a_name_that_a_folder_can_have(name: bytes) -> None:
    folder = folder_name(os.fsdecode(name))

    assert folder
    assert folder[0] not in ".-~"
    assert "/" not in folder
    assert len(folder.encode()) <= 180
    assert not [c for c in folder if unicodedata.category(c) in ("Cc", "Cs")]


@pytest.mark.parametrize(
    ("stem", "folder"),
    [
        ("talk", "talk"),
        ("12:30 Gespräch, Teil «1»", "12:30 Gespräch, Teil «1»"),
        ('he said "%03d"', 'he said "%03d"'),
        ("👩‍🔬 日本語", "👩‍🔬 日本語"),
        ("new\nline", "new_line"),
        ("-rf", "_rf"),
        ("..", "__"),
        ("caf\udce9", "caf\ufffd"),
        ("gnp\u202e4pm", "gnp_4pm"),
        ("\n", "_"),
    ],
)
def test_a_name_stays_as_it_is_but_for_what_acts_on_terminals_and_shells(stem: str, folder: str) -> None:
    assert folder_name(stem) == folder


def test_equal_names_get_a_folder_each_whatever_their_case(tmp_path: Path) -> None:
    folders = plan_folders(tmp_path, [("a", "talk"), ("b", "talk"), ("c", "Talk")])

    assert [folder.name for folder in folders.values()] == ["talk", "talk-2", "Talk-3"]


def test_a_source_keeps_its_folder_in_later_runs(tmp_path: Path) -> None:
    first = plan_folders(tmp_path, [("a", "talk"), ("b", "talk")])
    for source, folder in first.items():
        claim(folder, source)

    assert plan_folders(tmp_path, [("b", "talk"), ("c", "talk"), ("a", "talk")]) == {
        "b": tmp_path / "talk-2",
        "a": tmp_path / "talk",
        "c": tmp_path / "talk-3",
    }


def test_a_folder_with_the_users_own_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "talk").mkdir()
    (tmp_path / "talk" / "talk.en.srt").write_text("corrected by hand")

    assert plan_folders(tmp_path, [("a", "talk")]) == {"a": tmp_path / "talk-2"}


def test_a_folder_that_another_run_took_meanwhile_is_not_shared(tmp_path: Path) -> None:
    (planned,) = plan_folders(tmp_path, [("a", "talk")]).values()
    claim(planned, "other")

    assert claim(planned, "a") == tmp_path / "talk-2"
    assert claim(planned, "other") == tmp_path / "talk"
    assert (tmp_path / "talk-2" / MARKER).is_file()
