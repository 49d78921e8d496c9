"""Whether a cluster has what Reelay needs, as seen from here."""

from collections.abc import Iterator
from uuid import uuid4

from confluent_kafka import KafkaException

from connectors.errors import DependencyDown
from connectors.kafka.admin import describe_topics
from connectors.objectstore import open_store
from connectors.objectstore.contract import probe
from connectors.registry import open_registry
from connectors.settings import Connections
from ops.cli.findings import Finding, Level
from ops.cli.text import counted
from ops.inflight.lag import group_statuses
from schemas.codec import schema_text
from schemas.topics import TOPICS


def cluster_checks(connections: Connections) -> Iterator[Finding]:
    """Look at broker, topics, groups, registry and store, each whether or not the others answer."""
    yield from _kafka(connections)
    yield _registry(connections)
    yield _store(connections)


def _kafka(connections: Connections) -> Iterator[Finding]:
    try:
        states = describe_topics(connections)
        yield Finding("kafka", Level.OK, connections.kafka_brokers)
        missing = [state.name for state in states if state.partitions is None]
        differing = [state.name for state in states if state.partitions is not None and state.differs]
        if missing:
            found = f"{counted(len(missing), 'topic')} missing: {_some(missing)}"
            yield Finding("topics", Level.WRONG, found, "reelay topics apply")
        elif differing:
            found = f"{len(differing)} differ from the list: {_some(differing)}"
            yield Finding("topics", Level.WARNING, found, "reelay topics describe says in what")
        else:
            yield Finding("topics", Level.OK, f"all {len(states)} are there")
        yield from _groups(connections)
    except (DependencyDown, KafkaException) as error:
        why = error.reason if isinstance(error, DependencyDown) else error.args[0].str()
        yield Finding(
            "kafka",
            Level.WRONG,
            f"{connections.kafka_brokers}: {why}",
            "check REELAY_KAFKA_BROKERS, and REELAY_KAFKA_TLS and _USERNAME where it asks for them",
        )


def _groups(connections: Connections) -> Iterator[Finding]:
    idle = [group.group for group in group_statuses(connections) if not group.members]
    if idle:
        advice = f"start them where they are to run: reelay processor {idle[0]}"
        yield Finding("processors", Level.WARNING, f"nobody works as {_some(idle)}", advice)
    else:
        yield Finding("processors", Level.OK, "every consumer group has members")


def _registry(connections: Connections) -> Finding:
    if not connections.registry_url:
        return Finding("schema registry", Level.OK, "none: ids are fingerprints of the schemas")
    missing = []
    try:
        registry = open_registry(connections)
        for topic in TOPICS:
            try:
                registry.id_of(topic, schema_text(topic))
            except LookupError:
                missing.append(topic.subject)
    except DependencyDown as error:
        return Finding(
            "schema registry",
            Level.WRONG,
            f"{connections.registry_url}: {error.reason}",
            "check REELAY_REGISTRY_URL, and REELAY_REGISTRY_USERNAME where it asks for one",
        )
    if missing:
        found = f"{counted(len(missing), 'schema')} missing: {_some(missing)}"
        return Finding("schema registry", Level.WRONG, found, "reelay schemas register")
    return Finding("schema registry", Level.OK, f"{connections.registry_url}, all schemas are there")


def _store(connections: Connections) -> Finding:
    if not connections.store_url:
        return Finding(
            "object store",
            Level.WARNING,
            "REELAY_STORE_URL is not set",
            "set it: processors need it, and publish, status, export and others do",
        )
    try:
        probe(open_store(connections), f"doctor-{uuid4().hex}")
    except (DependencyDown, ValueError) as error:
        why = error.reason if isinstance(error, DependencyDown) else str(error)
        return Finding(
            "object store",
            Level.WRONG,
            f"{connections.store_url}: {why}",
            "check REELAY_STORE_URL, _ENDPOINT, _ACCESS_KEY and _SECRET_KEY",
        )
    return Finding("object store", Level.OK, f"{connections.store_url} takes objects")


def _some(names: list[str]) -> str:
    """The first of them."""
    return ", ".join(names[:3]) + (", …" if names[3:] else "")
