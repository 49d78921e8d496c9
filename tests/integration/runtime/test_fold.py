"""The runtime of processors that keep their state in a database, with a state in memory."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from prometheus_client import generate_latest

from connectors.database import Move, Superseded
from connectors.errors import DependencyDown
from connectors.kafka.clients import open_producer
from connectors.kafka.embedded import EmbeddedBroker
from connectors.kafka.records import Partition, Record
from connectors.registry import FingerprintRegistry
from connectors.settings import Connections
from processors.runtime import aside, fold
from processors.runtime.faults import GapError
from processors.runtime.fold import FoldLoop
from processors.runtime.handover import buried
from processors.runtime.jobs import TooManyDeadLettersError
from processors.runtime.settings import RuntimeSettings
from schemas.codec import Codec
from schemas.events import Event, VideoUploaded
from schemas.topics import VIDEO_UPLOADED, dead_topic
from tests.topics import records_of

TOPIC = VIDEO_UPLOADED.name
DEAD = dead_topic(TOPIC, "toy")
CODEC = Codec(FingerprintRegistry())
WAIT_S = 60.0


def until(look: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not look():
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.01)


@dataclass
class Memory:
    """A state that lives through restarts of the loop, and does what a test says before it applies."""

    cluster: str | None = None
    offsets: dict[Partition, int] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    begun: int = 0
    down: bool = False
    before: Callable[[Sequence[Event]], None] = lambda events: None

    def positions(self, cluster_id: str) -> Mapping[Partition, int] | None:
        self.probe()
        return dict(self.offsets) if cluster_id == self.cluster else None

    def begin(self, cluster_id: str) -> Iterator[None]:
        self.probe()
        self.seen.clear()
        self.offsets.clear()
        yield
        self.begun += 1
        self.cluster = cluster_id

    def apply(self, cluster_id: str, moves: Sequence[Move], events: Sequence[Event]) -> None:
        self.probe()
        self.before(events)
        for move in moves:
            if cluster_id != self.cluster or self.offsets.get(move.place) != move.start:
                raise Superseded(str(move))
        self.offsets |= {move.place: move.end for move in moves}
        self.seen += [event.video_id for event in events]

    def forget(self) -> None:
        self.cluster = None

    def probe(self) -> None:
        if self.down:
            raise DependencyDown("database", "down")

    def close(self) -> None: ...


class Toy:
    """A loop in a thread."""

    def __init__(self, connections: Connections, memory: Memory, **settings: object) -> None:
        given = {
            "delivery": "at-least-once",
            "group_protocol": "classic",
            "session_timeout_s": 3,
            "max_probe_delay_s": 0.2,
        } | settings
        self.loop = FoldLoop("toy", [VIDEO_UPLOADED], memory, connections, RuntimeSettings(**given))
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.loop.run()
        except BaseException as error:
            self.error = error

    def stop(self) -> None:
        self.loop.drain()
        self.join()

    def join(self) -> None:
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker({TOPIC: 2, DEAD: 1}) as broker:
        yield broker


@pytest.fixture
def connections(broker: EmbeddedBroker, tmp_path: Path) -> Connections:
    return Connections.only(kafka_brokers=broker.brokers, store_url=tmp_path.as_uri())


@pytest.fixture
def producer(connections: Connections) -> Producer:
    return open_producer(connections)


@pytest.fixture
def start(connections: Connections) -> Iterator[Callable[..., Toy]]:
    toys: list[Toy] = []

    def start(memory: Memory, **settings: object) -> Toy:
        toys.append(Toy(connections, memory, **settings))
        return toys[-1]

    yield start
    for toy in toys:
        toy.stop()


def publish(producer: Producer, *names: str, partition: int = 0) -> None:
    for name in names:
        value = CODEC.encode(VideoUploaded(video_id=name, source="file:///x"))
        producer.produce(TOPIC, value, partition=partition)
    assert producer.flush(WAIT_S) == 0


def letters(connections: Connections) -> list[Record]:
    return records_of(connections, [DEAD])


def test_records_are_applied_once_and_in_order_over_restarts(
    producer: Producer, start: Callable[..., Toy]
) -> None:
    memory = Memory()
    names = [f"v{n}" for n in range(500)]
    publish(producer, *names[:250])
    toy = start(memory)
    until(lambda: len(memory.seen) == 250)
    toy.stop()
    publish(producer, *names[250:])
    start(memory)
    until(lambda: len(memory.seen) == 500)
    assert memory.seen == names
    assert memory.begun == 1


def test_the_group_is_told_how_far_it_is(
    connections: Connections, producer: Producer, start: Callable[..., Toy]
) -> None:
    publish(producer, "a", "b")
    start(Memory())
    consumer = Consumer({"bootstrap.servers": connections.kafka_brokers, "group.id": "toy"})
    until(lambda: consumer.committed([TopicPartition(TOPIC, 0)], timeout=WAIT_S)[0].offset == 2)
    consumer.close()


def test_while_the_database_is_down_nothing_is_lost_and_order_is_kept(
    producer: Producer, start: Callable[..., Toy]
) -> None:
    memory = Memory(down=True)
    toy = start(memory)
    publish(producer, "a", "b")
    until(lambda: toy.loop._outage.dependency)
    memory.down = False
    until(lambda: memory.seen == ["a", "b"])
    memory.down = True
    publish(producer, "c", "d")
    until(lambda: toy.loop._outage.dependency)
    until(lambda: not toy.loop.vitals.ready()[0])
    publish(producer, "e")
    assert toy.loop.vitals.live()[0]
    memory.down = False
    until(lambda: memory.seen == ["a", "b", "c", "d", "e"])
    until(lambda: toy.loop.vitals.ready()[0])


def test_bytes_that_are_no_event_become_a_dead_letter_and_are_passed_over(
    connections: Connections, producer: Producer, start: Callable[..., Toy]
) -> None:
    memory = Memory()
    start(memory)
    publish(producer, "a")
    producer.produce(TOPIC, b"no Avro", key=b"k", partition=0)
    producer.produce(TOPIC, None, key=b"k", partition=0)  # a tombstone is no error
    publish(producer, "b")
    until(lambda: memory.seen == ["a", "b"])
    (letter,) = letters(connections)
    assert (letter.value, letter.key) == (b"no Avro", b"k")
    assert (buried(letter).kind, buried(letter).origin) == ("poison", f"{TOPIC}/0/1")


def test_an_upload_stamped_with_no_time_of_ours_becomes_a_dead_letter(
    connections: Connections, producer: Producer, start: Callable[..., Toy]
) -> None:
    memory = Memory()
    start(memory)
    value = CODEC.encode(VideoUploaded(video_id="a", source="file:///x"))
    microseconds = 1_700_000_000_000_000
    producer.produce(TOPIC, value, key=b"k", partition=0, timestamp=microseconds)
    publish(producer, "b")
    until(lambda: memory.seen == ["b"])
    (letter,) = letters(connections)
    assert "out of range" in buried(letter).reason


def test_what_raises_is_given_up_by_itself_after_some_tries(
    connections: Connections, producer: Producer, start: Callable[..., Toy]
) -> None:
    tries: list[str] = []

    def fail(events: Sequence[Event]) -> None:
        tries.extend(event.video_id for event in events if len(events) == 1)
        if any(event.video_id == "bad" for event in events):
            raise KeyError("a bug")

    memory = Memory(before=fail)
    publish(producer, "a", "bad", "b")
    publish(producer, "c", partition=1)
    start(memory, max_attempts=2)
    until(lambda: sorted(memory.seen) == ["a", "b", "c"])
    assert [name for name in memory.seen if name != "c"] == ["a", "b"]
    assert tries.count("bad") == 2
    (letter,) = letters(connections)
    assert buried(letter).kind == "bug"
    assert "a bug" in (buried(letter).reason or "")


def test_when_everything_raises_the_process_ends(producer: Producer, start: Callable[..., Toy]) -> None:
    def fail(events: Sequence[Event]) -> None:
        if events:
            raise KeyError("a bug")

    memory = Memory(before=fail)
    publish(producer, *(f"v{n}" for n in range(20)))
    toy = start(memory, max_attempts=1, max_dead_in_row=5)
    toy.join()
    assert isinstance(toy.error, TooManyDeadLettersError)
    assert memory.offsets[TOPIC, 0] < 6


def test_who_is_superseded_reads_the_positions_anew(
    producer: Producer, start: Callable[..., Toy]
) -> None:
    memory = Memory()
    start(memory)
    publish(producer, "a")
    until(lambda: memory.seen == ["a"])
    memory.offsets[TOPIC, 0] = 3  # as another process would have
    publish(producer, "b", "c", "d")
    until(lambda: memory.seen == ["a", "d"])


def test_a_state_that_was_forgotten_is_made_anew(producer: Producer, start: Callable[..., Toy]) -> None:
    memory = Memory()
    start(memory)
    publish(producer, "a")
    until(lambda: memory.seen == ["a"])
    memory.forget()
    publish(producer, "b")
    until(lambda: memory.seen == ["a", "b"])
    assert memory.begun == 2


def test_records_that_were_dropped_unread_end_the_process_and_have_the_state_made_anew(
    producer: Producer, start: Callable[..., Toy]
) -> None:
    memory = Memory()
    toy = start(memory)
    publish(producer, "a")
    until(lambda: memory.seen == ["a"])
    toy.stop()
    for _ in range(24):  # more than the broker keeps
        producer.produce(TOPIC, b"x" * 250_000, partition=0)
    assert producer.flush(WAIT_S) == 0
    toy = start(memory)
    toy.join()
    assert isinstance(toy.error, GapError)
    assert memory.cluster is None
    publish(producer, "b")
    start(memory, max_dead_in_row=1000)
    until(lambda: memory.seen == ["b"])
    assert memory.begun == 2


def test_partitions_are_shared_and_taken_over(producer: Producer, start: Callable[..., Toy]) -> None:
    memory = Memory()
    first, second = start(memory), start(memory)
    until(lambda: len(first.loop._owned) == len(second.loop._owned) == 1)
    publish(producer, "a", partition=0)
    publish(producer, "b", partition=1)
    until(lambda: sorted(memory.seen) == ["a", "b"])
    first.stop()
    publish(producer, "c", partition=0)
    publish(producer, "d", partition=1)
    until(lambda: sorted(memory.seen) == ["a", "b", "c", "d"])


def test_a_slow_transaction_holds_up_neither_the_group_nor_what_health_says(
    producer: Producer, start: Callable[..., Toy]
) -> None:
    began, goes_on = threading.Event(), threading.Event()

    def be_slow(events: Sequence[Event]) -> None:
        if any(event.video_id == "slow" for event in events):
            began.set()
            assert goes_on.wait(WAIT_S)

    memory = Memory(before=be_slow)
    first = start(memory, max_poll_interval_s=300)
    publish(producer, "a")
    until(lambda: memory.seen == ["a"])
    try:
        publish(producer, "slow")
        until(began.is_set)
        seen_at = time.monotonic()
        until(lambda: first.loop.vitals.polled_at > seen_at)
        second = start(memory, max_poll_interval_s=300)
        until(lambda: len(first.loop._owned) == len(second.loop._owned) == 1)
        assert memory.seen == ["a"]
    finally:
        goes_on.set()
    publish(producer, "b", partition=0)
    publish(producer, "c", partition=1)
    until(lambda: len(memory.seen) >= 4)
    assert sorted(memory.seen) == ["a", "b", "c", "slow"]


def test_a_state_that_is_made_in_many_quick_steps_is_seen_to_be_made(
    start: Callable[..., Toy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "_SOON_S", WAIT_S)  # whatever else this machine does, steps are quick
    began, goes_on = threading.Event(), threading.Event()

    def begin(memory: Memory, cluster_id: str) -> Iterator[None]:
        while not goes_on.wait(0.005):
            began.set()
            yield
        memory.cluster = cluster_id

    monkeypatch.setattr(Memory, "begin", begin)
    toy = start(Memory())
    try:
        until(began.is_set)
        seen_at = time.monotonic()
        until(lambda: toy.loop.vitals.polled_at > seen_at)
    finally:
        goes_on.set()


def test_a_batch_is_bounded_in_bytes(
    producer: Producer, start: Callable[..., Toy], monkeypatch: pytest.MonkeyPatch
) -> None:
    value = CODEC.encode(VideoUploaded(video_id="v00", source="file:///x"))
    monkeypatch.setattr(fold, "_BATCH_BYTES", 3 * len(value))
    batches: list[int] = []
    memory = Memory(before=lambda events: batches.append(len(events)))
    names = [f"v{n:02}" for n in range(50)]
    publish(producer, *names)
    start(memory)
    until(lambda: memory.seen == names)
    assert max(batches) <= 3


def test_lag_and_outages_are_measured(producer: Producer, start: Callable[..., Toy]) -> None:
    memory = Memory()
    toy = start(memory)
    publish(producer, "a")
    until(lambda: memory.seen == ["a"])
    lag = f'reelay_lag_records{{partition="0",topic="{TOPIC}"}}'
    until(lambda: f"{lag} 0.0" in generate_latest(toy.loop.metrics.registry).decode())
    memory.down = True
    publish(producer, "b")
    paused = 'reelay_paused_partitions{reason="dependency_down"} 2.0'
    until(lambda: paused in generate_latest(toy.loop.metrics.registry).decode())


def test_only_who_has_a_partition_tells_its_lag(producer: Producer, start: Callable[..., Toy]) -> None:
    def told(toy: Toy) -> list[str]:
        page = generate_latest(toy.loop.metrics.registry).decode()
        return [line for line in page.splitlines() if line.startswith("reelay_lag_records{")]

    memory = Memory()
    first = start(memory)
    publish(producer, "a", partition=0)
    publish(producer, "b", partition=1)
    until(lambda: len(told(first)) == 2)
    second = start(memory)
    until(lambda: len(first.loop._owned) == len(second.loop._owned) == 1)
    until(lambda: len(told(first)) == len(told(second)) == 1)
