"""The embedded broker as a process, with all topics of the pipeline."""

import signal
import sys
from collections.abc import Iterator

from confluent_kafka import Producer

from connectors.kafka.embedded import EmbeddedBroker
from ops.pipeline import PROCESSORS
from schemas.topics import CATALOG, READERS, TOPICS, dead_topic, retry_topic

PARTITIONS = 4
"""Of every topic; what the broker gives a topic that somebody asks for. On one machine parallel work is
within a processor, not between its copies."""
_START_S = 10.0
_CHANGELOG = "aggregator-pieces-changelog"


def topics() -> Iterator[str]:
    """Every topic that the pipeline uses, so that whoever subscribes first finds it."""
    for topic in TOPICS:
        yield topic.name
        for group in PROCESSORS:
            yield retry_topic(topic.name, group)
            yield dead_topic(topic.name, group)
    for topic in READERS[CATALOG]:
        yield dead_topic(topic.name, CATALOG)
    yield _CHANGELOG


def serve() -> int:
    """Serve until SIGTERM. The first line of standard output is the address."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    with EmbeddedBroker({}) as broker:
        # Asking for a topic creates it; by the broker's own interface it takes 0.2 s (librdkafka 2.16).
        client = Producer({"bootstrap.servers": broker.brokers, "log_level": 3})
        for topic in topics():
            client.list_topics(topic, timeout=_START_S)
        print(broker.brokers, flush=True)
        sys.stdout.close()
        signal.sigwait({signal.SIGTERM})
    return 0
