"""The `.avsc` files are the truth; the dataclasses say the same, field by field."""

import dataclasses
import json
import types
import typing
from datetime import datetime, timedelta
from enum import StrEnum
from importlib.resources import files
from typing import Any

import fastavro
import pytest

from schemas.codec import schema_text, to_record
from schemas.events import EPOCH
from schemas.topics import TOPICS, Topic
from tests.unit.schemas.strategies import EVENTS

MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
PLAIN = {bool: ("boolean",), str: ("string",), int: ("int", "long"), float: ("double",)}
AVRO = files("schemas") / "avro"

by_topic = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
by_file = pytest.mark.parametrize("name", sorted(file.name for file in AVRO.iterdir()))


def mismatches(  # noqa: PLR0911 - one for each kind of type
    kind: Any, schema: Any, seen: dict[str, Any], where: str
) -> list[str]:
    """What is different between a dataclass field's type and its Avro type."""
    if isinstance(schema, str) and schema not in ("string", "boolean", "int", "long", "double"):
        schema = seen[schema]
    if isinstance(schema, dict) and "name" in schema:
        seen[schema["name"]] = schema
    if isinstance(schema, list):
        some = [part for part in typing.get_args(kind) if part is not types.NoneType]
        if (
            schema[0] != "null"
            or len(schema) != 2
            or not isinstance(kind, types.UnionType)
            or len(some) != 1
        ):
            return [f"{where}: {kind} is not {schema}"]
        return mismatches(some[0], schema[1], seen, where)
    if dataclasses.is_dataclass(kind):
        return record_mismatches(kind, schema, seen, where)
    if typing.get_origin(kind) is tuple:
        if schema.get("type") != "array":
            return [f"{where}: {kind} is not {schema}"]
        return mismatches(typing.get_args(kind)[0], schema["items"], seen, f"{where}[]")
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        expected = (kind.__name__, [member.value for member in kind])
        return (
            []
            if (schema["name"], schema["symbols"]) == expected
            else [f"{where}: {expected} != {schema}"]
        )
    if kind is datetime:
        return [] if schema == MILLIS else [f"{where}: a time is not {schema}"]
    return [] if schema in PLAIN[kind] else [f"{where}: {kind.__name__} is not {schema}"]


def record_mismatches(kind: Any, schema: dict[str, Any], seen: dict[str, Any], where: str) -> list[str]:
    hints = typing.get_type_hints(kind)
    names = [field["name"] for field in schema["fields"]]
    found = []
    if (schema["type"], schema["name"]) != ("record", kind.__name__):
        found.append(f"{where}: {kind.__name__} is not {schema['type']} {schema['name']}")
    if names != list(hints):
        return [*found, f"{where}: fields {list(hints)} != {names}"]
    for field, ours in zip(schema["fields"], dataclasses.fields(kind), strict=True):
        place = f"{where}.{field['name']}"
        found += mismatches(hints[ours.name], field["type"], seen, place)
        default = "none" if ours.default is dataclasses.MISSING else on_the_wire(ours.default)
        if field.get("default", "none") != default:
            found.append(f"{place}: default {default} != {field.get('default', 'none')}")
    return found


def on_the_wire(default: Any) -> Any:
    """A dataclass field's default as JSON in an Avro schema."""
    if isinstance(default, datetime):
        return (default - EPOCH) // timedelta(milliseconds=1)
    return to_record(default)


def definitions(schema: Any) -> list[dict[str, Any]]:
    """Every named type that is defined within a schema."""
    if isinstance(schema, list):
        return [found for part in schema for found in definitions(part)]
    if not isinstance(schema, dict):
        return []
    inner = [schema.get("items"), schema.get("type"), *schema.get("fields", ())]
    found = [named for part in inner for named in definitions(part)]
    return [schema, *found] if schema.get("type") in ("record", "enum") and "name" in schema else found


@by_topic
def test_a_dataclass_has_the_names_order_types_and_defaults_of_its_schema(topic: Topic) -> None:
    schema = json.loads(schema_text(topic))

    assert mismatches(topic.event, schema, {}, topic.event.__name__) == []


@by_topic
def test_an_event_is_frozen_slotted_and_made_by_keyword(topic: Topic) -> None:
    assert topic.event.__dataclass_params__.frozen  # type: ignore[union-attr]  # every dataclass has them
    assert all(field.kw_only for field in dataclasses.fields(topic.event))
    assert hasattr(topic.event, "__slots__")


@by_file
def test_every_type_field_and_enum_is_documented(name: str) -> None:
    schema = json.loads((AVRO / name).read_text("utf-8"))

    for definition in definitions(schema):
        assert definition.get("doc"), definition["name"]
        for field in definition.get("fields", ()):
            assert field.get("doc"), f"{definition['name']}.{field['name']}"


@by_file
def test_an_enum_has_a_default_so_that_a_newer_symbol_can_be_read(name: str) -> None:
    schema = json.loads((AVRO / name).read_text("utf-8"))

    for definition in definitions(schema):
        if definition["type"] == "enum":
            assert definition["default"] in definition["symbols"], definition["name"]


@by_file
def test_every_file_is_a_valid_schema_of_a_topic(name: str) -> None:
    fastavro.parse_schema(json.loads((AVRO / name).read_text("utf-8")))

    assert name in {topic.schema_file for topic in TOPICS}


def test_types_of_one_name_are_the_same_in_all_files() -> None:
    seen: dict[str, Any] = {}
    for file in AVRO.iterdir():
        for definition in definitions(json.loads(file.read_text("utf-8"))):
            first = seen.setdefault(definition["name"], definition)
            assert definition == first, f"{definition['name']} in {file.name}"


def test_every_event_has_a_topic() -> None:
    assert {topic.event for topic in TOPICS} == set(EVENTS)


def test_every_event_starts_with_what_all_events_share() -> None:
    for event in EVENTS:
        names = [field.name for field in dataclasses.fields(event)]
        assert names[:5] == ["event_id", "video_id", "revision", "made_at", "stages"], event
