"""A broker, a store, a database, and the catalogue as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from connectors.database import open_catalogue
from connectors.kafka.clients import open_producer
from connectors.objectstore import open_store
from connectors.registry import open_registry
from connectors.settings import Connections
from schemas.codec import Codec
from schemas.events import Event
from schemas.headers import event_headers
from schemas.topics import CATALOG, READERS, dead_topic, topic_of

REELAY = Path(sys.executable).with_name("reelay")
PARTITIONS = 3
TOPICS = {
    **{topic.name: PARTITIONS for topic in READERS[CATALOG]},
    **{dead_topic(topic.name, CATALOG): 1 for topic in READERS[CATALOG]},
}
WAIT_S = 90.0
WORDS = ("alpha", "beta", "gamma", '"one two"', "word*")


class World:
    """What a test sees. connections: with a database; folder: for logs."""

    def __init__(self, connections: Connections, folder: Path, **environ: str) -> None:
        self.connections = connections
        self.store = open_store(connections)
        self.catalogue = open_catalogue(connections)
        self._codec = Codec(open_registry(connections))
        self._producer = open_producer(connections)
        self._folder = folder
        self._environ = {
            **connections.environment(),
            "REELAY_RUNTIME_SESSION_TIMEOUT_S": "3",
            "REELAY_RUNTIME_MAX_PROBE_DELAY_S": "0.5",
            "REELAY_RUNTIME_HTTP_PORT": "-1",
            **environ,
        }
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, **environ: str) -> subprocess.Popen[bytes]:
        """Start a catalogue, as an operator does."""
        with (self._folder / f"log-{len(self.running)}").open("wb") as log:
            process = subprocess.Popen(
                [REELAY, "processor", CATALOG],
                env={**os.environ, **self._environ, **environ},
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self.running.append(process)
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        process.send_signal(signal.SIGTERM)
        return process.wait(WAIT_S)

    def said(self, number: int = -1) -> str:
        """What the catalogue of that number logged."""
        return (self._folder / f"log-{number % len(self.running)}").read_text()

    def publish(self, *events: Event) -> None:
        for event in events:
            topic = topic_of(event)
            self._producer.produce(
                topic.name,
                self._codec.encode(event),
                topic.key(event).encode(),
                headers=event_headers(event, source="test"),
            )
        assert self._producer.flush(WAIT_S) == 0

    def put(self, topic: str, value: bytes) -> None:
        self._producer.produce(topic, value, b"k")
        assert self._producer.flush(WAIT_S) == 0

    def caught_up(self) -> bool:
        """Whether all that was published is in the database."""
        offsets: dict[Any, int] = {}
        for cluster in self._clusters():
            offsets |= self.catalogue.offsets(cluster) or {}
        consumer = Consumer({"bootstrap.servers": self.connections.kafka_brokers, "group.id": "-"})
        try:
            for topic in READERS[CATALOG]:
                for number in (
                    consumer.list_topics(topic.name, timeout=WAIT_S).topics[topic.name].partitions
                ):
                    place = TopicPartition(topic.name, number)
                    _, end = consumer.get_watermark_offsets(place, timeout=WAIT_S)
                    if offsets.get((topic.name, number), 0) < end:
                        return False
        finally:
            consumer.close()
        return True

    def _clusters(self) -> list[str]:
        from connectors.kafka.identity import cluster_id  # noqa: PLC0415

        consumer = Consumer({"bootstrap.servers": self.connections.kafka_brokers, "group.id": "-"})
        try:
            return [cluster_id(consumer)]
        finally:
            consumer.close()

    def rows(self) -> Any:
        """All that a reader can see."""
        listed = self.catalogue.videos(limit=1000).items
        details = [self.catalogue.video(row.video_id) for row in listed]
        return listed, details, [self.catalogue.search(word, limit=1000) for word in WORDS]

    def until(self, what: Callable[[], object], why: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while not what():
            assert time.monotonic() < deadline, f"timed out: {why}; {self.said()[-3000:]}"
            time.sleep(0.1)

    def close(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()
        self.catalogue.close()
