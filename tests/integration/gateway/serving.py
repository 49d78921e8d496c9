"""Gateways as they are served, in threads of this process, and videos for them to show."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import uvicorn
from fastapi import FastAPI

from connectors.database import open_catalogue
from connectors.gateway.app import create_app
from connectors.gateway.main import listen, serving_config
from connectors.gateway.settings import GatewaySettings
from connectors.kafka.clients import open_producer
from connectors.kafka.embedded import EmbeddedBroker
from connectors.kafka.publishing import publish
from connectors.objectstore import ObjectStore, open_store
from connectors.registry import open_registry
from connectors.settings import Connections
from processors.catalog.fold import CatalogFold
from schemas.codec import Codec
from schemas.events import Event, Part, PartResult, VideoCompleted, VideoFailed, VideoUploaded
from schemas.outcomes import Outcome, dump_outcome, outcome_key, results_prefix
from schemas.topics import TOPICS
from schemas.uploads import dump_upload, file_key, upload_key

DEADLINE_S = 120.0
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
VTT = b"WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n"
TRANSCRIPT = b"""{"version": 1, "language": "en",
"sentences": [{"start_s": 1.0, "end_s": 2.0, "text": "Hello lecture.", "language": "en", "speaker": null,
"first_word": 0, "end_word": 2}],
"words": [{"start_s": 1.0, "end_s": 1.5, "text": " Hello", "probability": 1.0},
{"start_s": 1.5, "end_s": 2.0, "text": " lecture.", "probability": 1.0}]}"""
FILES = {"captions.en.transcribed.vtt": VTT, "transcript.json": TRANSCRIPT}
SECRET, READING = "a-key-for-writing", "a-key-for-reading"

T = TypeVar("T")


def soon(look: Callable[[], T | None]) -> T:
    """What `look` gives as soon as that is something."""
    deadline = time.monotonic() + DEADLINE_S
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


@contextmanager
def open_place(folder: Path) -> Iterator["Place"]:
    """One in that folder, with a broker of its own."""
    with EmbeddedBroker({topic.name: 2 for topic in TOPICS}) as broker:
        yield Place(
            Connections.only(
                kafka_brokers=broker.brokers,
                store_url=(folder / "store").as_uri(),
                database_url=f"sqlite://{folder / 'catalogue.sqlite'}",
                local_roots=str(folder / "films"),
            )
        )


def keys() -> dict[str, Any]:
    """Settings of a gateway that asks for one of the two keys above."""
    lines = [
        f"{name}:{scope}:{hashlib.sha256(key.encode()).hexdigest()}"
        for name, scope, key in (("page", "write", SECRET), ("graphs", "read", READING))
    ]
    return {"keys": ",".join(lines)}


@contextmanager
def serving(
    connections: Connections, prepare: Callable[[FastAPI], None] = lambda app: None, **settings: Any
) -> Iterator[httpx.Client]:
    """A gateway, for as long as the context lasts; a client of it."""
    how = GatewaySettings(port=0, **settings)
    app = create_app(connections, how)
    prepare(app)
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(serving_config(app, how))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        soon(lambda: server.started)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with httpx.Client(base_url=url, timeout=DEADLINE_S) as client:
            yield client
    finally:
        app.state.stop()
        server.should_exit = True
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


@dataclass(frozen=True)
class Place:
    """A store, a broker and a catalogue, and what is put into them."""

    connections: Connections

    @property
    def store(self) -> ObjectStore:
        return open_store(self.connections)

    def upload(
        self,
        video_id: str,
        revision: int = 1,
        name: str = "talk.mp4",
        data: bytes = b"film",
        **more: Any,
    ) -> VideoUploaded:
        """A revision that was accepted."""
        key = file_key(video_id, name)
        self.store.put(key, data)
        upload = VideoUploaded(
            event_id=f"{video_id}-{revision}",
            video_id=video_id,
            revision=revision,
            **{"source": key, "name": name, "size_bytes": len(data), "made_at": NOON} | more,
        )
        self.store.put(upload_key(video_id, revision), dump_upload(upload))
        return upload

    def complete(
        self,
        video_id: str,
        revision: int = 1,
        *,
        language: str = "en",
        files: Mapping[str, bytes] = FILES,
        **more: Any,
    ) -> VideoUploaded:
        """A revision that was accepted and is completed, with these files."""
        upload = self.upload(video_id, revision, **more)
        folder = f"{results_prefix(video_id, revision)}0123/"
        self.end(
            VideoCompleted(
                video_id=video_id,
                revision=revision,
                made_at=NOON + timedelta(minutes=1),
                name=upload.name,
                language=language,
                duration_s=2.0,
                word_count=2,
                parts=(PartResult(part=Part.CAPTIONS, made=True),),
                gaps=(),
                warnings=(),
                files=tuple(self.store.put(folder + name, data) for name, data in files.items()),
            )
        )
        return upload

    def fail(self, video_id: str, revision: int = 1) -> VideoUploaded:
        """A revision that was accepted and has failed."""
        upload = self.upload(video_id, revision)
        self.end(
            VideoFailed(
                video_id=video_id,
                revision=revision,
                made_at=NOON,
                name=upload.name,
                kind="file",  # type: ignore[arg-type]
                reason="It is no video.",
                parts=(),
            )
        )
        return upload

    def end(self, outcome: Outcome) -> None:
        self.store.put(outcome_key(outcome.video_id, outcome.revision), dump_outcome(outcome))

    def catalogue(self) -> None:
        """Fold the store into the catalogue."""
        fold = CatalogFold(open_catalogue(self.connections), self.store)
        for _ in fold.begin("a cluster"):
            pass
        fold.close()

    def publish(self, *events: Event) -> None:
        """Write events to their topics."""
        producer = open_producer(self.connections)
        codec = Codec(open_registry(self.connections))
        for event in events:
            publish(producer, event, codec)
