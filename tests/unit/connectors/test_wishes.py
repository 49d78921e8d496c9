"""What the store says is to be done."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.objectstore import FolderStore
from connectors.objectstore.revisions import VideoWasDeleted, take_revision
from connectors.objectstore.wishes import (
    all_wishes,
    ask_to_cancel,
    ask_to_delete,
    leave_note,
    notes,
    wishes_of,
)
from schemas.events import Options
from schemas.uploads import note_key, upload_key
from tests.unit.up.things import accepted, completed


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def test_what_has_no_outcome_is_to_be_done_in_the_order_of_its_acceptance(store: FolderStore) -> None:
    late = accepted(store, "a", second=30)
    early = accepted(store, "b", second=10)
    redo = accepted(store, "b", revision=2, second=20)
    completed(store, accepted(store, "done"))

    assert all_wishes(store).uploads == (early, redo, late)
    assert wishes_of(store, "b").uploads == (early, redo)


def test_a_cancelled_upload_is_cancelled_and_not_done_until_it_has_its_outcome(
    store: FolderStore,
) -> None:
    upload = accepted(store, "a")
    ask_to_cancel(store, "a", 1)

    wishes = all_wishes(store)

    assert wishes.uploads == ()
    assert [(cancel.video_id, cancel.revision) for cancel in wishes.cancels] == [("a", 1)]
    assert wishes == all_wishes(store), "said again, it is the same event"
    completed(store, upload)
    assert all_wishes(store).cancels == ()


def test_a_deleted_video_is_deleted_until_nothing_is_left_of_it(store: FolderStore) -> None:
    accepted(store, "a")
    store.put("uploads/a/film.mp4", b"film")
    ask_to_delete(store, "a")

    wishes = all_wishes(store)

    assert (wishes.uploads, wishes.cancels) == ((), ())
    assert [deletion.video_id for deletion in wishes.deletions] == ["a"]
    store.delete(upload_key("a", 1))
    assert len(all_wishes(store).deletions) == 1
    store.delete("uploads/a/film.mp4")
    assert all_wishes(store).deletions == ()


def test_a_deleted_videos_id_is_never_accepted_again(store: FolderStore) -> None:
    ask_to_delete(store, "a")

    with pytest.raises(VideoWasDeleted):
        take_revision(store, "a", source="key", name="", size_bytes=None, options=Options())


def test_a_wish_that_is_said_again_is_the_same_event(store: FolderStore) -> None:
    assert ask_to_cancel(store, "a", 1) == ask_to_cancel(store, "a", 1)
    assert ask_to_delete(store, "b") == ask_to_delete(store, "b")


def test_a_wish_written_by_hand_without_a_zone_is_of_utc(store: FolderStore) -> None:
    take_revision(store, "a", source="key", name="", size_bytes=None, options=Options())
    store.put("results/a/1/cancel.json", b'{"made_at": "2026-01-02T03:04:05"}')
    [cancel] = all_wishes(store).cancels
    assert cancel.made_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_notes_name_videos_until_they_are_removed(store: FolderStore) -> None:
    for video_id in ("a", "b", "b"):
        leave_note(store, video_id)

    assert notes(store) == ["a", "b"]
    store.delete(note_key("a"))
    assert notes(store) == ["b"]


def test_an_upload_that_nobody_can_read_is_named_and_the_others_are_done(store: FolderStore) -> None:
    good = accepted(store, "good")
    store.put(upload_key("bad", 1), b"{")

    wishes = all_wishes(store)

    assert (wishes.uploads, wishes.broken) == ((good,), (upload_key("bad", 1),))
