"""What can be asked of videos, and that the pipeline hears of it."""

import json
from base64 import b64encode, urlsafe_b64encode
from functools import partial
from typing import Any

import httpx
import pytest
from confluent_kafka import Producer

from connectors.database.catalogue import RANKED
from connectors.errors import DependencyDown
from connectors.gateway import announcing, app
from connectors.gateway.announcing import Announcer, Asked, Events, Wisher
from connectors.kafka.publishing import publish
from connectors.objectstore import ObjectStore
from connectors.objectstore.revisions import take_revision
from connectors.objectstore.wishes import Wishes, notes, wishes_of
from connectors.registry import open_registry
from schemas.captions import load_captions
from schemas.codec import Codec
from schemas.events import Options, VideoCancelRequested, VideoDeleted, VideoUploaded
from schemas.topics import VIDEO_CANCEL_REQUESTED, VIDEO_DELETED, VIDEO_UPLOADED, topic_named
from schemas.uploads import load_upload, upload_key
from tests.integration.database.catalogues import add, opened
from tests.integration.gateway.serving import NOON, VTT, Place, serving, soon
from tests.topics import records_of

VIDEOS = "/api/v1/videos"


def announced(place: Place, video_id: str) -> list[object]:
    """The events about that video in the topics, in order of their kinds."""
    topics = [VIDEO_UPLOADED.name, VIDEO_CANCEL_REQUESTED.name, VIDEO_DELETED.name]
    codec = Codec(open_registry(place.connections))
    records = records_of(place.connections, topics)
    events = [codec.decode(record.value, topic_named(record.topic)) for record in records]
    return [event for event in events if event.video_id == video_id]


def upload_of(place: Place, video_id: str, revision: int) -> VideoUploaded:
    return load_upload(place.store.get(upload_key(video_id, revision)))


def test_videos_are_listed_by_pages_and_state(gateway: httpx.Client, place: Place) -> None:
    for n in range(3):
        place.complete(f"listed{n}", name=f"talk {n}.mp4")
    place.fail("listed-bad")
    place.catalogue()

    first = gateway.get(VIDEOS, params={"limit": 3}).json()
    rest = gateway.get(VIDEOS, params={"limit": 3, "cursor": first["next"]}).json()
    failed = gateway.get(VIDEOS, params={"state": "failed"}).json()

    assert [len(first["videos"]), len(rest["videos"]), first["total"]] == [3, 1, 4]
    assert rest["next"] is None
    assert [video["video_id"] for video in failed["videos"]] == ["listed-bad"]
    assert failed["videos"][0]["reason"] == "It is no video."
    assert gateway.get("/api/v1/search", params={"q": "lecture"}).json()["total"] == 3
    hit = gateway.get("/api/v1/search", params={"q": "lecture", "limit": 1}).json()["hits"][0]
    assert [piece for piece in hit["snippet"] if piece["hit"]] == [{"text": "lecture", "hit": True}]
    assert gateway.get("/api/v1/search?q=lecture&since=2026-03-02").json()["total"] == 0
    assert gateway.get("/api/v1/search?q=lecture&since=2026-03-01&until=2026-03-01").json()["total"] == 3


def test_a_search_says_whether_there_is_more_than_it_counts(gateway: httpx.Client, place: Place) -> None:
    catalogue = opened(place.connections.database_url.get_secret_value())
    add(catalogue, "few", *["A parrot."] * RANKED)
    add(catalogue, "many", *["A macaw."] * (RANKED + 1))
    catalogue.close()

    counted = [
        (found["total"], found["at_least"])
        for word in ("parrot", "macaw", "dodo")
        for found in [gateway.get("/api/v1/search", params={"q": word}).json()]
    ]

    assert counted == [(RANKED, False), (RANKED, True), (0, False)]


@pytest.mark.parametrize(
    "values", ["[1" + "0" * 30 + ', "a"]', r'[1, "\ud800"]', r'[1, "\u0000"]', "[-5, 1]"]
)
def test_a_made_up_cursor_is_refused(gateway: httpx.Client, values: str) -> None:
    cursor = urlsafe_b64encode(values.encode()).decode()
    for path, more in ((VIDEOS, {}), ("/api/v1/search", {"q": "x"})):
        answer = gateway.get(path, params={"cursor": cursor, **more})
        assert answer.status_code == 422
        assert "cursor" in answer.json()["detail"]


def test_a_video_is_there_before_the_catalogue_has_it(gateway: httpx.Client, place: Place) -> None:
    place.upload("fresh", made_at=NOON)
    video = gateway.get(f"{VIDEOS}/fresh").json()
    assert (video["state"], video["revision"], video["shown_revision"]) == ("waiting", 1, None)
    assert video["uploaded_at"] == "2026-03-01T12:00:00.000Z"


def test_an_upload_is_accepted_and_announced(gateway: httpx.Client, place: Place) -> None:
    film = b"\x1aE\xdf\xa3" + bytes(5000)
    answer = gateway.put("/api/v1/upload/talk.mkv?language=de&model=small", content=film)
    assert answer.status_code == 201, answer.text
    video_id = answer.json()["video_id"]
    [event] = announced(place, video_id)
    assert isinstance(event, VideoUploaded)
    assert event == upload_of(place, video_id, 1)
    assert event.options == Options(language="de", model="small")
    assert gateway.get(f"{VIDEOS}/{video_id}/source").content == film
    assert not any(place.store.keys("gateway/unannounced/"))


def test_a_retry_is_for_what_failed(gateway: httpx.Client, place: Place) -> None:
    place.complete("retried")
    assert gateway.post(f"{VIDEOS}/retried/retry").status_code == 409
    place.fail("retried", 2)
    answer = gateway.post(f"{VIDEOS}/retried/retry")
    assert (answer.status_code, answer.json()) == (202, {"video_id": "retried", "revision": 3})
    assert gateway.post(f"{VIDEOS}/retried/retry").status_code == 409
    [event] = announced(place, "retried")
    assert event == upload_of(place, "retried", 3)


def test_cancel_is_for_what_is_at_work(gateway: httpx.Client, place: Place) -> None:
    place.complete("stopped")
    assert gateway.post(f"{VIDEOS}/stopped/cancel").status_code == 409
    place.upload("stopped", 2)
    place.upload("stopped", 3)
    assert gateway.post(f"{VIDEOS}/stopped/cancel").json()["revision"] == 3
    events = announced(place, "stopped")
    assert {type(event) for event in events} == {VideoCancelRequested}
    assert {event.revision for event in events if isinstance(event, VideoCancelRequested)} == {2, 3}


def test_a_replay_changes_what_is_asked_for_and_nothing_else(
    gateway: httpx.Client, place: Place
) -> None:
    place.complete("again", options=Options(language="de", hotwords="Reelay"))
    place.fail("again", 2)

    answer = gateway.post(f"{VIDEOS}/again/replay", json={"model": "small", "language": None})
    same = gateway.post(f"{VIDEOS}/again/replay", json={"model": "small", "language": None})

    assert answer.json() == same.json() == {"video_id": "again", "revision": 3}
    assert upload_of(place, "again", 3).options == Options(model="small", hotwords="Reelay")
    assert gateway.post(f"{VIDEOS}/again/replay").json()["revision"] == 4
    assert upload_of(place, "again", 4).options == Options(language="de", hotwords="Reelay")


def test_corrected_captions_become_a_revision_and_stay_through_a_replay(
    gateway: httpx.Client, place: Place
) -> None:
    place.complete("better")
    captions = f"{VIDEOS}/better/captions"
    srt = b"1\r\n00:00:01,000 --> 00:00:02,000\r\nHallo\r\n"

    first = gateway.put(f"{captions}/en", content=VTT, headers={"Content-Type": "text/vtt"})
    assert (first.status_code, first.json()["revision"]) == (202, 2)
    place.complete("better", 2, corrected=upload_of(place, "better", 2).corrected)
    second = gateway.put(
        f"{captions}/de", content=srt, headers={"Content-Type": "application/x-subrip; charset=utf-8"}
    )
    assert second.json()["revision"] == 3
    place.complete("better", 3, corrected=upload_of(place, "better", 3).corrected)
    replayed = gateway.post(f"{VIDEOS}/better/replay", json={"model": "small"}).json()["revision"]

    corrected = upload_of(place, "better", replayed).corrected
    texts = {each.language: load_captions(place.store.get(each.file.key))[0].lines for each in corrected}
    assert texts == {"en": ("hello",), "de": ("Hallo",)}
    events = [event for event in announced(place, "better") if isinstance(event, VideoUploaded)]
    assert [len(event.corrected) for event in sorted(events, key=lambda e: e.revision)] == [1, 2, 2]


def test_corrections_under_way_stay_through_the_next_and_a_replay(
    gateway: httpx.Client, place: Place
) -> None:
    def correct(language: str) -> int:
        answer = gateway.put(
            f"{VIDEOS}/hurried/captions/{language}", content=VTT, headers={"Content-Type": "text/vtt"}
        )
        return int(answer.json()["revision"])

    def languages(revision: int) -> set[str]:
        return {each.language for each in upload_of(place, "hurried", revision).corrected}

    def replay() -> int:
        answer = gateway.post(f"{VIDEOS}/hurried/replay", json={"model": "small"})
        return int(answer.json()["revision"])

    place.complete("hurried")
    correct("en")
    assert languages(correct("de")) == {"en", "de"}
    replayed = replay()
    assert languages(replayed) == {"en", "de"}
    assert replay() == replayed
    assert languages(correct("fr")) == {"en", "de", "fr"}
    assert languages(replay()) == {"en", "de", "fr"}

    gateway.post(f"{VIDEOS}/hurried/cancel")
    assert languages(correct("it")) == {"it"}


def test_captions_that_were_corrected_meanwhile_are_not_corrected_unseen(
    gateway: httpx.Client, place: Place
) -> None:
    def correct(revision: int | str) -> httpx.Response:
        return gateway.put(
            f"{VIDEOS}/shared/captions/en",
            params={"from": revision},
            content=VTT,
            headers={"Content-Type": "text/vtt"},
        )

    place.complete("shared")
    assert correct(1).json()["revision"] == 2
    assert correct(1).status_code == 409  # revision 2 is under way
    assert correct(2).json()["revision"] == 3
    place.complete("shared", 3)
    assert correct(2).status_code == 409
    place.fail("shared", 4)
    assert correct(3).json()["revision"] == 5
    assert correct("latest").status_code == 422


def test_only_a_completed_videos_captions_are_corrected(gateway: httpx.Client, place: Place) -> None:
    place.upload("unfinished")
    answer = gateway.put(
        f"{VIDEOS}/unfinished/captions/en", content=VTT, headers={"Content-Type": "text/vtt"}
    )
    assert answer.status_code == 409


def test_captions_of_no_video_are_refused(gateway: httpx.Client, place: Place) -> None:
    place.complete("deleted")
    assert gateway.delete(f"{VIDEOS}/deleted").status_code == 202
    for video_id in ("never-there", "deleted"):
        answer = gateway.put(
            f"{VIDEOS}/{video_id}/captions/en", content=VTT, headers={"Content-Type": "text/vtt"}
        )
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:reelay:problem:no-such-video"


def test_a_deleted_video_is_gone_for_ever(gateway: httpx.Client, place: Place) -> None:
    place.complete("removed")
    assert gateway.delete(f"{VIDEOS}/removed").status_code == 202
    assert gateway.get(f"{VIDEOS}/removed/source").status_code == 404
    assert gateway.get(f"{VIDEOS}/removed/timeline").status_code == 404
    assert gateway.post(f"{VIDEOS}/removed/replay").status_code == 404
    assert gateway.delete(f"{VIDEOS}/never-there").status_code == 404
    [event] = announced(place, "removed")
    assert isinstance(event, VideoDeleted)


def test_with_a_video_its_upload_is_forgotten(gateway: httpx.Client, place: Place) -> None:
    tus = {"Tus-Resumable": "1.0.0"}
    created = gateway.post(
        "/api/v1/tus",
        headers=tus
        | {
            "Upload-Length": "1000",
            "Upload-Metadata": f"filename {b64encode(b'A private matter.mkv').decode()}",
            "Content-Type": "application/offset+octet-stream",
        },
        content=b"\x1aE\xdf\xa3" + bytes(996),
    )
    video_id = created.headers["X-Reelay-Video"]
    upload = f"/api/v1/tus/{video_id}"
    assert gateway.head(upload, headers=tus).headers["X-Reelay-Video"] == video_id

    assert gateway.delete(f"{VIDEOS}/{video_id}").status_code == 202

    assert gateway.head(upload, headers=tus).status_code == 404
    assert not any(place.store.keys(f"gateway/uploads/{video_id}/"))


def test_on_one_machine_the_supervisor_gets_a_note_and_nothing_is_published(place: Place) -> None:
    place.fail("noted")
    with serving(place.connections, announce="note") as gateway:
        assert gateway.post(f"{VIDEOS}/noted/retry").status_code == 202
    assert "noted" in notes(place.store)
    assert announced(place, "noted") == []


class _Heard:
    """An announcer that can be down."""

    def __init__(self) -> None:
        self.is_down = True
        self.events: list[Asked] = []

    def announce(self, event: Asked) -> None:
        if self.is_down:
            raise DependencyDown("broker", "it is down")
        self.events.append(event)


def test_what_could_not_be_announced_is_announced_later(place: Place) -> None:
    heard = _Heard()
    announcer: Announcer = heard
    wisher = Wisher(place.store, announcer)
    upload = wisher.wish(
        "unheard",
        lambda: take_revision(
            place.store, "unheard", source="a", name="a", size_bytes=1, options=Options()
        ),
    )
    heard.is_down = False
    assert wisher.repair() == 0  # whoever asked may still be at it
    assert wisher.repair(older_than_s=0) == 1
    assert wisher.repair(older_than_s=0) == 0
    assert heard.events == [upload]


def test_a_broker_that_is_down_is_not_waited_for_by_one_after_another(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[VideoUploaded] = []

    def attempt(producer: Producer, event: VideoUploaded, codec: Codec, **more: Any) -> None:
        tried.append(event)
        publish(producer, event, codec, **more)

    monkeypatch.setattr(announcing, "publish", attempt)
    monkeypatch.setattr(announcing, "_ANSWER_S", 0.1)
    events = Events(place.connections.model_copy(update={"kafka_brokers": "127.0.0.1:1"}))
    upload = place.upload("silent")
    for _ in range(3):
        with pytest.raises(DependencyDown):
            events.announce(upload)
    assert len(tried) == 1

    monkeypatch.setattr(events, "_rests_until", 0.0)
    with pytest.raises(DependencyDown):
        events.announce(upload)
    assert len(tried) == 2


def test_a_wish_that_cannot_be_announced_keeps_no_other_from_it(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    heard = _Heard()
    wisher = Wisher(place.store, heard)
    for video_id in ("a-broken-one", "b-good-one"):
        wisher.wish(video_id, partial(place.upload, video_id))

    def unreadable(store: ObjectStore, video_id: str) -> Wishes:
        if video_id == "a-broken-one":
            raise ValueError("not to be read")
        return wishes_of(store, video_id)

    monkeypatch.setattr(announcing, "wishes_of", unreadable)
    heard.is_down = False
    assert wisher.repair(older_than_s=0) == 1
    assert [event.video_id for event in heard.events] == ["b-good-one"]
    assert "a-broken-one" in caplog.text
    monkeypatch.undo()
    assert wisher.repair(older_than_s=0) == 1


def test_work_beside_the_requests_goes_on_after_a_mistake(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[object] = []

    def mistaken(wisher: Wisher) -> int:
        calls.append(wisher)
        raise TypeError("a mistake")

    monkeypatch.setattr(Wisher, "repair", mistaken)
    monkeypatch.setattr(app, "_AGAIN_S", 0.05)
    with serving(place.connections):
        soon(lambda: len(calls) > 1)
    assert "a mistake" in caplog.text


def test_a_wish_that_was_refused_is_not_announced(place: Place) -> None:
    def refuse() -> VideoUploaded:
        raise ValueError

    wisher = Wisher(place.store, _Heard())
    with pytest.raises(ValueError):  # noqa: PT011  # ours
        wisher.wish("refused", refuse)
    assert wisher.repair(older_than_s=0) == 0


def test_the_document_of_the_api_has_examples_and_no_pages_of_others(gateway: httpx.Client) -> None:
    document = gateway.get("/openapi.json").json()
    assert "/api/v1/videos/{video_id}/captions/{language}" in document["paths"]
    assert gateway.get("/docs").status_code == 404
    assert "cdn" not in json.dumps(document)
    assert document["components"]["schemas"]["VideoSummary"]["examples"]


def test_a_gateway_is_ready_while_the_catalogue_writes(gateway: httpx.Client, place: Place) -> None:
    catalogue = opened(place.connections.database_url.get_secret_value())
    with catalogue.batch():
        assert gateway.get("/health/ready").json()["catalogue"] is True
    catalogue.close()
