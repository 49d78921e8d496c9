"""The commands of people who use a cluster: real Kafka, registry and S3, and the real processors."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, Producer, TopicPartition
from pydantic import SecretStr

from connectors.kafka.admin import apply_topics
from connectors.kafka.clients import client_config
from connectors.objectstore import ObjectMissing, ObjectStore, open_store
from connectors.objectstore.revisions import take_revision
from connectors.registry import open_registry
from connectors.registry.subjects import register_all
from connectors.settings import Connections
from ops.cli.main import reelay
from ops.cluster.cluster import Cluster
from ops.inflight.lag import COUNTED, GroupStatus, PartitionLag, group_statuses
from ops.pipeline.files import MediaFile, identify
from processors.runtime.frontier import Frontier
from schemas.codec import Codec
from schemas.events import Event, Options
from schemas.topics import (
    CATALOG,
    SEGMENT_TRANSCRIBED,
    VIDEO_CANCEL_REQUESTED,
    VIDEO_DELETED,
    VIDEO_UPLOADED,
    Topic,
)
from tests import media
from tests.processors import ALL, REELAY, Processors, until
from tests.topics import records_of

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class World:
    """A cluster and a user of it."""

    connections: Connections
    folder: Path

    @property
    def store(self) -> ObjectStore:
        return open_store(self.connections)

    def __call__(self, *arguments: str | Path, **environ: str | None) -> Finished:
        """`reelay` with the cluster in the environment; None takes a variable away."""
        runner = CliRunner(
            env={
                **self.connections.environment(),
                "XDG_STATE_HOME": str(self.folder / "state"),
                **environ,
            }
        )
        result = runner.invoke(reelay, [str(a) for a in arguments], standalone_mode=False)
        if isinstance(result.exception, click.ClickException):
            error = result.exception
            return Finished(error.exit_code, result.stdout, f"Error: {error.format_message()}\n")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Finished(result.return_value or 0, result.stdout, result.stderr)

    @contextmanager
    def running(self, *arguments: str | Path, without: str = "") -> "Iterator[subprocess.Popen[str]]":
        """`reelay` as a process that ends with the context. without: a variable it does not get."""
        environ = {**os.environ, **self.connections.environment()}
        environ.pop(without, None)
        process = subprocess.Popen(
            [REELAY, *arguments],
            env={**environ, "XDG_STATE_HOME": str(self.folder / "state")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def film(self, name: str, *, start_s: float = 0.0, duration_s: float = 3.0) -> Path:
        """A short clip of speech."""
        media.piece(self.folder / name, start_s=start_s, duration_s=duration_s)
        return self.folder / name

    def told(self, topic: Topic, video_id: str) -> list[Event]:
        """What was announced about a video."""
        codec = Codec(open_registry(self.connections))
        records = records_of(self.connections, [topic.name])
        return [codec.decode(r.value, topic) for r in records if r.key == video_id.encode()]


@pytest.fixture(scope="module")
def bare(own_cluster: Callable[..., Cluster], tmp_path_factory: pytest.TempPathFactory) -> World:
    """A cluster as it is before anything was set up on it."""
    return World(own_cluster(bare=True).connections(), tmp_path_factory.mktemp("user"))


@pytest.fixture(scope="module")
def world(bare: World) -> World:
    """The same with topics and schemas, where nobody works."""
    apply_topics(bare.connections)
    register_all(bare.connections)
    return bare


@pytest.fixture(scope="module")
def working(world: World) -> Iterator[World]:
    """The same with processors, which may read the user's folder."""
    connections = world.connections.model_copy(
        update={
            "local_roots": str(world.folder),
            "database_url": SecretStr(f"sqlite://{world.folder / 'catalogue.sqlite3'}"),
        }
    )
    with Processors(connections, world.folder) as processors:
        processors.start(*ALL, CATALOG)
        yield world


def test_doctor_names_what_a_new_cluster_lacks_and_what_mends_it(bare: World) -> None:
    finished = bare("doctor", "--json")

    findings = {finding["check"]: finding for finding in finished.json["findings"]}
    assert finished.status == 1
    assert (findings["kafka"]["level"], findings["object store"]["level"]) == ("ok", "ok")
    assert findings["topics"]["advice"] == "reelay topics apply"
    assert findings["topics"]["level"] == "wrong"
    assert findings["schema registry"]["advice"] == "reelay schemas register"
    assert findings["schema registry"]["level"] == "wrong"
    assert findings["processors"]["level"] == "warning"


def test_what_cannot_be_announced_is_not_written(bare: World) -> None:
    published = bare("publish", bare.film("early.wav"))

    assert published.status == 1
    assert "reelay topics apply" in published.err
    assert list(bare.store.keys("")) == []


def test_a_topic_that_is_not_there_is_one_line_that_says_what_makes_it(bare: World) -> None:
    consumed = bare("consume", "video.completed")

    assert (consumed.status, consumed.err) == (
        1,
        "Error: topic reelay.video.completed does not exist; `reelay topics apply` creates it\n",
    )


def test_a_store_that_nobody_named_is_one_line(world: World) -> None:
    finished = world("export", "v", REELAY_STORE_URL=None)

    assert finished.status == 1
    assert finished.err.startswith("Error: REELAY_STORE_URL is not set")


def test_lag_counts_records_that_are_not_done_and_nothing_else(world: World) -> None:
    topic = SEGMENT_TRANSCRIBED.name
    markers, aborted, some, many = (TopicPartition(topic, number) for number in range(4))
    config = client_config(world.connections)
    producer = Producer(config | {"transactional.id": "lag", "linger.ms": 20})
    producer.init_transactions()

    def write(place: TopicPartition, count: int) -> None:
        for _ in range(count):
            producer.produce(topic, b"x", partition=place.partition)

    for _ in range(2):
        producer.begin_transaction()
        write(markers, 1)
        write(some, 3)
        producer.commit_transaction()
    producer.begin_transaction()
    write(many, COUNTED + 50)
    producer.commit_transaction()
    producer.begin_transaction()
    write(aborted, 5)
    producer.abort_transaction()
    frontier = Frontier(1)
    for offset in (1, 2, 4, 5):
        frontier.take(offset)
    frontier.finish(4)
    consumer = Consumer(config | {"group.id": "enricher", "enable.auto.commit": False})

    def commit(place: TopicPartition, offset: int, metadata: str = "") -> None:
        done = TopicPartition(topic, place.partition, offset, metadata)
        assert consumer.commit(offsets=[done], asynchronous=False)

    commit(markers, 3)  # behind the second record; a marker follows
    commit(some, 1, frontier.metadata())  # of the offsets 0 1 2 m 4 5 6 m, 0 and 4 are done
    try:
        lags = partitions(world.connections, topic)

        assert lags[markers.partition].lag == 0
        assert lags[markers.partition].end == 4
        assert lags[aborted.partition].lag == 0
        assert lags[some.partition].lag == 4
        assert lags[many.partition].lag == pytest.approx(COUNTED + 50, abs=1), (
            "a marker may be among them"
        )
        assert lags[many.partition].committed is None
        assert time.time() - 300 < (lags[some.partition].oldest or 0) <= time.time() + 1
        shown = world("status", "--partitions")
        assert f"{topic} [{some.partition}]  lag 4  committed 1  end 8" in shown.out
        assert "! start one: reelay processor enricher" in shown.out
    finally:
        for place in (markers, aborted, some, many):
            commit(place, lags[place.partition].end)
        consumer.close()


def test_a_file_is_uploaded_once_and_announced_until_it_has_an_outcome(world: World) -> None:
    film = world.film("once.wav")

    first = world("publish", film, "--json")
    again = world("publish", film, "--json")

    upload = first.json
    assert (first.status, again.json) == (0, upload)
    assert upload["source"] == f"uploads/{upload['video_id']}/once.wav"
    assert world.store.get(upload["source"]) == film.read_bytes()
    told = world.told(VIDEO_UPLOADED, upload["video_id"])
    assert len(told) == 2
    assert told[0] == told[1], "the same event, with the same id"
    status = world("status")
    assert "  once.wav" in status.out
    assert world("cancel", film).status == 0


def test_an_upload_whose_command_died_before_the_event_is_announced_by_the_next(world: World) -> None:
    film = world.film("died.wav", start_s=3)
    file = identify(film)
    assert isinstance(file, MediaFile)
    upload = take_revision(
        world.store,
        file.video_id,
        source=file.source,
        name=file.name,
        size_bytes=file.size_bytes,
        options=Options(),
    )
    assert world.told(VIDEO_UPLOADED, file.video_id) == []

    assert world("publish", film).status == 0

    assert world.told(VIDEO_UPLOADED, file.video_id) == [upload]
    assert world("cancel", film).status == 0


def test_who_waits_where_nobody_works_is_told_so_and_goes_on_waiting(world: World) -> None:
    film, other = world.film("waiting.wav", start_s=15), world.film("by path.wav", start_s=18)

    with (
        world.running("publish", film, "--wait") as by_store,
        world.running("publish", other, "--wait", "--json", without="REELAY_STORE_URL") as by_topics,
    ):
        assert by_store.stderr
        assert by_topics.stderr
        told = [by_store.stderr.readline(), by_topics.stderr.readline()]
        still = [by_store.poll(), by_topics.poll()]
        for process in (by_store, by_topics):
            process.terminate()
        out, err = by_store.communicate(timeout=60)
        assert by_topics.communicate(timeout=60) == ("", "")

    why = "nobody works as converter or transcriber or enricher or aggregator"
    see = f"See reelay status --brokers {world.connections.kafka_brokers}"
    assert told == [
        f"Still waiting for waiting.wav: {why}. {see}\n",
        f"Still waiting for 1 outcome: {why}. {see}\n",
    ]
    assert still == [None, None]
    assert (out.count("\n"), err) == (1, ""), "the video's id alone, and all is said once"
    assert world("cancel", film).status == 0


def test_a_cancel_request_is_written_and_announced_and_can_be_repeated(world: World) -> None:
    film = world.film("cancelled.wav", start_s=6)
    video_id = world("publish", film).out.strip()

    statuses = [world("cancel", film).status for _ in range(2)]

    assert statuses == [0, 0]
    assert world.store.get(f"results/{video_id}/1/cancel.json")
    first, second = world.told(VIDEO_CANCEL_REQUESTED, video_id)
    assert first == second
    assert "to be cancelled" in world("status", film).out
    assert world("cancel", film, "--revision", "2").status == 1


def test_a_deletion_is_announced_until_nothing_is_left_and_its_id_is_gone_for_ever(world: World) -> None:
    film = world.film("deleted.wav", start_s=9)
    video_id = world("publish", film).out.strip()

    statuses = [world("delete", film).status for _ in range(2)]

    assert statuses == [0, 0]
    assert len(world.told(VIDEO_DELETED, video_id)) == 2
    refused = world("publish", film)
    assert (refused.status, "its video was deleted" in refused.err) == (1, True)


def test_gc_removes_what_nobody_needs_from_the_clusters_store(world: World) -> None:
    store = world.store
    store.put("media/unused/words", b"12345")
    store.put("media/named/film.mp4", b"film")
    store.put("results/played/1/outcome.json", b'{"files": [{"key": "media/named/film.mp4"}]}')

    kept = world("gc", "--json")
    removed = world("gc", "--older-than", "0m", "--json")

    assert kept.json == {"dry_run": False, "files": 0, "size_bytes": 0, "unfinished_uploads": 0}
    assert removed.json["size_bytes"] == 5
    assert list(store.keys("media/")) == ["media/named/film.mp4"]
    for key in ("media/named/film.mp4", "results/played/1/outcome.json"):
        store.delete(key)


def test_a_video_is_captioned_done_again_otherwise_and_both_results_are_compared(
    working: World,
) -> None:
    film = working.film("talk.wav", duration_s=12)

    published = working("publish", film, "--wait", "--json")
    replayed = working("replay", film, "--hotwords", "Kafka", "--force", "--compare", "--json")

    assert (published.status, published.json["outcome"]) == (0, "completed")
    compared = replayed.json
    assert (replayed.status, compared["old"]["revision"], compared["new"]["revision"]) == (0, 1, 2)
    assert compared["old"]["models"] == ["tiny.en"]
    assert compared["old"]["words"] == compared["same"] + compared["substituted"] + compared["deleted"]
    shown = working("status", film, "--json").json
    assert shown["shown_revision"] == 2
    assert [revision["options"]["hotwords"] for revision in shown["revisions"]] == [None, "Kafka"]
    assert all(file.startswith("s3://reelay/results/") for file in shown["revisions"][0]["files"])
    assert working("replay", film, "--compare", "--revisions", "1", "1").out.startswith(
        "talk.wav  0.0% of the words differ"
    )
    assert working("publish", film, "--json").json["revision"] == 1, "what is done is not done again"
    exported = working("export", film, "--format", "txt", "--out", working.folder / "out", "--json")
    assert exported.json["revision"] == 2
    assert Path(exported.json["files"][0]["path"]).read_text()


def test_a_file_can_be_published_by_its_path_without_the_store(working: World) -> None:
    film = working.film("in place.wav", start_s=12)

    finished = working("publish", film, "--wait", "--json", REELAY_STORE_URL=None)

    assert (finished.status, finished.json["outcome"]) == (0, "completed")
    video_id = finished.json["video_id"]
    assert finished.json["source"].startswith("file://")
    assert list(working.store.keys(f"uploads/{video_id}/")) == []
    deleted = working("delete", video_id, "--wait")
    assert (deleted.status, deleted.err) == (0, f"{video_id}: deleted\n")
    with pytest.raises(ObjectMissing):
        working.store.get(f"results/{video_id}/1/outcome.json")


def test_what_was_cancelled_before_anybody_worked_ends_so_and_then_nothing_lags(working: World) -> None:
    cancelled = working.folder / "cancelled.wav"

    shown = until(
        lambda: (
            (found := working("status", cancelled, "--json").json["revisions"][0])["outcome"] and found
        ),
        "the outcome of a cancelled video",
    )

    assert shown["outcome"] == "cancelled"
    until(lambda: not sum(g.lag for g in group_statuses(working.connections)), "no lag")
    status = working("status", "--json").json
    assert [group["group"] for group in status["groups"] if not group["members"]] == []
    assert status["videos"] == []
    findings = {found["check"]: found["found"] for found in working("doctor", "--json").json["findings"]}
    assert findings["processors"] == "every consumer group has members"


def partitions(connections: Connections, topic: str) -> dict[int, PartitionLag]:
    """The topic's partitions as the enricher has them."""
    statuses: dict[str, GroupStatus] = {group.group: group for group in group_statuses(connections)}
    return {found.partition: found for found in statuses["enricher"].partitions if found.topic == topic}
