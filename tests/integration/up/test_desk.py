"""The desk on a real broker, with a store in which anybody may have written anything."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.kafka.clients import MAX_EVENT_BYTES
from connectors.kafka.embedded import EmbeddedBroker
from connectors.objectstore import FolderStore
from connectors.objectstore.wishes import ask_to_delete, leave_note
from connectors.registry import FingerprintRegistry
from connectors.settings import Connections
from ops.pipeline.door import Limits
from ops.up.desk import Desk
from schemas.codec import Codec
from schemas.outcomes import outcome_key
from schemas.topics import TOPICS
from schemas.uploads import dump_upload, note_key, upload_key
from tests.unit.up.things import accepted, completed


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@pytest.fixture
def desk(store: FolderStore) -> Iterator[Desk]:
    with EmbeddedBroker(dict.fromkeys((topic.name for topic in TOPICS), 1)) as broker:
        connections = Connections.only(kafka_brokers=broker.brokers, store_url="")
        with Desk(connections, store, Codec(FingerprintRegistry()), Limits()) as desk:
            yield desk


def test_what_is_no_upload_is_passed_over_and_the_others_go_in(store: FolderStore, desk: Desk) -> None:
    upload = accepted(store, "talk")
    odd = {
        "results/garbage/1/upload.json": b"garbage",
        "results/size/1/upload.json": dump_upload(replace(upload, video_id="size")).replace(
            b'"size_bytes": null', b'"size_bytes": "much"'
        ),
        "results/long/1/upload.json": dump_upload(
            replace(upload, video_id="long", name="x" * MAX_EVENT_BYTES)
        ),
        "results/a:b/1/upload.json": dump_upload(replace(upload, video_id="a:b")),
        "results/another/1/upload.json": dump_upload(upload),
    }
    for key, data in odd.items():
        store.put(key, data)
    store.put("results/a:b/deleted.json", b"")
    store.put(f"results/talk/{10**20}/upload.json", b"a number that no revision has")

    assert sorted(desk.hear()) == sorted(odd)
    assert list(desk.admit()) == [upload]

    store.put(note_key("x:y"), b"")
    leave_note(store, accepted(store, "later").video_id)
    assert list(desk.hear()) == [note_key("x:y")]
    assert [upload.video_id for upload in desk.admit()] == ["later"]


def test_an_upload_beyond_the_last_number_is_passed_over_at_every_start(
    store: FolderStore, desk: Desk
) -> None:
    for revision in (2**31, 99999999999999999999999):
        upload = replace(accepted(store, "talk"), revision=revision)
        store.put(f"results/talk/{revision}/upload.json", dump_upload(upload))
    store.put(upload_key("talk", 2), dump_upload(replace(upload, revision=2**31)))

    assert list(desk.hear()) == [upload_key("talk", 2)]
    assert [(upload.video_id, upload.revision) for upload in desk.admit()] == [("talk", 1)]


def test_an_outcome_that_cannot_be_read_ends_its_own_upload_and_no_other(
    store: FolderStore, desk: Desk
) -> None:
    uploads = [accepted(store, video_id, second=n) for n, video_id in enumerate(("a", "b", "c", "d"))]
    assert list(desk.hear()) == []
    store.put(outcome_key("a", 1), b"garbage")
    assert list(desk.admit()) == uploads[1:]

    store.put(outcome_key("b", 1), b"garbage")
    outcome = completed(store, uploads[2])
    ask_to_delete(store, "d")

    broken, whole, deleted = desk.look()
    assert (broken.upload, broken.outcome) == (uploads[1], None)
    assert str(broken.unreadable).startswith("results/b/1/outcome.json cannot be read: ")
    assert (whole.outcome, whole.unreadable) == (outcome, None)
    assert (deleted.outcome, deleted.unreadable) == (None, None)
    assert not desk.inside
