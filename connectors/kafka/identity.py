"""Which cluster this is: offsets mean something in one cluster alone."""

from confluent_kafka import Consumer, KafkaException

from connectors.errors import DependencyDown
from connectors.kafka.embedded import MARK

_ASK_S = 10.0


def cluster_id(client: Consumer) -> str:
    """The cluster's id, another one after each start of an embedded broker. Raises DependencyDown if it
    does not answer."""
    try:
        found = client.list_topics(timeout=_ASK_S)
    except KafkaException as error:
        raise DependencyDown("broker", error.args[0].str()) from error
    marks = sorted(name for name in found.topics if name.startswith(MARK))
    return "/".join([str(found.cluster_id), *marks])
