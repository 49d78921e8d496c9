"""A real registry: schemas are registered once and for all, found again, and guarded."""

import io
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import fastavro
import pytest
from confluent_kafka.schema_registry import Schema

from connectors.errors import DependencyDown
from connectors.registry import open_registry
from connectors.registry.client import Incompatible, calling, open_client
from connectors.registry.subjects import COMPATIBILITY, check_all, register_all
from connectors.settings import Connections
from ops.cluster.cluster import Cluster
from schemas.codec import Codec, UndecodableError, schema_text
from schemas.events import VideoUploaded
from schemas.history import kept_versions
from schemas.topics import TOPICS, VIDEO_PROBED, VIDEO_UPLOADED, Topic

UPLOADED = VideoUploaded(video_id="v", source="uploads/v/talk.mp4")


@pytest.fixture
def connections(cluster: Cluster) -> Connections:
    found = cluster.connections()
    register_all(found)
    return found


@pytest.fixture
def other(connections: Connections) -> Iterator[Topic]:
    """A topic of the test's own, with the schema of uploads; its subject is removed at the end."""
    name = f"other-{uuid4().hex}"
    topic = Topic(name, VideoUploaded)
    yield topic
    client = open_client(connections)
    if topic.subject in client.get_subjects():
        client.delete_subject(topic.subject)


def schemas(*arguments: str) -> tuple[int, str]:
    """Exit status and output of `reelay schemas …`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REELAY_")}
    result = subprocess.run(
        [sys.executable, "-m", "ops.cli.main", "schemas", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return result.returncode, result.stdout


def extended(**more: object) -> str:
    """The schema of uploads with one field more."""
    schema = json.loads(schema_text(VIDEO_UPLOADED))
    schema["fields"].append({"name": "more", "type": "int", **more})
    return json.dumps(schema)


def test_registering_again_gives_the_same_ids(connections: Connections) -> None:
    registered = register_all(connections)

    assert register_all(connections) == registered
    assert [found.subject for found in registered] == [topic.subject for topic in TOPICS]
    client = open_client(connections)
    for topic in TOPICS:
        assert client.get_compatibility(topic.subject) == COMPATIBILITY
    for topic, fit in zip(TOPICS, check_all(connections), strict=True):
        assert (fit.reason, fit.versions) == (None, len(kept_versions(topic)))


def test_an_event_goes_through_its_ids_and_another_reader_finds_the_schema(
    connections: Connections,
) -> None:
    data = Codec(open_registry(connections)).encode(UPLOADED)

    assert Codec(open_registry(connections)).decode(data, VIDEO_UPLOADED) == UPLOADED


def test_an_upload_by_a_newer_producer_is_read_by_the_schema_that_the_registry_knows(
    connections: Connections,
) -> None:
    """The other producer's version is not one that Reelay ships."""
    newer = extended(default=0)
    with calling():
        number = open_client(connections).register_schema(
            f"newer-{uuid4().hex}-value", Schema(newer, "AVRO")
        )
    body = io.BytesIO()
    record = {"video_id": "v", "source": "uploads/v/talk.mp4", "more": 7}
    fastavro.schemaless_writer(body, fastavro.parse_schema(json.loads(newer)), record)
    data = struct.pack(">bI", 0, number) + body.getvalue()

    assert Codec(open_registry(connections)).decode(data, VIDEO_UPLOADED) == UPLOADED


def test_an_id_that_nobody_registered_is_undecodable(connections: Connections) -> None:
    with pytest.raises(UndecodableError, match="unknown schema id 99999"):
        Codec(open_registry(connections)).decode(b"\0\x00\x01\x86\x9f...", VIDEO_UPLOADED)


def test_a_schema_registered_in_another_layout_is_found(connections: Connections, other: Topic) -> None:
    compact = json.dumps(json.loads(schema_text(VIDEO_UPLOADED)), separators=(",", ":"))
    with calling():
        number = open_client(connections).register_schema(other.subject, Schema(compact, "AVRO"))

    assert open_registry(connections).id_of(other, schema_text(VIDEO_UPLOADED)) == number


def test_an_unregistered_schema_names_the_command(connections: Connections, other: Topic) -> None:
    with pytest.raises(LookupError, match="reelay schemas register"):
        open_registry(connections).id_of(other, schema_text(VIDEO_UPLOADED))


def test_the_registry_refuses_a_schema_that_would_break_readers(connections: Connections) -> None:
    with pytest.raises(Incompatible), calling():
        open_client(connections).register_schema(VIDEO_UPLOADED.subject, Schema(extended(), "AVRO"))


def test_a_running_client_goes_on_after_the_registry_was_restarted(
    cluster: Cluster, connections: Connections
) -> None:
    registry = open_registry(connections)
    before = registry.id_of(VIDEO_UPLOADED, schema_text(VIDEO_UPLOADED))

    cluster.registry.stop()
    with pytest.raises(DependencyDown, match="schema registry"):
        registry.id_of(VIDEO_PROBED, schema_text(VIDEO_PROBED))
    assert registry.id_of(VIDEO_UPLOADED, schema_text(VIDEO_UPLOADED)) == before
    status, said = schemas("register", "--registry", connections.registry_url)
    assert (status, said.count("\n")) == (1, 1)
    assert said.startswith("Error: schema registry is down: ")
    cluster.registry.start()

    data = Codec(registry).encode(UPLOADED)
    assert Codec(open_registry(connections)).decode(data, VIDEO_UPLOADED) == UPLOADED
    assert registry.id_of(VIDEO_PROBED, schema_text(VIDEO_PROBED)) != before


def test_the_commands_check_and_register(connections: Connections) -> None:
    status, said = schemas("register", "--registry", connections.registry_url, "--json")
    assert status == 0
    assert [json.loads(line)["subject"] for line in said.splitlines()] == [t.subject for t in TOPICS]

    assert schemas("check", "--registry", connections.registry_url)[0] == 0
    status, said = schemas("check")
    assert (status, len(said.splitlines())) == (0, len(TOPICS))


def test_what_the_registry_has_and_ours_does_not_fit_is_named(connections: Connections) -> None:
    """As when somebody registered a version of their own before it was guarded."""
    client = open_client(connections)
    subject = VIDEO_PROBED.subject
    schema = json.loads(schema_text(VIDEO_PROBED))
    schema["fields"].append({"name": "more", "type": "int"})
    client.set_compatibility(subject, "NONE")
    try:
        client.register_schema(subject, Schema(json.dumps(schema), "AVRO"))
        number = client.get_latest_version(subject).version
        client.set_compatibility(subject, COMPATIBILITY)

        status, said = schemas("check", "--registry", connections.registry_url)
    finally:
        client.delete_version(subject, number)

    assert status == 1
    assert (
        f"✗ {subject}: cannot be read by the registry's version {number}: reader field missing" in said
    )
