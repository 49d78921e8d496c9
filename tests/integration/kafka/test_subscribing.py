"""What a callback of a group's consumer raises is heard by whoever polls or closes it."""

from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.kafka.clients import subscribe
from connectors.kafka.embedded import EmbeddedBroker
from tests.integration.kafka.members import open_member

Places = list[TopicPartition]


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    with EmbeddedBroker({"one": 1}) as broker:
        yield open_member(broker.brokers)


def ignore(_: Consumer, __: Places) -> None: ...


def assign_twice(consumer: Consumer, places: Places) -> None:
    consumer.incremental_assign(places)
    consumer.incremental_assign(places)


def ask_without_patience(consumer: Consumer, places: Places) -> None:
    consumer.committed(places, timeout=0)


def fail(_: Consumer, __: Places) -> None:
    raise LookupError("not ours")


def test_an_error_of_librdkafka_in_a_callback_can_be_caught(consumer: Consumer) -> None:
    subscribe(consumer, ["one"], on_assign=assign_twice, on_revoke=ignore, on_lost=ignore)
    with pytest.raises(KafkaException, match="already part of the current assignment"):
        consumer.poll(30)
    consumer.close()


def test_one_while_it_leaves_its_group_too(consumer: Consumer) -> None:
    subscribe(consumer, ["one"], on_assign=ignore, on_revoke=ask_without_patience, on_lost=ignore)
    while not consumer.assignment():
        consumer.poll(0.1)
    with pytest.raises(KafkaException, match="committed offsets"):
        consumer.close()


def test_an_error_of_ours_in_a_callback_can_be_caught(consumer: Consumer) -> None:
    subscribe(consumer, ["one"], on_assign=fail, on_revoke=ignore, on_lost=ignore)
    with pytest.raises(LookupError, match="not ours"):
        consumer.poll(30)
    consumer.close()
