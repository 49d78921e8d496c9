"""What a group has committed is asked for until its coordinator tells."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connectors.errors import DependencyDown
from connectors.kafka.clients import committed_offsets
from connectors.kafka.embedded import EmbeddedBroker
from tests.integration.kafka.members import open_member

PLACE = [TopicPartition("one", 0)]


@contextmanager
def opened(brokers: str) -> Iterator[Consumer]:
    consumer = open_member(brokers)
    yield consumer
    consumer.close()


@contextmanager
def silent() -> Iterator[str]:
    """The address of somebody who takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


class Moving:
    """A consumer whose coordinator refuses so many times before it tells."""

    def __init__(self, consumer: Consumer, refusals: int) -> None:
        self.consumer = consumer
        self.refusals = refusals

    def committed(self, partitions: list[TopicPartition], *, timeout: float) -> list[TopicPartition]:
        if self.refusals:
            self.refusals -= 1
            raise KafkaException(KafkaError(KafkaError.NOT_COORDINATOR))
        return self.consumer.committed(partitions, timeout=timeout)


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker({"one": 1}) as broker:
        yield broker


def test_a_coordinator_that_moves_is_asked_again(broker: EmbeddedBroker) -> None:
    with opened(broker.brokers) as consumer:
        consumer.commit(offsets=[TopicPartition("one", 0, 7, "metadata")], asynchronous=False)
        moving: Any = Moving(consumer, refusals=2)
        (found,) = committed_offsets(moving, PLACE, within_s=60)
    assert (found.offset, found.metadata) == (7, "metadata")


def test_nobody_who_tells_in_time_is_a_dependency_that_is_down() -> None:
    with silent() as address, opened(address) as consumer:
        began = time.monotonic()
        with pytest.raises(DependencyDown, match="committed offsets"):
            committed_offsets(consumer, PLACE, within_s=0.5)
    assert time.monotonic() - began > 0.4
