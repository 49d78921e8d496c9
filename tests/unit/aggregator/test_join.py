"""What a complete join is, and what comes of it."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.kafka.records import Record
from processors.aggregator import join as joins
from processors.aggregator import rows
from processors.aggregator.join import StoredSegment
from schemas.events import (
    EPOCH,
    Event,
    FailureKind,
    Gap,
    Options,
    Part,
    PartResult,
    VideoCancelled,
    VideoCancelRequested,
    VideoCompleted,
    VideoDeleted,
    VideoFailed,
    VideoUploaded,
)
from schemas.headers import event_headers
from schemas.outcomes import Outcome, dump_outcome, load_outcome, outcome_key
from schemas.topics import SEGMENT_ENRICHED, STAGE_FAILED, dead_topic
from schemas.uploads import dump_upload, upload_key
from tests.unit.aggregator.pieces import AT, converted, enriched, failed, probed, rendered, unenriched
from tests.unit.aggregator.world import CODEC, World, run

BOTH = (Part.CAPTIONS, Part.RENDITIONS)
MADE = PartResult(part=Part.CAPTIONS, made=True)


def outcome(world: World, *events: Event) -> Outcome | None:
    """What is decided once these events came."""
    world.feed(events)
    data = world.store.objects.get(outcome_key("v", 1))
    return None if data is None else load_outcome(data)


@settings(max_examples=60)
@given(
    fates=st.lists(st.sampled_from(["enriched", "unenriched", "lost", "both"]), min_size=1, max_size=6),
    seed=st.integers(),
    doubled=st.booleans(),
)
def test_pieces_in_any_order_and_twice_give_the_same_join(
    fates: list[str], seed: int, doubled: bool
) -> None:
    world = World()
    pieces: list[Event] = [probed(), converted(len(fates) + 1)]  # one never comes: rows stay
    for index, fate in enumerate(fates):
        if fate in ("enriched", "both"):
            pieces.append(enriched(world.store, index))
        if fate == "unenriched":
            pieces.append(unenriched(world.store, index))
        if fate in ("lost", "both"):
            pieces.append(failed("transcriber", index))
    again = [replace(piece, made_at=AT) for piece in pieces] if doubled else []
    tables = []
    for order in (random.Random(seed), random.Random(seed + 1)):
        fed = World()
        fed.store.objects = dict(world.store.objects)
        fed.feed(order.sample([*pieces, *again], len(pieces) + len(again)))
        tables.append(fed.table)
    assert tables[0] == tables[1]
    assert len(tables[0]) == len(pieces)


@settings(max_examples=30)
@given(seed=st.integers(), fates=st.lists(st.sampled_from("ewl"), min_size=1, max_size=5))
def test_any_order_gives_the_same_files_and_outcome(seed: int, fates: list[str]) -> None:
    results = []
    for order in (random.Random(seed), random.Random(seed + 1)):
        world = World()
        makers = {
            "e": lambda i, w=world: enriched(w.store, i),
            "w": lambda i, w=world: unenriched(w.store, i),
            "l": lambda i: failed("transcriber", i),
        }
        events = [probed(), converted(len(fates)), *(makers[f](i) for i, f in enumerate(fates))]
        order.shuffle(events)
        world.feed([*events, *events])
        decided = load_outcome(world.store.objects.pop(outcome_key("v", 1)))
        results.append((dump_outcome(replace(decided, made_at=EPOCH)), world.store.objects))
        assert isinstance(decided, VideoFailed if set(fates) == {"l"} else VideoCompleted)
    assert results[0] == results[1]


def test_a_join_waits_for_every_segment() -> None:
    world = World()
    assert outcome(world, probed(), converted(2), enriched(world.store, 1)) is None
    decided = outcome(world, enriched(world.store, 0))
    assert isinstance(decided, VideoCompleted)
    assert decided.parts == (MADE,)
    assert decided.word_count == 4
    assert decided.warnings == ("cut short",)


def test_a_segment_that_cannot_be_transcribed_is_a_gap() -> None:
    world = World()
    decided = outcome(world, probed(), converted(2), enriched(world.store, 0), failed("transcriber", 1))
    assert isinstance(decided, VideoCompleted)
    assert decided.gaps == (Gap(start_s=10.0, end_s=20.0, reason="transcriber gave up"),)


def test_an_enricher_that_gives_up_leaves_the_words_in() -> None:
    world = World()
    decided = outcome(world, probed(), converted(1), unenriched(world.store, 0))
    assert isinstance(decided, VideoCompleted)
    assert (decided.word_count, decided.gaps) == (2, ())
    assert "Segment 0 has no keywords: enricher gave up" in decided.warnings


def test_an_enricher_that_could_not_even_read_leaves_a_gap_between_its_neighbours() -> None:
    world = World()
    lost = replace(failed("enricher", 1), start_s=None, end_s=None)
    decided = outcome(
        world, probed(), converted(3), enriched(world.store, 0), lost, enriched(world.store, 2)
    )
    assert isinstance(decided, VideoCompleted)
    assert decided.gaps == (Gap(start_s=10.0, end_s=20.0, reason="enricher gave up"),)


def test_a_converter_that_gives_up_leaves_the_rest_as_one_gap() -> None:
    world = World()
    events = [probed(), failed("converter", segments_out=2), enriched(world.store, 0)]
    assert outcome(world, *events) is None
    decided = outcome(world, enriched(world.store, 1))
    assert isinstance(decided, VideoCompleted)
    assert decided.gaps == (Gap(start_s=20.0, end_s=100.0, reason="converter gave up"),)


def test_a_video_without_sound_is_completed_with_no_words() -> None:
    world = World()
    decided = outcome(world, probed(), converted(0, has_audio=False))
    assert isinstance(decided, VideoCompleted)
    assert (decided.word_count, decided.language) == (0, "und")
    assert decided.parts == (replace(MADE, reason="the video has no sound"),)


def test_where_nothing_could_be_made_the_video_failed() -> None:
    decided = outcome(World(), probed(), converted(1), failed("transcriber", 0))
    assert isinstance(decided, VideoFailed)
    assert (decided.name, decided.kind, decided.reason) == (
        "x.mp4",
        FailureKind.BUG,
        "transcriber gave up",
    )


def test_a_file_that_is_no_video_is_named_as_it_was_uploaded() -> None:
    world = World()
    upload = VideoUploaded(video_id="v", source="file:///n.mp4", name="n.mp4", options=Options())
    world.store.objects[upload_key("v", 1)] = dump_upload(upload)
    decided = outcome(world, failed("converter"))
    assert isinstance(decided, VideoFailed)
    assert (decided.name, decided.reason) == ("n.mp4", "converter gave up")


def test_wanted_renditions_are_waited_for() -> None:
    world = World()
    assert outcome(world, probed(wanted=BOTH), converted(1), enriched(world.store, 0)) is None
    decided = outcome(world, rendered())
    assert isinstance(decided, VideoCompleted)
    assert [part.made for part in decided.parts] == [True, True]


def test_a_failed_render_still_gives_captions() -> None:
    world = World()
    events = [probed(wanted=BOTH), converted(1), enriched(world.store, 0), failed("renderer")]
    decided = outcome(world, *events)
    assert isinstance(decided, VideoCompleted)
    assert decided.parts[1] == PartResult(part=Part.RENDITIONS, made=False, reason="renderer gave up")


def test_failed_captions_still_give_renditions() -> None:
    events = [probed(wanted=BOTH), converted(1), failed("transcriber", 0), rendered()]
    decided = outcome(World(), *events)
    assert isinstance(decided, VideoCompleted)
    assert [part.made for part in decided.parts] == [False, True]


def test_a_part_that_this_version_does_not_know_does_not_hang() -> None:
    decided = outcome(World(), probed(wanted=(Part.UNKNOWN,)))
    assert isinstance(decided, VideoFailed)


def test_words_that_are_gone_from_the_store_are_a_gap() -> None:
    world = World()
    segments = [enriched(world.store, 0), enriched(world.store, 1)]
    del world.store.objects[segments[0].artefact.key]
    world.store.objects[segments[1].artefact.key] += b" "
    decided = outcome(world, probed(), converted(2), *segments)
    assert isinstance(decided, VideoFailed)
    assert decided.reason == "its words are no longer in the object store"


def test_a_cancel_is_decided_at_once_before_any_piece_has_come() -> None:
    world = World()
    decided = outcome(world, VideoCancelRequested(event_id="c", video_id="v"))
    assert isinstance(decided, VideoCancelled)
    world.feed([probed(), converted(0)])
    assert len(world.outcomes()) == 1


def test_another_revision_is_another_join() -> None:
    world = World()
    outcome(world, VideoCancelRequested(event_id="c", video_id="v"))
    world.feed([replace(probed(), revision=2), replace(converted(0), revision=2)])
    assert {key for key, _ in world.outcomes()} == {b"v:1", b"v:2"}


def test_an_outcome_that_is_there_already_is_told_and_not_made_anew() -> None:
    world = World()
    first = VideoCancelled(event_id="a", video_id="v", made_at=AT)
    world.store.objects[outcome_key("v", 1)] = dump_outcome(first)
    world.feed([probed(), converted(0)])
    assert world.outcomes() == {(b"v:1", CODEC.encode(first))}


def test_a_deleted_video_is_never_accepted_again() -> None:
    world = World()
    world.feed([VideoDeleted(event_id="d", video_id="v")])
    world.table.clear()  # the marker in the store is enough
    world.feed([probed(), converted(0)])
    assert outcome_key("v", 1) not in world.store.objects


@pytest.mark.parametrize("video_id", ["../v", "a/b", ""])
def test_a_video_id_that_could_point_elsewhere_is_a_dead_letter(video_id: str) -> None:
    world = World()
    world.feed([probed(video_id)])
    assert [topic for topic, _, _ in world.sent] == [dead_topic("reelay.video.probed", "aggregator")]


def test_an_unreadable_result_of_a_segment_becomes_a_failure_so_that_the_join_ends() -> None:
    world = World()
    event = enriched(world.store, 0)
    bad = Record(SEGMENT_ENRICHED.name, 0, 7, b"v", b"\0junk", event_headers(event, source="x"), 1)
    aggregator = world.started()
    run(aggregator.handle(bad))
    run(aggregator.handle(bad))  # after a crash it comes again
    (said,) = set(world.sent_to("stage.failed"))
    failure = CODEC.decode(said[1] or b"", STAGE_FAILED)
    assert world.sent[1][0] == dead_topic(SEGMENT_ENRICHED.name, "aggregator")
    world.feed([probed(), converted(1), failure])
    assert len(world.sent_to("video.failed")) == 1


@pytest.mark.parametrize("source", ["transcriber", "aggregator"])
def test_an_unreadable_failure_of_a_segment_fails_it_once(source: str) -> None:
    world = World()
    headers = event_headers(failed("transcriber", 0), source=source)
    run(world.started().handle(Record(STAGE_FAILED.name, 0, 7, b"v", b"\0junk", headers, 1)))
    said = [CODEC.decode(value or b"", STAGE_FAILED) for _, value in world.sent_to("stage.failed")]
    assert [type(event).__name__ for event in said] == ["StageFailed"] * (source == "transcriber")
    world.feed([probed(), converted(1), *said])
    assert len(world.sent_to("video.failed")) == len(said)


def test_rows_read_back_as_they_were_written() -> None:
    world = World()
    stored = StoredSegment(
        event_id="e", made_at=AT, index=3, start_s=1.0, end_s=2.0, event=world.store.put("k", b"x")
    )
    for piece in (probed(), converted(2), rendered(), failed("transcriber", 4), stored):
        name = joins.piece_name(piece)
        assert name is not None
        assert rows.load_piece(name, rows.dump_piece(piece, CODEC), CODEC) == piece
    assert rows.split_key(rows.row_key("a:b", 2, "segment.3")) == ("a:b", 2, "segment.3")


def test_rows_are_small() -> None:
    world = World()
    world.feed([probed(), enriched(world.store, 0, text="word " * 500)])
    assert max(len(value) for value in world.table.values()) < 600
