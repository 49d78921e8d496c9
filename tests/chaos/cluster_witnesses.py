"""Bystanders who read what a cluster's topics say."""

from contextlib import suppress
from dataclasses import dataclass, field, fields, replace

from connectors.errors import DependencyDown
from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.records import Record
from connectors.settings import Connections
from processors.runtime.stamp import subject_of
from schemas.codec import Codec
from schemas.events import EPOCH, Event, Options
from schemas.ids import event_id
from schemas.topics import (
    OUTCOMES,
    RETRYING,
    TOPICS,
    VIDEO_CANCEL_REQUESTED,
    VIDEO_DELETED,
    VIDEO_PROGRESS,
    VIDEO_UPLOADED,
    dead_topic,
    retry_topic,
    topic_named,
)
from tests.chaos.guarantees import Revision

EMITTED = tuple(
    topic.name
    for topic in TOPICS
    if topic not in (VIDEO_UPLOADED, VIDEO_CANCEL_REQUESTED, VIDEO_DELETED, VIDEO_PROGRESS)
)
"""Topics of which every record is the processors', and lasts."""

RETRIES = tuple(retry_topic(topic.name, group) for group in RETRYING for topic in RETRYING[group])
DEAD = tuple(dead_topic(topic.name, group) for group in RETRYING for topic in RETRYING[group])

_POLL_S = 0.2


@dataclass(slots=True)
class OutcomeWitness:
    """Hears which revisions are over. `look` is for a thread of its own."""

    connections: Connections
    over: set[Revision] = field(default_factory=set)
    _reader: BroadcastReader | None = None

    def look(self) -> None:
        """Take in what is new."""
        if self._reader is None:
            with suppress(DependencyDown):
                self._reader = BroadcastReader(self.connections, [topic.name for topic in OUTCOMES])
            return
        while (record := self._reader.poll(_POLL_S)) is not None:
            self.over.add(revision_of(record))

    def close(self) -> None:
        """Leave the broker."""
        if self._reader is not None:
            self._reader.close()


def revision_of(record: Record) -> Revision:
    """Whom a record of ours is about."""
    subject = subject_of(record)
    assert subject is not None, f"{record} has no subject"
    assert subject[0].revision is not None
    return subject[0].video_id, subject[0].revision


def event_in(record: Record, codec: Codec) -> Event:
    """The event that a record of a topic of ours holds."""
    return codec.decode(record.value, topic_named(record.topic))


def content(event: Event) -> bytes:
    """What an event says, apart from what differs each time a file is done: times, hosts, the number of
    the revision, and whether earlier work was good enough."""
    given = {
        "event_id": "",
        "revision": 1,
        "made_at": EPOCH,
        "stages": (),
        "options": Options(),
        "files": (),
    }
    names = {one.name for one in fields(event)}
    timeless = replace(event, **{name: value for name, value in given.items() if name in names})  # type: ignore[arg-type]
    return repr(timeless).encode()


def outputs_again(record: Record, event: Event, revision: int) -> tuple[str, bytes]:
    """Id and content of the same event in another revision of the file."""
    stage = (record.header("ce_source") or "").rpartition("/")[2]
    index = getattr(event, "index", None)

    def id_in(number: int) -> str:
        return event_id(type(event).__name__, event.video_id, number, stage, index)

    assert id_in(event.revision) == event.event_id, f"{event} has another id"
    return id_in(revision), content(event)
