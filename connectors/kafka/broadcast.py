"""The broadcast reader: reads whole topics, in every process, in no group.

All partitions of the topics are assigned from their beginning (or end) and nothing is committed, so each
process that reads sees every record. A partition's records come in order.
"""

import logging
from collections.abc import Iterable
from types import TracebackType
from typing import Literal

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, TopicPartition

from connectors.errors import DependencyDown
from connectors.kafka.clients import open_plain_consumer, partitions_of
from connectors.kafka.identity import cluster_id
from connectors.kafka.records import Partition, Record, record_of
from connectors.settings import Connections

log = logging.getLogger("reelay.kafka")

_REFUSALS = frozenset({KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED})


class BroadcastReader:
    """Follows topics. Not for several threads at once. positions: by partition, the offset from which it
    goes on; of all of them once it has caught up.

    Raises DependencyDown if the broker does not answer, TopicMissing.
    """

    def __init__(
        self,
        connections: Connections,
        topics: Iterable[str],
        *,
        start: Literal["beginning", "end"] = "beginning",
    ) -> None:
        self._consumer = open_plain_consumer(
            connections, enable_partition_eof=True, allow_auto_create_topics=True
        )
        offset = OFFSET_BEGINNING if start == "beginning" else OFFSET_END
        try:
            places = [
                TopicPartition(topic, partition, offset)
                for topic in topics
                for partition in partitions_of(self._consumer, topic)
            ]
            self._consumer.assign(places)
        except Exception:
            self._consumer.close()
            raise
        self._behind: set[Partition] = {(place.topic, place.partition) for place in places}
        self.positions: dict[Partition, int] = {}

    @property
    def caught_up(self) -> bool:
        """Whether every partition has been read to the end that it had when this began, or later."""
        return not self._behind

    def cluster_id(self) -> str:
        """As `identity.cluster_id`. Raises DependencyDown if the broker does not answer."""
        return cluster_id(self._consumer)

    def poll(self, timeout_s: float) -> Record | None:
        """The next record, of whichever partition; None if none came within `timeout_s` (blocks so
        long).

        Raises DependencyDown for a fault of the broker that does not pass by itself."""
        message = self._consumer.poll(timeout_s)
        if message is None:
            return None
        error = message.error()
        if error is None:
            record = record_of(message)
            self.positions[record.place] = record.offset + 1
            return record
        if error.code() == KafkaError._PARTITION_EOF:
            place = (str(message.topic()), int(message.partition() or 0))
            self.positions[place] = int(message.offset() or 0)
            self._behind.discard(place)
        elif error.fatal() or error.code() in _REFUSALS:
            raise DependencyDown("broker", error.str())
        else:  # librdkafka recovers by itself
            log.warning("%s: %s", error.name(), error.str())
        return None

    def close(self) -> None:
        self._consumer.close()

    def __enter__(self) -> "BroadcastReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
