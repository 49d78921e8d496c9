"""A member of a consumer group on some broker."""

from confluent_kafka import Consumer

from connectors.kafka.clients import open_group_consumer
from connectors.settings import Connections


def open_member(brokers: str) -> Consumer:
    """A consumer as processors have it, which has not joined yet."""
    return open_group_consumer(
        Connections.only(kafka_brokers=brokers, store_url="file:///unused"),
        "readers",
        protocol="classic",
        session_timeout_s=6,
        max_poll_interval_s=60,
        on_commit=lambda _, __: None,
        on_error=lambda _: None,
    )
