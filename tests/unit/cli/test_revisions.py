"""Which revision a run works on."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.objectstore import FolderStore
from connectors.objectstore.revisions import VideoWasDeleted
from connectors.objectstore.wishes import ask_to_cancel, ask_to_delete
from ops.pipeline.files import MediaFile, identify
from ops.pipeline.tasks import Task, earlier_task, new_task
from schemas.events import FailureKind, Options, VideoCompleted, VideoFailed
from schemas.outcomes import Outcome, dump_outcome, outcome_key
from schemas.uploads import load_upload, upload_key

OPTIONS = Options(model="tiny.en")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@pytest.fixture
def file(tmp_path: Path) -> MediaFile:
    (tmp_path / "talk.mp4").write_bytes(b"sound")
    file = identify(tmp_path / "talk.mp4")
    assert isinstance(file, MediaFile)
    return file


def task(store: FolderStore, file: MediaFile, options: Options, *, force: bool) -> Task:
    """As `reelay run` does it."""
    earlier = None if force else earlier_task(store, file, options)
    return earlier or new_task(store, file, replace(options, reuse=not force))


def decide(store: FolderStore, task: Task, outcome: Outcome) -> None:
    store.put(outcome_key(task.upload.video_id, task.upload.revision), dump_outcome(outcome))


def completed(task: Task) -> VideoCompleted:
    return VideoCompleted(
        video_id=task.upload.video_id,
        revision=task.upload.revision,
        made_at=NOW,
        name="talk.mp4",
        language="en",
        duration_s=1,
        word_count=2,
        parts=(),
        gaps=(),
        warnings=(),
        files=(),
    )


def failed(task: Task) -> VideoFailed:
    return VideoFailed(
        video_id=task.upload.video_id,
        revision=task.upload.revision,
        made_at=NOW,
        name="talk.mp4",
        kind=FailureKind.FILE,
        reason="broken",
        parts=(),
    )


def test_a_new_file_takes_the_first_number_by_writing_its_upload(
    store: FolderStore, file: MediaFile
) -> None:
    begun = task(store, file, OPTIONS, force=False)

    assert (begun.upload.revision, begun.done) == (1, None)
    assert load_upload(store.get(upload_key(file.video_id, 1))) == begun.upload


def test_what_is_unfinished_goes_on_under_its_number(store: FolderStore, file: MediaFile) -> None:
    first = task(store, file, OPTIONS, force=False)

    assert task(store, file, OPTIONS, force=False) == first


def test_what_is_completed_is_not_done_again(store: FolderStore, file: MediaFile) -> None:
    first = task(store, file, OPTIONS, force=False)
    decide(store, first, completed(first))

    assert task(store, file, OPTIONS, force=False) == replace(first, done=completed(first))


def test_what_failed_is_tried_again_as_a_new_revision(store: FolderStore, file: MediaFile) -> None:
    first = task(store, file, OPTIONS, force=False)
    decide(store, first, failed(first))

    assert task(store, file, OPTIONS, force=False).upload.revision == 2


def test_other_options_are_another_revision_and_the_old_one_is_found_again(
    store: FolderStore, file: MediaFile
) -> None:
    first = task(store, file, OPTIONS, force=False)
    decide(store, first, completed(first))
    german = task(store, file, replace(OPTIONS, language="de"), force=False)

    assert german.upload.revision == 2
    assert task(store, file, OPTIONS, force=False).done == completed(first)


def test_force_makes_all_anew_and_its_result_counts_from_then_on(
    store: FolderStore, file: MediaFile
) -> None:
    first = task(store, file, OPTIONS, force=False)
    decide(store, first, completed(first))

    forced = task(store, file, OPTIONS, force=True)
    assert (forced.upload.revision, forced.upload.options.reuse) == (2, False)
    assert task(store, file, OPTIONS, force=False) == forced

    decide(store, forced, completed(forced))
    assert task(store, file, OPTIONS, force=False).done == completed(forced)


def test_an_upload_that_cannot_be_read_keeps_its_number_and_stops_nobody(
    store: FolderStore, file: MediaFile
) -> None:
    store.put(upload_key(file.video_id, 7), b"{")

    assert task(store, file, OPTIONS, force=False).upload.revision == 8


def test_what_is_to_be_cancelled_is_not_gone_on_with(store: FolderStore, file: MediaFile) -> None:
    first = task(store, file, OPTIONS, force=False)
    ask_to_cancel(store, file.video_id, first.upload.revision)

    assert task(store, file, OPTIONS, force=False).upload.revision == 2


def test_a_deleted_video_is_not_worked_on(store: FolderStore, file: MediaFile) -> None:
    first = task(store, file, OPTIONS, force=False)
    decide(store, first, completed(first))
    ask_to_delete(store, file.video_id)

    for force in (False, True):
        with pytest.raises(VideoWasDeleted):
            task(store, file, OPTIONS, force=force)
