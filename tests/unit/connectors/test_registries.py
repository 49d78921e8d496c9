"""Schema registries: both give ids to schemas, and schemas to ids."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from connectors.errors import DependencyDown
from connectors.registry import ConfluentRegistry, FingerprintRegistry, open_registry
from connectors.registry.fingerprint import fingerprint
from connectors.settings import Connections
from schemas import topics
from schemas.codec import Codec, schema_text
from schemas.events import VideoUploaded
from schemas.topics import TOPICS

UPLOADED = VideoUploaded(video_id="v", source="uploads/v/talk.mp4")
TOPIC = topics.VIDEO_UPLOADED
SCHEMA = schema_text(TOPIC)


class RegistryServer(BaseHTTPRequestHandler):
    """Two calls of the registry's documented HTTP API: look a subject's schema up, get a schema by id.

    Source: Confluent Schema Registry API reference.
    """

    protocol_version = "HTTP/1.1"
    registered: ClassVar[dict[int, tuple[str, str]]] = {}
    requests: ClassVar[list[str]] = []
    broken = False
    user_info = ""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        subject = re.fullmatch(r"/subjects/([^/?]+)(\?.*)?", self.path)
        same = [
            number
            for number, (name, schema) in self.registered.items()
            if subject and name == subject[1] and json.loads(schema) == json.loads(body["schema"])
        ]
        if same:
            schema = self.registered[same[0]][1]
            self.answer(
                200, {"subject": subject and subject[1], "id": same[0], "version": 1, "schema": schema}
            )
        else:
            self.answer(404, {"error_code": 40403, "message": "Schema not found"})

    def do_GET(self) -> None:
        number = re.fullmatch(r"/schemas/ids/(\d+)(\?.*)?", self.path)
        if number and int(number[1]) in self.registered:
            self.answer(200, {"schema": self.registered[int(number[1])][1]})
        else:
            self.answer(404, {"error_code": 40403, "message": "Schema not found"})

    def answer(self, status: int, body: dict[str, Any]) -> None:
        self.requests.append(f"{self.command} {self.path}")
        data = json.dumps(body).encode()
        expected = "Basic " + base64.b64encode(self.user_info.encode()).decode()
        if self.user_info and self.headers["Authorization"] != expected:
            status = 401
        self.send_response(500 if self.broken else status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def serving(**attributes: Any) -> Iterator[tuple[str, list[str]]]:
    """A registry's URL, and the requests that it gets."""
    handler = type("Handler", (RegistryServer,), {"requests": [], **attributes})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler.requests  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()


def client(url: str) -> ConfluentRegistry:
    return ConfluentRegistry({"url": url, "max.retries": 0, "timeout": 5})


def test_a_fingerprint_does_not_depend_on_documentation_or_layout() -> None:
    schema = json.loads(SCHEMA)
    schema["doc"] = "Other words."

    assert fingerprint(json.dumps(schema)) == fingerprint(SCHEMA)


def test_every_schema_has_its_own_fingerprint() -> None:
    found = {fingerprint(schema_text(topic)) for topic in TOPICS}

    assert len(found) == len({topic.schema_file for topic in TOPICS})
    assert all(0 <= number < 2**32 for number in found)


def test_fingerprints_stay_the_same_between_releases() -> None:
    """Bytes that are stored must stay readable: only a changed schema has another id."""
    assert fingerprint('{"type": "record", "name": "A", "fields": []}') == 555231849


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_the_fingerprint_registry_knows_every_shipped_schema(topic: topics.Topic) -> None:
    registry = FingerprintRegistry()

    assert registry.schema_of(registry.id_of(topic, schema_text(topic))) == schema_text(topic)


def test_the_fingerprint_registry_does_not_know_other_schemas() -> None:
    with pytest.raises(LookupError):
        FingerprintRegistry().schema_of(7)


def connections(registry_url: str, **more: str) -> Connections:
    return Connections.only(kafka_brokers="unused:1", store_url="", registry_url=registry_url, **more)


def test_no_url_means_fingerprints() -> None:
    assert isinstance(open_registry(connections("")), FingerprintRegistry)
    assert isinstance(open_registry(connections("http://127.0.0.1:1")), ConfluentRegistry)


def test_an_event_goes_through_a_real_registrys_ids() -> None:
    with serving(registered={41: (TOPIC.subject, SCHEMA)}) as (url, requests):
        data = Codec(client(url)).encode(UPLOADED)
        assert data[:5] == b"\0\0\0\0\x29"
        assert Codec(client(url)).decode(data, TOPIC) == UPLOADED

        assert [request.split("?")[0] for request in requests] == [
            "POST /subjects/reelay.video.uploaded-value",
            "GET /schemas/ids/41",
        ]


def test_a_registry_is_asked_once_for_each_schema() -> None:
    with serving(registered={41: (TOPIC.subject, SCHEMA)}) as (url, requests):
        codec = Codec(client(url))
        for _ in range(3):
            assert codec.decode(codec.encode(UPLOADED), TOPIC) == UPLOADED

        assert len(requests) == 2


def test_an_unregistered_schema_names_the_command_that_registers_it() -> None:
    with (
        serving(registered={41: ("reelay.video.probed-value", SCHEMA)}) as (url, _),
        pytest.raises(LookupError, match="reelay schemas register"),
    ):
        client(url).id_of(TOPIC, SCHEMA)


def test_an_unknown_id_is_a_look_up_error() -> None:
    with serving() as (url, _), pytest.raises(LookupError, match="no schema with id 7"):
        client(url).schema_of(7)


def test_a_failing_registry_is_a_dependency_that_is_down() -> None:
    with serving(broken=True) as (url, _):
        with pytest.raises(DependencyDown, match="schema registry"):
            client(url).id_of(TOPIC, SCHEMA)
        with pytest.raises(DependencyDown, match="schema registry"):
            client(url).schema_of(41)


def test_an_unreachable_registry_is_a_dependency_that_is_down() -> None:
    with serving() as (url, _):
        pass
    with pytest.raises(DependencyDown, match="schema registry"):
        client(url).id_of(TOPIC, SCHEMA)
    with pytest.raises(DependencyDown, match="schema registry"):
        client(url).schema_of(41)


def test_user_name_and_password_are_sent() -> None:
    with serving(registered={41: (TOPIC.subject, SCHEMA)}, user_info="ada:pass:word") as (url, _):
        known = connections(url, registry_username="ada", registry_password="pass:word")

        assert open_registry(known).id_of(TOPIC, SCHEMA) == 41


def test_a_wrong_password_is_told_and_not_tried_again() -> None:
    with serving(user_info="ada:secret") as (url, requests):
        unknown = connections(url, registry_username="ada", registry_password="guess")
        with pytest.raises(DependencyDown, match="does not accept the user name or password") as told:
            open_registry(unknown).id_of(TOPIC, SCHEMA)

        assert len(requests) == 1
        assert "guess" not in str(told.value)


def test_a_url_that_is_none_and_certificates_that_are_not_there_are_one_line() -> None:
    with pytest.raises(DependencyDown, match="schema registry"):
        open_registry(connections("registry:8081")).schema_of(1)
    with pytest.raises(DependencyDown, match="No such file"):
        open_registry(connections("https://127.0.0.1:1", tls_ca="/nowhere/ca.pem")).schema_of(1)
