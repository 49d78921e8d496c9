"""A toy stage as processes of its own, on an embedded broker."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from confluent_kafka import Consumer, TopicPartition

from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.clients import open_producer
from connectors.kafka.embedded import EmbeddedBroker
from connectors.kafka.records import Record
from connectors.registry import FingerprintRegistry
from connectors.settings import Connections
from schemas.codec import Codec
from schemas.events import (
    Event,
    StageFailed,
    VideoCancelRequested,
    VideoConverted,
    VideoDeleted,
    VideoUploaded,
)
from schemas.topics import STAGE_FAILED, VIDEO_CONVERTED, VIDEO_UPLOADED, dead_topic, topic_of

HERE = Path(__file__).parent
GROUP = "toy"
WITHIN_S = 90.0
"""For what takes a second on a quiet machine."""
DEAD = dead_topic(VIDEO_UPLOADED.name, GROUP)
T = TypeVar("T")
CODEC = Codec(FingerprintRegistry())


def until(found: Callable[[], T], *, within_s: float = WITHIN_S) -> T:
    """The first thing found that counts as true."""
    deadline = time.monotonic() + within_s
    while not (it := found()):
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.01)
    return it


class Bench:
    """A broker, toys that run against it, and what they did.

    program: what is run in the place of `toy.py` or `mortal.py`. settings: of each toy, where a test
    chooses no others.
    """

    def __init__(
        self,
        brokers: str,
        folder: Path,
        group: str = GROUP,
        *,
        program: Sequence[str] = (),
        **settings: object,
    ) -> None:
        self.connections = Connections.only(kafka_brokers=brokers, store_url=f"file://{folder}")
        self.folder = folder
        self.group = group
        self.program = program
        self.settings = {"workers": 2, "retry_delay_s": 0.1, "max_probe_delay_s": 0.2} | settings
        self.producer = open_producer(self.connections)
        self.toys: list[subprocess.Popen[bytes]] = []

    def start(self, *struck: str, **settings: object) -> subprocess.Popen[bytes]:
        """Start a toy, in a process group of its own as a terminal would. struck: see `mortal.py`."""
        program = self.program or [str(HERE / ("mortal.py" if struck else "toy.py"))]
        environment = {
            f"REELAY_RUNTIME_{name.upper()}": str(v) for name, v in (self.settings | settings).items()
        }
        toy = subprocess.Popen(
            [sys.executable, *program, str(self.folder), self.group, *struck],
            env=os.environ | self.connections.environment() | environment,
            stderr=(self.folder / f"stderr-{len(self.toys)}").open("wb"),
            process_group=0,
        )
        self.toys.append(toy)
        return toy

    def running(self) -> list[subprocess.Popen[bytes]]:
        """The toys that run."""
        return [toy for toy in self.toys if toy.poll() is None]

    def tend(self, toys: int) -> None:
        """Start toys until so many run, as a supervisor would."""
        for _ in range(toys - len(self.running())):
            self.start()

    def said(self, toy: int = 0) -> str:
        """What a toy logged."""
        return (self.folder / f"stderr-{toy}").read_text()

    def upload(self, video_id: str, steps: str, *, partition: int = 0) -> None:
        self.publish(VideoUploaded(video_id=video_id, source="file:///x", name=steps), partition)

    def publish(self, event: Event, partition: int = 0) -> None:
        topic = topic_of(event)
        self.put(topic.name, CODEC.encode(event), key=topic.key(event).encode(), partition=partition)

    def put(self, topic: str, value: bytes, *, partition: int = 0, **rest: object) -> None:
        self.producer.produce(topic, value=value, partition=partition, **rest)
        assert self.producer.flush(60) == 0

    def touch(self, name: str) -> None:
        (self.folder / name).touch()

    def log(self, verb: str, video_id: str = "") -> list[list[str]]:
        """The toys' notes that begin so."""
        path = self.folder / "log"
        lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if line[0] == verb and video_id in ("", line[1])]

    def read(self, *topics: str) -> list[Record]:
        """All that is in these topics now."""
        records = []
        with BroadcastReader(self.connections, topics) as reader:
            while not reader.caught_up:
                if (record := reader.poll(0.1)) is not None:
                    records.append(record)
        return records

    def converted(self, *videos: str) -> list[tuple[str, int]]:
        """Video and number of each event that this group emitted for these videos (all by default),
        sorted."""
        events = [
            CODEC.decode(record.value, VIDEO_CONVERTED)
            for record in self.read(VIDEO_CONVERTED.name)
            if record.header("ce_source") == f"/reelay/{self.group}"
        ]
        found = [(e.video_id, e.segments) for e in events if isinstance(e, VideoConverted)]
        return sorted(pair for pair in found if not videos or pair[0] in videos)

    def failures(self) -> list[StageFailed]:
        events = [CODEC.decode(record.value, STAGE_FAILED) for record in self.read(STAGE_FAILED.name)]
        return [event for event in events if isinstance(event, StageFailed)]

    def committed(self, partition: int = 0, topic: str = VIDEO_UPLOADED.name) -> tuple[int, str]:
        """What the toys' group has committed: offset and metadata.

        While a transaction that has them is open, the broker does not tell; that of a toy that is
        stopped it ends only when it looks for such, every few seconds.
        """
        consumer = Consumer(
            {"bootstrap.servers": self.connections.kafka_brokers, "group.id": self.group}
        )
        try:
            (place,) = consumer.committed([TopicPartition(topic, partition)], timeout=30)
            return place.offset, place.metadata or ""
        finally:
            consumer.close()

    def close(self) -> None:
        for toy in self.toys:
            toy.kill()
            toy.wait()
        del self.producer  # while its broker answers, or librdkafka tries to reach it for a second


@contextmanager
def _opened(folder: Path) -> Iterator[Bench]:
    topics = {VIDEO_UPLOADED.name: 4, VIDEO_CONVERTED.name: 1, STAGE_FAILED.name: 1, DEAD: 1}
    with EmbeddedBroker(topics) as broker:
        settings = {"delivery": "at-least-once", "group_protocol": "classic", "session_timeout_s": 3}
        bench = Bench(broker.brokers, folder, **settings)
        try:
            yield bench
        finally:
            bench.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench of the test's own, no toy running."""
    with _opened(tmp_path) as bench:
        yield bench


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench with a toy that runs through many tests; two videos were unwanted before it started."""
    with _opened(tmp_path_factory.mktemp("shared")) as bench:
        bench.publish(VideoCancelRequested(video_id="cancelled"))
        bench.publish(VideoDeleted(video_id="deleted"))
        bench.start(max_dead_in_row=1000)
        yield bench
