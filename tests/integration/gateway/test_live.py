"""Live events: what is told, to whom, and that nobody misses anything by changing gateways."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from connectors.database import open_catalogue
from connectors.database.contract import Move
from connectors.gateway.live import messages, reader, stream
from connectors.gateway.live.hub import Client
from connectors.gateway.live.messages import Entry, Message
from connectors.gateway.live.positions import Positions, pack
from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.records import Record
from processors.catalog.fold import CatalogFold
from schemas.events import (
    ArtefactRef,
    Event,
    Model,
    Progress,
    SegmentTranscribed,
    VideoDeleted,
    VideoFailed,
    Word,
)
from schemas.topics import CATALOG, READERS
from tests.integration.gateway.serving import DEADLINE_S, SECRET, Place, keys, serving, soon

EVENTS = "/api/v1/events"


def progress(video_id: str, done: float, **more: Any) -> Progress:
    return Progress(video_id=video_id, stage="converter", done=done, total=9.0, unit="s", **more)


def caption(video_id: str, index: int, text: str = " hello") -> SegmentTranscribed:
    return SegmentTranscribed(
        video_id=video_id,
        index=index,
        start_s=0.0,
        end_s=2.0,
        audio_start_s=0.0,
        audio_end_s=2.0,
        language="en",
        language_probability=1.0,
        words=(Word(text=text, start_s=1.0, end_s=1.5, probability=1.0),),
        artefact=ArtefactRef(key="media/a", sha256="a", size_bytes=1),
        model=Model(name="tiny.en", digest="a", engine="a", compute_type="int8"),
    )


@dataclass
class Told:
    """One event of a stream."""

    kind: str
    data: dict[str, Any]
    event_id: str | None


@dataclass
class Listening:
    """A stream as a client reads it."""

    lines: Iterator[str]
    last_id: str | None = None
    comments: list[str] = field(default_factory=list)

    def next(self) -> Told:
        """The next event that tells something."""
        while (told := self.heard()).kind == "heartbeat":
            pass
        return told

    def heard(self) -> Told:
        """The next event, be it a heartbeat."""
        fields: dict[str, str] = {}
        for line in self.lines:
            if line.startswith(":"):
                self.comments.append(line)
            elif not line:
                if "data" in fields:
                    self.last_id = fields.get("id", self.last_id)
                    return Told(fields["event"], json.loads(fields["data"]), fields.get("id"))
                fields = {}
            else:
                name, _, value = line.partition(": ")
                fields[name] = value
        raise EOFError

    def until(self, kind: str, **wanted: Any) -> Told:
        """The next event of that kind with those fields."""
        while True:
            told = self.next()
            if told.kind == kind and all(told.data.get(name) == value for name, value in wanted.items()):
                return told

    def until_id(self, video_id: str, publish: Callable[[Progress], None]) -> tuple[str, float]:
        """Have progress published until an event of it bears an id; that, and how far it was by then."""
        deadline, done = time.monotonic() + DEADLINE_S, 0.0
        while time.monotonic() < deadline:
            publish(progress(video_id, done))
            if (told := self.until("progress", video_id=video_id, done=done)).event_id:
                return told.event_id, done
            done += 1.0
        raise TimeoutError


@contextmanager
def listening(
    gateway: httpx.Client, last_id: str | None = None, **parameters: str
) -> Iterator[Listening]:
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    with gateway.stream("GET", EVENTS, params=parameters, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-accel-buffering"] == "no"
        yield Listening(answer.iter_lines())


@pytest.fixture(scope="module")
def stored(place: Place) -> Place:
    """Without a catalogue: how a video is stands in the store."""
    return Place(
        place.connections.model_copy(update={"database_url": type(place.connections.database_url)("")})
    )


@pytest.fixture(scope="module")
def one(stored: Place) -> Iterator[httpx.Client]:
    with serving(stored.connections) as client:
        with listening(client) as stream:  # it has begun to read when its snapshot has an id
            began(client, stream)
        yield client


@pytest.fixture(scope="module")
def two(stored: Place) -> Iterator[httpx.Client]:
    with serving(stored.connections) as client:
        with listening(client) as stream:
            began(client, stream)
        yield client


def began(gateway: httpx.Client, stream: Listening) -> None:
    while stream.until("snapshot").event_id is None:
        pass


def test_a_snapshot_comes_first_and_then_what_happens(one: httpx.Client, stored: Place) -> None:
    with listening(one) as stream:
        assert stream.next().kind == "snapshot"
        upload = stored.upload("seen", name="a.mp4")
        stored.publish(upload, progress("seen", 1.0), caption("seen", 0))
        kinds: dict[str, Told] = {}
        while not {"video", "progress", "caption"} <= set(kinds):  # they lie in topics of their own
            told = stream.next()
            kinds[told.kind] = told
        assert kinds["video"].data["state"] == "waiting"
        assert kinds["progress"].data == {
            "video_id": "seen",
            "revision": 1,
            "stage": "converter",
            "index": None,
            "done": 1.0,
            "total": 9.0,
            "unit": "s",
        }
        assert kinds["caption"].data["words"] == [[1.0, 1.5, " hello"]]
        failed = stored.fail("seen")
        stored.publish(
            VideoFailed(video_id="seen", name=failed.name, kind="file", reason="x", parts=()),  # type: ignore[arg-type]
        )
        assert stream.until("video").data["reason"] == "It is no video."
        stored.publish(VideoDeleted(video_id="seen"))
        assert stream.until("deleted").data == {"video_id": "seen"}


def test_captions_can_be_those_of_one_video(one: httpx.Client, stored: Place) -> None:
    with listening(one, video_id="mine") as stream:
        stored.publish(caption("other", 0), caption("mine", 0), progress("other", 2.0))
        told: dict[str, str] = {}
        while not {"caption", "progress"} <= set(told):  # they lie in topics of their own
            each = stream.next()
            told[each.kind] = each.data.get("video_id", "")
    assert (told["caption"], told["progress"]) == ("mine", "other")


def test_captions_of_before_are_told_to_who_comes_late(one: httpx.Client, stored: Place) -> None:
    stored.publish(caption("late", 0), caption("late", 1))
    with listening(one, video_id="late") as stream:
        assert [stream.until("caption").data["index"] for _ in range(2)] == [0, 1]


def test_another_gateway_goes_on_where_one_stopped(
    one: httpx.Client, two: httpx.Client, stored: Place
) -> None:
    with listening(one) as stream:
        last_id, _ = stream.until_id("moved", stored.publish)
    stored.publish(progress("moved", -1.0), caption("moved", 0), stored.upload("moved"))

    told: dict[str, dict[str, Any]] = {}
    with listening(two, last_id) as stream:
        while not {"progress", "caption", "video"} <= set(told):
            each = stream.next()
            told[each.kind] = each.data

    assert "snapshot" not in told
    assert {data["video_id"] for data in told.values()} == {"moved"}
    assert told["progress"]["done"] == -1.0
    assert told["video"]["state"] == "waiting"


def test_nothing_that_was_told_comes_again(one: httpx.Client, two: httpx.Client, stored: Place) -> None:
    with listening(one) as stream:
        last_id, _ = stream.until_id("once", stored.publish)
    stored.publish(progress("once", -1.0))
    with listening(two, last_id) as stream:
        first = stream.until("progress", video_id="once")
        assert first.data["done"] == -1.0


@pytest.mark.parametrize("last_id", ["made-up", "", "A" * 3000, pack(Positions("another", {}))])
def test_an_id_that_is_not_known_here_gets_a_new_snapshot(one: httpx.Client, last_id: str) -> None:
    with listening(one, last_id) as stream:
        assert stream.next().kind == "snapshot"


def test_names_and_words_cannot_make_up_events(one: httpx.Client, stored: Place) -> None:
    evil = 'x\n\nevent: deleted\ndata: {"video_id": "v"}\r\r\u2028id: 1'
    with listening(one) as stream:
        stored.publish(
            stored.upload("inject", name=evil),
            caption("inject", 0, evil),
            progress("inject", 1.0),
            VideoDeleted(video_id="harmless"),
        )
        told: dict[str, dict[str, Any]] = {}
        while not {"caption", "deleted", "video"} <= set(told):
            each = stream.next()
            if each.kind == "deleted" or each.data.get("video_id") == "inject":
                told[each.kind] = each.data
    assert told["caption"]["words"][0][2] == evil
    assert told["deleted"] == {"video_id": "harmless"}
    assert told["video"]["name"] == evil


def test_a_change_is_told_when_the_catalogue_knows_it(place: Place) -> None:
    catalogue = open_catalogue(place.connections)
    fold = CatalogFold(catalogue, place.store)
    topics = [topic.name for topic in READERS[CATALOG]]
    with BroadcastReader(place.connections, topics) as reader:
        while not reader.caught_up:
            reader.poll(0.1)
        cluster, before = reader.cluster_id(), dict(reader.positions)
        for _ in fold.begin(cluster):
            pass
        fold.apply(cluster, [Move(place_, None, end) for place_, end in before.items()], [])
        with serving(place.connections) as gateway, listening(gateway) as stream:
            while stream.until("snapshot").event_id is None:
                pass
            upload = place.upload("folded", name="folded.mp4")
            place.publish(upload, progress("folded", 1.0))
            assert stream.until("progress", video_id="folded")  # and not the video
            record = soon(lambda: reader.poll(0.1))
            move = Move(record.place, record.offset, record.offset + 1)
            fold.apply(cluster, [move], [upload])
            assert stream.until("video", video_id="folded").data["name"] == "folded.mp4"
        with serving(place.connections) as gateway, listening(gateway) as stream:
            snapshot = stream.until("snapshot").data["videos"]
            assert "folded" in [video["video_id"] for video in snapshot]
    fold.close()


def test_a_record_that_nobody_foresaw_does_not_end_the_reading(
    stored: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def entry_of(record: Record, event: Event) -> Entry:
        if getattr(event, "video_id", "") == "unforeseen":
            raise RuntimeError("a mistake of ours")
        return messages.entry_of(record, event)

    monkeypatch.setattr(reader, "entry_of", entry_of)
    monkeypatch.setattr(reader, "_AGAIN_S", 0.05)
    with serving(stored.connections) as gateway, listening(gateway) as stream:
        began(gateway, stream)
        stored.publish(progress("unforeseen", 1.0))
        began(gateway, stream)  # anew, with what is told from then on
        stored.publish(progress("foreseen", 1.0))
        assert stream.until("progress").data["video_id"] == "foreseen"


def test_a_silent_stream_shows_that_it_lives(one: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_HEARTBEAT_S", 0.05)
    with listening(one) as heard:
        while (told := heard.heard()).kind != "heartbeat":
            pass
        assert told.data == {}


def test_there_are_only_so_many_streams(stored: Place) -> None:
    with serving(stored.connections, max_streams=1) as gateway, listening(gateway):
        answer = gateway.get(EVENTS)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]


def test_a_gateway_that_stops_ends_its_streams(stored: Place) -> None:
    with serving(stored.connections) as gateway, listening(gateway) as heard:
        heard.next()
        gateway.get("/health/live")
        stopped = time.monotonic()
    assert time.monotonic() - stopped < DEADLINE_S


def test_a_stream_ends_with_the_session_of_who_listens(stored: Place) -> None:
    """Who listens asks again then, and is told to give the key."""
    with serving(stored.connections, session_s=2, **keys()) as gateway:

        def heard_all() -> bool:
            """False on a machine so slow that the session was over before it was used."""
            gateway.post("/api/v1/session", json={"key": SECRET}).raise_for_status()
            with gateway.stream("GET", EVENTS) as answer:
                return answer.status_code == 200 and any(
                    line == ": going away" for line in answer.iter_lines()
                )

        soon(heard_all)
        assert gateway.get(EVENTS).status_code == 401


def test_a_client_that_does_not_keep_up_is_dropped_and_not_waited_for() -> None:
    client = Client()
    message = Message("progress", "v", "x" * 1000)
    taken = [client.put(message) for _ in range(5000)]
    assert taken.count(False) == 1
    assert client.dropped
    assert not client.take()
