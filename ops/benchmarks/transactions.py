"""Events a second in transactions: the runtime on one core, against a bare loop on the same core.

Both read the same kind of records from a real Kafka, which has another core, and write one event for
each, exactly once. The runtime is a processor as `reelay processor` runs one: a poll loop and one worker
process, which decodes each event by its Avro schema, gives it to a stage that does nothing, stamps and
encodes the event that this yields; transactions are as large as they become. The bare loop is
confluent-kafka alone: it writes the value and headers that it read, neither decodes nor encodes, has no
workers, and logs nothing. It puts as many records into a transaction as the runtime did just before.

That each event is there, and when it was written, is read from the topic afterwards, by a reader of what
is committed. How many commits there were is told by the runtime's own metrics. Processor time is that of
the process, its worker and librdkafka's threads: what else the machine does changes it less than a rate.
"""

import multiprocessing
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn
from urllib.request import urlopen

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
from ops.cluster.ports import HOST, free_ports
from processors.runtime.main import run
from processors.runtime.settings import RuntimeSettings
from processors.runtime.transactions import open_transactional_producer
from schemas.codec import Codec
from schemas.events import VideoUploaded
from schemas.headers import event_headers
from schemas.ids import event_id
from schemas.topics import VIDEO_CONVERTED, VIDEO_UPLOADED

_TIMES = 3
_EVENTS = 30_000
_WARM = 5
"""The first of so many events are not counted: caches fill, the first fetches come."""
_WITHIN_S = 300.0
_LOOK_S = 0.05
_AIM = 0.6
_NAME = "events a second in transactions"
_COMMITS = re.compile(r"^reelay_commit_seconds_count (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Ran:
    """rate: events a second. commits: how many, where the program counts them. processor_us: processor
    time of an event."""

    rate: float
    commits: int | None
    processor_us: float


def measure(long: bool) -> list[Figure]:
    """Takes about a minute and a half."""
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
    ours, bare, sizes = [], [], []
    port = next(free_ports())
    for _ in range(_TIMES):  # by turns, so that other load meets both
        ours.append(_ran(partial(_runtime, connections, core, port), connections, port))
        sizes.append(round(_EVENTS / (ours[-1].commits or 1)))
        bare.append(_ran(partial(_bare_loop, connections, core, sizes[-1]), connections))
    ratio = Repeats([our.rate / its.rate for our, its in zip(ours, bare, strict=True)])
    return [
        Figure(f"{_NAME}, runtime with an idle processor, one core", f"{_rates(ours):.0f}"),
        Figure("events in each of its transactions, on average", f"{Repeats(sizes):.0f}"),
        Figure(f"{_NAME} as large, bare librdkafka loop, the same core", f"{_rates(bare):.0f}"),
        Figure(
            "the runtime against the bare loop",
            f"{ratio:.2f}",
            f"at least {_AIM:g}",
            ratio.median >= _AIM,
        ),
        Figure("processor time of an event, runtime", f"{_processor(ours):.0f} µs"),
        Figure("processor time of an event, bare loop", f"{_processor(bare):.0f} µs"),
    ]


def _rates(runs: list[_Ran]) -> Repeats:
    return Repeats([ran.rate for ran in runs])


def _processor(runs: list[_Ran]) -> Repeats:
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


def _ran(program: Callable[[], None], connections: Connections, port: int | None = None) -> _Ran:
    """Publish events and have the program make events of them, all of which a reader must see.

    port: where it shows its metrics."""
    before = _ends(connections, VIDEO_CONVERTED.name)
    _fill(connections)
    process = multiprocessing.get_context("spawn").Process(target=program)
    process.start()
    group = Consumer(client_config(connections) | {"group.id": GROUP})
    try:
        deadline = time.monotonic() + _WITHIN_S
        wanted = sum(_ends(connections, VIDEO_UPLOADED.name).values())
        started = done = first_done = _committed(group)
        used_s = first_used_s = 0.0
        while done != wanted:
            if time.monotonic() > deadline or not process.is_alive():
                raise RuntimeError("the events were not done")
            time.sleep(_LOOK_S)
            done, used_s = _committed(group), _processor_s(process.pid)
            if first_done == started:  # from here on it is at work
                first_done, first_used_s = done, used_s
        commits = None if port is None else _commits(port)
    finally:
        process.terminate()
        process.join()
        group.close()
    if done == first_done:
        raise RuntimeError("the events were done before anybody looked")
    rate = _read(connections, before)
    return _Ran(rate, commits, 1e6 * (used_s - first_used_s) / (done - first_done))


def _commits(port: int) -> int:
    with urlopen(f"http://{HOST}:{port}/metrics", timeout=_WITHIN_S) as answer:
        found = _COMMITS.search(answer.read().decode())
    assert found is not None
    return round(float(found[1]))


def _processor_s(pid: int | None) -> float:
    """What a process and its children used so far."""
    parent = psutil.Process(pid)
    times = [one.cpu_times() for one in (parent, *parent.children(recursive=True))]
    return float(sum(time.user + time.system for time in times))


def _read(connections: Connections, before: dict[int, int]) -> float:
    """How many events a second were written since."""
    consumer = open_plain_consumer(connections)
    consumer.assign(
        [TopicPartition(VIDEO_CONVERTED.name, number, offset) for number, offset in before.items()]
    )
    times_ms: list[int] = []
    while len(times_ms) < _EVENTS and (messages := consumer.consume(1000, 10)):
        for message in messages:
            assert message.error() is None, message.error()
            times_ms.append(message.timestamp()[1])
    consumer.close()
    if len(times_ms) != _EVENTS:
        raise RuntimeError(f"{len(times_ms)} events are visible of {_EVENTS}")
    counted = sorted(times_ms)[_EVENTS // _WARM :]
    return 1000 * len(counted) / (counted[-1] - counted[0])


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


def _committed(group: Consumer) -> int:
    """Up to where the partitions are done, added up. group: of the group, but no member."""
    partitions = partitions_of(group, VIDEO_UPLOADED.name)
    places = [TopicPartition(VIDEO_UPLOADED.name, number) for number in partitions]
    return sum(max(0, place.offset) for place in group.committed(places, timeout=30))


def _bare_loop(connections: Connections, core: int, size: int) -> NoReturn:
    os.sched_setaffinity(0, {core})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    settings = {
        "group.id": GROUP,
        "group.protocol": "consumer",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
    }
    consumer = Consumer(client_config(connections) | settings)
    producer = open_transactional_producer(connections, "bare", transaction_timeout_s=10)
    consumer.subscribe([VIDEO_UPLOADED.name])
    try:
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
    finally:
        consumer.close()


def _runtime(connections: Connections, core: int, port: int) -> None:
    os.sched_setaffinity(0, {core})
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # its log, which it writes all the same
    run(idle_stage(), connections, RuntimeSettings(workers=1, http_port=port))
