"""Programs that know nothing of Reelay read every topic and publish uploads: the examples of the READMEs
themselves, on a real cluster."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from connectors.kafka.admin import apply_topics
from connectors.kafka.clients import open_producer
from connectors.kafka.layout import TopicChoices
from connectors.objectstore import open_store
from connectors.registry import open_registry
from connectors.registry.subjects import register_all
from connectors.settings import Connections
from ops.cluster.cluster import Cluster
from schemas.codec import Codec, to_record
from schemas.events import AudioSegmented, Event
from schemas.headers import event_headers
from schemas.topics import AUDIO_SEGMENTED_BULK, FIRST_LANE_S, TOPICS, Topic, topic_of
from tests.media import CLIP, ffmpeg
from tests.processors import ALL, Processors, until

pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).parents[2]
CONSUMERS = ROOT / "ops" / "consumers"
PARTITIONS = 3
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


def sample(kind: Any) -> Any:
    """A value of a field's type."""
    if typing.get_origin(kind) is tuple:
        return (sample(typing.get_args(kind)[0]),)
    if isinstance(kind, types.UnionType):
        return sample(typing.get_args(kind)[0])
    if hasattr(kind, "__dataclass_fields__"):
        hints = typing.get_type_hints(kind)
        return kind(**{name: sample(hint) for name, hint in hints.items()})
    if issubclass(kind, StrEnum):
        return next(iter(kind))
    return {bool: True, str: "für", int: 3, float: 1.5, datetime: NOW}[kind]


def samples() -> dict[str, Event]:
    """An event for each topic."""
    events: dict[str, Event] = {topic.name: sample(topic.event) for topic in TOPICS}
    bulk = events[AUDIO_SEGMENTED_BULK.name]
    assert isinstance(bulk, AudioSegmented)
    events[AUDIO_SEGMENTED_BULK.name] = replace(bulk, start_s=FIRST_LANE_S)
    assert all(topic_of(event).name == name for name, event in events.items())
    return events


EVENTS = samples()


def example(document: Path, what: str, language: str) -> str:
    """The example in that language that speaks of `what`."""
    found = re.findall(rf"^```{language}\n(.*?)^```", document.read_text("utf-8"), re.M | re.S)
    (text,) = [text for text in found if what in text]
    return str(text)


@pytest.fixture(scope="module")
def connections(own_cluster: Callable[..., Cluster]) -> Connections:
    """A cluster with Reelay's topics, and all that is needed to know about it."""
    connections = own_cluster(bare=True).connections()
    apply_topics(connections, TopicChoices(partitions=PARTITIONS))
    register_all(connections)
    return connections


@pytest.fixture(scope="module")
def filled(connections: Connections) -> Connections:
    """The cluster, with one event in every topic."""
    codec, producer = Codec(open_registry(connections)), open_producer(connections)
    for topic in TOPICS:
        event = EVENTS[topic.name]
        headers = event_headers(event, source="test", traceparent=TRACEPARENT)
        producer.produce(topic.name, codec.encode(event), topic.key(event).encode(), headers=headers)
    assert producer.flush(60) == 0
    return connections


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scripts for Node and what they import, installed once for each lock file."""
    if shutil.which("npm") is None:
        if os.environ.get("CI"):
            pytest.fail("npm is not installed")
        pytest.skip("npm is not installed")
    files = [CONSUMERS / "node" / name for name in ("package.json", "package-lock.json", ".npmrc")]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    installed = cache / "reelay" / "node" / digest
    if not installed.is_dir():
        making = installed.with_name(f".{digest}-{uuid4().hex}")
        making.mkdir(parents=True)
        for file in files:
            shutil.copy(file, making)
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=making,
            check=True,
            timeout=240,
        )
        try:
            making.rename(installed)
        except OSError:  # another process was first
            shutil.rmtree(making)
    folder = tmp_path_factory.mktemp("node")
    (folder / "node_modules").symlink_to(installed / "node_modules")
    for script in (CONSUMERS / "node").glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


def environment(connections: Connections) -> dict[str, str]:
    """All that a program by others is told."""
    given = {
        "REELAY_KAFKA_BROKERS": connections.kafka_brokers,
        "REELAY_REGISTRY_URL": connections.registry_url,
    }
    return {"PATH": os.environ["PATH"], "PYTHONSAFEPATH": "1", **given}


@contextmanager
def reading(
    command: Sequence[str | Path], connections: Connections, folder: Path
) -> Iterator[Callable[[], list[str]]]:
    """A program that prints what it reads, until Ctrl-C; gives the lines so far."""
    out = folder / f"{uuid4().hex}.out"
    with out.open("wb") as file:
        process = subprocess.Popen(
            command, env=environment(connections), stdout=file, stderr=subprocess.STDOUT, cwd=folder
        )
    try:
        yield lambda: out.read_bytes().rpartition(b"\n")[0].decode().splitlines()
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0, out.read_text("utf-8")
    finally:
        process.kill()
        process.wait()


def python_script(folder: Path, document: Path, what: str) -> list[str | Path]:
    """The command that runs a README's example, in a folder where nothing of Reelay lies."""
    script = folder / "program.py"
    script.write_text(example(document, what, "python"), "utf-8")
    return [sys.executable, script]


def test_a_plain_avro_deserializer_reads_every_topic(filled: Connections, tmp_path: Path) -> None:
    command = python_script(tmp_path, ROOT / "README.md", "AvroDeserializer")

    with reading([*command, *EVENTS], filled, tmp_path) as lines:
        until(lambda: len(lines()) >= len(EVENTS), "every topic is read", within_s=180)
        read = [line.split(" ", 2) for line in lines()]

    assert {topic: (key, json.loads(event)) for topic, key, event in read} == {
        topic.name: (
            topic.key(EVENTS[topic.name]),
            json.loads(json.dumps(to_record(EVENTS[topic.name]), default=str)),
        )
        for topic in TOPICS
    }


def test_kafkajs_and_its_registry_client_read_every_topic(
    filled: Connections, node: Path, tmp_path: Path
) -> None:
    with reading(["node", node / "read.mjs", *EVENTS], filled, tmp_path) as lines:
        until(lambda: len(lines()) >= len(EVENTS), "every topic is read", within_s=180)
        read = [json.loads(line) for line in lines()]

    def milliseconds(time: datetime) -> int:
        return round(time.timestamp() * 1000)

    assert {found["topic"]: (found["key"], found["event"]) for found in read} == {
        topic.name: (
            topic.key(EVENTS[topic.name]),
            json.loads(json.dumps(to_record(EVENTS[topic.name]), default=milliseconds)),
        )
        for topic in TOPICS
    }


def test_kcat_shows_keys_headers_and_bytes_of_every_topic(filled: Connections) -> None:
    if shutil.which("kcat") is None:
        if os.environ.get("CI"):
            pytest.fail("kcat is not installed")
        pytest.skip("kcat is not installed")
    shown = example(CONSUMERS / "README.md", "kcat", "sh")
    codec = Codec(open_registry(filled))

    def said(topic: Topic) -> str:
        return subprocess.run(
            ["bash", "-c", shown.replace("reelay.video.completed", topic.name)],
            env=environment(filled),
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        ).stdout

    with ThreadPoolExecutor() as at_once:  # kcat waits more than it works
        outputs = list(at_once.map(said, TOPICS))
    for topic, output in zip(TOPICS, outputs, strict=True):
        event = EVENTS[topic.name]
        (line,) = output.splitlines()
        assert line.startswith(f"{topic.key(event)} ce_specversion=1.0,")
        assert f",ce_id={event.event_id}," in line
        assert line.endswith(f",traceparent={TRACEPARENT} {len(codec.encode(event))} bytes")


def test_uploads_published_by_others_are_completed(
    connections: Connections, node: Path, tmp_path: Path
) -> None:
    """By librdkafka's own partitioner and by kafkajs's, without a key."""
    talk = tmp_path / "talk.mp4"
    ffmpeg("-i", CLIP, "-t", "10", "-c", "copy", talk)
    source = "uploads/others/talk.mp4"
    open_store(connections).put_file(source, talk)
    publish = python_script(tmp_path, CONSUMERS / "README.md", "AvroSerializer")
    videos = {"from-python": publish, "from-node": ["node", node / "publish.mjs"]}
    for video_id, command in videos.items():
        subprocess.run(
            [*command, video_id, source], env=environment(connections), check=True, timeout=180
        )

    read = python_script(tmp_path, ROOT / "README.md", "AvroDeserializer")
    outcomes = ("reelay.video.completed", "reelay.video.failed", "reelay.video.cancelled")
    with (
        Processors(connections, tmp_path, REELAY_AGGREGATOR_PARTITIONS=str(PARTITIONS)) as processors,
        reading([*read, *outcomes], connections, tmp_path) as lines,
    ):
        processors.start(*ALL)

        def ended() -> dict[str, list[str]]:
            found: dict[str, list[str]] = {}
            for line in lines():
                topic, key, _ = line.split(" ", 2)
                found.setdefault(key, []).append(topic)
            return {key: found[key] for key in found if key.removesuffix(":1") in videos}

        until(lambda: len(ended()) == len(videos), "every video has ended", within_s=240)

        assert ended() == {f"{video_id}:1": ["reelay.video.completed"] for video_id in videos}
