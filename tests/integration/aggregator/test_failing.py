"""The aggregator when something fails: nothing is lost, and nothing is told twice in two ways."""

import time
import urllib.error
import urllib.request
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from connectors.kafka.clients import client_config
from connectors.kafka.embedded import MARK, EmbeddedBroker
from processors.runtime.main import Exit
from schemas.outcomes import load_outcome, outcome_key
from tests.integration.aggregator.world import (
    ALL_TOPICS,
    PARTITIONS,
    App,
    World,
    converted,
    embedded,
    probed,
)

CHANGELOG = "aggregator-pieces-changelog"

DIES_BEFORE_THE_DECISION = """
import os
from connectors.objectstore import FolderStore
from tests.integration.aggregator.world import main
put = FolderStore.put_if_absent
def dying(self, key, data):
    if key.endswith("outcome.json"):
        os._exit(9)
    return put(self, key, data)
FolderStore.put_if_absent = dying
main()
"""

DIES_AFTER_THE_DECISION = DIES_BEFORE_THE_DECISION.replace(
    "        os._exit(9)", "        put(self, key, data)\n        os._exit(9)"
)

FAILS_IN_THE_STORE = """
from connectors.objectstore import FolderStore
from tests.integration.aggregator.world import main
def failing(self, key):
    raise RuntimeError("a bug")
FolderStore.get = failing
main()
"""

HANGS_IN_THE_STORE = """
import time
from connectors.objectstore import FolderStore
from tests.integration.aggregator.world import main
FolderStore.get = lambda self, key: time.sleep(3600)
main()
"""


def test_a_store_that_never_answers_ends_its_being_live(own_world: World) -> None:
    world = own_world
    app = world.start(
        HANGS_IN_THE_STORE, REELAY_AGGREGATOR_MAX_WORK_S="0.2", REELAY_AGGREGATOR_MAX_LOOP_AGE_S="1"
    )

    def live() -> int:
        (line,) = [line for line in app.lines() if "health and metrics on" in str(line)]
        try:
            with urllib.request.urlopen(
                f"{str(line['message']).split()[-1]}/health/live", timeout=60
            ) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    world.until(lambda: app.said("recovered"), "it runs")
    world.until(lambda: live() == 200, "live")
    world.publish(probed("hanging"))
    world.until(lambda: live() == 503, "no longer live")
    app.kill()


def test_a_store_that_is_down_is_waited_for_in_place(own_world: World) -> None:
    world = own_world
    with world.running(REELAY_AGGREGATOR_SESSION_TIMEOUT_S="6") as app:
        world.publish(probed("down"), world.segment("down", 0))
        world.until(lambda: len(world.events(CHANGELOG, "down")) == 2, "two rows")
        away = world.folder.with_name("away")
        world.folder.rename(away)
        world.folder.symlink_to(world.folder)  # leads nowhere: every access fails
        world.publish(converted("down", 1))
        world.until(lambda: app.said("waiting: object store"), "it waits")
        down_until = time.monotonic() + 7.0  # longer than the session time-out
        world.until(lambda: time.monotonic() > down_until, "a while")
        assert app.process.poll() is None
        world.folder.unlink()
        away.rename(world.folder)
        world.until_outcome("down")
        assert sum("recovered" in str(line) for line in app.lines()) == 1  # no rebalance meanwhile


def test_death_in_the_middle_before_and_after_the_decision_loses_nothing(quiet_world: World) -> None:
    world = quiet_world
    events = world.video("dying", 3)
    first = world.start(DIES_BEFORE_THE_DECISION)
    world.publish(*events[:3])
    world.until(lambda: len(world.events(CHANGELOG, "dying")) == 3, "three rows")
    first.process.kill()
    first.process.wait()
    second = world.start(DIES_BEFORE_THE_DECISION)
    world.publish(*events[3:])
    assert second.wait() == 9
    assert second.said("1 open join")
    assert not world.events("reelay.video.completed", "dying")
    assert world.start(DIES_AFTER_THE_DECISION).wait() == 9
    decided = load_outcome(world.store.get(outcome_key("dying", 1)))
    with world.running():
        assert world.until_outcome("dying") == decided
    assert getattr(decided, "gaps", None) == ()


def test_any_other_error_ends_the_process_before_its_offset_is_committed(quiet_world: World) -> None:
    world = quiet_world
    app = world.start(FAILS_IN_THE_STORE)
    world.publish(probed("bug"))
    assert app.wait() == Exit.FAILED
    assert app.said("giving up: a bug")
    with world.running():
        world.publish(converted("bug", 0))
        world.until_outcome("bug")


def test_what_the_broker_dropped_unread_is_an_error_not_a_skip(own_world: World) -> None:
    world = own_world
    topic = "reelay.stage.failed"
    group = Consumer(client_config(world.connections) | {"group.id": "aggregator"})
    read = [TopicPartition(topic, partition, 1) for partition in range(PARTITIONS)]
    group.commit(offsets=read, asynchronous=False)
    group.close()
    world.fill(topic)
    records = world.start()
    assert records.wait() == Exit.GAP
    assert records.said(f"giving up: {topic}")
    world.fill(CHANGELOG)
    rows = world.start()
    assert rows.wait() == Exit.GAP
    assert rows.said(f"giving up: changelog {CHANGELOG}")


def test_topics_that_are_missing_are_named_at_the_start_and_not_created(tmp_path: Path) -> None:
    there = {name: 2 for name in ALL_TOPICS if name not in ("reelay.video.probed", CHANGELOG)}
    with EmbeddedBroker(there) as broker:
        app = App(embedded(broker, tmp_path), tmp_path, env={"REELAY_AGGREGATOR_TOPICS_TIMEOUT_S": "0"})
        assert app.wait() == Exit.BROKER
        (line,) = app.lines()
        assert line["message"] == (
            f"no topic reelay.video.probed, {CHANGELOG}; `reelay topics apply` creates them"
        )
        client = Producer({"bootstrap.servers": broker.brokers})
        found = client.list_topics(timeout=60).topics
        assert {name for name in found if not name.startswith(MARK)} == set(there)


def test_topics_that_cannot_be_joined_are_refused_at_the_start(tmp_path: Path) -> None:
    with EmbeddedBroker(dict.fromkeys(ALL_TOPICS, 3) | {"reelay.stage.failed": 2}) as broker:
        app = App(embedded(broker, tmp_path), tmp_path)
        assert app.wait() == Exit.BROKER
        (line,) = app.lines()
        assert "reelay.video.probed 3, " in str(line["message"])
        assert "reelay.stage.failed 2, " in str(line["message"])
