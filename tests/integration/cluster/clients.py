"""Plain clients of the three servers, made from nothing but addresses and credentials."""

import io
import json
import logging
import ssl
import time
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import urllib3
from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient, NewTopic
from minio import Minio

from connectors.settings import Connections

_ANSWER_S = 60
_REFUSAL_S = 60
_silent = logging.getLogger("tests.cluster.kafka")
_silent.propagate = False


def kafka(connections: Connections, **more: Any) -> AdminClient:
    config: dict[str, Any] = {"bootstrap.servers": connections.kafka_brokers, **more}
    if connections.kafka_tls:
        config |= {
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": connections.tls_ca,
            "sasl.mechanism": connections.kafka_sasl_mechanism,
            "sasl.username": connections.kafka_username,
            "sasl.password": connections.kafka_password.get_secret_value(),
        }
    return AdminClient(config, logger=_silent)


def assert_kafka_refuses(connections: Connections, *names: str) -> None:
    """A client meets an error of one of these names; it tries again after others, such as of a broker
    that hangs up while it is busy."""
    errors: list[KafkaError] = []
    client = kafka(connections, error_cb=errors.append)
    deadline = time.monotonic() + _REFUSAL_S
    while not any(error.name() in names for error in errors):
        assert time.monotonic() < deadline, f"{names} did not come; {errors} did"
        client.poll(0.1)


def make_topic(connections: Connections, name: str) -> None:
    client = kafka(connections)
    for made in client.create_topics([NewTopic(name, 3)]).values():
        made.result(_ANSWER_S)


def topics(connections: Connections) -> dict[str, int]:
    """Each topic's number of partitions."""
    found = kafka(connections).list_topics(timeout=_ANSWER_S).topics
    return {name: len(topic.partitions) for name, topic in found.items()}


def register(connections: Connections, subject: str) -> None:
    schema = json.dumps({"schema": '"string"'}).encode()
    request = urllib.request.Request(
        f"{connections.registry_url}/subjects/{subject}/versions",
        data=schema,
        headers={"Content-Type": "application/vnd.schemaregistry.v1+json"},
    )
    urllib.request.urlopen(request, timeout=_ANSWER_S, context=_trust(connections)).close()


def subjects(connections: Connections) -> list[str]:
    url = f"{connections.registry_url}/subjects"
    with urllib.request.urlopen(url, timeout=_ANSWER_S, context=_trust(connections)) as answer:
        found: list[str] = json.load(answer)
    return found


def put(connections: Connections, key: str, content: bytes) -> None:
    store(connections).put_object("reelay", key, io.BytesIO(content), len(content))


def get(connections: Connections, key: str) -> bytes:
    return store(connections).get_object("reelay", key).read()


def store(connections: Connections) -> Minio:
    return Minio(
        urlsplit(connections.store_endpoint).netloc,
        access_key=connections.store_access_key,
        secret_key=connections.store_secret_key.get_secret_value(),
        secure=connections.store_endpoint.startswith("https"),
        http_client=urllib3.PoolManager(
            ca_certs=connections.tls_ca or None, timeout=_ANSWER_S, retries=False
        ),
    )


def _trust(connections: Connections) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=connections.tls_ca) if connections.tls_ca else None
