"""What is published to a cluster while its servers and processors are disturbed."""

import random
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from confluent_kafka import Producer

from connectors.errors import DependencyDown
from connectors.kafka.clients import open_producer
from connectors.objectstore import ObjectStore, open_store
from connectors.objectstore.revisions import take_revision
from connectors.objectstore.wishes import ask_to_cancel
from connectors.registry import open_registry
from connectors.settings import Connections
from ops.pipeline.files import MediaFile, identify
from ops.pipeline.uploading import upload_file
from schemas.codec import Codec
from schemas.events import Event, Options
from schemas.headers import event_headers
from schemas.topics import VIDEO_CANCEL_REQUESTED, VIDEO_UPLOADED, topic_of
from tests.chaos.guarantees import Revision
from tests.chaos.uploads import make_files

T = TypeVar("T")

_PIECES = 5
_AT_ONCE = 3
_REUSED = 0.5
_CANCELLED = 0.15
_CANCEL_WITHIN_S = 3.0
_SENT_S = 240.0
_AGAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class Files:
    """What is published. media: the clip and pieces of it. bait: another piece, whose artefacts are made
    anew again and again. bad: no media at all, so it must fail."""

    media: tuple[MediaFile, ...]
    bait: MediaFile
    bad: MediaFile

    @property
    def all(self) -> tuple[MediaFile, ...]:
        return (*self.media, self.bait, self.bad)


def make(folder: Path, dice: random.Random) -> Files:
    """Make the files."""
    *media, bait = make_files(folder, dice, count=_PIECES)
    path = folder / "bad.mp4"
    path.write_bytes(dice.randbytes(50_000))
    bad = identify(path)
    assert isinstance(bad, MediaFile)
    return Files(tuple(media), bait, bad)


@dataclass(slots=True)
class Publisher:
    """Publishes to a cluster, each event once, whatever is away at the time.

    over: whether a revision has an outcome. published, cancelled: of which the events are out.
    """

    connections: Connections
    files: Files
    dice: random.Random
    over: Callable[[Revision], bool]
    published: dict[Revision, MediaFile] = field(default_factory=dict)
    cancelled: set[Revision] = field(default_factory=set)
    _to_cancel: dict[Revision, float] = field(default_factory=dict)
    _store: ObjectStore = field(init=False)
    _codec: Codec = field(init=False)
    _producer: Producer = field(init=False)

    def __post_init__(self) -> None:
        self._store = open_store(self.connections)
        self._codec = Codec(open_registry(self.connections))
        self._producer = open_producer(self.connections)
        for topic in (VIDEO_UPLOADED, VIDEO_CANCEL_REQUESTED):
            self._codec.prepare(topic)

    def upload(self) -> None:
        """Put the files where the converters read them."""
        for file in self.files.all:
            upload_file(self._store, file.video_id, file.name, file.path)

    def publish(self, file: MediaFile, *, reuse: bool = True) -> Revision:
        """Ask for captions of a file, once more if it has some. reuse: whether earlier work will do."""

        def accepted() -> Event:
            source = upload_file(self._store, file.video_id, file.name, file.path)
            return take_revision(
                self._store,
                file.video_id,
                source=source,
                name=file.name,
                size_bytes=file.size_bytes,
                options=Options(reuse=reuse),
            )

        upload = _insist(accepted)
        self._send(upload)
        revision = (upload.video_id, upload.revision)
        self.published[revision] = file
        return revision

    def look(self) -> None:
        """Publish one more if there is little to do, and cancel what the dice said."""
        for revision in [one for one, at in self._to_cancel.items() if at <= time.monotonic()]:
            del self._to_cancel[revision]
            self._send(_insist(lambda one=revision: ask_to_cancel(self._store, *one)))  # type: ignore[misc]
            self.cancelled.add(revision)
        if len(self.unfinished()) < _AT_ONCE:
            file = self.dice.choice((*self.files.media, self.files.bad))
            revision = self.publish(file, reuse=self.dice.random() < _REUSED)
            if self.dice.random() < _CANCELLED:
                self._to_cancel[revision] = time.monotonic() + self.dice.uniform(0, _CANCEL_WITHIN_S)

    def unfinished(self) -> list[Revision]:
        """What has no outcome yet."""
        return [revision for revision in list(self.published) if not self.over(revision)]

    def remove(self, keys: Iterable[str]) -> None:
        """Take artefacts away, so that they have to be made anew."""
        for key in keys:
            _insist(lambda key=key: self._store.delete(key))  # type: ignore[misc]

    def _send(self, event: Event) -> None:
        """Send an event, once: this producer is idempotent. Raises AssertionError if it is not taken."""
        topic = topic_of(event)
        failed: list[object] = []
        self._producer.produce(
            topic.name,
            self._codec.encode(event),
            topic.key(event).encode(),
            headers=list(event_headers(event, source="chaos")),
            on_delivery=lambda error, _: failed.append(error) if error is not None else None,
        )
        left = self._producer.flush(_SENT_S)
        assert left == 0, f"{event} was not taken"
        assert not failed, f"{event} was not taken: {failed[0]}"


def _insist(ask: Callable[[], T]) -> T:
    """What the store gives, as soon as it is there."""
    deadline = time.monotonic() + _SENT_S
    while True:
        with suppress(DependencyDown):
            return ask()
        assert time.monotonic() < deadline, "the store did not come back"
        time.sleep(_AGAIN_S)
