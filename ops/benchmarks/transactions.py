"""Events a second in transactions: the runtime on one core, against a bare loop on the same core.

Both read the same kind of records from a real Kafka, which has another core, and write one event for
each, exactly once. The bare loop is confluent-kafka alone: it writes the value and headers that it
read. It neither decodes nor encodes, has no workers, and logs nothing. It puts as many records into a
transaction as the runtime did by itself.

What was done is read from the topic afterwards, by a reader of what is committed: when each event was
written, and how many transactions left their mark.
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil  # type: ignore[import-untyped]
from confluent_kafka import Consumer, TopicPartition

from connectors.kafka.admin import apply_topics
from connectors.kafka.clients import client_config, open_plain_consumer, open_producer, partitions_of
from connectors.registry import FingerprintRegistry
from connectors.settings import Connections
from ops.benchmarks.events import GROUP, idle_stage
from ops.benchmarks.figures import Figure, Repeats
from ops.cluster.cluster import Cluster
from ops.cluster.errors import ToolMissing
from processors.runtime.main import run
from processors.runtime.settings import RuntimeSettings
from processors.runtime.transactions import open_transactional_producer
from schemas.codec import Codec
from schemas.events import VideoUploaded
from schemas.headers import event_headers
from schemas.ids import event_id
from schemas.topics import VIDEO_CONVERTED, VIDEO_UPLOADED

_TIMES = 3
_EVENTS = 60_000
_WARM_S = 0.5
"""What is written before is not counted: caches fill, the first fetches come."""
_WITHIN_S = 300.0
_LOOK_S = 0.2
_SIZES = (100, 300, 1000)
_AIM = 0.6
_NAME = "events a second in transactions"


@dataclass(frozen=True, slots=True)
class _Ran:
    """rate: events a second. batch: events in a transaction, on average. processor_us: processor time of
    an event; it depends less than the rate on what else the machine does."""

    rate: float
    batch: float
    processor_us: float


def measure(long: bool) -> list[Figure]:
    """Takes about two minutes."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return [Figure(_NAME, "not measured: it takes a core for the broker and one for the rest")]
    try:
        with TemporaryDirectory() as folder, _on_core(cores[-1]), Cluster(Path(folder)) as cluster:
            connections = cluster.connections(registry_url="")  # both know their schemas
            apply_topics(connections)
            return _measured(connections, cores[0])
    except ToolMissing as error:
        return [Figure(_NAME, f"not measured: {error}")]


def _measured(connections: Connections, core: int) -> list[Figure]:
    ours = [_ran(partial(_runtime, connections, core), connections) for _ in range(_TIMES)]
    size = round(Repeats([ran.batch for ran in ours]).median)
    bare = {
        a_size: [
            _ran(partial(_bare_loop, connections, core, a_size), connections)
            for _ in range(_TIMES if a_size == size else 1)
        ]
        for a_size in (size, *_SIZES)
    }
    rates = {a_size: Repeats([ran.rate for ran in runs]) for a_size, runs in bare.items()}
    rate = Repeats([ran.rate for ran in ours])
    ratio = rate.median / rates[size].median
    return [
        Figure(f"{_NAME}, runtime with an idle processor, one core", f"{rate:.0f}"),
        Figure("events in each of its transactions", f"{Repeats([ran.batch for ran in ours]):.0f}"),
        Figure(f"{_NAME} of {size}, bare librdkafka loop, the same core", f"{rates[size]:.0f}"),
        Figure("the runtime against the bare loop", f"{ratio:.2f}", f"at least {_AIM:g}", ratio >= _AIM),
        *(
            Figure(f"processor time of an event, {what}", f"{_processor(runs):.0f} µs")
            for what, runs in (("runtime", ours), ("bare loop", bare[size]))
        ),
        *(Figure(f"the bare loop, transactions of {size}", f"{rates[size]:.0f}") for size in _SIZES),
    ]


def _processor(runs: Sequence[_Ran]) -> Repeats:
    return Repeats([ran.processor_us for ran in runs])


@contextmanager
def _on_core(core: int) -> Iterator[None]:
    """This process and those that it starts meanwhile are on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _ran(program: Callable[[], None], connections: Connections) -> _Ran:
    """Publish events and have the program make events of them, all of which a reader must see."""
    before = _ends(connections, VIDEO_CONVERTED.name)
    _fill(connections)
    process = multiprocessing.get_context("spawn").Process(target=program)
    process.start()
    try:
        deadline = time.monotonic() + _WITHIN_S
        wanted = sum(_ends(connections, VIDEO_UPLOADED.name).values())
        started = done = first_done = sum(_committed(connections).values())
        used_s = first_used_s = 0.0
        while done != wanted:
            if time.monotonic() > deadline or not process.is_alive():
                raise RuntimeError("the events were not done")
            time.sleep(_LOOK_S)
            done, used_s = sum(_committed(connections).values()), _processor_s(process.pid)
            if first_done == started:  # from here on it is at work
                first_done, first_used_s = done, used_s
    finally:
        process.terminate()
        process.join()
    rate, batch = _read(connections, before)
    return _Ran(rate, batch, 1e6 * (used_s - first_used_s) / (done - first_done))


def _processor_s(pid: int | None) -> float:
    """What a process and its children used so far."""
    parent = psutil.Process(pid)
    times = [one.cpu_times() for one in (parent, *parent.children(recursive=True))]
    return float(sum(time.user + time.system for time in times))


def _read(connections: Connections, before: dict[int, int]) -> tuple[float, float]:
    """Events a second, and events in a transaction."""
    consumer = open_plain_consumer(connections)
    topic = VIDEO_CONVERTED.name
    consumer.assign([TopicPartition(topic, number, offset) for number, offset in before.items()])
    times_ms: list[int] = []
    records = dict.fromkeys(before, 0)
    while len(times_ms) < _EVENTS and (messages := consumer.consume(1000, 10)):
        for message in messages:
            assert message.error() is None, message.error()
            times_ms.append(message.timestamp()[1])
            records[message.partition() or 0] += 1
    consumer.close()
    if len(times_ms) != _EVENTS:
        raise RuntimeError(f"{len(times_ms)} events are visible of {_EVENTS}")
    times_ms.sort()
    begin_ms = times_ms[0] + _WARM_S * 1000
    counted = [moment for moment in times_ms if moment > begin_ms]
    # a transaction ends with a marker in each partition that it wrote to, which takes an offset
    after = _ends(connections, topic)
    transactions = max(after[number] - before[number] - records[number] for number in before)
    rate = 1000 * len(counted) / (counted[-1] - begin_ms)
    return rate, _EVENTS / transactions


def _fill(connections: Connections) -> None:
    """Events as the gateway publishes them."""
    producer, codec = open_producer(connections, linger_ms=20), Codec(FingerprintRegistry())
    for number in range(_EVENTS):
        video = f"video-{number}"
        event = VideoUploaded(
            event_id=event_id("VideoUploaded", video, 1, "gateway"),
            made_at=datetime.now(UTC),
            video_id=video,
            source="file:///nowhere",
            name="nothing",
        )
        producer.produce(
            VIDEO_UPLOADED.name,
            key=video,
            value=codec.encode(event),
            headers=list(event_headers(event, source="gateway")),
        )
        producer.poll(0)
    producer.flush()


def _ends(connections: Connections, topic: str) -> dict[int, int]:
    consumer = open_plain_consumer(connections)
    try:
        return {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number))[1]
            for number in partitions_of(consumer, topic)
        }
    finally:
        consumer.close()


def _committed(connections: Connections) -> dict[int, int]:
    consumer = Consumer(client_config(connections) | {"group.id": GROUP})
    try:
        places = [
            TopicPartition(VIDEO_UPLOADED.name, number)
            for number in partitions_of(consumer, VIDEO_UPLOADED.name)
        ]
        committed = consumer.committed(places, timeout=30)
        return {place.partition: max(0, place.offset) for place in committed}
    finally:
        consumer.close()


def _bare_loop(connections: Connections, core: int, size: int) -> None:
    os.sched_setaffinity(0, {core})
    settings = {
        "group.id": GROUP,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
    }
    consumer = Consumer(client_config(connections) | settings)
    producer = open_transactional_producer(connections, "bare", transaction_timeout_s=10)
    consumer.subscribe([VIDEO_UPLOADED.name])
    while True:
        messages = consumer.consume(size, 1.0)
        if not messages:
            continue
        producer.begin_transaction()
        for message in messages:
            producer.produce(
                VIDEO_CONVERTED.name,
                key=message.key(),
                value=message.value(),
                headers=message.headers(),
            )
        producer.send_offsets_to_transaction(
            consumer.position(consumer.assignment()), consumer.consumer_group_metadata()
        )
        producer.commit_transaction()


def _runtime(connections: Connections, core: int) -> None:
    os.sched_setaffinity(0, {core})
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # its log, which it writes all the same
    run(idle_stage(), connections, RuntimeSettings(workers=1))
