"""What is settled with the broker before the app starts: that it lets us in, and that the topics are
there."""

import logging
import ssl
import time

from confluent_kafka import KafkaException, Producer
from faust import SASLCredentials, SSLCredentials
from faust.types.auth import CredentialsT

from connectors.errors import DependencyDown
from connectors.kafka.access import reach
from connectors.kafka.clients import TopicMissing, client_config
from connectors.settings import Connections
from schemas.topics import AGGREGATOR, CHANGELOG, READERS

log = logging.getLogger(__name__)

JOINED = tuple(topic.name for topic in READERS[AGGREGATOR])
_POLL_S = 0.2
_ASK_S = 10.0


class UnequalPartitions(LookupError):
    """What is to be joined is not partitioned alike."""


def credentials(connections: Connections) -> CredentialsT | None:
    """How Faust gets in, as `client_config` says it to librdkafka; None where anybody may.

    Raises OSError if the file of authorities cannot be read.
    """
    context = None
    if connections.kafka_tls:
        context = ssl.create_default_context(cafile=connections.tls_ca or None)
    if not connections.kafka_username:
        return None if context is None else SSLCredentials(context)
    return SASLCredentials(
        mechanism=connections.kafka_sasl_mechanism,
        username=connections.kafka_username,
        password=connections.kafka_password.get_secret_value(),
        ssl_context=context,
    )


def await_topics(connections: Connections, timeout_s: float) -> int:
    """Wait until the joined topics and the table's changelog are there; returns the partition count that
    they share. Nothing is created, whatever the broker does for those who ask.

    Raises TopicMissing if one stays away, UnequalPartitions, DependencyDown if the broker does not
    answer, and as BrokerRefuses if it does not let us in.
    """
    reach(connections, timeout_s=max(timeout_s, _ASK_S))
    client = Producer(client_config(connections), logger=log)
    deadline = time.monotonic() + timeout_s
    while True:
        found = _partition_counts(client)
        missing = [name for name in (*JOINED, CHANGELOG) if not found.get(name)]
        if not missing:
            return _shared_count(found)
        if time.monotonic() >= deadline:
            raise TopicMissing(f"no topic {', '.join(missing)}; `reelay topics apply` creates them")
        time.sleep(_POLL_S)


def _partition_counts(client: Producer) -> dict[str, int]:
    """Of all topics: asking for one by name may create it."""
    try:
        topics = client.list_topics(timeout=_ASK_S).topics
    except KafkaException as error:
        raise DependencyDown("broker", error.args[0].str()) from error
    return {name: len(topic.partitions) for name, topic in topics.items()}


def _shared_count(found: dict[str, int]) -> int:
    counts = {name: found[name] for name in (*JOINED, CHANGELOG)}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise UnequalPartitions(f"joined topics need one partition count, but have: {told}")
    return counts[CHANGELOG]
