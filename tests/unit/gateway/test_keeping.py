"""Videos go by their age."""

import os
import time
from pathlib import Path

import pytest

from connectors.gateway.announcing import Notes, Wisher
from connectors.gateway.keeping import Keeping
from connectors.gateway.settings import GatewaySettings
from connectors.objectstore import FolderStore
from connectors.objectstore.revisions import is_deleted, next_revision, take_revision
from connectors.objectstore.wishes import notes
from schemas.events import Options, VideoUploaded
from schemas.uploads import upload_key


def upload(store: FolderStore, video_id: str) -> VideoUploaded:
    return take_revision(
        store, video_id, source="file:///a", name="a.mp4", size_bytes=1, options=Options()
    )


def test_what_was_last_asked_for_before_that_time_is_deleted(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    for video_id in ("old", "renewed", "new"):
        upload(store, video_id)
    before = time.time() - 8 * 86_400
    for video_id in ("old", "renewed"):
        os.utime(tmp_path / upload_key(video_id, 1), (before, before))
    next_revision(store, upload(store, "renewed"))

    assert Keeping(store, Wisher(store, Notes(store)), keep_days=0).remove_old() == 0
    keeping = Keeping(store, Wisher(store, Notes(store)), keep_days=7)

    assert keeping.remove_old() == 1
    assert [one for one in ("old", "renewed", "new") if is_deleted(store, one)] == ["old"]
    assert notes(store) == ["old"]


def test_the_days_are_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert GatewaySettings().keep_days == 0
    monkeypatch.setenv("REELAY_KEEP_DAYS", "30")
    assert GatewaySettings().keep_days == 30
