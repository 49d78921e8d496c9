"""The embedded broker does what the local pipeline relies on, and has the limits that shape it."""

import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from connectors.kafka.embedded import MARK, RETAINED_BYTES, EmbeddedBroker
from connectors.kafka.identity import cluster_id


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker({"twelve": 12, "one": 1}) as broker:
        yield broker


@pytest.fixture
def producer(broker: EmbeddedBroker) -> Producer:
    return Producer({"bootstrap.servers": broker.brokers, "log_level": 3})


@pytest.fixture
def consumer(broker: EmbeddedBroker) -> Iterator[Callable[..., Consumer]]:
    opened: list[Consumer] = []

    def open_consumer(group: str) -> Consumer:
        config = {
            "bootstrap.servers": broker.brokers,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "log_level": 3,
        }
        opened.append(Consumer(config))
        return opened[-1]

    yield open_consumer
    for one in opened:
        one.close()


def polled(consumer: Consumer, deadline_s: float = 60) -> Message:
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            return message
    raise AssertionError(f"no record within {deadline_s} s")


def test_topics_have_the_partitions_that_were_asked_for(producer: Producer) -> None:
    topics = producer.list_topics(timeout=60).topics
    found = {name: len(topic.partitions) for name, topic in topics.items() if not name.startswith(MARK)}
    assert found == {"twelve": 12, "one": 1}


def test_a_new_broker_is_another_cluster() -> None:
    ids = set()
    for _ in range(2):
        with EmbeddedBroker({}) as broker:
            client = Consumer({"bootstrap.servers": broker.brokers, "group.id": "-"})
            ids.add(cluster_id(client))
            client.close()
    assert len(ids) == 2


def test_a_consumer_group_gets_its_first_record_without_the_three_second_wait(
    producer: Producer, consumer: Callable[..., Consumer]
) -> None:
    producer.produce("twelve", b"hello", key=b"k")
    assert producer.flush(60) == 0

    def first_record_s(group: str) -> float:
        reader = consumer(group)
        began = time.monotonic()
        reader.subscribe(["twelve"])
        assert polled(reader).value() == b"hello"
        return time.monotonic() - began

    # A machine that is busy with other things may be slow, but not each time.
    assert any(first_record_s(f"g{number}") < 2.9 for number in range(5))


def test_commit_metadata_comes_back_to_the_next_owner(
    producer: Producer, consumer: Callable[..., Consumer]
) -> None:
    producer.produce("one", b"x")
    assert producer.flush(60) == 0
    first = consumer("g")
    first.subscribe(["one"])
    polled(first)
    first.commit(offsets=[TopicPartition("one", 0, 1, "a" * 3000)], asynchronous=False)
    first.close()
    (found,) = consumer("g").committed([TopicPartition("one", 0)], timeout=60)
    assert (found.offset, found.metadata) == (1, "a" * 3000)


def test_a_full_partition_loses_its_oldest_records_and_says_so_by_its_low_watermark(
    producer: Producer, consumer: Callable[..., Consumer]
) -> None:
    record_bytes = 10_000
    for _ in range(RETAINED_BYTES // record_bytes + 50):
        producer.produce("one", b"x" * record_bytes)
    assert producer.flush(60) == 0
    low, high = consumer("g").get_watermark_offsets(TopicPartition("one", 0), timeout=60)
    assert low >= 50
    assert (high - low) * record_bytes <= RETAINED_BYTES


def test_a_closed_broker_no_longer_answers() -> None:
    broker = EmbeddedBroker({})
    address = broker.brokers
    broker.close()
    broker.close()
    client = Producer({"bootstrap.servers": address, "log_level": 0})
    with pytest.raises(Exception, match=r"(?i)transport"):
        client.list_topics(timeout=1)
