"""TLS and passwords at a real Kafka: who may come in does, who may not is told why, once."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from pydantic import SecretStr

from connectors.errors import DependencyDown
from connectors.kafka.access import BrokerRefuses, reach
from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.clients import client_config, open_producer
from ops.cluster.cluster import Cluster

WITHIN_S = 60


@pytest.fixture(scope="module")
def secure(own_cluster: Callable[..., Cluster]) -> Iterator[Cluster]:
    return own_cluster(secure=True, bare=True)


def test_events_go_there_and_back_by_tls_with_a_password(secure: Cluster) -> None:
    connections = secure.connections()
    topic = f"access-{uuid4().hex}"
    admin = AdminClient(client_config(connections))
    admin.create_topics([NewTopic(topic, 1)])[topic].result(WITHIN_S)
    producer = open_producer(connections)
    producer.produce(topic, value=b"seen")
    assert producer.flush(WITHIN_S) == 0

    with BroadcastReader(connections, [topic]) as reader:
        deadline = time.monotonic() + WITHIN_S
        while (record := reader.poll(0.1)) is None:
            assert time.monotonic() < deadline
    assert record.value == b"seen"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"kafka_password": SecretStr("guess")}, "invalid credentials.*REELAY_KAFKA_PASSWORD"),
        ({"kafka_username": "nobody"}, "invalid credentials.*REELAY_KAFKA_USERNAME"),
        ({"tls_ca": ""}, "certificate.*REELAY_TLS_CA"),
        ({"tls_ca": "/nowhere/ca.pem"}, "ssl.ca.location"),
    ],
)
def test_who_is_refused_is_told_why(secure: Cluster, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(BrokerRefuses, match=words) as refusal:
        reach(secure.connections(**wrong), timeout_s=WITHIN_S)

    assert "\n" not in str(refusal.value)
    assert "guess" not in str(refusal.value)


def test_nobody_there_is_told_from_a_refusal(secure: Cluster) -> None:
    with pytest.raises(DependencyDown, match="Connection refused") as nobody:
        reach(secure.connections(kafka_brokers="127.0.0.1:1"), timeout_s=5)

    assert not isinstance(nobody.value, BrokerRefuses)


def test_an_expired_certificate_is_refused(secure: Cluster) -> None:
    secure.kafka.stop()
    secure.certify(expired=True)
    secure.kafka.start()
    try:
        with pytest.raises(BrokerRefuses, match=r"certificate.*REELAY_TLS_CA"):
            reach(secure.connections(), timeout_s=WITHIN_S)
    finally:
        secure.kafka.stop()
        secure.certify()
        secure.kafka.start()
