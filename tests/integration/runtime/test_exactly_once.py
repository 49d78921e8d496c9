"""On a real Kafka, each event of each record is seen once by whoever reads what is committed."""

import signal
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from ops.cluster.cluster import Cluster
from schemas.topics import (
    STAGE_FAILED,
    VIDEO_CANCEL_REQUESTED,
    VIDEO_CONVERTED,
    VIDEO_DELETED,
    VIDEO_PROGRESS,
    VIDEO_UPLOADED,
    dead_topic,
    retry_topic,
)

from .conftest import Bench, until

PARTITIONS = 4
SESSION_S = 2
BOTH = pytest.mark.parametrize("protocol", ["consumer", "classic"])
_numbers = count(1)
Open = Callable[..., Bench]


@pytest.fixture(scope="module")
def kafka(own_cluster: Callable[..., Cluster]) -> str:
    """A broker's address, with the toys' topics."""
    cluster = own_cluster(bare=True)
    brokers = cluster.connections().kafka_brokers
    shared = (VIDEO_UPLOADED, VIDEO_CONVERTED, STAGE_FAILED, VIDEO_PROGRESS)
    create(brokers, *(t.name for t in (*shared, VIDEO_CANCEL_REQUESTED, VIDEO_DELETED)))
    return brokers


@pytest.fixture
def open_bench(kafka: str, tmp_path: Path) -> Iterator[Open]:
    """Opens benches, each with a group of its own that has read everything that is there."""
    benches = []

    def open_one(protocol: str = "consumer", **settings: object) -> Bench:
        group = f"toy-{next(_numbers)}"
        create(kafka, retry_topic(VIDEO_UPLOADED.name, group), dead_topic(VIDEO_UPLOADED.name, group))
        drop_silent_members(kafka, group)
        chosen = {"group_protocol": protocol, "session_timeout_s": SESSION_S, "transaction_timeout_s": 3}
        (tmp_path / group).mkdir()
        benches.append(Bench(kafka, tmp_path / group, group, **chosen | settings))
        read_up(benches[-1])
        return benches[-1]

    yield open_one
    for bench in benches:
        bench.close()


def create(brokers: str, *topics: str) -> None:
    admin = AdminClient({"bootstrap.servers": brokers})
    for topic in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in topics]).values():
        topic.result()
    places = {TopicPartition(name, n): OffsetSpec.latest() for name in topics for n in range(PARTITIONS)}
    until(lambda: has_leaders(admin, places))


def has_leaders(admin: AdminClient, places: dict[TopicPartition, OffsetSpec]) -> bool:
    try:
        return all(found.result().offset == 0 for found in admin.list_offsets(places).values())
    except KafkaException:
        return False


def drop_silent_members(brokers: str, group: str) -> None:
    """Let the broker drop members of the group as soon as classic ones are dropped."""
    session = ConfigEntry(
        "consumer.session.timeout.ms",
        str(SESSION_S * 1000),
        incremental_operation=AlterConfigOpType.SET,
    )
    resource = ConfigResource(ResourceType.GROUP, group, incremental_configs=[session])
    admin = AdminClient({"bootstrap.servers": brokers})
    for done in admin.incremental_alter_configs([resource]).values():
        done.result()


def read_up(bench: Bench) -> None:
    consumer = Consumer({"bootstrap.servers": bench.connections.kafka_brokers, "group.id": bench.group})
    places = [TopicPartition(VIDEO_UPLOADED.name, partition) for partition in range(PARTITIONS)]
    for place in places:
        place.offset = consumer.get_watermark_offsets(place)[1]
    consumer.commit(offsets=places, asynchronous=False)
    consumer.close()


def ends(bench: Bench, topic: str = VIDEO_UPLOADED.name) -> list[int]:
    consumer = Consumer({"bootstrap.servers": bench.connections.kafka_brokers, "group.id": "-"})
    try:
        places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        return [consumer.get_watermark_offsets(place)[1] for place in places]
    finally:
        consumer.close()


def all_committed(bench: Bench) -> bool:
    wanted = [(end, "") for end in ends(bench)]
    return [bench.committed(partition) for partition in range(PARTITIONS)] == wanted


@BOTH
def test_yields_retries_and_dead_letters_come_out_once(open_bench: Open, protocol: str) -> None:
    bench = open_bench(protocol)
    steps = {"plain": "yield:1 yield:2", "late": "yield:1 transient:1 yield:2", "bad": "yield:1 poison"}
    videos = [f"{name} {bench.group}" for name in steps]
    for video, todo in zip(videos, steps.values(), strict=True):
        bench.upload(video, todo)
    bench.start()
    until(lambda: all_committed(bench), within_s=40)
    plain, late, bad = videos
    until(lambda: len(bench.converted(*videos)) >= 5)
    assert bench.converted(*videos) == sorted([(plain, 1), (plain, 2), (late, 1), (late, 2), (bad, 1)])
    assert [failure.video_id for failure in bench.failures() if failure.video_id in videos] == [bad]
    assert len(bench.read(dead_topic(VIDEO_UPLOADED.name, bench.group))) == 1


MOMENTS = [
    ("before", "send_offsets_to_transaction", "2"),
    ("before", "commit_transaction", "2"),
    ("after", "commit_transaction", "2"),
]


@BOTH
def test_a_process_killed_at_the_worst_moment_loses_and_doubles_nothing(
    open_bench: Open, protocol: str
) -> None:
    benches = [open_bench(protocol) for _ in MOMENTS]  # each does all that is uploaded
    videos = [f"{benches[0].group} {partition}" for partition in range(PARTITIONS)]
    for partition, video in enumerate(videos):
        benches[0].upload(video, "yield:0 wait:go yield:1 yield:2", partition=partition)
    for bench, moment in zip(benches, MOMENTS, strict=True):
        bench.start(*moment, "SIGKILL", workers=4)
        bench.touch("go")
    for bench in benches:
        assert bench.toys[0].wait(40) == -signal.SIGKILL
        bench.start(workers=4)
    for bench in benches:
        until(lambda b=bench: all_committed(b), within_s=60)
        assert bench.converted() == [(video, n) for video in videos for n in range(3)]
