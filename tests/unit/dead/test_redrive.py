"""Where a dead letter goes, by what the store says of its video."""

from pathlib import Path

import pytest

from connectors.kafka.records import Record
from connectors.objectstore import FolderStore
from connectors.objectstore.revisions import next_revision
from connectors.objectstore.wishes import ask_to_cancel, ask_to_delete
from connectors.registry import FingerprintRegistry
from ops.dead.letters import Letter
from ops.dead.redrive import Anew, Refused, Retry, plan
from processors.runtime.handover import buried
from schemas.codec import Codec
from schemas.events import FailureKind, Options, VideoCancelled, VideoFailed, VideoUploaded
from schemas.headers import Headers
from schemas.outcomes import Outcome, dump_outcome, outcome_key
from schemas.topics import SEGMENT_ENRICHED, VIDEO_UPLOADED, Topic, dead_topic
from schemas.uploads import dump_upload, upload_key

CODEC = Codec(FingerprintRegistry())
UPLOAD = VideoUploaded(
    video_id="v", revision=2, source="file:///x", name="x.mp4", options=Options(model="tiny.en")
)
FAILED = VideoFailed(video_id="v", revision=2, name="x.mp4", kind=FailureKind.BUG, reason="no", parts=())


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def letter(
    value: bytes | None = None,
    headers: Headers | None = None,
    *,
    topic: Topic = VIDEO_UPLOADED,
    group: str = "converter",
) -> Letter:
    value = CODEC.encode(UPLOAD) if value is None else value
    record = Record(dead_topic(topic.name, group), 0, 1, b"v", value, headers or [], 0)
    return Letter(topic, group, record, buried(record), None)


def decide(store: FolderStore, outcome: Outcome) -> None:
    store.put(outcome_key("v", 2), dump_outcome(outcome))


def reason(found: object) -> str:
    assert isinstance(found, Refused)
    return found.reason


def test_a_letter_without_an_outcome_goes_to_its_groups_own_retries(store: FolderStore) -> None:
    found = plan(letter(), store, CODEC)
    assert isinstance(found, Retry)
    assert (found.topic, found.unreadable) == ("reelay.video.uploaded.converter.retry", False)


def test_bytes_that_are_no_event_go_there_too(store: FolderStore) -> None:
    found = plan(letter(b"poison"), store, CODEC)
    assert isinstance(found, Retry)
    assert found.unreadable


def test_after_the_outcome_the_upload_begins_anew_as_it_was_stored(store: FolderStore) -> None:
    store.put(upload_key("v", 2), dump_upload(UPLOAD))
    decide(store, FAILED)
    segment = letter(b"poison", [("ce_subject", b"v/2/7")], topic=SEGMENT_ENRICHED, group="aggregator")
    for one in (letter(), segment):
        found = plan(one, store, CODEC)
        assert isinstance(found, Anew)
        assert found.upload == UPLOAD
    again = next_revision(store, UPLOAD)
    assert (again.revision, again.options, again.name) == (3, UPLOAD.options, UPLOAD.name)
    assert again.event_id not in ("", UPLOAD.event_id)


def test_an_upload_that_is_nowhere_but_in_the_letter_begins_anew_from_there(store: FolderStore) -> None:
    decide(store, FAILED)
    assert isinstance(plan(letter(), store, CODEC), Anew)
    assert "publish" in reason(plan(letter(b"poison", [("ce_subject", b"v/2")]), store, CODEC))


def test_a_deleted_or_cancelled_video_is_refused(store: FolderStore) -> None:
    ask_to_cancel(store, "v", 2)
    assert "cancelled" in reason(plan(letter(), store, CODEC))
    ask_to_delete(store, "v")
    assert "deleted" in reason(plan(letter(), store, CODEC))


def test_a_revision_that_was_cancelled_from_outside_is_refused(store: FolderStore) -> None:
    decide(store, VideoCancelled(video_id="v", revision=2))
    assert "cancelled" in reason(plan(letter(), store, CODEC))


def test_a_record_too_large_to_be_copied_is_refused_with_its_place(store: FolderStore) -> None:
    headers = [("reelay-left-out-bytes", b"990000"), ("reelay-origin", b"in/3/42")]
    assert "in/3/42" in reason(plan(letter(b"", headers), store, CODEC))


def test_what_the_aggregator_gave_up_waits_for_the_outcome(store: FolderStore) -> None:
    named = letter(b"x", [("ce_subject", b"v/2/7")], topic=SEGMENT_ENRICHED, group="aggregator")
    assert "once v/2 has its outcome" in reason(plan(named, store, CODEC))
    nameless = letter(b"x", topic=SEGMENT_ENRICHED, group="aggregator")
    assert "can't be told" in reason(plan(nameless, store, CODEC))


def test_a_video_id_that_is_no_plain_name_is_refused(store: FolderStore) -> None:
    assert "plain name" in reason(plan(letter(b"x", [("ce_subject", b"../1")]), store, CODEC))
