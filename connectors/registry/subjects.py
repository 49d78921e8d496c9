"""An operator's work on a schema registry: registering schemas, and asking whether they would fit."""

from dataclasses import dataclass

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from connectors.registry.client import Incompatible, NotRegistered, calling, open_client
from connectors.settings import Connections
from schemas.codec import schema_text
from schemas.history import kept_versions
from schemas.topics import TOPICS, Topic

COMPATIBILITY = "FULL_TRANSITIVE"
"""Every version reads what every other wrote: consumers and producers are updated in any order."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A topic's schema in the registry. schema_id: of its newest version, which producers write."""

    subject: str
    schema_id: int
    versions: int


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a schema may be registered. versions: how many the subject has. reason: why it would be
    refused; None if it fits."""

    subject: str
    versions: int
    reason: str | None


def register_all(connections: Connections) -> tuple[Registered, ...]:
    """Register every version of every topic's schema, oldest first, under `<topic>-value`.

    What is registered already stays as it is, with its id.

    Raises DependencyDown if the registry does not answer or does not let us, Incompatible if it has
    another version that does not fit.
    """
    client = open_client(connections)
    return tuple(_register(client, topic) for topic in TOPICS)


def check_all(connections: Connections) -> tuple[Fit, ...]:
    """Ask the registry whether each topic's schema fits all versions that it has.

    Raises DependencyDown."""
    client = open_client(connections)
    return tuple(_fit(client, topic) for topic in TOPICS)


def _register(client: SchemaRegistryClient, topic: Topic) -> Registered:
    """Apicurio sets a subject's compatibility only once the subject is there."""
    versions = _versions(topic)
    schema_id = 0
    for number, schema in enumerate(versions):
        try:
            with calling():
                schema_id = client.register_schema(topic.subject, Schema(schema, "AVRO"))
                if number == 0:
                    client.set_compatibility(topic.subject, COMPATIBILITY)
        except Incompatible as error:
            raise Incompatible(f"{topic.subject}, version {number + 1}: {error}") from error
    return Registered(topic.subject, schema_id, len(versions))


def _fit(client: SchemaRegistryClient, topic: Topic) -> Fit:
    schema = schema_text(topic)
    try:
        with calling():
            numbers = client.get_versions(topic.subject)
    except NotRegistered:
        return Fit(topic.subject, 0, None)
    with calling():
        fits = client.test_compatibility_all_versions(topic.subject, Schema(schema, "AVRO"))
        versions = {number: client.get_version(topic.subject, number).schema for number in numbers}
    # Apicurio does not compare a schema that it has already.
    reason = _misfit(schema, {number: found.schema_str or "" for number, found in versions.items()})
    if reason is None and not fits:
        reason = "the registry says that it does not fit the versions there"
    return Fit(topic.subject, len(numbers), reason)


def _misfit(schema: str, versions: dict[int, str]) -> str | None:
    """Why the schema and one of the registry's versions do not read each other; None if all do."""
    from schemas.compatibility import cannot_read  # noqa: PLC0415  # Avro's own library, only needed here

    for number, other in versions.items():
        if (why := cannot_read(schema, other)) is not None:
            return f"cannot read the registry's version {number}: {why}"
        if (why := cannot_read(other, schema)) is not None:
            return f"cannot be read by the registry's version {number}: {why}"
    return None


def _versions(topic: Topic) -> tuple[str, ...]:
    """The kept versions, and the schema itself, which is the last of them."""
    *older, _ = kept_versions(topic)
    return (*older, schema_text(topic))
