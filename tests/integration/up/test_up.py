"""`reelay up` keeps what it accepted, whatever dies."""

import json
import os
import shutil
import signal
from pathlib import Path

from confluent_kafka import Producer

from connectors.kafka.clients import open_producer
from connectors.kafka.embedded import RETAINED_BYTES
from connectors.kafka.publishing import publish
from connectors.objectstore import FolderStore
from connectors.objectstore.wishes import leave_note
from connectors.registry import FingerprintRegistry
from connectors.settings import Connections
from ops.pipeline.broker import PARTITIONS
from schemas.codec import Codec
from schemas.events import VideoUploaded
from schemas.topics import SEGMENT_TRANSCRIBED
from tests.integration.up.conftest import Clips
from tests.integration.up.world import World, alive, soon


def test_what_is_published_is_captioned_shown_and_written_to_the_users_folder(
    running: World, clips: Clips
) -> None:
    clip = clips.one("talk")

    published = running("publish", clip, "--wait", "--json")

    upload = json.loads(published.stdout)
    assert (upload["revision"], upload["outcome"]) == (1, "completed")
    assert (running.out / "talk" / "talk.en.srt").read_text("utf-8").startswith("1\n")
    shown = running.video(upload["video_id"])
    assert shown["outcome"] == "completed"
    assert shown["words"] > 3
    assert all(Path(file).is_file() for file in shown["files"])
    assert running("status", clip).stdout.startswith("talk.wav  ")
    assert running.publish(clip) == upload["video_id"], "it is known by its file"
    assert "1 completed" in running("status").stdout


def test_a_second_supervisor_is_refused_in_one_line(running: World) -> None:
    refused = running("up", "--model", "tiny.en", check=False)

    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: another reelay up (pid ")
    assert refused.stderr.count("\n") == 1


def test_a_file_that_up_may_not_read_is_refused_with_what_to_do(running: World) -> None:
    refused = running("publish", "/etc/hostname", check=False)

    assert refused.returncode == 1
    assert refused.stderr == (
        "✗ /etc/hostname: the running reelay up may not read there; start it with --root /etc\n"
    )


def test_a_consumer_needs_no_address(running: World) -> None:
    heard = running("consume", "video.completed", "--from-beginning", "-n", "1", "--json")

    assert json.loads(heard.stdout)["type"] == "VideoCompleted"


def test_events_and_objects_that_are_none_stop_nobody_else(running: World, clips: Clips) -> None:
    """Whoever reaches the broker or the store may write there what he likes."""
    status = soon(running.status)
    connections = Connections.only(kafka_brokers=status.brokers, store_url="")
    producer = open_producer(connections)
    for video_id in ("a" * 300, "z" * 1100):
        event = VideoUploaded(video_id=video_id, source="nowhere")
        publish(producer, event, Codec(FingerprintRegistry()))
    store = FolderStore(running.state.store)
    store.put("results/garbled/1/upload.json", b"garbage")
    store.put(
        "results/late/1/upload.json", b'{"video_id": "late", "source": "s", "revision": 99999999999}'
    )
    for video_id in ("garbled", "late"):
        leave_note(store, video_id)

    outcomes = [
        json.loads(running("publish", clips.one(f"beside-{n}"), "--wait", "--json").stdout)
        for n in range(3)
    ]

    assert [outcome["outcome"] for outcome in outcomes] == ["completed"] * 3
    letters = [json.loads(line) for line in running("dead", "list", "--json").stdout.splitlines()]
    assert sorted((letter["group"], letter["kind"]) for letter in letters) == (
        [("aggregator", "poison")] * 2 + [("converter", "poison")] * 2
    )
    for video_id in ("garbled", "late"):
        line = f"results/{video_id}/1/upload.json is no upload, and is passed over"
        assert line in running.said()
    assert soon(running.status).fresh_starts == 0


def test_a_file_in_the_watched_folder_is_taken_once_it_is_whole(running: World, clips: Clips) -> None:
    clip = clips.one("dropped")
    place = running.root / "watched" / "dropped.wav"
    data = clip.read_bytes()
    with place.open("wb") as growing:
        growing.write(data[: len(data) // 2])
        growing.flush()
        growing.write(data[len(data) // 2 :])

    soon((running.out / "dropped" / "dropped.en.srt").exists)


def test_when_the_broker_is_killed_all_starts_afresh_and_nothing_is_lost(
    running: World, clips: Clips
) -> None:
    transcriber = running.process("transcriber").pid
    os.kill(transcriber, signal.SIGSTOP)
    unfinished = running.publish(clips.one("unfinished"))
    soon(lambda: running.video(unfinished)["at_work"])
    before = soon(running.status).fresh_starts

    os.kill(running.process("broker").pid, signal.SIGKILL)

    soon(lambda: running.outcome(unfinished).exists())
    assert soon(running.status).fresh_starts == before + 1
    assert "the broker stopped (killed by SIGKILL); everything starts afresh" in running.said()
    assert not Path(f"/proc/{transcriber}").exists()


def test_records_dropped_before_they_were_read_make_all_start_afresh_with_nothing_lost(
    running: World, clips: Clips
) -> None:
    running("publish", clips.one("first"), "--wait")  # so that positions are committed
    status = soon(running.status)
    enricher = running.process("enricher").pid
    os.kill(enricher, signal.SIGSTOP)
    unfinished = running.publish(clips.one("buried"))
    soon(lambda: running.video(unfinished)["at_work"])
    producer = Producer({"bootstrap.servers": status.brokers})
    for number in range(PARTITIONS * (RETAINED_BYTES // 500_000 + 2)):
        producer.produce(SEGMENT_TRANSCRIBED.name, bytes(500_000), partition=number % PARTITIONS)
        producer.flush(10)

    os.kill(enricher, signal.SIGCONT)

    soon(lambda: running.outcome(unfinished).exists())
    assert soon(running.status).fresh_starts == status.fresh_starts + 1
    assert "the broker dropped records before the enricher had read them" in running.said()
    assert running.video(unfinished)["outcome"] == "completed"


def test_a_video_can_be_cancelled_while_it_is_worked_on_and_then_tried_again(
    running: World, clips: Clips
) -> None:
    clip = clips.one("unwanted")
    transcriber = running.process("transcriber").pid
    os.kill(transcriber, signal.SIGSTOP)
    try:
        video_id = running.publish(clip)
        soon(lambda: running.video(video_id)["at_work"])

        running("cancel", clip, "--wait")
    finally:
        os.kill(transcriber, signal.SIGCONT)

    assert running.video(video_id)["outcome"] == "cancelled"
    assert running("cancel", clip, check=False).stderr == f"{clip}: it is cancelled already\n"
    assert json.loads(running("publish", clip, "--wait", "--json").stdout)["revision"] == 2


def test_a_deleted_video_is_gone_for_ever(running: World, clips: Clips) -> None:
    clip = clips.one("secret")
    video_id = running.publish(clip, "--wait")

    running("delete", clip, "--wait")

    results = running.state.store / "results" / video_id
    assert [path.name for path in results.iterdir()] == ["deleted.json"]
    again = running("publish", clip, check=False)
    assert (again.returncode, "its video was deleted" in again.stderr) == (1, True)
    assert running("status", clip, check=False).returncode == 1
    assert clip.exists(), "the user's own file is the user's"


def test_a_killed_processor_is_started_again(running: World, clips: Clips) -> None:
    before = running.process("transcriber")
    os.kill(before.pid, signal.SIGKILL)

    running("publish", clips.one("again"), "--wait")

    assert running.process("transcriber").pid != before.pid
    assert "transcriber stopped (killed by SIGKILL); it starts again in 0.5 s" in running.said()


def test_a_stop_is_clean_and_leaves_no_process(running: World) -> None:
    family = running.family()

    assert running.stop() == 0

    assert alive(family) == []
    assert running("status").stdout == "reelay up is not running.\n"


def test_a_killed_supervisor_leaves_nothing_and_its_work_goes_on_when_it_is_started_again(
    world: World, clips: Clips
) -> None:
    early = world.publish(clips.one("early"))
    assert "1 upload waits for it" in world("status").stdout
    world.start()
    os.kill(world.process("transcriber").pid, signal.SIGSTOP)
    late = world.publish(clips.one("late"))
    soon(lambda: world.video(late)["at_work"])
    family = world.family()

    assert world.stop(signal.SIGKILL) == -signal.SIGKILL

    assert alive(family) == []
    assert not world.outcome(late).exists()
    world.start()
    soon((world.out / "late" / "late.en.srt").exists)
    soon((world.out / "early" / "early.en.srt").exists)
    assert world.outcome(early).exists()
    shutil.rmtree(world.out / "early")
    assert world.stop(signal.SIGINT) == 130
    assert not list(world.state.exports.iterdir()), "each is written once"
