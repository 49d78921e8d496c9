"""The catalogue on a real Kafka, with a registry, an S3 store and PostgreSQL."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGKILL

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.kafka.clients import client_config, open_producer
from connectors.settings import Connections
from ops.cluster.cluster import Cluster
from processors.runtime.main import Exit
from schemas.topics import VIDEO_UPLOADED
from tests.integration.catalog.stories import story
from tests.integration.catalog.world import World
from tests.unit.catalog.videos import uploaded


@pytest.fixture(scope="module")
def cluster(own_cluster: Callable[..., Cluster]) -> Cluster:
    return own_cluster()


@pytest.fixture
def open_world(cluster: Cluster, tmp_path: Path) -> Iterator[Callable[[str], World]]:
    worlds: list[World] = []

    def open_world(database_url: str) -> World:
        logs = tmp_path / f"logs-{len(worlds)}"
        logs.mkdir()
        worlds.append(World(cluster.connections(database_url=database_url), logs))
        return worlds[-1]

    yield open_world
    for world in worlds:
        world.close()


def test_kills_of_processes_broker_and_database_change_nothing(
    cluster: Cluster, open_world: Callable[[str], World], postgres_url: str, tmp_path: Path
) -> None:
    """Two share the partitions; the group goes by Kafka's own protocol; aborted transactions and the
    marks of others lie between the records."""
    dice = random.Random(3)
    world = open_world(postgres_url)
    fleet = [world.start(), world.start()]

    def tended() -> bool:
        """Start again what ended, as a supervisor does: the broker was away."""
        ended = [process for process in fleet if process.poll() is not None]
        for process in ended:
            assert process.returncode in (-SIGKILL, Exit.BROKER), world.said()
            fleet[fleet.index(process)] = world.start()
        return not ended

    abort_some(world.connections)
    for n, events in enumerate(story(world.store, range(28))):
        world.publish(*dice.sample(events, len(events)))
        if n == 7:
            fleet[0].kill()
        if n == 14:
            cluster.kafka.kill()
            cluster.kafka.start()
        tended()
    world.until(lambda: tended() and world.caught_up(), "all is folded")
    rows = world.rows()
    assert len(rows[0]) == 24
    assert rows[2][0].total == 8
    for process in fleet:
        assert world.stop(process) == Exit.DRAINED

    anew = open_world(f"sqlite://{tmp_path / 'catalogue.sqlite3'}")
    process = anew.start()
    anew.until(anew.caught_up, "all is folded again")
    assert anew.rows() == rows
    assert anew.stop(process) == Exit.DRAINED


def test_records_that_were_dropped_unread_have_it_rebuilt_from_the_store(
    cluster: Cluster, open_world: Callable[[str], World], postgres_url: str
) -> None:
    world = open_world(postgres_url)
    process = world.start()
    for events in story(world.store, range(7)):
        world.publish(*events)
    world.until(world.caught_up, "all is folded")
    found = world.rows()[2]
    assert world.stop(process) == Exit.DRAINED
    for n in range(40):
        world.publish(uploaded(f"lost-{n}"))
    drop_all(world.connections, VIDEO_UPLOADED.name)

    assert world.start().wait(90) == Exit.GAP
    assert "dropped before they had been read" in world.said()
    process = world.start()
    world.publish(uploaded("later"))
    world.until(world.caught_up, "it is rebuilt")
    assert "later" in {row.video_id for row in world.rows()[0]}
    assert world.rows()[2] == found
    assert world.stop(process) == Exit.DRAINED


def abort_some(connections: Connections) -> None:
    """Records that nobody may see, and marks of transactions in every partition."""
    producer = open_producer(connections, transactional_id="test-aborts")
    producer.init_transactions(90)
    for commits in (False, True):
        producer.begin_transaction()
        for partition in range(12):
            producer.produce(VIDEO_UPLOADED.name, b"nonsense" if not commits else None, b"k", partition)
        (producer.commit_transaction if commits else producer.abort_transaction)(90)


def drop_all(connections: Connections, topic: str) -> None:
    """As the broker does with what is older than a topic's retention."""
    admin = AdminClient(client_config(connections))
    places = [
        TopicPartition(topic, number, -1)  # to the end
        for number in admin.list_topics(topic, timeout=90).topics[topic].partitions
    ]
    for answer in admin.delete_records(places).values():
        answer.result(90)
