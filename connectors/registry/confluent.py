"""A schema registry with Confluent's HTTP API (Confluent, Apicurio, Karapace)."""

from typing import Any

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from connectors.registry.client import NotRegistered, calling
from schemas.topics import Topic


class ConfluentRegistry:
    """Looks schemas up; it never registers one (that is an operator's explicit command).

    config: as `SchemaRegistryClient` takes it ("url", credentials, TLS files).
    """

    def __init__(self, config: dict[str, Any]) -> None:
        with calling():
            self._client = SchemaRegistryClient(config)

    def id_of(self, topic: Topic, schema: str) -> int:
        for normalized in (False, True):
            try:
                with calling():
                    found = self._client.lookup_schema(
                        topic.subject, Schema(schema, "AVRO"), normalize_schemas=normalized
                    )
            except NotRegistered:
                continue  # Apicurio compares texts: somebody may have registered it in another layout
            if found.schema_id is not None:
                return found.schema_id
        raise LookupError(
            f"{topic.subject} has no such schema in the registry: run `reelay schemas register`"
        )

    def schema_of(self, schema_id: int) -> str:
        try:
            with calling():
                schema = self._client.get_schema(schema_id)
        except NotRegistered as error:
            raise LookupError(f"no schema with id {schema_id} in the registry") from error
        if schema.schema_str is None:
            raise LookupError(f"the registry's schema {schema_id} is empty")
        return schema.schema_str
