"""Schema ids without a server: every program that has the schemas computes the same ids."""

import json
from collections.abc import Iterable
from functools import cache

import fastavro
import fastavro.schema

from schemas.codec import schema_text
from schemas.topics import TOPICS, Topic


@cache
def fingerprint(schema: str) -> int:
    """The first 32 bits of the SHA-256 of a schema's parsing canonical form.

    Source: Avro specification, "Parsing Canonical Form for Schemas".
    """
    canonical = fastavro.schema.to_parsing_canonical_form(fastavro.parse_schema(json.loads(schema)))
    return int(fastavro.schema.fingerprint(canonical, "SHA-256")[:8], 16)


class FingerprintRegistry:
    """Knows the shipped schemas, and older versions of them if given."""

    def __init__(self, older: Iterable[str] = ()) -> None:
        known = [*older, *(schema_text(topic) for topic in TOPICS)]
        self._schemas = {fingerprint(schema): schema for schema in known}

    def id_of(self, topic: Topic, schema: str) -> int:
        return fingerprint(schema)

    def schema_of(self, schema_id: int) -> str:
        return self._schemas[schema_id]
