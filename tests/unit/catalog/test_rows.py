"""What is shown of a video follows from its facts alone."""

import json
from dataclasses import replace
from math import inf, nan

import pytest

from connectors.database import State
from processors.catalog.facts import event_in, facts_of, kept
from processors.catalog.rows import detail_of
from schemas.events import Event, Gap, VideoProbed, VideoUploaded
from tests.unit.catalog.videos import (
    AT,
    after,
    cancel_requested,
    cancelled,
    completed,
    converted,
    enriched,
    failed,
    probed,
    stage_failed,
    uploaded,
)


def shown(*events: Event):
    facts = kept(tuple(fact for event in events for fact in facts_of(event)))
    return detail_of(fact for fact in facts.values() if fact.kind != "segment")


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([uploaded("v")], State.WAITING),
        ([uploaded("v"), cancel_requested("v")], State.WAITING),
        ([uploaded("v"), probed("v")], State.WORKING),
        ([enriched("v")], State.WORKING),
        ([stage_failed("v")], State.WORKING),
        ([stage_failed("v", stage="converter", index=None)], State.WORKING),
        ([uploaded("v"), probed("v"), completed("v")], State.COMPLETED),
        ([completed("v")], State.COMPLETED),
        ([failed("v"), probed("v")], State.FAILED),
        ([cancelled("v"), uploaded("v")], State.CANCELLED),
    ],
)
def test_a_revisions_state_follows_from_what_was_said_of_it(events: list[Event], state: State) -> None:
    detail = shown(*events)
    assert detail.row.state is state
    assert [one.state for one in detail.revisions] == [state]


@pytest.mark.parametrize(
    ("events", "revision", "state", "shown_revision"),
    [
        ([completed("v"), uploaded("v", 2)], 2, State.WAITING, 1),
        ([completed("v"), probed("v", 2)], 2, State.WORKING, 1),
        ([completed("v"), failed("v", 2)], 1, State.COMPLETED, 1),
        ([completed("v"), cancelled("v", 2)], 1, State.COMPLETED, 1),
        ([completed("v"), completed("v", 2)], 2, State.COMPLETED, 2),
        ([uploaded("v"), completed("v", 2)], 2, State.COMPLETED, 2),
        ([failed("v"), cancelled("v", 2)], 2, State.CANCELLED, None),
        ([uploaded("v"), failed("v", 2)], 1, State.WAITING, None),
    ],
)
def test_a_list_tells_of_work_above_what_is_shown_else_of_what_is_shown(
    events: list[Event], revision: int, state: State, shown_revision: int | None
) -> None:
    detail = shown(*events)
    assert (detail.row.revision, detail.row.state, detail.shown_revision) == (
        revision,
        state,
        shown_revision,
    )


def test_a_completed_video_has_all_its_facts() -> None:
    detail = shown(completed("v"), converted("v"), probed("v"), uploaded("v"))
    row = detail.row
    assert (row.name, row.uploaded_at, row.ended_at) == ("v talk.mp4", AT, after(11))
    assert (row.size_bytes, row.duration_s, row.language, row.word_count) == (1234, 20.5, "en", 4)
    assert (row.segments, row.segments_done, row.has_picture) == (2, 2, True)
    assert detail.warnings == ("warning 1",)
    assert detail.stages == ()
    (revision,) = detail.revisions
    assert (revision.model, revision.language, revision.uploaded_at) == ("tiny", "en", AT)


def test_work_on_a_new_revision_shows_what_the_old_one_knows() -> None:
    detail = shown(completed("v"), probed("v"), uploaded("v"), uploaded("v", 2, at_s=60))
    assert (detail.row.duration_s, detail.row.language, detail.row.has_picture) == (20.5, "en", True)
    assert detail.row.uploaded_at == AT
    assert (detail.row.ended_at, detail.row.reason) == (None, None)
    assert detail.warnings == ("warning 1",)


def test_a_failed_video_says_why_and_how_far_it_came() -> None:
    detail = shown(uploaded("v"), probed("v"), failed("v"), cancel_requested("v"))
    assert detail.row.reason == "no video"
    assert [time.stage for time in detail.stages] == ["converter"]
    assert [one.cancel_requested for one in detail.revisions] == [True]


def test_a_gap_that_no_answer_can_hold_is_left_out() -> None:
    good = Gap(start_s=1.0, end_s=2.0, reason="good")
    odd = [replace(good, end_s=inf), replace(good, start_s=nan)]
    assert shown(replace(completed("v"), gaps=(*odd, good))).gaps == (good,)


def test_of_uploads_that_disagree_the_earlier_counts() -> None:
    events = [uploaded("v", at_s=5), uploaded("v", at_s=1), uploaded("v", at_s=9)]
    assert shown(*events).row.uploaded_at == after(1)


@pytest.mark.parametrize("event", [uploaded("v"), probed("v")])
def test_what_an_older_version_kept_is_read(event: VideoUploaded | VideoProbed) -> None:
    (fact,) = facts_of(event)
    record = json.loads(fact.body)
    del record["size_bytes"], record["options"]["reuse"]
    older = replace(fact, body=json.dumps(record))
    assert event_in(older, type(event)) == replace(event, size_bytes=None)


def test_a_success_replaces_a_failure_of_the_same_segment() -> None:
    facts = [*facts_of(stage_failed("v")), *facts_of(enriched("v"))]
    for order in (facts, facts[::-1]):
        (segment,) = (fact for fact in kept(tuple(order)).values() if fact.kind == "segment")
        assert "enricher" in segment.body
