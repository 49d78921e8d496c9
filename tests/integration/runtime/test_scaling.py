"""Instances of a stage come and go on a real Kafka: each has an even share, and nobody stops."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ops.cluster.cluster import Cluster
from schemas.topics import VIDEO_UPLOADED, retry_topic

from .conftest import GROUP, Bench, until
from .kafka import create_topics, create_topics_of

PARTITIONS = 12
RETRIES = retry_topic(VIDEO_UPLOADED.name, GROUP)
WITHIN_S = 90


@pytest.fixture
def bench(cluster_programs: object, tmp_path: Path) -> Iterator[Bench]:
    """Toys on a broker of their own, whose topics have as many partitions as they have by default."""
    cluster = Cluster(tmp_path / "cluster")
    try:
        cluster.kafka.start()
        brokers = cluster.connections().kafka_brokers
        create_topics(brokers, partitions=PARTITIONS)
        create_topics_of(GROUP, brokers, partitions=PARTITIONS)
        bench = Bench(brokers, tmp_path, workers=1, http_port=-1)
        yield bench
        bench.close()
    finally:
        cluster.stop()


def shares(admin: AdminClient) -> list[Counter[str]]:
    """How many partitions of each topic every member of the group has; nobody any while that is not
    known."""
    try:
        group = admin.describe_consumer_groups([GROUP])[GROUP].result()
    except KafkaException:  # a new coordinator has to load
        return []
    return [
        Counter(place.topic for place in member.assignment.topic_partitions) for member in group.members
    ]


def test_instances_share_partitions_evenly_and_go_on_while_others_come_and_go(bench: Bench) -> None:
    videos: list[str] = []
    admin = AdminClient({"bootstrap.servers": bench.connections.kafka_brokers})

    def gate() -> str:
        return f"gate-{len(videos)}"

    def upload() -> None:
        """Two records for each partition, whose work does not end before the gate is open."""
        new = [f"video-{len(videos) + number}" for number in range(2 * PARTITIONS)]
        videos.extend(new)
        for number, video in enumerate(new):
            bench.upload(video, f"wait:{gate()} yield:{number}", partition=number % PARTITIONS)

    def is_shared_evenly() -> bool:
        number = len(bench.running())
        share = dict.fromkeys((VIDEO_UPLOADED.name, RETRIES), PARTITIONS // number)
        return shares(admin) == [Counter(share)] * number

    def all_work() -> None:
        """Open the gate as soon as shares are even: everything gets done, and everybody works on it."""
        until(is_shared_evenly, within_s=WITHIN_S)
        bench.touch(gate())
        until(lambda: len(bench.converted()) >= len(videos), within_s=WITHIN_S)
        uploaded = set(videos[-2 * PARTITIONS :])
        workers = {pid for _, video, _, pid in bench.log("began") if video in uploaded}
        assert len(workers) >= len(bench.running())

    for _ in range(3):
        upload()
        bench.start()
        all_work()
    upload()
    bench.toys[0].terminate()
    bench.touch(gate())  # what it works on is done before it goes
    assert bench.toys[0].wait(WITHIN_S) == 0
    all_work()
    upload()
    all_work()

    assert [video for video, _ in bench.converted()] == sorted(videos)
