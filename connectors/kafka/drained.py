"""Whether the pipeline has nothing left to do, so that the topics it joins may be changed."""

import time
from collections.abc import Sequence

from confluent_kafka import KafkaError, TopicPartition

from connectors.errors import DependencyDown
from connectors.kafka.administration import Administration
from connectors.kafka.clients import open_plain_consumer
from connectors.settings import Connections
from schemas.topics import READERS, RETRYING, retry_topic

_TIMEOUT_S = 30.0
_POLL_S = 0.1


def work_left(connections: Connections, admin: Administration) -> str | None:
    """Why the pipeline is not drained: a group that runs, or a record that one has not finished.

    A video that waits anywhere may have pieces in the aggregator's table, in a partition that later ones
    would no longer reach; and processors learn of new partitions only when they start.
    """
    for group, members in admin.members(READERS).items():
        if members:
            return f"stop the {group}, which has {members} running"
    for group, topics in READERS.items():
        names = [topic.name for topic in topics]
        names += [retry_topic(name, group) for name in names if group in RETRYING]
        if (waiting := _first_waiting(connections, admin.positions(group, names))) is not None:
            return f"let the {group} finish {waiting} first"
    return None


def _first_waiting(connections: Connections, positions: Sequence[TopicPartition]) -> str | None:
    """The first topic with a record at or after its group's position.

    It is read for: the markers of transactions have offsets too, so the distance to a partition's end
    says nothing."""
    if not positions:
        return None
    consumer = open_plain_consumer(connections, enable_partition_eof=True)
    try:
        consumer.assign(list(positions))
        left = {(place.topic, place.partition) for place in positions}
        deadline = time.monotonic() + _TIMEOUT_S
        while left:
            message = consumer.poll(_POLL_S)
            if time.monotonic() > deadline:
                raise DependencyDown("broker", "topics could not be read to their ends")
            if message is None:
                continue
            error = message.error()
            if error is None:
                return message.topic()
            if error.code() == KafkaError._PARTITION_EOF:
                left.discard((message.topic(), message.partition()))
    finally:
        consumer.close()
    return None
