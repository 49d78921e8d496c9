"""The kept versions of the schemas, and that each reads every other."""

import io
import json
from typing import Any

import fastavro
import pytest

from schemas import history
from schemas.codec import schema_text
from schemas.compatibility import cannot_read, problems
from schemas.history import kept_versions
from schemas.topics import TOPICS, VIDEO_PROBED, VIDEO_UPLOADED, Topic


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_schema_is_kept_and_its_versions_read_one_another(topic: Topic) -> None:
    assert problems(topic) == ()


def test_a_changed_schema_without_a_new_version_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schema = json.loads(schema_text(VIDEO_PROBED))
    schema["doc"] += " More words."
    monkeypatch.setattr(history, "schema_text", lambda topic: json.dumps(schema))

    following = len(kept_versions(VIDEO_PROBED)) + 1
    assert problems(VIDEO_PROBED) == (
        "schemas/avro/video.probed.avsc was changed: keep it as a new version too, "
        f"cp schemas/avro/video.probed.avsc schemas/versions/video.probed/{following}.avsc",
    )


def test_layout_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    compact = json.dumps(json.loads(schema_text(VIDEO_UPLOADED)))
    monkeypatch.setattr(history, "schema_text", lambda topic: compact)

    assert problems(VIDEO_UPLOADED) == ()


def test_a_version_that_cannot_read_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = (record({"name": "a", "type": "string"}), schema_text(VIDEO_UPLOADED))
    monkeypatch.setattr("schemas.compatibility.kept_versions", lambda topic: versions)

    found = problems(VIDEO_UPLOADED)

    assert len(found) == 2
    assert found[0].startswith("video.uploaded.avsc: version 1 cannot read version 2: name mismatch")


def record(*fields: dict[str, Any], name: str = "R") -> str:
    return json.dumps({"type": "record", "name": name, "namespace": "reelay", "fields": list(fields)})


def enum(*symbols: str, default: str | None = None) -> dict[str, Any]:
    kind = {"type": "enum", "name": "E", "symbols": list(symbols)}
    return kind if default is None else kind | {"default": default}


A = {"name": "a", "type": "string"}
CASES = [
    # what differs, the schemas, whether the first reads the second, whether the second reads the first,
    # a value of each
    (
        "a field with a default",
        record(A, {"name": "b", "type": "int", "default": 3}),
        record(A),
        (True, True),
        ({"a": "", "b": 1}, {"a": ""}),
    ),
    (
        "a field without a default",
        record(A, {"name": "b", "type": "int"}),
        record(A),
        (False, True),
        ({"a": "", "b": 1}, {"a": ""}),
    ),
    (
        "an int and a long",
        record({"name": "a", "type": "long"}),
        record({"name": "a", "type": "int"}),
        (True, False),
        ({"a": 2**40}, {"a": 1}),
    ),
    (
        "a symbol more, with a default",
        record({"name": "a", "type": enum("x", "y", "z", default="x")}),
        record({"name": "a", "type": enum("x", "y", default="x")}),
        (True, True),
        ({"a": "z"}, {"a": "y"}),
    ),
    (
        "a symbol more, without a default",
        record({"name": "a", "type": enum("x", "y", "z")}),
        record({"name": "a", "type": enum("x", "y")}),
        (True, False),
        ({"a": "z"}, {"a": "y"}),
    ),
    (
        "a type that may be null",
        record({"name": "a", "type": ["null", "string"], "default": None}),
        record(A),
        (True, False),
        ({"a": None}, {"a": "x"}),
    ),
    (
        "the type in an array",
        record({"name": "a", "type": {"type": "array", "items": "string"}}),
        record({"name": "a", "type": {"type": "array", "items": "int"}}),
        (False, False),
        ({"a": ["x"]}, {"a": [1]}),
    ),
    (
        "a field in a record in an array, without a default",
        record({"name": "a", "type": {"type": "array", "items": json.loads(record(A, name="S"))}}),
        record({"name": "a", "type": {"type": "array", "items": json.loads(record(name="S"))}}),
        (False, True),
        ({"a": [{"a": "x"}]}, {"a": [{}]}),
    ),
]


@pytest.mark.parametrize(
    ("one", "other", "expected"), [case[1:4] for case in CASES], ids=[case[0] for case in CASES]
)
def test_what_can_be_read_and_what_not(one: str, other: str, expected: tuple[bool, bool]) -> None:
    assert (cannot_read(one, other) is None, cannot_read(other, one) is None) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected", "values"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_the_verdict_is_what_reading_shows(
    one: str, other: str, expected: tuple[bool, bool], values: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    """Each case's value is one that the other side cannot read if it cannot read all."""
    assert (reads(one, other, values[1]), reads(other, one, values[0])) == expected


def reads(reader: str, writer: str, value: dict[str, Any]) -> bool:
    data = io.BytesIO()
    fastavro.schemaless_writer(data, json.loads(writer), value)
    data.seek(0)
    try:
        fastavro.schemaless_reader(data, json.loads(writer), json.loads(reader))
    except (fastavro.read.SchemaResolutionError, ValueError, TypeError):
        return False
    return True


def test_what_is_no_schema_is_an_error() -> None:
    with pytest.raises(ValueError, match="Record schema"):
        cannot_read('{"type": "record", "name": "A"}', record())
