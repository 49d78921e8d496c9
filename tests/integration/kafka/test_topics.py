"""`reelay topics`: a cluster's topics become what the list says, and nothing in flight is broken."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from connectors.kafka.admin import TopicState, apply_topics, describe_topics
from connectors.kafka.clients import client_config, open_producer
from connectors.kafka.layout import TopicChoices, wanted_topics
from connectors.settings import Connections
from ops.cli.main import reelay
from ops.cluster.cluster import Cluster
from schemas.topics import AGGREGATOR, CHANGELOG, VIDEO_PROBED

DEADLINE_S = 60
TWO = TopicChoices(partitions=2)
JOINED = {setup.name for setup in wanted_topics() if setup.joined}


@pytest.fixture(scope="module")
def connections(own_cluster: Callable[..., Cluster]) -> Connections:
    return own_cluster(bare=True).connections()


@pytest.fixture
def admin(connections: Connections) -> AdminClient:
    return AdminClient(client_config(connections))


@pytest.fixture
def bare(connections: Connections, admin: AdminClient) -> Iterator[Connections]:
    """A cluster without topics."""
    yield connections
    ours = [name for name in admin.list_topics().topics if not name.startswith("__")]
    for answer in admin.delete_topics(ours).values() if ours else ():
        answer.result()
    until(lambda: all(name.startswith("__") for name in admin.list_topics().topics))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def topics(connections: Connections, *arguments: str) -> tuple[int, str]:
    """Exit status and output of `reelay topics …`."""
    environment = dict.fromkeys(("REELAY_AGGREGATOR_PARTITIONS", "REELAY_TOPICS_FILE"))
    result = CliRunner(env=environment).invoke(
        reelay, ["topics", *arguments, "--brokers", connections.kafka_brokers]
    )
    return result.exit_code, result.output


def states(connections: Connections) -> dict[str, TopicState]:
    return {state.name: state for state in describe_topics(connections, TWO)}


def test_a_dry_run_says_what_applying_does_and_applying_again_does_nothing(bare: Connections) -> None:
    said = apply_topics(bare, TWO, dry_run=True)
    assert all(state.partitions is None for state in describe_topics(bare, TWO))

    assert apply_topics(bare, TWO) == said
    assert {change.topic for change in said} == {setup.name for setup in wanted_topics()}
    assert apply_topics(bare, TWO) == ()
    for name, state in states(bare).items():
        assert state.differs == ()
        assert state.replication == 1
        assert state.partitions == (1 if name.endswith(".dead") else 2)


def test_a_setting_that_somebody_changed_is_named_and_put_right(
    bare: Connections, admin: AdminClient
) -> None:
    apply_topics(bare, TWO)
    entry = ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, VIDEO_PROBED.name, incremental_configs=[entry])
    for answer in admin.incremental_alter_configs([resource]).values():
        answer.result()
    until(lambda: states(bare)[VIDEO_PROBED.name].differs != ())
    assert states(bare)[VIDEO_PROBED.name].differs == ("retention.ms 1000 → 604800000",)

    status, said = topics(bare, "apply", "--partitions", "2", "--dry-run")
    assert (status, said.splitlines()[0]) == (
        0,
        "alter reelay.video.probed: retention.ms 1000 → 604800000",
    )
    status, said = topics(bare, "apply", "--partitions", "2", "--json")
    assert (status, json.loads(said)["action"]) == (0, "alter")
    until(lambda: states(bare)[VIDEO_PROBED.name].differs == ())


def test_segments_grow_freely_and_what_cannot_change_is_named(bare: Connections) -> None:
    apply_topics(bare, TWO)
    more = TopicChoices(2, topics={name: {"partitions": 4} for name in ("reelay.audio.segmented",)})
    apply_topics(bare, more)
    assert states(bare)["reelay.audio.segmented"].partitions == 4

    outcomes = TopicChoices(2, 3, topics={"reelay.video.completed": {"partitions": 4}})
    stays = {change.what for change in apply_topics(bare, outcomes)}
    assert "partitions 2 → 4: a tombstone would no longer find its record" in stays
    assert "partitions 4 → 2: Kafka never takes partitions away" in stays
    assert "replication 1 → 3: kafka-reassign-partitions changes that" in stays
    assert states(bare)["reelay.video.completed"].partitions == 2


def test_joined_topics_grow_only_when_nothing_is_in_flight(bare: Connections) -> None:
    apply_topics(bare, TWO)
    grow = ("apply", "--partitions", "3", "--grow-joined")

    status, said = topics(bare, "apply", "--partitions", "3")
    assert (status, said.count("\n")) == (1, 1)
    assert "have 2 partitions, not 3: ask for 2, or finish all work, stop all processors" in said
    status, said = topics(bare, "apply", "--partitions", "1", "--grow-joined")
    assert status == 1
    assert "Kafka never takes partitions away: ask for 2" in said
    assert all(states(bare)[name].partitions == 2 for name in JOINED)

    producer = open_producer(bare)
    producer.produce(VIDEO_PROBED.name, b"piece", b"v")
    producer.flush(DEADLINE_S)
    status, said = topics(bare, *grow)
    assert status == 1
    assert "let the aggregator finish its work (lag 1)" in said

    with_group = client_config(bare) | {"group.id": AGGREGATOR, "enable.auto.commit": False}
    consumer = Consumer(with_group)
    consumer.subscribe([VIDEO_PROBED.name])
    until(lambda: bool(consumer.poll(0.1) or consumer.assignment()))
    ends = [TopicPartition(VIDEO_PROBED.name, number, 1) for number in range(2)]
    consumer.commit(offsets=ends, asynchronous=False)
    status, said = topics(bare, *grow)
    assert status == 1
    assert "stop the aggregator (members: 1)" in said
    consumer.close()

    status, said = topics(bare, *grow)
    assert status == 0, said
    assert f"grown {CHANGELOG}: partitions 2 → 3" in said
    until(lambda: all(states(bare)[name].partitions == 3 for name in JOINED))


def test_topics_are_described_with_what_they_hold(bare: Connections) -> None:
    apply_topics(bare, TWO)
    producer = open_producer(bare)
    for number in range(3):
        producer.produce(VIDEO_PROBED.name, b"piece", str(number).encode())
    producer.flush(DEADLINE_S)

    status, said = topics(bare, "describe", "--partitions", "2")
    assert status == 0
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines()}
    assert rows["reelay.video.probed"] == ["2", "1", "7", "d", "3"]
    assert rows["reelay.video.progress"] == ["2", "1", "1", "h", "0"]
    assert rows["reelay.video.completed"] == ["2", "1", "compacted", "0"]

    status, said = topics(bare, "describe", "--partitions", "2", "--json")
    described = [json.loads(line) for line in said.splitlines()]
    assert {topic["name"]: topic["records"] for topic in described}["reelay.video.probed"] == 3
    assert all(topic["differs"] == [] for topic in described)


def test_a_cluster_that_is_not_there_is_one_line(bare: Connections) -> None:
    nowhere = bare.model_copy(update={"kafka_brokers": "127.0.0.1:1"})

    status, said = topics(nowhere, "describe")

    assert (status, said.count("\n")) == (1, 1)
    assert "Connection refused" in said
