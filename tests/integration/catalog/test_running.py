"""The catalogue as a process, on the embedded broker, with either database."""

import json
import random
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.embedded import EmbeddedBroker
from connectors.settings import Connections
from schemas.topics import CATALOG, VIDEO_UPLOADED, dead_topic
from tests.integration.catalog.stories import story
from tests.integration.catalog.world import TOPICS, World
from tests.postgres import new_server
from tests.unit.catalog.videos import uploaded

VIDEOS = 42
EMBEDDED = {
    "REELAY_RUNTIME_DELIVERY": "at-least-once",
    "REELAY_RUNTIME_GROUP_PROTOCOL": "classic",
}


@pytest.fixture
def open_world(tmp_path: Path) -> Iterator[Callable[[EmbeddedBroker, str], World]]:
    worlds: list[World] = []

    def open_world(broker: EmbeddedBroker, database_url: str) -> World:
        connections = Connections.only(
            kafka_brokers=broker.brokers,
            store_url=(tmp_path / "store").as_uri(),
            database_url=database_url,
        )
        logs = tmp_path / f"logs-{len(worlds)}"
        logs.mkdir()
        worlds.append(World(connections, logs, **EMBEDDED))
        return worlds[-1]

    yield open_world
    for world in worlds:
        world.close()


def test_it_survives_kills_and_is_rebuilt_with_the_same_rows(
    open_world: Callable[[EmbeddedBroker, str], World], database_url: str, tmp_path: Path
) -> None:
    dice = random.Random(7)
    with EmbeddedBroker(TOPICS) as broker:
        world = open_world(broker, database_url)
        process = world.start()
        for n, events in enumerate(story(world.store, range(VIDEOS))):
            world.publish(*dice.sample(events, len(events)))
            if n % 20 == 10:
                process.kill()
                process.wait()
                process = world.start()
        world.until(world.caught_up, "all is folded")
        rows = world.rows()
        assert len(rows[0]) == VIDEOS - len(range(3, VIDEOS, 7)), "deleted videos are gone"
        assert rows[2][0].total == len([n for n in range(VIDEOS) if n % 7 in (5, 6)])
        assert world.stop(process) == 0

        anew = open_world(broker, f"sqlite://{tmp_path / 'anew' / 'catalogue.sqlite3'}")
        process = anew.start()
        anew.until(anew.caught_up, "all is folded again")
        assert anew.rows() == rows
        assert anew.stop(process) == 0


def test_a_new_broker_costs_a_look_at_the_store(
    open_world: Callable[[EmbeddedBroker, str], World], tmp_path: Path
) -> None:
    url = f"sqlite://{tmp_path / 'catalogue.sqlite3'}"
    with EmbeddedBroker(TOPICS) as broker:
        world = open_world(broker, url)
        process = world.start()
        for events in story(world.store, range(7)):
            world.publish(*events)
        world.until(world.caught_up, "all is folded")
        found = world.rows()[2]
        assert world.stop(process) == 0
    with EmbeddedBroker(TOPICS) as broker:
        world = open_world(broker, url)
        world.start()
        world.publish(uploaded("new", at_s=10_000))
        world.until(world.caught_up, "the new broker's events are folded")
        rows = {row.video_id: row.state for row in world.rows()[0]}
        assert rows["new"] == rows["v1"] == "waiting", "what only the old broker said is forgotten"
        assert "v3" not in rows
        assert world.rows()[2] == found


def test_one_that_froze_does_not_undo_what_its_successor_did(
    open_world: Callable[[EmbeddedBroker, str], World], tmp_path: Path
) -> None:
    with EmbeddedBroker(TOPICS) as broker:
        world = open_world(broker, f"sqlite://{tmp_path / 'catalogue.sqlite3'}")
        frozen = world.start()
        events = list(story(world.store, range(14)))
        world.publish(*events[0])
        world.until(world.caught_up, "the first works")
        frozen.send_signal(signal.SIGSTOP)
        for some in events[1:]:
            world.publish(*some)
        successor = world.start()
        world.until(world.caught_up, "its successor takes over")
        rows = world.rows()
        frozen.send_signal(signal.SIGCONT)
        world.publish(uploaded("later", at_s=10_000))
        world.until(world.caught_up, "they go on together")
        listed = [row for row in world.rows()[0] if row.video_id != "later"]
        assert tuple(listed) == rows[0]
        assert frozen.poll() is None
        assert world.stop(successor) == world.stop(frozen) == 0


def test_bytes_that_nobody_can_read_are_dead_letters(
    open_world: Callable[[EmbeddedBroker, str], World], tmp_path: Path
) -> None:
    with EmbeddedBroker(TOPICS) as broker:
        world = open_world(broker, f"sqlite://{tmp_path / 'catalogue.sqlite3'}")
        process = world.start()
        world.put(VIDEO_UPLOADED.name, b"nonsense")
        world.publish(uploaded("v"))
        world.until(world.caught_up, "it is passed over")
        assert [row.video_id for row in world.rows()[0]] == ["v"]
        with BroadcastReader(world.connections, [dead_topic(VIDEO_UPLOADED.name, CATALOG)]) as reader:
            world.until(lambda: (record := reader.poll(0.1)) and record.value == b"nonsense", "a letter")
        assert world.stop(process) == 0


def test_it_waits_for_a_database_that_restarts(
    open_world: Callable[[EmbeddedBroker, str], World], tmp_path: Path
) -> None:
    with new_server() as server, EmbeddedBroker(TOPICS) as broker:
        world = open_world(broker, server.url)
        process = world.start()
        events = list(story(world.store, range(21)))
        for outage in range(2):
            for some in events[outage * 7 : outage * 7 + 7]:
                world.publish(*some)
            world.until(world.caught_up, "it works")
            (server.kill if outage else server.stop)()
            for some in events[outage * 7 + 7 : outage * 7 + 14]:
                world.publish(*some)
            world.until(lambda o=outage: world.said().count("waiting: database") > o, "it waits")
            server.start()
            world.until(world.caught_up, "all is folded")
        assert len(world.rows()[0]) == 18
        assert process.poll() is None
        assert world.stop(process) == 0


def test_it_tells_how_it_is(open_world: Callable[[EmbeddedBroker, str], World], tmp_path: Path) -> None:
    with EmbeddedBroker(TOPICS) as broker:
        world = open_world(broker, f"sqlite://{tmp_path / 'catalogue.sqlite3'}")
        process = world.start(REELAY_RUNTIME_HTTP_PORT="0")
        world.publish(uploaded("v"))
        world.until(world.caught_up, "it works")
        assert "last_poll_age_s" in health(world, "/health/live")
        world.until(lambda: "true" in health(world, "/health/ready"), "it is ready")
        assert "reelay_lag_records" in health(world, "/metrics")
        assert world.stop(process) == 0


def test_while_the_database_holds_it_up_it_is_seen_to_live(
    open_world: Callable[[EmbeddedBroker, str], World], postgres_url: str
) -> None:
    with EmbeddedBroker(TOPICS) as broker, psycopg.connect(postgres_url) as other:
        world = open_world(broker, postgres_url)
        process = world.start(REELAY_RUNTIME_HTTP_PORT="0")
        world.publish(uploaded("v"))
        world.until(world.caught_up, "it works")

        other.execute("LOCK TABLE facts")
        world.publish(uploaded("held-up"))
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'facts'::regclass"
        world.until(lambda: other.execute(waiting).fetchone(), "its transaction waits")
        since = time.monotonic()

        def has_turned() -> bool:
            age_s = json.loads(health(world, "/health/live"))["last_poll_age_s"]
            return bool(age_s + 1 < time.monotonic() - since)

        world.until(has_turned, "its loop turns all the same")
        assert other.execute(waiting).fetchone()
        other.rollback()
        world.until(world.caught_up, "it goes on")
        assert {row.video_id for row in world.rows()[0]} == {"v", "held-up"}
        assert world.stop(process) == 0


def health(world: World, path: str) -> str:
    """What the one process answers."""
    (line,) = [line for line in world.said().splitlines() if "health and metrics on" in line]
    port = line.partition("127.0.0.1:")[2].partition('"')[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return str(answer.read().decode())


@pytest.mark.parametrize("url", ["", "mysql://user:hunter2@host/x"])
def test_a_wrong_setting_is_told_in_one_line(
    open_world: Callable[[EmbeddedBroker, str], World], tmp_path: Path, url: str
) -> None:
    with EmbeddedBroker({}) as broker:
        world = open_world(broker, f"sqlite://{tmp_path / 'catalogue.sqlite3'}")
        process = world.start(REELAY_DATABASE_URL=url)
        assert process.wait(60) == 2
        assert "REELAY_DATABASE_URL" in world.said()
        assert "hunter2" not in world.said()
        assert "Traceback" not in world.said()
