"""The aggregator at work: a process of its own on the embedded broker."""

import json
import urllib.request

from schemas.events import VideoCancelRequested, VideoCompleted, VideoDeleted
from schemas.outcomes import deleted_key, load_outcome, outcome_key
from schemas.topics import OUTCOMES, dead_topic
from tests.integration.aggregator.world import World, converted, failed, probed


def test_pieces_become_files_an_outcome_and_the_events_that_tell_of_it(world: World) -> None:
    world.publish(*world.video("whole", 3))
    decided = world.until_outcome("whole")
    assert isinstance(decided, VideoCompleted)
    assert decided.word_count == 6
    assert decided == load_outcome(world.store.get(outcome_key("whole", 1)))
    for ref in decided.files:
        assert world.store.find(ref.key) == ref
    captioned = world.events("reelay.video.captioned", "whole")
    assert len(captioned) == 1
    headers = dict(captioned[0].headers() or [])
    assert headers["ce_subject"] == b"whole/1"
    assert headers["ce_source"] == b"/reelay/aggregator"


def test_duplicates_change_nothing(world: World) -> None:
    events = world.video("twice", 2)
    world.publish(*events, *events)
    world.until_outcome("twice")
    world.publish(*events, *world.video("twice-end", 0))
    world.until_outcome("twice-end")
    assert len(world.events("reelay.video.completed", "twice")) == 1


def test_a_failed_segment_is_a_gap(world: World) -> None:
    world.publish(probed("gap"), world.segment("gap", 0), failed("gap", "transcriber", 1))
    world.publish(converted("gap", 2))
    decided = world.until_outcome("gap")
    assert isinstance(decided, VideoCompleted)
    assert [(gap.start_s, gap.end_s) for gap in decided.gaps] == [(10.0, 20.0)]


def test_a_cancel_before_any_piece_is_decided_at_once(world: World) -> None:
    world.publish(VideoCancelRequested(event_id="c", video_id="early"))
    world.until_outcome("early", "reelay.video.cancelled")
    world.publish(*world.video("early", 1), *world.video("early-end", 0))
    world.until_outcome("early-end")
    assert not world.events("reelay.video.completed", "early")


def test_a_deleted_video_leaves_tombstones_and_its_marker(world: World) -> None:
    world.publish(*world.video("gone", 1))
    world.until_outcome("gone")
    world.store.put("uploads/gone/gone.mp4", b"x")
    world.publish(VideoDeleted(event_id="d", video_id="gone"))
    world.until(lambda: not list(world.store.keys("uploads/gone/")), "uploads removed")
    for topic in OUTCOMES:
        world.until(
            lambda name=topic.name: [m.value() for m in world.events(name, "gone")][-1:] == [None],
            topic.name,
        )
    assert list(world.store.keys("results/gone/")) == [deleted_key("gone")]
    world.publish(*world.video("gone", 1), *world.video("gone-end", 0))
    world.until_outcome("gone-end")
    assert not world.store.find(outcome_key("gone", 1))


def test_bytes_that_nobody_can_read_are_dead_letters_and_their_piece_is_failed(world: World) -> None:
    topic = "reelay.segment.enriched"
    world.publish(probed("poison"), converted("poison", 1))
    world.publish_bytes(topic, "poison", b"junk", {"ce_subject": b"poison/1/0"})
    world.until(lambda: world.events("reelay.video.failed", "poison"), "the join ends")
    (dead,) = world.events(dead_topic(topic, "aggregator"), "poison")
    headers = dict(dead.headers() or [])
    assert dead.value() == b"junk"
    assert headers["reelay-kind"] == b"poison"
    assert headers["reelay-origin"].startswith(b"reelay.segment.enriched/")
    assert b"magic" in headers["reelay-error"] or b"byte" in headers["reelay-error"]


def test_health_and_metrics_tell_that_it_runs(world: World) -> None:
    (line,) = [line for line in world.apps[0].lines() if "health and metrics on" in str(line)]
    url = str(line["message"]).split()[-1]

    def get(path: str) -> str:
        with urllib.request.urlopen(url + path, timeout=60) as answer:
            return str(answer.read().decode())

    world.publish(*world.video("counted", 0))
    world.until_outcome("counted")
    assert '"joined": true' in get("/health/ready")
    assert "last_poll_age_s" in get("/health/live")
    assert 'reelay_outcomes_total{outcome="VideoCompleted"}' in get("/metrics")


def test_nothing_that_was_said_is_in_a_row_or_in_the_log(world: World) -> None:
    world.publish(probed("secret"), world.segment("secret", 0, "Xylophone xylophone."))
    world.until(lambda: world.events("aggregator-pieces-changelog", "secret"), "the row")
    for message in world.read("aggregator-pieces-changelog"):
        assert b"ylophone" not in (message.value() or b"")
    assert "ylophone" not in json.dumps([line for app in world.apps for line in app.lines()])
