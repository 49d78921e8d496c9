"""What the topics are called and how they are kept is a promise to everyone who reads them."""

from datetime import UTC, datetime

import pytest

from schemas import topics
from schemas.events import (
    ArtefactRef,
    AudioSegmented,
    Options,
    VideoCompleted,
    VideoProbed,
    VideoUploaded,
)
from schemas.headers import event_headers
from schemas.ids import event_id
from schemas.topics import DAY_S, HOUR_S, TOPICS, Topic, topic_named, topic_of

WEEK_S = 7 * DAY_S
# name, event, kept, compacted, joined by the aggregator, key
PROMISED = [
    ("reelay.video.uploaded", "VideoUploaded", WEEK_S, False, False, "v"),
    ("reelay.video.probed", "VideoProbed", WEEK_S, False, True, "v"),
    ("reelay.audio.segmented", "AudioSegmented", WEEK_S, False, False, "v:3"),
    ("reelay.audio.segmented.bulk", "AudioSegmented", WEEK_S, False, False, "v:3"),
    ("reelay.video.converted", "VideoConverted", WEEK_S, False, True, "v"),
    ("reelay.segment.transcribed", "SegmentTranscribed", WEEK_S, False, False, "v"),
    ("reelay.segment.enriched", "SegmentEnriched", WEEK_S, False, True, "v"),
    ("reelay.video.rendered", "VideoRendered", WEEK_S, False, True, "v"),
    ("reelay.stage.failed", "StageFailed", WEEK_S, False, True, "v"),
    ("reelay.video.cancel_requested", "VideoCancelRequested", WEEK_S, False, True, "v"),
    ("reelay.video.captioned", "VideoCaptioned", WEEK_S, False, False, "v"),
    ("reelay.video.completed", "VideoCompleted", None, True, False, "v:2"),
    ("reelay.video.failed", "VideoFailed", None, True, False, "v:2"),
    ("reelay.video.cancelled", "VideoCancelled", None, True, False, "v:2"),
    ("reelay.video.deleted", "VideoDeleted", None, True, True, "v"),
    ("reelay.video.progress", "Progress", HOUR_S, False, False, "v"),
]


def segment(index: int, start_s: float) -> AudioSegmented:
    return AudioSegmented(
        video_id="v",
        revision=2,
        index=index,
        start_s=start_s,
        end_s=start_s + 60,
        audio_start_s=start_s,
        audio_end_s=start_s + 61.5,
        audio=ArtefactRef(key="k", sha256="", size_bytes=0),
        language_from=(),
        options=Options(),
    )


class Keyed:
    """Stands for any event: a key is made of these alone."""

    video_id, revision, index = "v", 2, 3


def key_of(topic: Topic) -> str:
    event = segment(3, 0) if topic.event is AudioSegmented else Keyed()
    return topic.key(event)  # type: ignore[arg-type]


def test_topics_are_as_promised() -> None:
    found = [
        (topic.name, topic.event.__name__, topic.kept_s, topic.compacted, topic.joined, key_of(topic))
        for topic in TOPICS
    ]

    assert found == PROMISED


def test_both_lanes_share_a_schema_but_not_a_subject() -> None:
    first, bulk = topics.AUDIO_SEGMENTED, topics.AUDIO_SEGMENTED_BULK

    assert first.schema_file == bulk.schema_file == "audio.segmented.avsc"
    assert (first.subject, bulk.subject) == (
        "reelay.audio.segmented-value",
        "reelay.audio.segmented.bulk-value",
    )


@pytest.mark.parametrize(
    ("start_s", "topic"),
    [(0.0, "audio.segmented"), (599.9, "audio.segmented"), (600.0, "audio.segmented.bulk")],
)
def test_what_lies_beyond_ten_minutes_takes_the_second_lane(start_s: float, topic: str) -> None:
    assert topic_of(segment(0, start_s)).name == topics.PREFIX + topic


def test_a_topic_is_found_with_and_without_its_prefix() -> None:
    assert topic_named("video.probed") is topic_named("reelay.video.probed") is topics.VIDEO_PROBED
    with pytest.raises(KeyError):
        topic_named("video.watched")


def test_retries_and_dead_letters_are_named_for_topic_and_group() -> None:
    assert (
        topics.retry_topic("reelay.video.uploaded", "converter")
        == "reelay.video.uploaded.converter.retry"
    )
    assert (
        topics.dead_topic("reelay.video.uploaded", "converter") == "reelay.video.uploaded.converter.dead"
    )


def test_headers_follow_the_cloudevents_kafka_binding() -> None:
    made_at = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    event = VideoUploaded(
        event_id="e", video_id="v", revision=2, made_at=made_at, source="uploads/v/a.mp4"
    )

    assert dict(event_headers(event, source="gateway", traceparent="00-a-b-01")) == {
        "ce_specversion": b"1.0",
        "ce_id": b"e",
        "ce_type": b"reelay.video.uploaded",
        "ce_source": b"/reelay/gateway",
        "ce_subject": b"v/2",
        "ce_time": b"2026-01-02T03:04:05.678Z",
        "content-type": b"application/avro",
        "media_s": b"0.000",
        "traceparent": b"00-a-b-01",
    }


def test_headers_of_a_segment_name_it_and_its_length() -> None:
    headers = dict(event_headers(segment(12, 700), source="converter"))

    assert headers["ce_subject"] == b"v/2/12"
    assert headers["ce_type"] == b"reelay.audio.segmented"
    assert headers["media_s"] == b"61.500"
    assert "traceparent" not in headers


def test_an_event_id_depends_on_all_that_the_event_is_about_and_nothing_else() -> None:
    about = [
        ("VideoProbed", "v", 1, "converter", None),
        ("VideoConverted", "v", 1, "converter", None),
        ("VideoProbed", "w", 1, "converter", None),
        ("VideoProbed", "v", 2, "converter", None),
        ("VideoProbed", "v", 1, "renderer", None),
        ("VideoProbed", "v", 1, "converter", 0),
        ("VideoProbed", "v", 1, "converter", 1),
    ]

    ids = [event_id(*piece) for piece in about]

    assert len(set(ids)) == len(ids)
    assert ids == [event_id(*piece) for piece in about]


def test_event_ids_stay_the_same_between_releases() -> None:
    """A stored id has to be found again by a later release."""
    assert (
        event_id("SegmentTranscribed", "v", 1, "transcriber", 3)
        == "d9243516-aee6-594f-968d-e9e5a9e8e099"
    )


def test_outcomes_are_keyed_by_revision() -> None:
    assert {topic.event.__name__ for topic in topics.OUTCOMES} == {
        VideoCompleted.__name__,
        "VideoFailed",
        "VideoCancelled",
    }
    assert all(topic.compacted for topic in topics.OUTCOMES)
    assert not topic_named("video.probed").compacted
    assert VideoProbed.__name__ == topics.VIDEO_PROBED.event.__name__
