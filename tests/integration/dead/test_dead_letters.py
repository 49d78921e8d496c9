"""The pipeline on real servers: what is given up can be tried again, and what is down is waited for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.cluster.cluster import Cluster
from processors.aggregator.rows import row_key
from schemas.events import (
    AudioSegmented,
    FailureKind,
    Part,
    StageFailed,
    VideoCompleted,
    VideoConverted,
    VideoUploaded,
)
from schemas.topics import (
    AUDIO_SEGMENTED,
    CHANGELOG,
    SEGMENT_ENRICHED,
    STAGE_FAILED,
    VIDEO_CONVERTED,
    VIDEO_UPLOADED,
    dead_topic,
    retry_topic,
)
from tests.integration.dead.settings import OutageSettings
from tests.integration.dead.world import World
from tests.integration.runtime.conftest import Bench
from tests.processors import ALL, Processors, until

_TOY = "toy"
_PAUSED = "object store is down, consumption pauses"
_MUCH_S = 10.0
"""On a machine that does much else; on a quiet one it is a tenth of a second."""


@contextmanager
def damaged(world: World, upload: VideoUploaded, index: int) -> Iterator[AudioSegmented]:
    """While a segment's audio is damaged. The transcriber must not run before."""
    video_id = upload.video_id
    until(lambda: world.events(VideoConverted, VIDEO_CONVERTED, video_id), "the segments")
    segment = world.events(AudioSegmented, AUDIO_SEGMENTED, video_id)[index]
    audio = world.store.get(segment.audio.key)
    world.store.put(segment.audio.key, b"damaged")
    yield segment
    world.store.put(segment.audio.key, audio)


def test_a_redriven_dead_letter_completes_its_video(world: World, processors: Processors) -> None:
    processors.stop("transcriber")
    processors.start("converter", "aggregator")
    # the join waits for renditions, since nobody makes any
    upload = world.upload("undecided", length_s=8, wanted=(Part.CAPTIONS, Part.RENDITIONS))
    with damaged(world, upload, 0) as segment:
        processors.start("transcriber", "enricher")
        (letter,) = until(lambda: world.letters("transcriber"), "dead letter")

        (row,) = world.dead_rows("list", "--group", "transcriber", "--topic", "audio.segmented")
        assert (row["id"], row["kind"], row["attempts"], row["video_id"], row["revision"]) == (
            letter.id, "poison", 1, "undecided", 1,
        )  # fmt: skip
        assert letter.id in world.dead("list", "--since", "1h")
        assert segment.audio.key in world.dead("show", letter.id)
        (full,) = world.dead_rows("show", letter.id)
        assert full["value"]["audio"]["key"] == segment.audio.key
    assert "would go to audio.segmented" in world.dead("redrive", letter.id, "--dry-run")
    assert "went to audio.segmented.transcriber.retry" in world.dead("redrive", letter.id)
    joined = row_key("undecided", 1, "segment.0")
    until(lambda: any(row.key == joined for row in world.read(CHANGELOG)), "the join to have it")
    world.publish(
        StageFailed(video_id="undecided", stage="renderer", kind=FailureKind.FILE, reason="no picture")
    )
    completed = world.outcome(upload)
    assert isinstance(completed, VideoCompleted)
    assert completed.gaps == ()
    assert completed.word_count > 0

    (row,) = world.dead_rows("list", "--group", "transcriber")
    assert row["redriven_as"] == "reelay.audio.segmented.transcriber.retry"
    assert "redriven before" in world.dead("redrive", letter.id, status=1)
    assert "no dead letters to redrive" in world.dead("redrive", "--all")


def test_a_dead_letter_of_a_video_with_a_gap_begins_a_revision_without(
    world: World, processors: Processors
) -> None:
    processors.stop("transcriber")
    processors.start("converter", "enricher", "aggregator")
    upload = world.upload("decided", from_s=20, length_s=16)
    with damaged(world, upload, 1):
        processors.start("transcriber")
        first = world.outcome(upload)
    assert isinstance(first, VideoCompleted)
    assert len(first.gaps) == 1
    assert "new revision would begin" in world.dead("redrive", "--all", "--dry-run")
    assert "went to decided/2" in world.dead("redrive", "--all", "--group", "transcriber")
    second = world.outcome(VideoUploaded(video_id="decided", revision=2, source=upload.source))
    assert isinstance(second, VideoCompleted)
    assert second.gaps == ()
    assert "no dead letters to redrive" in world.dead("redrive", "--all", "--group", "transcriber")


def test_bytes_that_are_no_event_come_back_and_those_the_aggregator_got_are_explained(
    world: World, processors: Processors
) -> None:
    world.put(VIDEO_UPLOADED, b"no avro")
    world.put(SEGMENT_ENRICHED, b"none either", ce_subject=b"nobody/1/0")
    processors.start("converter", "aggregator")
    (letter,) = until(lambda: world.letters("converter"), "dead letter")
    assert "cannot be decoded" in world.dead("show", letter.id)
    assert "likely to come back" in world.dead("redrive", letter.id)
    (again,) = until(lambda: world.letters("converter"), "the letter again")
    assert (again.burial.origin, again.id != letter.id) == (letter.burial.origin, True)

    (joined,) = until(lambda: world.letters("aggregator"), "the aggregator's dead letter")
    assert "once nobody/1 has its outcome" in world.dead("redrive", joined.id, status=1)
    (failed,) = until(lambda: world.events(StageFailed, STAGE_FAILED, "nobody"), "its failure")
    assert (failed.stage, failed.index) == ("enricher", 0)


def test_while_the_store_is_down_consumption_pauses_and_nothing_is_set_aside(
    world: World, servers: Cluster, processors: Processors
) -> None:
    """Also that of the stages behind the first: the video is held up where it is."""
    outage = OutageSettings()
    before = world.set_aside()
    processors.stop("transcriber")
    processors.start("converter", "enricher", "aggregator")
    waiting = world.upload("converted-before", from_s=30, length_s=6)
    until(lambda: world.events(VideoConverted, VIDEO_CONVERTED, waiting.video_id), "segments")
    upload = world.upload("while-the-store-is-down", from_s=36, length_s=6, announced=False)
    servers.store.stop()
    down_at = time.monotonic()
    world.publish(upload)
    processors.start("transcriber")
    for name in ("converter", "transcriber"):
        until(lambda name=name: _PAUSED in processors.said(name), f"a pause of the {name}")
        until(lambda name=name: processors.said(name).count("still down") >= 2, "looks at the store")
    until(
        lambda: time.monotonic() - down_at >= outage.seconds, "the outage", within_s=outage.seconds + 90
    )
    assert world.set_aside() == before
    looks = {name: processors.said(name).count("still down") for name in ("converter", "transcriber")}
    print(f"down for {time.monotonic() - down_at:.0f} s; looks at the store: {looks}")
    servers.store.start()
    back_at = time.monotonic()
    assert isinstance(world.outcome(upload), VideoCompleted)
    assert isinstance(world.outcome(waiting), VideoCompleted)
    print(f"both videos are complete {time.monotonic() - back_at:.1f} s after it is back")
    assert world.set_aside() == before


def test_while_the_registry_is_down_consumption_pauses_and_nothing_is_set_aside(
    world: World, servers: Cluster, processors: Processors
) -> None:
    before = world.set_aside()
    processors.stop("converter")  # the next one knows no schema yet
    joined = processors.said("converter").count("assigned")
    processors.start(*ALL)
    until(lambda: processors.said("converter").count("assigned") > joined, "the converter")
    servers.registry.stop()
    upload = world.upload("while-the-registry-is-down", from_s=42, length_s=6)
    until(lambda: "schema registry is down" in processors.said("converter"), "a pause")
    servers.registry.start()
    assert isinstance(world.outcome(upload), VideoCompleted)
    assert world.set_aside() == before


def test_what_cannot_be_processed_delays_no_other_record_of_its_partition(
    world: World, processors: Processors, tmp_path: Path
) -> None:
    processors.stop(*ALL)
    aside = [retry_topic(VIDEO_UPLOADED.name, _TOY), dead_topic(VIDEO_UPLOADED.name, _TOY)]
    world.make_topics(*aside)
    bench = Bench(world.connections.kafka_brokers, tmp_path, _TOY)
    try:
        bench.start(max_dead_in_row=1000)  # what others published is not encoded as toys read it
        bench.upload("first", "yield:1")
        until(lambda: bench.converted("first"), "the toy")
        undisturbed = delays(bench, "calm", [])
        disturbed = delays(bench, "among", ["poison", "bug", "no avro"])
        struck = delays(bench, "struck", ["abort"])
        dead = {b"among-poison", b"among-bug", b"struck-abort"}
        until(lambda: dead <= {letter.key for letter in bench.read(aside[1])}, "the dead letters")
    finally:
        bench.close()
    print(
        f"longest delay: {1000 * max(undisturbed):.0f} ms undisturbed, {1000 * max(disturbed):.0f} ms "
        f"around poison, {1000 * max(struck):.0f} ms around what kills its worker"
    )
    assert max(*disturbed, *struck) < max(undisturbed) + _MUCH_S


def delays(bench: Bench, name: str, wrong: list[str]) -> list[float]:
    """Seconds from each of 40 uploads into one partition to its result, with what is wrong in their
    middle. They come at an even pace."""
    videos = [f"{name}-{number}" for number in range(40)]
    for number, video in enumerate(videos):
        if number == len(videos) // 2:
            for steps in wrong:
                if steps == "no avro":
                    bench.put(VIDEO_UPLOADED.name, b"no avro")
                else:
                    bench.upload(f"{name}-{steps}", steps)
        bench.upload(video, "yield:1")
        time.sleep(0.02)  # the pace, nothing is waited for
    until(lambda: len(bench.converted(*videos)) == len(videos), "all results")
    went = {record.key: record.timestamp_ms for record in bench.read(VIDEO_UPLOADED.name)}
    came = {record.key: record.timestamp_ms for record in bench.read(VIDEO_CONVERTED.name)}
    return [(came[video.encode()] - went[video.encode()]) / 1000 for video in videos]
