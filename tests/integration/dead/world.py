"""A cluster with processors, as those see it who watch over it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from click.testing import CliRunner
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.kafka.clients import TopicMissing, open_producer, partitions_of
from connectors.kafka.publishing import publish
from connectors.kafka.records import Record
from connectors.objectstore import ObjectStore, open_store
from connectors.objectstore.revisions import find_outcome, upload_event
from connectors.registry import open_registry
from connectors.settings import Connections
from ops.cli.main import reelay
from ops.dead.letters import Letter, read_letters
from schemas.codec import Codec
from schemas.events import Event, Options, Part, VideoUploaded
from schemas.outcomes import Outcome
from schemas.topics import RETRYING, Topic, retry_topic
from schemas.uploads import dump_upload, upload_key
from tests import media
from tests.processors import until
from tests.topics import records_of

E = TypeVar("E", bound=Event)


class World:
    """files: an existing folder that uploads may lie in."""

    def __init__(self, connections: Connections, files: Path) -> None:
        self.connections = connections
        self.files = files
        self.codec = Codec(open_registry(connections))
        self.store: ObjectStore = open_store(connections)
        self.producer = open_producer(connections)

    def upload(
        self,
        video_id: str,
        *,
        from_s: float = 0,
        length_s: float,
        wanted: tuple[Part, ...] = (Part.CAPTIONS,),
        announced: bool = True,
    ) -> VideoUploaded:
        """Have a stretch of the clip captioned: note it in the store, then tell the pipeline."""
        path = self.files / f"{video_id}.wav"
        media.piece(path, start_s=from_s, duration_s=length_s)
        upload = upload_event(
            video_id, 1, source=path.as_uri(), name=path.name, size_bytes=None, options=Options()
        )
        upload = replace(upload, wanted=wanted)
        self.store.put(upload_key(video_id, 1), dump_upload(upload))
        if announced:
            self.publish(upload)
        return upload

    def publish(self, event: Event) -> None:
        publish(self.producer, event, self.codec)

    def put(self, topic: Topic, value: bytes, **headers: bytes) -> None:
        """Write bytes as somebody who knows no Avro does."""
        self.producer.produce(topic.name, value, headers=list(headers.items()))
        assert self.producer.flush(90) == 0

    def make_topics(self, *names: str) -> None:
        """Create topics of one partition, and wait until they can be written."""
        admin = AdminClient({"bootstrap.servers": self.connections.kafka_brokers})
        for made in admin.create_topics([NewTopic(name, 1) for name in names]).values():
            made.result(90)
        for name in names:
            until(lambda name=name: self._has_topic(name), f"topic {name}")

    def _has_topic(self, name: str) -> bool:
        try:
            return bool(partitions_of(self.producer, name))
        except TopicMissing:  # a broker hears of it a little later than the controller
            return False

    def read(self, *topics: str) -> list[Record]:
        """All that is in these topics now."""
        return records_of(self.connections, topics)

    def events(self, kind: type[E], topic: Topic, video_id: str) -> list[E]:
        """The events of that video in a topic, sorted by segment."""
        found = [self.codec.decode(record.value, topic) for record in self.read(topic.name)]
        ours = [event for event in found if isinstance(event, kind) and event.video_id == video_id]
        return sorted(ours, key=lambda event: getattr(event, "index", 0))

    def outcome(self, upload: VideoUploaded) -> Outcome:
        """What became of a revision; waits for it."""
        what = f"outcome of {upload.video_id}/{upload.revision}"
        found = until(lambda: find_outcome(self.store, upload), what)
        assert found is not None
        return found

    def letters(self, group: str) -> list[Letter]:
        """The dead letters of a group that were not redriven."""
        found = read_letters(self.connections)
        return [one for one in found if one.group == group and one.redriven_as is None]

    def set_aside(self) -> int:
        """How many records were put into retry topics and dead letter topics by now."""
        retries = [retry_topic(topic.name, group) for group in RETRYING for topic in RETRYING[group]]
        return len(self.read(*retries)) + len(read_letters(self.connections))

    def dead(self, *words: str, status: int = 0) -> str:
        """What `reelay dead` prints."""
        done = CliRunner().invoke(
            reelay, ["dead", *words], env=self.connections.environment(), standalone_mode=False
        )
        assert done.exception is None, done.output
        assert (done.return_value or 0) == status, done.output
        return done.output

    def dead_rows(self, *words: str) -> list[dict[str, Any]]:
        """The same with --json."""
        return [json.loads(line) for line in self.dead(*words, "--json").splitlines()]
