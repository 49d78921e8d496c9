"""Commands on a store in which anybody may have written anything: one line, and no traceback."""

import json
from pathlib import Path

import pytest

from connectors.objectstore import FolderStore
from schemas.outcomes import MAX_REVISION, outcome_key
from schemas.uploads import upload_key
from tests.integration.cli.typing_in import run
from tests.unit.up.things import accepted, completed

UNREADABLE = "results/talk/2/outcome.json cannot be read: "


def test_an_outcome_that_cannot_be_read_is_shown_and_passed_over(
    store: FolderStore, tmp_path: Path
) -> None:
    completed(store, accepted(store, "talk", 1))
    accepted(store, "talk", 2)
    store.put(outcome_key("talk", 2), b"garbage")

    shown = json.loads(run("status", "talk", "--json").stdout)
    assert [revision["outcome"] for revision in shown["revisions"]] == ["completed", "unreadable"]
    assert shown["revisions"][1]["reason"].startswith(UNREADABLE)
    assert f"✗ {UNREADABLE}" in run("status", "talk").stdout

    exported = run("export", "talk", "--out", tmp_path / "out", "--format", "txt", "--json")
    assert json.loads(exported.stdout)["revision"] == 1
    assert exported.stderr.startswith(f"! {UNREADABLE}")

    refused = run("export", "talk", "--revision", "9")
    assert "Error: talk: revision 9 is not completed; see reelay status talk\n" in refused.stderr

    cancelled = run("cancel", "talk")
    assert cancelled.stderr.splitlines()[-1] == "talk: it is completed already"
    assert f"! {UNREADABLE}" in cancelled.stderr

    replayed = run("replay", "talk", "--language", "de")
    assert replayed.exit_code == 0
    assert replayed.stdout == "talk revision 3\n"


def test_a_video_whose_upload_cannot_be_read_can_be_shown_and_deleted(store: FolderStore) -> None:
    store.put(upload_key("garb", 1), b"garbage")

    assert run("status", "garb").exit_code == 0
    assert run("cancel", "garb").stderr == "garb: there is no such revision\n"
    assert run("delete", "garb").exit_code == 0


@pytest.mark.parametrize("revision", ["0", str(MAX_REVISION + 1), "99999999999999999999999"])
def test_a_number_that_no_revision_can_have_is_refused(
    store: FolderStore, film: Path, revision: str
) -> None:
    refused = run("publish", film, "--revision", revision)

    assert refused.exit_code == 2
    assert f"is not in the range 1<=x<={MAX_REVISION}" in refused.stderr
    assert not list(store.keys(""))


def test_no_revision_follows_the_last_number(store: FolderStore, film: Path) -> None:
    assert run("publish", film, "--video-id", "v", "--revision", str(MAX_REVISION)).exit_code == 0

    last = "v has revision 2147483647, and no number follows that"
    replayed = run("replay", "v", "--force")
    assert (replayed.exit_code, replayed.stderr) == (1, f"Error: {last}\n")
    published = run("publish", film, "--video-id", "v", "--force")
    assert published.stderr.startswith("✗ ")
    assert last in published.stderr


@pytest.mark.parametrize("video_id", ["a:b", "x\ny", "a/b", "..", "z" * 220, "z" * 300])
@pytest.mark.parametrize("where", [(), ("--brokers", "127.0.0.1:1")])
def test_an_id_that_no_video_can_have_is_refused(
    store: FolderStore, film: Path, video_id: str, where: tuple[str, ...]
) -> None:
    for more in ((), ("--key",)):
        refused = run("publish", film, "--video-id", video_id, *more, *where)

        assert refused.exit_code == 2
        assert "expected a plain name: 1 to 200 bytes of printable" in " ".join(refused.stderr.split())
    assert not list(store.keys(""))
