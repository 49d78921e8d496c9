"""The embedded broker as a process, with all topics of the pipeline."""

import signal
import sys
from collections.abc import Iterator

from connectors.kafka.embedded import EmbeddedBroker
from ops.pipeline.processors import PROCESSORS
from schemas.topics import TOPICS, dead_topic, retry_topic

PARTITIONS = 4
"""Of every topic: on one machine parallel work is within a processor, not between its copies."""


def topics() -> Iterator[str]:
    """Every topic that the pipeline uses, since the broker cannot create them on request."""
    for topic in TOPICS:
        yield topic.name
        for group in PROCESSORS:
            yield retry_topic(topic.name, group)
            yield dead_topic(topic.name, group)


def serve() -> int:
    """Serve until SIGTERM. The first line of standard output is the address."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    with EmbeddedBroker(dict.fromkeys(topics(), PARTITIONS)) as broker:
        print(broker.brokers, flush=True)
        sys.stdout.close()
        signal.sigwait({signal.SIGTERM})
    return 0
