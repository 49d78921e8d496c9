"""Toys on a real Kafka: its topics, its groups, and what these have committed."""

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


def create_topics(brokers: str, *, partitions: int = PARTITIONS) -> None:
    """Those that toys of whatever group read and write."""
    by_all = (VIDEO_UPLOADED, VIDEO_CONVERTED, STAGE_FAILED, VIDEO_PROGRESS)
    topics = (*by_all, VIDEO_CANCEL_REQUESTED, VIDEO_DELETED)
    create(brokers, *(topic.name for topic in topics), partitions=partitions)


def create_topics_of(group: str, brokers: str, *, partitions: int = PARTITIONS) -> None:
    """Those of one group of toys: of its retries and its dead letters."""
    topics = (retry_topic(VIDEO_UPLOADED.name, group), dead_topic(VIDEO_UPLOADED.name, group))
    create(brokers, *topics, partitions=partitions)


def create(brokers: str, *topics: str, partitions: int = PARTITIONS) -> None:
    admin = AdminClient({"bootstrap.servers": brokers})
    for topic in admin.create_topics([NewTopic(name, partitions, 1) for name in topics]).values():
        topic.result()
    places = {TopicPartition(name, n): OffsetSpec.latest() for name in topics for n in range(partitions)}
    until(lambda: has_leaders(admin, places), within_s=60)


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
    """Let the group have read everything that is there."""
    consumer = Consumer({"bootstrap.servers": bench.connections.kafka_brokers, "group.id": bench.group})
    places = [
        TopicPartition(VIDEO_UPLOADED.name, partition, end) for partition, end in enumerate(ends(bench))
    ]
    until(lambda: is_committed(consumer, places), within_s=60)  # a new coordinator has to load
    consumer.close()


def is_committed(consumer: Consumer, places: list[TopicPartition]) -> bool:
    try:
        return bool(consumer.commit(offsets=places, asynchronous=False))
    except KafkaException:
        return False


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


def remove_records(bench: Bench, before: int) -> None:
    admin = AdminClient({"bootstrap.servers": bench.connections.kafka_brokers})
    for done in admin.delete_records([TopicPartition(VIDEO_UPLOADED.name, 0, before)]).values():
        done.result()
