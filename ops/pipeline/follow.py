"""Reads what happens on the topics, from the beginning, as an onlooker: no group, nothing committed."""

from types import TracebackType

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from schemas.codec import Codec, UndecodableError
from schemas.events import Event
from schemas.topics import Topic


class Follower:
    """Events of some topics in the order of each partition; of different partitions in any order.

    Raises KafkaException if the brokers cannot be reached within `connect_s`.
    """

    def __init__(
        self, brokers: str, topics: tuple[Topic, ...], codec: Codec, connect_s: float = 10.0
    ) -> None:
        self._codec = codec
        self._topics = {topic.name: topic for topic in topics}
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": "reelay-onlooker",  # required; nothing is subscribed or committed
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 100,
                "log_level": 3,
            }
        )
        known = self._consumer.list_topics(timeout=connect_s).topics
        self._consumer.assign(
            [
                TopicPartition(topic.name, partition, OFFSET_BEGINNING)
                for topic in topics
                if topic.name in known
                for partition in known[topic.name].partitions
            ]
        )

    def read(self, wait_s: float) -> list[Event]:
        """What has come, or nothing after `wait_s`. Records that are no events of ours are left out.

        Raises KafkaException for a fault that the client does not recover from.
        """
        events = []
        for message in self._consumer.consume(500, wait_s):
            error = message.error()
            if error is not None:
                if error.fatal() or error.code() == KafkaError._ALL_BROKERS_DOWN:
                    raise KafkaException(error)
                continue
            value, topic = message.value(), message.topic()
            if value is None or topic is None:  # a tombstone
                continue
            try:
                events.append(self._codec.decode(value, self._topics[topic]))
            except UndecodableError:
                continue  # its reader dead-letters it and tells the aggregator
        return events

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()

    def __enter__(self) -> "Follower":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
