"""What is asked of a pipeline while nothing runs: it is in the store, as it was asked."""

import json
from pathlib import Path

from connectors.objectstore import FolderStore
from schemas.uploads import load_upload, upload_key
from tests.integration.cli.typing_in import run


def test_a_file_is_published_with_all_that_a_run_can_be_told(store: FolderStore, film: Path) -> None:
    more = ("--audio-track", "1", "--hotwords", "Grafana", "--task", "translate", "--language", "de")
    published = run("publish", film, "--video-id", "talk", *more)

    assert published.exit_code == 0
    options = load_upload(store.get(upload_key("talk", 1))).options
    assert (options.audio_track, options.hotwords) == (1, "Grafana")
    assert (options.task.value, options.language) == ("translate", "de")
    assert run("publish", film, "--hotwords", "x" * 2001).exit_code == 2
    assert run("publish", film, "--audio-track", str(2**31)).exit_code == 2


def test_a_cancel_request_is_told_to_programs(store: FolderStore, film: Path) -> None:
    run("publish", film, "--video-id", "talk")

    asked = run("cancel", "talk", "--json")

    assert json.loads(asked.stdout) == {"video_id": "talk", "revision": 1}
    assert asked.exit_code == 0
    assert run("cancel", "talk", "--revision", "5", "--json").stdout == ""


def test_a_deletion_is_told_to_programs(store: FolderStore, film: Path) -> None:
    run("publish", film, "--video-id", "talk")

    asked = run("delete", "talk", "--json")

    assert json.loads(asked.stdout) == {"video_id": "talk", "deleted": False}
    assert asked.stderr.startswith("reelay up is not running")
