"""Records and objects that are not as they should be: each costs its own video, and no other."""

import json
import math
import typing
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.kafka.clients import MAX_EVENT_BYTES
from schemas.events import (
    ArtefactRef,
    CorrectedCaptions,
    Event,
    FailureKind,
    Part,
    StageFailed,
    VideoCancelled,
    VideoCancelRequested,
    VideoCompleted,
    VideoDeleted,
    VideoFailed,
)
from schemas.outcomes import Outcome, dump_outcome, load_outcome, outcome_key
from schemas.topics import STAGE_FAILED, TOPICS, dead_topic, topic_of
from schemas.uploads import upload_key
from tests.unit.aggregator.pieces import AT, converted, enriched, failed, probed, rendered, unenriched
from tests.unit.aggregator.world import CODEC, World, record, run
from tests.unit.schemas.strategies import values

CANCEL = VideoCancelRequested(event_id="c", video_id="v")
DEEP = b"[" * 5_000
OTHERS: list[Event] = [probed("other"), converted(0, "other")]


def outcome(world: World) -> Outcome:
    return load_outcome(world.store.objects[outcome_key("v", 1)])


def dead(world: World) -> list[str]:
    return [topic for topic, _, _ in world.sent if topic.endswith(".dead")]


@pytest.mark.parametrize("video_id", ["a" * 300, "a:b", "x\ny", "z" * 1100])
@pytest.mark.parametrize(
    "event", [failed("converter"), probed(), CANCEL, VideoDeleted(event_id="d", video_id="v")]
)
def test_an_id_that_no_store_can_hold_is_one_dead_letter(event: Event, video_id: str) -> None:
    world = World()
    bad = replace(event, video_id=video_id)
    world.feed([bad, *OTHERS])
    assert dead(world) == [dead_topic(topic_of(bad).name, "aggregator")]
    assert {key for key, _ in world.outcomes()} == {b"other:1"}
    assert not world.sent_to("stage.failed")


def test_a_revision_beyond_the_last_number_is_one_dead_letter() -> None:
    world = World()
    world.feed([replace(failed("converter"), revision=2**31), *OTHERS])
    assert len(dead(world)) == 1
    assert {key for key, _ in world.outcomes()} == {b"other:1"}


@pytest.mark.parametrize("key", [f"results/{'z' * 300}/x", "../x", "nowhere"])
def test_corrected_captions_that_cannot_be_read_are_a_warning(key: str) -> None:
    world = World()
    given = CorrectedCaptions(language="en", file=ArtefactRef(key=key, sha256="0", size_bytes=1))
    world.feed([replace(probed(), corrected=(given,)), converted(1), enriched(world.store, 0)])
    decided = outcome(world)
    assert isinstance(decided, VideoCompleted)
    assert "The corrected captions (en) cannot be read." in decided.warnings


@pytest.mark.parametrize("data", [b"garbage", b"", b"[]", b'{"video_id": "v"}', b"\xff", DEEP])
def test_an_upload_that_cannot_be_read_is_none(data: bytes) -> None:
    for events, kind in ([CANCEL], VideoCancelled), ([failed("converter")], VideoFailed):
        world = World()
        world.store.objects[upload_key("v", 1)] = data
        world.feed([*events, *OTHERS])
        assert isinstance(outcome(world), kind)
        assert {key for key, _ in world.outcomes()} == {b"v:1", b"other:1"}
        assert not dead(world)


@pytest.mark.parametrize(
    "data",
    [
        b"garbage",
        b"",
        DEEP,
        dump_outcome(VideoCancelled(video_id="another", made_at=AT)),
        dump_outcome(VideoCancelled(video_id="v", revision=2, made_at=AT)),
    ],
)
def test_records_that_meet_an_outcome_which_cannot_be_read_are_dead_letters(data: bytes) -> None:
    world = World()
    world.store.objects[outcome_key("v", 1)] = data
    world.feed([probed(), converted(0), CANCEL, *OTHERS])
    assert sorted(dead(world)) == sorted(
        dead_topic(topic_of(event).name, "aggregator") for event in (probed(), converted(0), CANCEL)
    )
    assert world.store.objects[outcome_key("v", 1)] == data
    assert {key for key, _ in world.outcomes()} == {b"other:1"}
    assert not world.sent_to("stage.failed")


def test_records_that_meet_an_outcome_which_no_event_can_be_are_dead_letters() -> None:
    world = World()
    data = dump_outcome(VideoCancelled(video_id="v", made_at=AT)).replace(b'"name": ""', b'"name": 5')
    world.store.objects[outcome_key("v", 1)] = data
    world.feed([probed(), CANCEL, *OTHERS])
    assert len(dead(world)) == 2
    assert {key for key, _ in world.outcomes()} == {b"other:1"}


def test_an_outcome_that_cannot_be_read_and_came_while_pieces_were_joined_ends_nothing_else() -> None:
    world = World()
    aggregator = world.started()
    run(aggregator.handle(record(probed())))
    world.store.objects[outcome_key("v", 1)] = b"garbage"
    for event in (converted(0), *OTHERS):
        run(aggregator.handle(record(event)))
    assert dead(world) == [dead_topic("reelay.video.converted", "aggregator")]
    assert {key for key, _ in world.outcomes()} == {b"other:1"}


@pytest.mark.parametrize("name", ["\ud800.mp4", "x" * MAX_EVENT_BYTES])
def test_a_name_that_no_event_can_bear_is_left_out_of_the_outcome(name: str) -> None:
    world = World()
    world.store.objects[upload_key("v", 1)] = json.dumps(
        {"video_id": "v", "revision": 1, "source": "file:///v", "name": name}
    ).encode()
    world.feed([CANCEL, *OTHERS])
    decided = outcome(world)
    assert isinstance(decided, VideoFailed)
    assert not decided.name
    assert {key for key, _ in world.outcomes()} == {b"v:1", b"other:1"}


@pytest.mark.parametrize("key", [f"media/{'z' * 300}", "../x", "media/none"])
def test_words_that_cannot_be_read_are_a_gap(key: str) -> None:
    """Whoever emitted the segment named no words artefact."""
    world = World()
    named = world.store.put("media/none", b"garbage")
    segments = [enriched(world.store, 0), enriched(world.store, 1)]
    segments[1] = replace(segments[1], artefact=replace(named, key=key))
    world.feed([probed(), converted(3), *segments, replace(unenriched(world.store, 2), artefact=named)])
    decided = outcome(world)
    assert isinstance(decided, VideoCompleted)
    assert (decided.gaps[0].start_s, decided.gaps[-1].end_s) == (10.0, 30.0)
    assert decided.word_count == 2


def test_where_no_words_can_be_read_the_video_failed() -> None:
    world = World()
    named = world.store.put("media/none", b"garbage")
    world.feed([probed(), converted(1), replace(enriched(world.store, 0), artefact=named)])
    decided = outcome(world)
    assert isinstance(decided, VideoFailed)
    assert (decided.kind, decided.reason) == (
        FailureKind.POISON,
        "its words in the object store cannot be read",
    )


def test_pieces_of_which_no_result_can_be_made_fail_their_video() -> None:
    world = World()
    odd = replace(enriched(world.store, 0), audio_start_s=math.nan)
    world.feed([probed(), odd, converted(1), *OTHERS])
    decided = outcome(world)
    assert isinstance(decided, VideoFailed)
    assert decided.kind is FailureKind.BUG
    assert decided.reason.startswith("its results cannot be made: ValueError: ")
    assert [(part.made, part.reason) for part in decided.parts] == [(False, decided.reason)]
    assert {key for key, _ in world.outcomes()} == {b"v:1", b"other:1"}


def test_a_piece_too_large_for_a_row_is_a_dead_letter() -> None:
    world = World()
    world.feed([replace(failed("transcriber", 0), reason="x" * MAX_EVENT_BYTES)])
    assert dead(world) == [dead_topic("reelay.stage.failed", "aggregator")]
    assert not world.table


def test_an_outcome_too_large_to_be_told_is_a_failure_that_is_told() -> None:
    world = World()
    half = "x" * (MAX_EVENT_BYTES // 2)
    both = replace(probed(), wanted=(Part.CAPTIONS, Part.RENDITIONS))
    wordy = [replace(converted(1), warnings=(half,)), replace(rendered(), warnings=(half,))]
    world.feed([both, enriched(world.store, 0), *wordy])
    decided = outcome(world)
    assert isinstance(decided, VideoFailed)
    assert "900,000 is the most" in decided.reason
    assert world.outcomes() == {(b"v:1", CODEC.encode(decided))}


def test_a_day_of_video_of_which_much_failed_is_completed_with_the_rest() -> None:
    world = World()
    pieces = [unenriched(world.store, n) if n % 2 else failed("transcriber", n) for n in range(2_880)]
    world.feed([probed(), *(replace(piece, reason="x" * 2_000) for piece in pieces), converted(2_880)])
    decided = outcome(world)
    assert isinstance(decided, VideoCompleted)
    assert (len(decided.gaps), decided.word_count) == (1_440, 2_880)
    assert decided.warnings[-1].startswith("Segment 1 and 1439 more have no keywords: xxx")


def test_headers_that_name_no_possible_piece_are_no_failure() -> None:
    for subject in (f"{'a' * 300}/1/0", "v/1/" + "9" * 40, "v/" + "9" * 20 + "/0"):
        world = World()
        event = record(enriched(world.store, 0))
        headers = [("ce_subject", subject.encode()), ("ce_source", b"/reelay/enricher")]
        run(world.started().handle(event._replace(value=b"junk", headers=headers)))
        assert len(dead(world)) == 1
        assert not world.sent_to("stage.failed")


@pytest.mark.parametrize("count", [100_001, 2**31 - 1, -1])
def test_more_segments_than_any_video_has_are_no_result(count: int) -> None:
    for event in (converted(count), failed("converter", segments_out=count)):
        world = World()
        world.feed([probed(), failed("transcriber"), event, *OTHERS])
        assert dead(world) == [dead_topic(topic_of(event).name, "aggregator")]
        assert {key for key, _ in world.outcomes()} == {b"other:1"}


def of_a_video(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Events of a type, with anything in them but what they are about and what must be waited for."""
    narrowed = {
        "video_id": st.just("v"),
        "revision": st.just(1),
        "index": st.integers(0, 2),
        "segments": st.integers(0, 3),
        "segments_out": st.integers(0, 3),
        "stage": st.sampled_from(["converter", "transcriber", "enricher", "renderer"]),
        "wanted": st.just((Part.CAPTIONS,)),
    }
    hints = typing.get_type_hints(kind)
    anything = {name: st.floats() if hint is float else values(hint) for name, hint in hints.items()}
    return st.builds(
        kind, **anything | {name: narrowed[name] for name in hints.keys() & narrowed.keys()}
    )


@settings(max_examples=200, deadline=None)
@given(
    events=st.lists(
        st.one_of([of_a_video(topic.event) for topic in TOPICS if topic.joined]), min_size=1, max_size=6
    ),
    is_whole=st.booleans(),
    words=st.sampled_from([None, b"garbage"]),
)
def test_whatever_events_say_others_go_on(
    events: list[Event], is_whole: bool, words: bytes | None
) -> None:
    """A video has at most one outcome, and with all its pieces exactly one, unless it is deleted."""
    world = World()
    rest: list[Event] = [probed(), *(enriched(world.store, n) for n in range(3)), converted(3)]
    if words is not None:
        world.store.objects["media/v1/words.json"] = words
    world.feed([*events, *(rest if is_whole else ()), *OTHERS])
    decided = {key for key, _ in world.outcomes()}
    deleted = any(isinstance(event, VideoDeleted) for event in events)
    assert b"other:1" in decided
    assert len(world.outcomes()) == len(decided) or deleted
    if is_whole and not deleted:
        assert b"v:1" in decided


def test_a_piece_that_cannot_be_kept_is_told_as_failed_by_the_stage_that_made_it() -> None:
    world = World()
    event = record(replace(failed("transcriber", 0), reason="x" * MAX_EVENT_BYTES))
    headers = [(name, b"/reelay/transcriber" if name == "ce_source" else v) for name, v in event.headers]
    run(world.started().handle(event._replace(headers=headers)))
    (said,) = world.sent_to("stage.failed")
    lost = CODEC.decode(said[1] or b"", STAGE_FAILED)
    assert isinstance(lost, StageFailed)
    assert (lost.video_id, lost.stage, lost.index) == ("v", "transcriber", 0)
    world.feed([probed(), converted(1), lost])
    assert isinstance(outcome(world), VideoFailed)
