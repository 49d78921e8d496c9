"""Events to bytes and back: Avro in the Confluent wire format.

The format: one zero byte, the schema's id (4 bytes, big-endian), the Avro binary body.
Source: Confluent Schema Registry documentation, "Wire format".
"""

import dataclasses
import enum
import io
import json
import operator
import struct
import types
import typing
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Protocol, TypeVar, cast

import fastavro
import fastavro.read
from fastavro.schema import SchemaParseException
from fastavro.types import Schema

from schemas.events import EPOCH, Event
from schemas.topics import Topic, topic_named, topic_of

_HEADER = struct.Struct(">bI")
# What fastavro raises for bytes that do not follow their schema (OverflowError: a time beyond any year).
_NO_EVENT = (
    EOFError,
    LookupError,
    OverflowError,
    TypeError,
    ValueError,
    fastavro.read.SchemaResolutionError,
)
# The same for what is no Avro schema: registries give ids to JSON Schema and Protobuf, too.
_NO_SCHEMA = (
    LookupError,
    RecursionError,
    SchemaParseException,
    TypeError,
    ValueError,
)
R = TypeVar("R")


class UndecodableError(Exception):
    """The bytes are no Avro event of ours; trying again will not help."""


class SchemaRegistry(Protocol):
    """Gives schemas their ids. May block on the network at a schema's first use, never after."""

    def id_of(self, topic: Topic, schema: str) -> int:
        """The id of this topic's schema.

        Raises DependencyDown, or LookupError if it is not registered."""

    def schema_of(self, schema_id: int) -> str:
        """The `.avsc` text under that id. Raises DependencyDown, or LookupError if there is none."""


@cache
def schema_text(topic: Topic) -> str:
    """The topic's `.avsc` file."""
    return (files("schemas") / "avro" / topic.schema_file).read_text("utf-8")


@cache
def _parsed(schema: str) -> Schema:
    return fastavro.parse_schema(json.loads(schema))


@cache
def _schema(topic: str) -> Schema:
    return _parsed(schema_text(topic_named(topic)))


def _contains_itself(schema: Any, within: frozenset[str] = frozenset()) -> bool:
    """Whether a parsed schema's type is part of itself, as none of ours is. Its values may be nested
    more deeply than there is stack to read them with (fastavro 1.13: SIGSEGV)."""
    match schema:
        case str():
            return schema in within
        case list():
            return any(_contains_itself(branch, within) for branch in schema)
        case {"fields": fields, "name": name}:
            return any(_contains_itself(field["type"], within | {name}) for field in fields)
        case {"items": inner} | {"values": inner} | {"type": inner}:
            return _contains_itself(inner, within)
    return False


class Codec:
    """Encodes and decodes events. Cheap to call: schemas and ids are cached."""

    def __init__(self, registry: SchemaRegistry) -> None:
        self._registry = registry
        self._ids: dict[str, int] = {}
        self._writers: dict[int, Schema] = {}

    def prepare(self, topic: Topic) -> None:
        """Look the topic's schema up, so that `encode` waits for no registry afterwards. Raises
        DependencyDown and LookupError as the registry does."""
        self._id(topic)

    def encode(self, event: Event, **instead: object) -> bytes:
        """The event's bytes for its topic. instead: values that fields have there and not in the event.

        Raises DependencyDown and LookupError as the registry does, ValueError if a field's value does
        not fit its schema.
        """
        topic = topic_of(event)
        body = io.BytesIO()
        body.write(_HEADER.pack(0, self._id(topic)))
        try:
            record = to_record(event)
            for name, value in instead.items():
                record[name] = to_record(value)
            fastavro.schemaless_writer(body, _schema(topic.name), record)
        except (TypeError, KeyError, OverflowError) as error:
            raise ValueError(f"{type(event).__name__} does not fit its schema: {error}") from error
        return body.getvalue()

    def decode(self, data: bytes, topic: Topic) -> Event:
        """The event in `data`, whichever version of the schema wrote it.

        Raises UndecodableError for anything that is not an event of this topic, DependencyDown as the
        registry does.
        """
        if len(data) < _HEADER.size:
            raise UndecodableError(f"{len(data)} bytes are too few for an Avro event")
        magic, schema_id = _HEADER.unpack_from(data)
        if magic != 0:
            raise UndecodableError(f"starts with byte {magic}, not in the Confluent wire format")
        writer = self._writer(schema_id)
        body = io.BytesIO(data)
        body.seek(_HEADER.size)
        try:
            record = fastavro.schemaless_reader(body, writer, _schema(topic.name))
            event = from_record(topic.event, cast("dict[str, Any]", record))
        except _NO_EVENT as error:
            raise UndecodableError(f"no {topic.event.__name__}: {error}") from error
        if body.tell() != len(data):
            raise UndecodableError(f"{len(data) - body.tell()} bytes follow the event")
        return event

    def _id(self, topic: Topic) -> int:
        """The id that the registry gave the topic's schema."""
        schema_id = self._ids.get(topic.name)
        if schema_id is None:
            schema_id = self._ids[topic.name] = self._registry.id_of(topic, schema_text(topic))
        return schema_id

    def _writer(self, schema_id: int) -> Schema:
        """The schema that wrote an event. Raises UndecodableError if nobody knows it."""
        writer = self._writers.get(schema_id)
        if writer is None:
            try:
                writer = _parsed(self._registry.schema_of(schema_id))
                if _contains_itself(writer):
                    raise ValueError("it contains itself")
            except _NO_SCHEMA as error:
                raise UndecodableError(f"unknown schema id {schema_id}") from error
            self._writers[schema_id] = writer
        return writer


def to_record(value: Any) -> Any:
    """A dataclass as the plain dicts, lists and strings that fastavro writes and `json` understands
    (but for times, which stay datetimes)."""
    return _plain(type(value))(value)  # type: ignore[arg-type]  # a class is hashable


def from_record(kind: type[R], record: dict[str, Any]) -> R:
    """The inverse of `to_record`."""
    return cast("R", _reader(kind)(record))  # type: ignore[arg-type]  # a class is hashable


@cache
def _plain(kind: type[Any]) -> Callable[[Any], Any]:
    """A function that turns a value of that very type into a plain one. Made once for each type: this
    and `_reader` are done with every record."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        names = tuple(hints)
        values = operator.attrgetter(*names)
        if len(names) == 1:
            return lambda event: {names[0]: to_record(values(event))}
        composed = [name for name in names if not (_is_plain(hints[name]) or hints[name] is datetime)]

        def record(event: Any) -> dict[str, Any]:
            made = dict(zip(names, values(event)))  # noqa: B905  # as many of both
            for name in composed:
                part = made[name]
                if part is not None:
                    made[name] = to_record(part)
            return made

        return record
    if kind is tuple:
        return lambda values: [to_record(item) for item in values]
    if issubclass(kind, enum.Enum):
        return operator.attrgetter("value")
    return _same


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """A function that turns a plain value into `kind`."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        names = tuple(hints)
        readers = [(name, _reader(hints[name])) for name in names if not _is_plain(hints[name])]
        make = cast("type[Any]", kind)

        def event(record: dict[str, Any]) -> Any:
            given = {name: record[name] for name in names}
            for name, read in readers:
                given[name] = read(given[name])
            return make(**given)

        return event
    if typing.get_origin(kind) is tuple:
        item = _reader(typing.get_args(kind)[0])
        return lambda values: tuple(map(item, values))
    if isinstance(kind, types.UnionType):
        (some,) = (part for part in typing.get_args(kind) if part is not types.NoneType)
        read = _reader(some)
        return lambda value: None if value is None else read(value)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        members = {member.value: member for member in kind}
        return lambda value: members.get(value) or kind(value)  # which says what is no member
    if kind is datetime:
        return _time
    return _same


def _is_plain(kind: Any) -> bool:
    """Whether values of that type are the same as plain ones."""
    return {kind, *typing.get_args(kind)} <= {str, int, float, bool, bytes, types.NoneType}


def _same(value: Any) -> Any:
    return value


def _time(value: datetime | int) -> datetime:
    """fastavro gives a time that it read as a datetime, but a schema's default as the number there."""
    return value if isinstance(value, datetime) else EPOCH + timedelta(milliseconds=value)
