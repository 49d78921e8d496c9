"""Kafka clients, configured in one place from `Connections`."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, Literal

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from connectors.errors import DependencyDown
from connectors.settings import Connections

kafka_log = log = logging.getLogger("reelay.kafka")

# syslog's levels, as librdkafka counts them; what librdkafka calls INFO (a connection was closed) tells
# an operator nothing, so it appears at DEBUG only
_LOG_LEVELS = {"DEBUG": 7, "INFO": 4, "WARNING": 4, "ERROR": 3}
_FETCH_WAIT_MS = 25
_AGAIN_S = 0.2
MAX_EVENT_BYTES = 900_000
"""The largest value that producers of ours write; brokers refuse records above 1,000,000 bytes."""
MAX_RECORD_BYTES = 950_000
"""The same for value, key and headers together, so that there is room for headers to come."""


class TopicMissing(LookupError):
    """The broker has no such topic; an operator creates topics before programs use them."""


_NO_SUCH_TOPIC = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC})

OnPartitions = Callable[[Consumer, list[TopicPartition]], None]
"""Told of partitions that come or go."""


def client_config(connections: Connections) -> dict[str, Any]:
    """What every Kafka client of ours needs to reach the broker."""
    return {
        "bootstrap.servers": connections.kafka_brokers,
        # While the broker is away, each attempt is a line in the log; by default, twenty a second.
        "reconnect.backoff.ms": 1000,
        "log_level": _LOG_LEVELS.get(connections.log_level.upper(), 4),
        **_security(connections),
    }


def _security(connections: Connections) -> dict[str, Any]:
    """How the broker is reached, and who we are. Holds the password."""
    protocol = "SSL" if connections.kafka_tls else "PLAINTEXT"
    if not connections.kafka_tls and not connections.kafka_username:
        return {}
    config: dict[str, Any] = {"security.protocol": protocol}
    if connections.kafka_username:
        config |= {
            "security.protocol": f"SASL_{protocol}",
            "sasl.mechanism": connections.kafka_sasl_mechanism,
            "sasl.username": connections.kafka_username,
            "sasl.password": connections.kafka_password.get_secret_value(),
        }
    if connections.kafka_tls and connections.tls_ca:
        config["ssl.ca.location"] = connections.tls_ca
    return config


def open_producer(
    connections: Connections, *, on_error: Callable[[KafkaError], None] | None = None, **more: Any
) -> Producer:
    """A producer that keeps its records' order and puts a key where Java, Faust and librdkafka agree.

    on_error: told of what happens to its connections, whenever it is polled. more: further librdkafka
    settings, their dots written as underscores (`linger_ms=5`).
    """

    def heard(error: KafkaError) -> None:
        _log_client_error(error)
        if on_error is not None:
            on_error(error)

    config = client_config(connections) | {
        "partitioner": "murmur2_random",
        "enable.idempotence": True,
        "linger.ms": 0,
        "error_cb": heard,
    }
    return Producer(config | _dotted(more), logger=log)


def open_group_consumer(
    connections: Connections,
    group: str,
    *,
    protocol: Literal["classic", "consumer"],
    session_timeout_s: float,
    max_poll_interval_s: float,
    on_commit: Callable[[KafkaError | None, list[TopicPartition]], None],
    on_error: Callable[[KafkaError], None],
) -> Consumer:
    """A consumer that commits only what it is told to and never skips silently.

    `auto.offset.reset=error`: a position below what the broker still keeps is reported by `poll` as
    `_AUTO_OFFSET_RESET`, not skipped. Whoever assigns gives partitions without a committed offset their
    start (`OFFSET_BEGINNING`). The end of a partition is reported as `_PARTITION_EOF`.

    protocol: by which the group agrees who reads what; either way a rebalance takes only those
    partitions that move. session_timeout_s: for "classic"; with "consumer" the broker's settings decide.
    """
    return Consumer(
        client_config(connections)
        | {
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            **_membership(protocol, session_timeout_s),
            "max.poll.interval.ms": round(max_poll_interval_s * 1000),
            "on_commit": on_commit,
            "error_cb": on_error,
            **_FETCHING,
        },
        logger=log,
    )


def _membership(protocol: Literal["classic", "consumer"], session_timeout_s: float) -> dict[str, Any]:
    if protocol == "consumer":
        # Spreads each topic by itself, and moves no more than it must. "uniform" counts all topics'
        # partitions alike: of two members, one got all uploads, the other all retries and nothing to do.
        return {"group.protocol": "consumer", "group.remote.assignor": "range"}
    # "cooperative-sticky" has the fault of "uniform", but all others of librdkafka stop every member.
    return {
        "group.protocol": "classic",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": round(session_timeout_s * 1000),
        "heartbeat.interval.ms": round(min(3.0, session_timeout_s / 3) * 1000),
    }


def subscribe(
    consumer: Consumer,
    topics: Iterable[str],
    *,
    on_assign: OnPartitions,
    on_revoke: OnPartitions,
    on_lost: OnPartitions,
) -> None:
    """Join the consumer's group. What the callbacks raise, `poll` and `close` raise."""
    consumer.subscribe(
        list(topics),
        on_assign=_raising(on_assign),
        on_revoke=_raising(on_revoke),
        on_lost=_raising(on_lost),
    )


def _raising(callback: OnPartitions) -> OnPartitions:
    """The callback, with errors that can be passed on. What a call of librdkafka raises is made an
    exception only where it is caught: if it never was, `poll` would raise a bare `KafkaError`, which no
    `except` catches (confluent-kafka 2.16)."""

    def call(consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            callback(consumer, partitions)
        except KafkaException:
            raise

    return call


def open_plain_consumer(connections: Connections, **more: Any) -> Consumer:
    """A consumer for `assign`: it joins no group and commits nothing."""
    config = client_config(connections) | {
        "group.id": "reelay-readers",  # librdkafka asks for a name; no group of that name ever forms
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "error_cb": _log_client_error,
        **_FETCHING,
    }
    return Consumer(config | _dotted(more), logger=log)


_FETCHING = {
    # A broker answers one fetch at a time, so a partition that is resumed waits for the fetch under way;
    # and the embedded broker answers an empty one only when its wait is over, whatever came meanwhile.
    "fetch.wait.max.ms": _FETCH_WAIT_MS,
    "fetch.queue.backoff.ms": 50,
    "fetch.error.backoff.ms": 100,
    "queued.min.messages": 1000,
    "queued.max.messages.kbytes": 16_384,
}


def committed_offsets(
    consumer: Consumer, partitions: list[TopicPartition], *, within_s: float
) -> list[TopicPartition]:
    """What the consumer's group has committed of these, with its metadata.

    A coordinator that moves or still reads its log refuses for a moment, and one that waits for an open
    transaction says nothing: it is asked again.

    Raises DependencyDown.
    """
    until = time.monotonic() + within_s
    while True:
        try:
            return consumer.committed(partitions, timeout=max(_AGAIN_S, until - time.monotonic()))
        except KafkaException as error:
            if time.monotonic() >= until:
                raise DependencyDown("broker", error.args[0].str()) from error
        time.sleep(_AGAIN_S)


def partitions_of(client: Producer | Consumer, topic: str, *, timeout_s: float = 10) -> list[int]:
    """The topic's partition numbers; asking makes a broker that creates topics on first use create it.

    Raises TopicMissing, or DependencyDown if the broker does not tell."""
    try:
        found = client.list_topics(topic, timeout=timeout_s).topics[topic]
    except KafkaException as error:
        raise DependencyDown("broker", error.args[0].str()) from error
    if found.error is None:
        return sorted(found.partitions)
    if found.error.code() in _NO_SUCH_TOPIC:
        raise TopicMissing(f"topic {topic} does not exist; `reelay topics apply` creates it")
    raise DependencyDown("broker", f"topic {topic}: {found.error.str()}")


def _log_client_error(error: KafkaError) -> None:
    """librdkafka recovers by itself from all but fatal errors, which the next call on the client
    raises."""
    log.log(logging.ERROR if error.fatal() else logging.WARNING, "%s: %s", error.name(), error.str())


def _dotted(more: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "."): value for name, value in more.items()}
