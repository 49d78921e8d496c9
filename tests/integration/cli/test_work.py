"""A backlog larger than the broker keeps is held back at the door, not lost."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.clients import open_producer
from connectors.kafka.embedded import RETAINED_BYTES, EmbeddedBroker
from connectors.kafka.publishing import publish
from connectors.objectstore import FolderStore
from connectors.registry import FingerprintRegistry
from connectors.settings import Connections
from ops.pipeline.door import Limits
from ops.pipeline.processes import ProcessDied
from ops.pipeline.work import FOLLOWED, work
from schemas.codec import Codec
from schemas.events import FailureKind, Options, VideoFailed, VideoUploaded
from schemas.outcomes import dump_outcome, outcome_key
from schemas.topics import VIDEO_UPLOADED

CODEC = Codec(FingerprintRegistry())


@pytest.fixture(scope="module")
def connections() -> Iterator[Connections]:
    names = [VIDEO_UPLOADED.name, *(topic.name for topic in FOLLOWED)]
    with EmbeddedBroker(dict.fromkeys(names, 1)) as broker:
        yield Connections.only(
            kafka_brokers=broker.brokers,
            registry_url="",
            store_url="",
            local_roots="",
            log_level="ERROR",
        )


def big_upload(number: int) -> VideoUploaded:
    return VideoUploaded(video_id=f"big-{number}", source="key", options=Options(hotwords="w" * 50_000))


def outcome(upload: VideoUploaded) -> VideoFailed:
    return VideoFailed(
        video_id=upload.video_id,
        revision=upload.revision,
        made_at=datetime(2026, 1, 1, tzinfo=UTC),
        name="",
        kind=FailureKind.FILE,
        reason="broken",
        parts=(),
    )


@contextmanager
def pipeline(connections: Connections, begin: threading.Event) -> Iterator[list[str]]:
    """Reads uploads once `begin` is set, and decides each; gives the ids that it has seen."""
    seen: list[str] = []
    stop = threading.Event()

    def process() -> None:
        producer = open_producer(connections)
        with BroadcastReader(connections, [VIDEO_UPLOADED.name]) as reader:
            begin.wait()
            while not stop.is_set():
                record = reader.poll(0.05)
                if record is not None:
                    upload = CODEC.decode(record.value, VIDEO_UPLOADED)
                    assert isinstance(upload, VideoUploaded)
                    seen.append(upload.video_id)
                    publish(producer, outcome(upload), CODEC)

    thread = threading.Thread(target=process)
    thread.start()
    try:
        yield seen
    finally:
        begin.set()
        stop.set()
        thread.join()


def test_none_of_a_backlog_larger_than_a_partition_keeps_is_lost(
    connections: Connections, tmp_path: Path
) -> None:
    uploads = [big_upload(number) for number in range(150)]
    assert sum(len(CODEC.encode(upload)) for upload in uploads) > RETAINED_BYTES
    begin = threading.Event()

    with pipeline(connections, begin) as seen:
        decided = []
        entered = 0
        for event in work(
            uploads,
            connections,
            FolderStore(tmp_path),
            CODEC,
            limits=Limits(videos=20),
            on_tick=begin.set,  # nothing is read before all that may enter has entered
        ):
            if isinstance(event, VideoUploaded):
                entered += 1
                assert begin.is_set() or entered <= 20
            if isinstance(event, VideoFailed):
                decided.append(event.video_id)

    assert seen == [upload.video_id for upload in uploads]
    assert decided == seen


def test_an_outcome_whose_event_is_gone_is_found_in_the_store(
    connections: Connections, tmp_path: Path
) -> None:
    upload = VideoUploaded(video_id="silent", revision=3, source="key")
    store = FolderStore(tmp_path)
    store.put(outcome_key("silent", 3), dump_outcome(outcome(upload)))

    events = work(
        [upload], connections, store, CODEC, limits=Limits(), on_tick=lambda: None, look_every_s=0.1
    )

    assert list(events) == [upload, outcome(upload)]


def test_other_revisions_and_videos_are_none_of_our_business(
    connections: Connections, tmp_path: Path
) -> None:
    ours = VideoUploaded(video_id="ours", revision=2, source="key")
    producer = open_producer(connections)
    publish(producer, outcome(replace(ours, revision=1)), CODEC)
    publish(producer, outcome(replace(ours, video_id="other")), CODEC)
    publish(producer, outcome(ours), CODEC)

    events = work(
        [ours], connections, FolderStore(tmp_path), CODEC, limits=Limits(), on_tick=lambda: None
    )

    assert list(events) == [ours, outcome(ours)]


def test_what_the_tick_raises_ends_the_work(connections: Connections, tmp_path: Path) -> None:
    def tick() -> None:
        raise ProcessDied("converter stopped")

    with pytest.raises(ProcessDied):
        list(
            work(
                [VideoUploaded(video_id="v", source="key")],
                connections,
                FolderStore(tmp_path),
                CODEC,
                limits=Limits(),
                on_tick=tick,
            )
        )
