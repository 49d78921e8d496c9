from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.kafka.records import Record
from connectors.registry import FingerprintRegistry
from processors.runtime.stamp import Stamp, completed, subject_of, unreadable
from processors.runtime.unwanted import Unwanted, VideoKey, unwanted_by
from schemas.codec import Codec
from schemas.events import (
    EPOCH,
    StageFailed,
    VideoCancelRequested,
    VideoConverted,
    VideoDeleted,
    VideoUploaded,
)
from schemas.topics import VIDEO_CONVERTED

UPLOADED = VideoUploaded(video_id="v", source="file:///x")
CONVERTED = VideoConverted(video_id="v", segments=1, duration_s=1.0, has_audio=True)


CODEC = Codec(FingerprintRegistry())


def stamped(stamp: Stamp, event: VideoConverted = CONVERTED) -> VideoConverted:
    """The event as it is read from its topic."""
    read = CODEC.decode(stamp(event, CODEC).value, VIDEO_CONVERTED)
    assert isinstance(read, VideoConverted)
    return read


def record(**headers: str) -> Record:
    return Record("t", 0, 1, b"v", b"", [(k, v.encode()) for k, v in headers.items()], 1_700_000_000_000)


def test_an_upload_that_names_only_its_video_and_source_gets_an_id_and_a_time() -> None:
    event = completed(UPLOADED, record())
    assert event.made_at == datetime.fromtimestamp(1_700_000_000, UTC)
    assert event.event_id == completed(UPLOADED, record()._replace(offset=9)).event_id != ""
    assert completed(event, record()) is event


def test_ids_are_the_same_at_each_try_and_differ_within_one() -> None:
    def ids(attempt: int) -> list[str]:
        stamp = Stamp("toy", completed(UPLOADED, record()), None, attempt)
        return [stamped(stamp).event_id for _ in range(3)]

    assert ids(1) == ids(2)
    assert len(set(ids(1))) == 3


def test_an_event_that_is_out_already_is_counted_in_the_ids_of_those_after_it() -> None:
    source = completed(UPLOADED, record())
    first, again = (Stamp("toy", source, None, attempt) for attempt in (1, 2))
    _, second = stamped(first), stamped(first)
    again.skip(CONVERTED)
    assert stamped(again).event_id == second.event_id


def test_the_headers_of_an_event_say_what_its_value_says() -> None:
    outgoing = Stamp("toy", completed(UPLOADED, record()), None, 1)(CONVERTED, CODEC)
    headers, event = dict(outgoing.headers), CODEC.decode(outgoing.value, VIDEO_CONVERTED)
    assert headers["ce_id"].decode() == event.event_id
    assert datetime.fromisoformat(headers["ce_time"].decode()) == event.made_at > EPOCH


def test_an_event_carries_the_times_of_all_stages_before_it() -> None:
    source = completed(UPLOADED, record())
    first = stamped(Stamp("one", source, None, 1))
    second = stamped(Stamp("two", first, None, 2))
    assert [(time.stage, time.attempt) for time in second.stages] == [("one", 1), ("two", 2)]
    assert second.stages[0].queued_at == source.made_at
    assert second.stages[1].queued_at == first.made_at
    assert first.made_at > EPOCH


def test_the_trace_is_carried_on_and_begins_with_the_first_event() -> None:
    source = completed(UPLOADED, record())
    given = Stamp("one", source, "00-" + "a" * 32 + "-" + "b" * 16 + "-01", 1)
    assert dict(given(CONVERTED, CODEC).headers)["traceparent"].startswith(b"00-aaaa")
    new, again = (Stamp("one", replace(source, event_id="any text"), None, n) for n in (1, 2))
    traces = [dict(stamp(CONVERTED, CODEC).headers)["traceparent"] for stamp in (new, again)]
    assert traces[0] == traces[1]
    assert len(traces[0]) == 55


def test_an_event_too_large_for_a_broker_is_refused_where_it_is_made() -> None:
    stamp = Stamp("one", completed(UPLOADED, record()), None, 1)
    large = replace(CONVERTED, warnings=("x" * 1_000_000,))
    with pytest.raises(ValueError, match="at most"):
        stamp(large, CODEC)


def test_an_event_whose_key_and_headers_make_it_too_large_is_refused_too() -> None:
    stamp = Stamp("one", completed(UPLOADED, record()), None, 1)
    with pytest.raises(ValueError, match="at most"):
        stamp(replace(CONVERTED, video_id="v" * 340_000), CODEC)


@pytest.mark.parametrize("given", ["x" * 1_000_000, "00-1-2-01", "", "00-" + "G" * 52])
def test_what_is_no_trace_is_not_carried_on(given: str) -> None:
    source = completed(UPLOADED, record())
    traces = [
        dict(Stamp("one", source, trace, 1)(CONVERTED, CODEC).headers)["traceparent"]
        for trace in (given, None)
    ]
    assert traces[0] == traces[1]


@pytest.mark.parametrize(
    ("subject", "expected"),
    [("v/3", (VideoKey("v", 3), None)), ("v/3/7", (VideoKey("v", 3), 7))],
)
def test_the_subject_names_video_revision_and_segment(subject: str, expected: object) -> None:
    assert subject_of(record(ce_subject=subject)) == expected


@pytest.mark.parametrize("subject", ["", "v", "/1", "v/x", "v/1/x", "v/1/2/3"])
def test_an_unreadable_subject_names_nothing(subject: str) -> None:
    assert subject_of(record(ce_subject=subject)) is None
    assert unreadable(record(ce_subject=subject), stage="s", reason="r") is None


def test_bytes_that_are_no_event_still_fail_their_segment() -> None:
    event = unreadable(record(ce_subject="v/3/7"), stage="s", reason="r")
    assert isinstance(event, StageFailed)
    assert (event.video_id, event.revision, event.index) == ("v", 3, 7)


def test_a_cancelled_revision_and_every_revision_of_a_deleted_video_are_unwanted() -> None:
    unwanted = Unwanted()
    for event in (VideoCancelRequested(video_id="a", revision=2), VideoDeleted(video_id="b")):
        unwanted.add(unwanted_by(event))
    covered = [
        unwanted.covers(VideoKey(*key)) for key in (("a", 1), ("a", 2), ("b", 1), ("b", 9), ("c", 1))
    ]
    assert covered == [False, True, True, True, False]
