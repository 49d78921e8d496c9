"""What a cluster must hold before processors can use it."""

from connectors.kafka.admin import apply_topics
from connectors.registry.subjects import register_all
from connectors.settings import Connections


def furnish(connections: Connections) -> None:
    """Create the topics and register their schemas, where they are missing.

    Raises as `apply_topics` and `register_all` do.
    """
    apply_topics(connections)
    register_all(connections)
