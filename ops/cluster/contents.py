"""What a cluster must hold before processors can use it."""

from connectors.kafka.admin import TopicsRefused, apply_topics
from connectors.registry.client import Incompatible
from connectors.registry.subjects import register_all
from connectors.settings import Connections
from ops.cluster.errors import ClusterError


def furnish(connections: Connections) -> None:
    """Create the topics and register their schemas, where they are missing.

    Raises ClusterError if there are others in their place, DependencyDown, KafkaException.
    """
    try:
        apply_topics(connections)
        register_all(connections)
    except (TopicsRefused, Incompatible) as error:
        raise ClusterError(str(error)) from error
