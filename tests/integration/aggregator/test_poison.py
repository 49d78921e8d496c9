"""Records and objects that are not as they should be, on real stores: other videos go on, and what
happened can be seen."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from connectors.kafka.embedded import EmbeddedBroker
from schemas.events import (
    ArtefactRef,
    CorrectedCaptions,
    Event,
    VideoCancelled,
    VideoCancelRequested,
    VideoCompleted,
    VideoDeleted,
    VideoFailed,
)
from schemas.outcomes import outcome_key
from schemas.topics import TOPICS, dead_topic, topic_of
from schemas.uploads import upload_key
from tests.integration.aggregator.world import (
    ALL_TOPICS,
    PARTITIONS,
    PATIENT,
    World,
    converted,
    embedded,
    failed,
    probed,
)

LONG = ("a" * 300, "z" * 1100)
DEAD = [dead_topic(topic.name, "aggregator") for topic in TOPICS]


@pytest.fixture(scope="module", params=["folder", "s3"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A running aggregator. Each test has videos of its own."""
    folder = tmp_path_factory.mktemp("poisoned") / "store"
    with EmbeddedBroker(ALL_TOPICS | dict.fromkeys(DEAD, PARTITIONS)) as broker:
        connections = embedded(broker, folder)
        if request.param == "s3":
            connections = request.getfixturevalue("cluster").connections(
                kafka_brokers=broker.brokers, registry_url="", store_url=f"s3://reelay/{uuid4()}"
            )
        with closing(World(connections, folder)) as world, world.running(**PATIENT):
            yield world


def all_go_on(world: World) -> None:
    """Videos on all partitions have their outcomes, told by the one process that there was."""
    names = [f"fine-{uuid4()}" for _ in range(3 * PARTITIONS)]
    for name in names:
        world.publish(*world.video(name, 1))
    for name in names:
        assert isinstance(world.until_outcome(name), VideoCompleted)
    (app,) = world.apps
    assert app.process.poll() is None
    assert not app.said("waiting")
    assert sum("recovered" in str(line) for line in app.lines()) == 1


def buried(world: World, event: Event) -> list[dict[str, bytes]]:
    """The headers of the dead letters of such events of that video."""
    letters = world.read(dead_topic(topic_of(event).name, "aggregator"))
    values = (letter for letter in letters if letter.key() == topic_of(event).key(event).encode())
    return [{name: bytes(value) for name, value in letter.headers() or ()} for letter in values]


def test_events_with_ids_that_no_store_can_hold_are_dead_letters(world: World) -> None:
    bad: list[Event] = [
        make
        for video_id in LONG
        for make in (
            failed(video_id, "converter"),
            probed(video_id),
            VideoCancelRequested(event_id="c", video_id=video_id),
            VideoDeleted(event_id="d", video_id=video_id),
        )
    ]
    world.publish(*bad, replace(failed("beyond", "converter"), revision=2**31))
    all_go_on(world)
    for event in bad:
        (headers,) = buried(world, event)
        assert headers["reelay-kind"] == b"poison"
        assert b"expected a plain name" in headers["reelay-error"]
    (headers,) = buried(world, failed("beyond", "converter"))
    assert b"expected at most 2147483647" in headers["reelay-error"]


def test_headers_whose_names_are_no_text_stop_nobody(world: World) -> None:
    """kcat writes what it is told to; confluent-kafka would not."""
    if shutil.which("kcat") is None:
        pytest.skip("kcat is not installed")
    topic = "reelay.stage.failed"
    kcat = ["kcat", "-P", "-b", world.connections.kafka_brokers, "-t", topic, "-H", b"\xff\xfe=x"]
    for partition in range(PARTITIONS):
        command = [*kcat, "-k", "headers", "-H", "good=y", "-p", str(partition)]
        subprocess.run(command, input=b"junk", check=True, timeout=60)
    all_go_on(world)
    letters = [m for m in world.read(dead_topic(topic, "aggregator")) if m.key() == b"headers"]
    assert len(letters) == PARTITIONS
    for letter in letters:
        headers = dict(letter.headers() or ())
        assert (headers["\ufffd\ufffd"], headers["good"]) == (b"x", b"y")


def test_headers_without_a_value_stop_nobody(world: World) -> None:
    topic = "reelay.stage.failed"
    client = Producer({"bootstrap.servers": world.connections.kafka_brokers})
    for partition in range(PARTITIONS):
        headers = [("ce_source", None), ("ce_subject", None), ("traceparent", None), ("n", None)]
        client.produce(topic, b"junk", b"nulls", partition=partition, headers=headers)
    assert client.flush(60) == 0
    all_go_on(world)
    letters = [m for m in world.read(dead_topic(topic, "aggregator")) if m.key() == b"nulls"]
    assert len(letters) == PARTITIONS


def test_names_of_objects_that_no_store_can_hold_cost_what_they_name(world: World) -> None:
    nowhere = ArtefactRef(key=f"results/{LONG[0]}/x", sha256="0" * 64, size_bytes=1)
    corrected = (CorrectedCaptions(language="en", file=nowhere),)
    world.publish(replace(probed("named"), corrected=corrected), world.segment("named", 0))
    world.publish(replace(world.segment("named", 1), artefact=nowhere), converted("named", 2))
    decided = world.until_outcome("named")
    assert isinstance(decided, VideoCompleted)
    assert "The corrected captions (en) cannot be read." in decided.warnings
    assert [(gap.start_s, gap.end_s) for gap in decided.gaps] == [(10.0, 20.0)]
    all_go_on(world)


def test_objects_that_cannot_be_read_cost_their_own_video(world: World) -> None:
    world.store.put(upload_key("garb", 1), b"garbage")
    world.store.put(upload_key("no-film", 1), b"garbage")
    world.store.put(outcome_key("decided", 1), b"garbage")
    cancel = VideoCancelRequested(event_id="c", video_id="decided")
    world.publish(replace(cancel, video_id="garb"), failed("no-film", "converter"))
    world.publish(cancel, probed("decided"), converted("decided", 0))
    all_go_on(world)
    assert isinstance(world.until_outcome("garb", "reelay.video.cancelled"), VideoCancelled)
    assert isinstance(world.until_outcome("no-film", "reelay.video.failed"), VideoFailed)
    for event in (cancel, probed("decided"), converted("decided", 0)):
        (headers,) = buried(world, event)
        assert b"results/decided/1/outcome.json cannot be read" in headers["reelay-error"]
    assert world.store.get(outcome_key("decided", 1)) == b"garbage"
