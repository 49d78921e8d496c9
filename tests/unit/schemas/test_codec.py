"""The wire format: what is written is read again, older events too, and anything else is refused."""

import io
import json
from dataclasses import replace
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.registry import FingerprintRegistry
from connectors.registry.fingerprint import fingerprint
from schemas import topics
from schemas.codec import Codec, UndecodableError, from_record, schema_text, to_record
from schemas.events import EPOCH, FailureKind, Options, Part, StageFailed, VideoUploaded
from schemas.topics import Topic, topic_of
from tests.unit.schemas.strategies import EVENTS, values

CODEC = Codec(FingerprintRegistry())
UPLOADED = VideoUploaded(video_id="v", source="uploads/v/talk.mp4")
FAILED = StageFailed(video_id="v", stage="converter", kind=FailureKind.FILE, reason="There is no sound.")


def schema_of(topic: Topic) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(schema_text(topic))
    return schema


def written(schema: dict[str, Any], record: dict[str, Any]) -> tuple[Codec, bytes]:
    """A record as written with another version of a schema, and a codec that knows that version."""
    text = json.dumps(schema)
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema), record)
    data = b"\0" + fingerprint(text).to_bytes(4, "big") + body.getvalue()
    return Codec(FingerprintRegistry(older=[text])), data


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_event_is_read_as_it_was_written(kind: type, data: st.DataObject) -> None:
    event = data.draw(values(kind))

    assert CODEC.decode(CODEC.encode(event), topic_of(event)) == event


@given(event=st.one_of(values(kind) for kind in EVENTS))
def test_an_event_survives_plain_records(event: Any) -> None:
    assert from_record(type(event), to_record(event)) == event


def test_bytes_start_with_a_zero_and_the_schemas_id() -> None:
    data = CODEC.encode(UPLOADED)

    assert data[0] == 0
    assert int.from_bytes(data[1:5], "big") == fingerprint(schema_text(topics.VIDEO_UPLOADED))


def test_the_same_event_has_the_same_bytes() -> None:
    assert CODEC.encode(UPLOADED) == CODEC.encode(replace(UPLOADED))


def test_an_older_event_reads_with_the_defaults_of_what_it_lacks() -> None:
    schema = schema_of(topics.VIDEO_UPLOADED)
    needed = ("video_id", "source")
    schema["fields"] = [field for field in schema["fields"] if field["name"] in needed]
    codec, data = written(schema, {"video_id": "v", "source": "uploads/v/talk.mp4"})

    event = codec.decode(data, topics.VIDEO_UPLOADED)

    assert event == UPLOADED
    assert (event.made_at, event.options, event.wanted) == (EPOCH, Options(), (Part.CAPTIONS,))  # type: ignore[union-attr]


def test_an_older_nested_record_reads_with_the_defaults_of_what_it_lacks() -> None:
    schema = schema_of(topics.VIDEO_UPLOADED)
    options = next(field for field in schema["fields"] if field["name"] == "options")
    options["type"]["fields"] = [
        field for field in options["type"]["fields"] if field["name"] != "reuse"
    ]
    del options["default"]["reuse"]
    record = to_record(replace(UPLOADED, options=Options(language="de")))
    codec, data = written(schema, record)

    event = codec.decode(data, topics.VIDEO_UPLOADED)

    assert event == replace(UPLOADED, options=Options(language="de", reuse=True))


def test_a_newer_event_reads_without_what_is_not_known_yet() -> None:
    schema = schema_of(topics.VIDEO_UPLOADED)
    schema["fields"].append({"name": "priority", "type": "int", "doc": "New.", "default": 0})
    codec, data = written(schema, {**to_record(UPLOADED), "priority": 3})

    assert codec.decode(data, topics.VIDEO_UPLOADED) == UPLOADED


def test_a_newer_kind_of_failure_reads_as_unknown() -> None:
    schema = schema_of(topics.STAGE_FAILED)
    kind = next(field for field in schema["fields"] if field["name"] == "kind")
    kind["type"]["symbols"].append("fire")
    codec, data = written(schema, {**to_record(FAILED), "kind": "fire"})

    assert codec.decode(data, topics.STAGE_FAILED) == replace(FAILED, kind=FailureKind.UNKNOWN)


@given(cut=st.integers(0, len(CODEC.encode(FAILED)) - 1))
def test_a_cut_event_is_refused(cut: int) -> None:
    with pytest.raises(UndecodableError):
        CODEC.decode(CODEC.encode(FAILED)[:cut], topics.STAGE_FAILED)


def test_bytes_after_the_event_are_refused() -> None:
    with pytest.raises(UndecodableError, match="1 bytes follow"):
        CODEC.decode(CODEC.encode(FAILED) + b"!", topics.STAGE_FAILED)


def test_an_unknown_schema_id_is_refused() -> None:
    with pytest.raises(UndecodableError, match="unknown schema id 7"):
        CODEC.decode(b"\0\0\0\0\7" + CODEC.encode(FAILED)[5:], topics.STAGE_FAILED)


class OneSchema:
    """A registry that has this text under every id."""

    def __init__(self, text: str) -> None:
        self.text = text

    def id_of(self, topic: Topic, schema: str) -> int:
        return 1

    def schema_of(self, schema_id: int) -> str:
        return self.text


def a_list(inner: object) -> str:
    """A linked list's schema. inner: of what comes next."""
    fields = [{"name": "video_id", "type": "string"}, {"name": "next", "type": inner}]
    return json.dumps(
        {"type": "record", "name": "VideoDeleted", "namespace": "reelay", "fields": fields}
    )


@pytest.mark.parametrize(
    "inner",
    [
        ["null", "VideoDeleted"],
        ["null", {"type": "array", "items": "VideoDeleted"}],
        ["null", {"type": "map", "values": ["VideoDeleted"]}],
        {
            "type": "record",
            "name": "Other",
            "fields": [{"name": "back", "type": ["null", "VideoDeleted"]}],
        },
    ],
    ids=["directly", "in a list", "in a map", "in another record"],
)
def test_an_event_nested_as_deeply_as_a_stranger_likes_is_refused(inner: object) -> None:
    codec = Codec(OneSchema(a_list(inner)))
    with pytest.raises(UndecodableError, match="unknown schema id 1"):
        codec.decode(b"\0\0\0\0\1" + b"\2v\2" * 300_000, topics.VIDEO_DELETED)


def test_an_event_whose_schema_uses_a_type_twice_is_read() -> None:
    schema = schema_of(topics.VIDEO_UPLOADED)
    note = {"type": "record", "name": "Note", "fields": [{"name": "text", "type": "string"}]}
    schema["fields"] += [{"name": "first", "type": note}, {"name": "second", "type": "Note"}]
    notes = {"first": {"text": "one"}, "second": {"text": "two"}}
    codec, data = written(schema, {**to_record(UPLOADED), **notes})

    assert codec.decode(data, topics.VIDEO_UPLOADED) == UPLOADED


@pytest.mark.parametrize(
    "text",
    [
        'syntax = "proto3"; message VideoDeleted { string video_id = 1; }',
        '{"type": "object", "properties": {"video_id": {"type": "string"}}}',
        '{"type": ["object", "null"]}',
        "true",
        '{"type": "record", "name": "VideoDeleted", "fields": 1}',
        "[" * 5000 + "]" * 5000,
    ],
    ids=["protobuf", "json schema", "json schema of two types", "json", "damaged", "nested"],
)
def test_an_event_whose_schema_is_no_avro_is_refused(text: str) -> None:
    with pytest.raises(UndecodableError, match="unknown schema id 1"):
        Codec(OneSchema(text)).decode(b"\0\0\0\0\1\2v", topics.VIDEO_DELETED)


def test_what_is_no_avro_is_refused() -> None:
    with pytest.raises(UndecodableError, match="not in the Confluent wire format"):
        CODEC.decode(b'{"video_id": "v"}', topics.VIDEO_UPLOADED)


def test_an_event_of_another_topic_is_refused() -> None:
    with pytest.raises(UndecodableError, match="StageFailed"):
        CODEC.decode(CODEC.encode(UPLOADED), topics.STAGE_FAILED)


@pytest.mark.parametrize("topic", topics.TOPICS, ids=lambda topic: topic.name)
@given(body=st.binary(max_size=300))
def test_random_bytes_are_an_event_or_refused_and_nothing_else(topic: Topic, body: bytes) -> None:
    head = b"\0" + fingerprint(schema_text(topic)).to_bytes(4, "big")
    try:
        event = CODEC.decode(head + body, topic)
    except UndecodableError:
        return
    assert isinstance(event, topic.event)


@pytest.mark.parametrize("ms", [2**62, -(2**62)])
def test_a_time_that_no_calendar_has_is_refused(ms: int) -> None:
    schema = schema_of(topics.VIDEO_UPLOADED)
    made_at = next(field for field in schema["fields"] if field["name"] == "made_at")
    made_at["type"] = "long"
    codec, data = written(schema, {**to_record(UPLOADED), "made_at": ms})
    ours = b"\0" + fingerprint(schema_text(topics.VIDEO_UPLOADED)).to_bytes(4, "big") + data[5:]

    with pytest.raises(UndecodableError):
        CODEC.decode(ours, topics.VIDEO_UPLOADED)
    with pytest.raises(UndecodableError):
        codec.decode(data, topics.VIDEO_UPLOADED)


@given(data=st.data(), event=st.one_of(values(kind) for kind in EVENTS))
def test_a_damaged_event_is_an_event_or_refused_and_nothing_else(
    data: st.DataObject, event: Any
) -> None:
    damaged = bytearray(CODEC.encode(event))
    place = data.draw(st.integers(5, len(damaged) - 1))
    damaged[place] = data.draw(st.integers(0, 255))
    try:
        read = CODEC.decode(bytes(damaged), topic_of(event))
    except UndecodableError:
        return
    assert isinstance(read, type(event))


@pytest.mark.parametrize(
    "event",
    [
        replace(UPLOADED, name=7),  # type: ignore[arg-type]
        replace(UPLOADED, revision="one"),  # type: ignore[arg-type]
        replace(UPLOADED, source=None),  # type: ignore[arg-type]
        replace(UPLOADED, options=None),  # type: ignore[arg-type]
        replace(UPLOADED, wanted=("subtitles",)),  # type: ignore[arg-type]
        replace(UPLOADED, made_at="now"),  # type: ignore[arg-type]
        replace(UPLOADED, name="\udcff.mp4"),
    ],
    ids=["name", "revision", "source", "options", "wanted", "made_at", "surrogate"],
)
def test_a_value_that_does_not_fit_its_schema_is_a_value_error(event: VideoUploaded) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the texts are fastavro's
        CODEC.encode(event)
