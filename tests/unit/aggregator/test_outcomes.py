"""outcome.json and the keys of results."""

from datetime import UTC, datetime

import pytest

from connectors.registry import FingerprintRegistry
from schemas.codec import Codec
from schemas.events import (
    ArtefactRef,
    FailureKind,
    Gap,
    Part,
    PartResult,
    StageTime,
    VideoCancelled,
    VideoCompleted,
    VideoFailed,
)
from schemas.outcomes import (
    MAX_REVISION,
    Outcome,
    deleted_key,
    dump_outcome,
    load_outcome,
    outcome_key,
    results_prefix,
    uploads_prefix,
)
from schemas.uploads import upload_key

AT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
TIME = StageTime(
    stage="aggregator", index=None, queued_at=AT, began_at=AT, ended_at=AT, attempt=1, host="h"
)
OUTCOMES: list[Outcome] = [
    VideoCompleted(
        event_id="a",
        video_id="v",
        revision=2,
        made_at=AT,
        stages=(TIME,),
        name="Vidéo.mp4",
        language="fr",
        duration_s=12.25,
        word_count=3,
        parts=(PartResult(part=Part.CAPTIONS, made=True),),
        gaps=(Gap(start_s=1.0, end_s=2.5, reason="broken"),),
        warnings=("w",),
        files=(ArtefactRef(key="k", sha256="0" * 64, size_bytes=1),),
    ),
    VideoFailed(
        event_id="b", video_id="v", made_at=AT, name="n", kind=FailureKind.FILE, reason="r", parts=()
    ),
    VideoCancelled(event_id="c", video_id="v", made_at=AT),
]


@pytest.mark.parametrize("event", OUTCOMES, ids=lambda event: type(event).__name__)
def test_an_outcome_read_back_has_the_bytes_of_the_one_written(event: Outcome) -> None:
    codec = Codec(FingerprintRegistry())
    assert load_outcome(dump_outcome(event)) == event
    assert codec.encode(load_outcome(dump_outcome(event))) == codec.encode(event)


def test_fields_that_an_older_version_did_not_write_have_their_defaults() -> None:
    data = (
        b'{"type":"VideoCancelled","event":{"video_id":"v","made_at":"2026-01-02T03:04:05.678+00:00"}}'
    )
    assert load_outcome(data) == VideoCancelled(video_id="v", made_at=AT)


def test_a_time_without_a_zone_is_utc() -> None:
    event = VideoCancelled(video_id="v", made_at=AT, stages=(TIME,))
    by_hand = dump_outcome(event).replace(b"+00:00", b"")
    assert by_hand != dump_outcome(event)
    assert load_outcome(by_hand) == event


def test_what_is_no_time_is_no_outcome() -> None:
    with pytest.raises(ValueError, match="'yesterday'"):
        load_outcome(b'{"type":"VideoCancelled","event":{"video_id":"v","made_at":"yesterday"}}')


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"type":"Elsewhere","event":{}}', b"\xff"])
def test_anything_else_is_no_outcome(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"no outcome|Expecting|decode"):
        load_outcome(data)


def test_keys_lie_under_the_results_of_their_video() -> None:
    assert outcome_key("v", 3) == "results/v/3/outcome.json"
    assert deleted_key("v") == "results/v/deleted.json"


@pytest.mark.parametrize(
    "video_id",
    [
        "",
        ".",
        "..",
        "/",
        "a/b",
        "../x",
        "a/",
        "a\\b",
        "a:b",
        "a\0b",
        "x\ny",
        "\u202e",
        "\ud800",
        "a" * 201,
        "ä" * 101,
    ],
)
def test_a_video_id_that_is_no_plain_name_has_no_place_in_the_store(video_id: str) -> None:
    for place in (results_prefix, uploads_prefix, deleted_key):
        with pytest.raises(ValueError, match="plain name"):
            place(video_id)
    with pytest.raises(ValueError, match="plain name"):
        upload_key(video_id, 1)


@pytest.mark.parametrize("video_id", ["a", "4f9c0d6e", "a b", "...", "-x", "caffè", "视频", "a" * 200])
def test_any_plain_name_is_an_id(video_id: str) -> None:
    assert results_prefix(video_id, 2) == f"results/{video_id}/2/"


def test_a_revision_beyond_what_an_event_can_hold_has_no_place_in_the_store() -> None:
    assert outcome_key("v", MAX_REVISION) == "results/v/2147483647/outcome.json"
    for revision in (MAX_REVISION + 1, -MAX_REVISION - 1, 10**30):
        with pytest.raises(ValueError, match="revision"):
            outcome_key("v", revision)
