"""A schema registry with Confluent's HTTP API (Confluent, Apicurio, Karapace)."""

from typing import Any

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError

from connectors.errors import DependencyDown
from schemas.topics import Topic

_NOT_FOUND = 404


class ConfluentRegistry:
    """Looks schemas up; it never registers one (that is an operator's explicit command).

    config: as `SchemaRegistryClient` takes it ("url", credentials, TLS files).
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self._client = SchemaRegistryClient(config)

    def id_of(self, topic: Topic, schema: str) -> int:
        try:
            found = self._client.lookup_schema(topic.subject, Schema(schema, "AVRO"))
        except SchemaRegistryError as error:
            if error.http_status_code == _NOT_FOUND:
                raise LookupError(
                    f"{topic.subject} has no such schema in the registry: run `reelay schemas register`"
                ) from error
            raise DependencyDown("schema registry", str(error)) from error
        except Exception as error:  # the client's transport errors share no public base class
            raise DependencyDown("schema registry", str(error)) from error
        if found.schema_id is None:
            raise LookupError(f"the registry gave no id for {topic.subject}")
        return found.schema_id

    def schema_of(self, schema_id: int) -> str:
        try:
            schema = self._client.get_schema(schema_id)
        except SchemaRegistryError as error:
            if error.http_status_code == _NOT_FOUND:
                raise LookupError(f"no schema with id {schema_id} in the registry") from error
            raise DependencyDown("schema registry", str(error)) from error
        except Exception as error:  # the client's transport errors share no public base class
            raise DependencyDown("schema registry", str(error)) from error
        if schema.schema_str is None:
            raise LookupError(f"the registry's schema {schema_id} is empty")
        return schema.schema_str
