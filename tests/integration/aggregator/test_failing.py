"""The aggregator when something fails: nothing is lost, and nothing is told twice in two ways."""

import time

from tests.integration.aggregator.world import World, converted, failed, probed

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


def test_a_store_that_is_down_is_waited_for_in_place(quiet_world: World) -> None:
    world = quiet_world
    with world.running() as app:
        world.publish(probed("down"), world.segment("down", 0))
        world.until(lambda: len(world.events(CHANGELOG, "down")) == 2, "two rows")
        away = world.folder.with_name("away")
        world.folder.rename(away)
        world.folder.symlink_to(world.folder)  # leads nowhere: every access fails
        world.publish(converted("down", 1))
        world.until(lambda: app.said("waiting: object store"), "it waits")
        down_until = time.monotonic() + 3.0  # longer than the session time-out of 2 s
        world.until(lambda: time.monotonic() > down_until, "a while")
        assert app.process.poll() is None
        world.folder.unlink()
        away.rename(world.folder)
        world.until_outcome("down")
        assert sum("recovered" in str(line) for line in app.lines()) == 1  # no rebalance meanwhile


def test_a_join_killed_in_the_middle_goes_on_after_a_restart(quiet_world: World) -> None:
    world = quiet_world
    events = world.video("killed", 3)
    first = world.start()
    world.publish(*events[:3])
    world.until(lambda: len(world.events(CHANGELOG, "killed")) == 3, "three rows")
    first.process.kill()
    with world.running() as app:
        world.publish(*events[3:])
        decided = world.until_outcome("killed")
        assert app.said("1 open join")
    assert getattr(decided, "gaps", None) == ()


def test_death_before_the_decision_loses_nothing(quiet_world: World) -> None:
    world = quiet_world
    world.publish(*world.video("before", 2))
    assert world.start(DIES_BEFORE_THE_DECISION).wait() == 9
    assert not world.events("reelay.video.completed", "before")
    with world.running():
        world.until_outcome("before")


def test_death_after_the_decision_still_tells_what_was_decided(quiet_world: World) -> None:
    world = quiet_world
    world.publish(*world.video("after", 2))
    assert world.start(DIES_AFTER_THE_DECISION).wait() == 9
    decided = world.store.get("results/after/1/outcome.json")
    with world.running():
        world.until_outcome("after")
    assert world.store.get("results/after/1/outcome.json") == decided


def test_any_other_error_ends_the_process_before_its_offset_is_committed(quiet_world: World) -> None:
    world = quiet_world
    world.store.put("results/bug/1/outcome.json", b"no outcome")
    app = world.start()
    world.publish(probed("bug"))
    assert app.wait() == 1
    assert app.said("giving up: ")
    world.store.delete("results/bug/1/outcome.json")
    with world.running():
        world.publish(converted("bug", 0))
        world.until_outcome("bug")


def test_a_changelog_whose_beginning_is_gone_is_an_error_not_a_skip(own_world: World) -> None:
    world = own_world
    world.publish(probed("v"))
    with world.running():
        world.until(lambda: world.events(CHANGELOG, "v"), "a row")
    for _ in range(24):  # of the newest 5 MB of a partition
        for partition in range(2):
            world.producer.produce(CHANGELOG, b"x" * 250_000, b"w:1:done", partition=partition)
    assert world.producer.flush(10) == 0
    app = world.start()
    assert app.wait() == 1
    assert app.said("changelog aggregator-pieces-changelog")


def test_records_that_the_broker_dropped_unread_are_an_error_not_a_skip(own_world: World) -> None:
    world = own_world
    with world.running():
        world.publish(failed("v", "transcriber", 0))
        world.until(lambda: world.events(CHANGELOG, "v"), "a row")
    for _ in range(30):
        world.publish_bytes("reelay.stage.failed", "v", b"x" * 250_000)
    app = world.start()
    world.publish_bytes("reelay.stage.failed", "v", b"x")
    assert app.wait() == 1
    assert app.said("giving up: reelay.stage.failed")


def test_a_wrong_partition_count_is_named_at_the_start(quiet_world: World) -> None:
    app = quiet_world.start(REELAY_AGGREGATOR_PARTITIONS="3")
    assert app.wait() == 1
    assert app.said("has 2 partitions, expected 3")
