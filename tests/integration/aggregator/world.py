"""A broker, a store and the aggregator as a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import IO

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    Message,
    Producer,
    TopicPartition,
)

from connectors.kafka.clients import client_config, partitions_of
from connectors.kafka.embedded import EmbeddedBroker
from connectors.objectstore import ObjectStore, open_store
from connectors.registry import FingerprintRegistry
from connectors.settings import Connections
from processors.aggregator.app import internal_topics, run
from processors.aggregator.broker import JOINED
from schemas.codec import Codec
from schemas.events import (
    Event,
    FailureKind,
    Keyword,
    Model,
    Options,
    Part,
    SegmentEnriched,
    Sentence,
    StageFailed,
    Task,
    VideoConverted,
    VideoProbed,
    Word,
)
from schemas.headers import event_headers
from schemas.ids import event_id
from schemas.topics import TOPICS, dead_topic, topic_named, topic_of
from schemas.words import SegmentWords, dump_words

PARTITIONS = 4
WAIT_S = 90.0
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MODEL = Model(name="test", digest="d", engine="e", compute_type="int8")
ALL_TOPICS = {
    **{topic.name: PARTITIONS for topic in TOPICS},
    **dict.fromkeys(internal_topics(), PARTITIONS),
    **{dead_topic(name, "aggregator"): PARTITIONS for name in JOINED},
}
PATIENT = {"REELAY_AGGREGATOR_SESSION_TIMEOUT_S": "60"}
"""For one that is alone and not killed: on a busy machine, too, the broker does not give it up."""
_MAIN = "from tests.integration.aggregator.world import main; main()"


def main() -> None:
    """What the aggregator's process runs."""
    sys.exit(run(Connections()))  # type: ignore[call-arg]  # from the environment


def probed(video_id: str, *, wanted: tuple[Part, ...] = (Part.CAPTIONS,)) -> VideoProbed:
    return VideoProbed(
        video_id=video_id,
        made_at=AT,
        source="file:///x.mp4",
        name=f"{video_id}.mp4",
        container="mp4",
        duration_s=60.0,
        start_time_s=0.0,
        audio_tracks=(),
        video_tracks=(),
        audio_track=0,
        options=Options(),
        wanted=wanted,
    )


def converted(video_id: str, segments: int) -> VideoConverted:
    return VideoConverted(
        video_id=video_id, made_at=AT, segments=segments, duration_s=10.0 * segments, has_audio=True
    )


def failed(video_id: str, stage: str, index: int | None = None) -> StageFailed:
    return StageFailed(
        video_id=video_id,
        made_at=AT,
        stage=stage,
        index=index,
        start_s=None if index is None else 10.0 * index,
        end_s=None if index is None else 10.0 * index + 10.0,
        kind=FailureKind.BUG,
        reason=f"{stage} gave up",
    )


@dataclass
class World:
    """What a test sees: it publishes events and reads what the aggregator made of them.

    folder: that of the object store which `connections` names, or one of the test's own where that is
    none. Logs are beside it.
    """

    connections: Connections
    folder: Path
    store: ObjectStore = field(init=False)
    codec: Codec = field(default_factory=lambda: Codec(FingerprintRegistry()))
    producer: Producer = field(init=False)
    consumer: Consumer = field(init=False)
    apps: list["App"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.store = open_store(self.connections)
        self.producer = self.new_producer()
        self.consumer = Consumer(
            client_config(self.connections)
            | {"group.id": "-", "fetch.wait.max.ms": 10, "enable.partition.eof": True}
        )

    @classmethod
    def on(cls, broker: EmbeddedBroker, folder: Path) -> "World":
        """A world whose broker has ALL_TOPICS."""
        return cls(embedded(broker, folder), folder)

    def new_producer(self, **more: object) -> Producer:
        """more: librdkafka's settings, their dots written as underscores."""
        return Producer(
            client_config(self.connections)
            | {"partitioner": "murmur2_random", "linger.ms": 0}
            | {name.replace("_", "."): value for name, value in more.items()}
        )

    def segment(self, video_id: str, index: int, text: str = "Hello there.") -> SegmentEnriched:
        """A segment of ten seconds whose words are in the store."""
        words = tuple(
            Word(text=" " + word, start_s=1.0 + i, end_s=1.8 + i, probability=0.9)
            for i, word in enumerate(text.split())
        )
        artefact = self.store.put(
            f"media/{video_id}-{index}/words.json",
            dump_words(
                SegmentWords(
                    language="en",
                    language_probability=0.99,
                    task=Task.TRANSCRIBE,
                    model=MODEL,
                    words=words,
                )
            ),
        )
        start_s = 10.0 * index
        return SegmentEnriched(
            event_id=event_id("SegmentEnriched", video_id, 1, "enricher", index),
            video_id=video_id,
            made_at=AT,
            index=index,
            start_s=start_s,
            end_s=start_s + 10.0,
            audio_start_s=start_s,
            audio_end_s=start_s + 10.0,
            language="en",
            language_probability=0.99,
            artefact=artefact,
            word_count=len(words),
            sentences=(
                Sentence(
                    text=text,
                    start_s=start_s + 1.0,
                    end_s=start_s + 1.8 + len(words),
                    first_word=0,
                    end_word=len(words),
                ),
            ),
            keywords=(Keyword(text="hello", score=0.5),),
            speech_rate_wpm=120.0,
            model=MODEL,
        )

    def video(self, video_id: str, segments: int) -> list[Event]:
        """All events of a video whose stages all did well."""
        return [
            probed(video_id),
            *(self.segment(video_id, index) for index in range(segments)),
            converted(video_id, segments),
        ]

    def publish(self, *events: Event, producer: Producer | None = None) -> None:
        producer = producer or self.producer
        for event in events:
            topic = topic_of(event)
            stamped = event if event.event_id else replace(event, event_id="00000000-0000-0000-0000-1")
            producer.produce(
                topic.name,
                self.codec.encode(stamped),
                topic.key(event).encode(),
                headers=event_headers(stamped, source="test"),
            )
        assert producer.flush(WAIT_S) == 0

    def publish_bytes(
        self, topic: str, key: str, value: bytes, headers: dict[str, bytes] | None = None
    ) -> None:
        self.producer.produce(topic, value, key.encode(), headers=list((headers or {}).items()))
        assert self.producer.flush(WAIT_S) == 0

    def fill(self, topic: str) -> None:
        """Write more to every partition than the broker keeps."""
        for _ in range(24):
            for partition in range(ALL_TOPICS[topic]):
                self.producer.produce(topic, b"x" * 250_000, b"w:1:done", partition=partition)
        assert self.producer.flush(WAIT_S) == 0

    def read(self, topic: str) -> Iterator[Message]:
        """All records of a topic, as it is now."""
        partitions = partitions_of(self.consumer, topic)
        self.consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
        unread = set(partitions)
        while unread:
            message = self.consumer.poll(WAIT_S)
            assert message is not None
            if (error := message.error()) is None:
                yield message
            else:
                assert error.code() == KafkaError._PARTITION_EOF
                unread.discard(message.partition())

    def events(self, topic: str, video_id: str) -> list[Message]:
        """Records of a topic whose key begins with the video's."""
        key = video_id.encode()
        return [m for m in self.read(topic) if (m.key() or b"").split(b":")[0] == key]

    def until(self, what: Callable[[], object], why: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while not what():
            assert time.monotonic() < deadline, f"timed out: {why}"
            time.sleep(0.05)

    def until_outcome(self, video_id: str, topic: str = "reelay.video.completed") -> Event:
        """Wait for a video's outcome on a topic; the event."""
        self.until(lambda: self.events(topic, video_id), f"{video_id} on {topic}")
        value = self.events(topic, video_id)[0].value()
        assert value is not None
        return self.codec.decode(value, topic_named(topic))

    def start(self, main: str = _MAIN, **env: str) -> "App":
        app = App(self.connections, self.folder.parent, main, env)
        self.apps.append(app)
        return app

    def close(self) -> None:
        """Kill what still runs."""
        self.consumer.close()
        for app in self.apps:
            app.kill()

    @contextmanager
    def running(self, **env: str) -> Iterator["App"]:
        """The aggregator while the context lasts; stopped as an operator stops it."""
        app = self.start(**env)
        yield app
        assert app.stop() == 0


def embedded(broker: EmbeddedBroker, folder: Path) -> Connections:
    return Connections.only(kafka_brokers=broker.brokers, store_url=folder.as_uri())


class App:
    """The aggregator's process."""

    def __init__(
        self,
        connections: Connections,
        logs: Path,
        main: str = _MAIN,
        env: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.log: IO[bytes] = (logs / f"log-{time.monotonic_ns()}").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, "-c", main],
            stderr=self.log,
            env={
                **os.environ,
                **connections.environment(),
                "REELAY_AGGREGATOR_SESSION_TIMEOUT_S": "2",
                "REELAY_AGGREGATOR_COMMIT_INTERVAL_S": "0.1",
                "REELAY_AGGREGATOR_RETRY_MAX_S": "0.5",
                **env,
            },
        )

    def lines(self) -> list[dict[str, object]]:
        self.log.flush()
        whole, _, _ = Path(self.log.name).read_bytes().rpartition(b"\n")
        return [json.loads(line) for line in whole.splitlines() if line.startswith(b"{")]

    def said(self, text: str) -> bool:
        return any(text in str(line["message"]) for line in self.lines())

    def wait(self) -> int:
        return self.process.wait(WAIT_S)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
