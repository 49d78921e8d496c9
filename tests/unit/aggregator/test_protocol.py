"""Every order of a few events, with a crash at every step: always exactly one outcome."""

from collections.abc import Callable
from itertools import permutations
from typing import Any, TypeVar

import pytest

from processors.aggregator.aggregator import Aggregator
from schemas.events import ArtefactRef, Event, VideoCancelRequested, VideoCompleted, VideoDeleted
from schemas.outcomes import deleted_key, load_outcome, outcome_key
from schemas.topics import OUTCOMES
from tests.unit.aggregator.pieces import converted, enriched, failed, probed
from tests.unit.aggregator.world import CODEC, World, record, run

T = TypeVar("T")

CANCEL = VideoCancelRequested(event_id="c", video_id="v")
DELETE = VideoDeleted(event_id="d", video_id="v")

CASES: dict[str, Callable[[World], list[Event]]] = {
    "all there": lambda w: [probed(), converted(1), enriched(w.store, 0)],
    "failure and success": lambda w: [
        probed(),
        converted(1),
        failed("transcriber", 0),
        enriched(w.store, 0),
    ],
    "nothing made": lambda w: [probed(), converted(1), failed("transcriber", 0)],
    "not a video": lambda w: [failed("converter")],
    "cancelled": lambda w: [probed(), converted(1), enriched(w.store, 0), CANCEL],
}


@pytest.mark.parametrize("case", CASES)
def test_a_crash_at_any_step_leaves_exactly_one_outcome(case: str) -> None:
    count = len(CASES[case](World()))
    for order in permutations(range(count)):
        steps = _steps(case, order)
        assert steps >= 3
        for dies_at in range(steps):
            for before, commits in ((True, True), (False, True), (False, False)):
                _one_outcome(case, order, dies_at, before, commits)


def _steps(case: str, order: tuple[int, ...]) -> int:
    world = World()
    events = CASES[case](world)
    world.steps.done = 0
    world.feed([events[i] for i in order])
    return world.steps.done


def _one_outcome(case: str, order: tuple[int, ...], dies_at: int, before: bool, commits: bool) -> None:
    world = World()
    events = CASES[case](world)
    world.steps.done, world.steps.dies_at, world.steps.before = 0, dies_at, before
    world.feed([events[i] for i in order], commits=commits)
    world.feed(events)  # a replay changes nothing
    decided = load_outcome(world.store.get(outcome_key("v", 1)))
    assert world.outcomes() == {(b"v:1", CODEC.encode(decided))}
    assert len(set(world.sent_to("video.captioned"))) <= 1
    assert list(world.table) == [b"v:1:done"]
    for ref in getattr(decided, "files", ()):
        assert world.store.find(ref.key) == ref


def test_after_a_delete_nothing_is_left_whatever_came_when_and_wherever_it_crashed() -> None:
    def events_in(world: World) -> list[Event]:
        return [probed(), converted(1), enriched(world.store, 0), DELETE]

    for order in permutations(range(4)):
        rehearsal = World()
        events = events_in(rehearsal)
        rehearsal.steps.done = 0
        rehearsal.feed([events[i] for i in order])
        for dies_at in range(rehearsal.steps.done):
            for before in (True, False):
                world = World()
                events = events_in(world)
                world.store.objects["uploads/v/x.mp4"] = b"x"
                world.steps.done, world.steps.dies_at, world.steps.before = 0, dies_at, before
                world.feed([events[i] for i in order])
                world.feed(events[:3])
                left = [key for key in world.store.objects if not key.startswith("media/")]
                assert left == [deleted_key("v")]
                assert list(world.table) == [b"v:0:deleted"]
                if world.outcomes():
                    for topic in OUTCOMES:
                        assert [s for s in world.sent if s[0] == topic.name][-1][1:] == (b"v:1", None)


def test_the_table_may_change_while_it_is_being_recovered_from() -> None:
    """An event that was at hand when partitions moved goes on, and writes rows."""

    class Table(dict[bytes, bytes]):
        read = False

        def items(self) -> Any:
            self.read = True
            return super().items()

    world = World()
    world.feed([probed()])
    table = Table(world.table)
    aggregator = world.started()
    blocking = world.call

    async def call(work: Callable[[], T]) -> T:
        assert table.read
        return await blocking(work)

    world.call = call  # type: ignore[method-assign]
    run(aggregator.recover(table))
    world.feed([converted(0)])
    assert len(world.outcomes()) == 1


def test_of_decided_revisions_only_the_latest_have_rows_and_older_ones_keep_their_outcome() -> None:
    world = World()
    videos = [f"v{number}" for number in range(5)]
    aggregator = world.started(max_done=3)
    for video in videos[:4]:
        for event in (probed(video), converted(0, video)):
            run(aggregator.handle(record(event)))
    assert list(world.table) == [b"v1:1:done", b"v2:1:done", b"v3:1:done"]
    told = world.outcomes()
    aggregator = world.started(max_done=3)
    for event in (converted(0, "v0"), probed("v0"), probed("v4"), converted(0, "v4")):
        run(aggregator.handle(record(event)))
    assert list(world.table) == [b"v3:1:done", b"v0:1:done", b"v4:1:done"]
    assert {outcome for outcome in world.outcomes() if outcome[0] != b"v4:1"} == told


def freezes(world: World, other: Aggregator, *events: Event) -> list[str]:
    """At the next write of a result, have another take these first; the key that was to be written."""
    write = world.store.put
    told: list[str] = []

    def freezing(key: str, data: bytes) -> ArtefactRef:
        if key.startswith("results/") and not told:
            told.append(key)
            for event in events:
                run(other.handle(record(event)))
        return write(key, data)

    world.store.put = freezing  # type: ignore[method-assign]
    return told


def test_one_that_writes_too_late_leaves_the_files_that_the_outcome_names_as_they_are() -> None:
    """It froze while it wrote; meanwhile another knew more, and decided."""
    world = World()
    frozen = world.started()
    for event in (probed(), enriched(world.store, 0), failed("transcriber", 1)):
        run(frozen.handle(record(event)))
    other = world.started()
    told = freezes(world, other, enriched(world.store, 1), converted(2))
    run(frozen.handle(record(converted(2))))
    decided = load_outcome(world.store.get(outcome_key("v", 1)))
    assert isinstance(decided, VideoCompleted)
    assert decided.gaps == ()
    assert [world.store.find(ref.key) for ref in decided.files] == list(decided.files)
    assert told[0] not in world.store.objects
    assert world.outcomes() == {(b"v:1", CODEC.encode(decided))}


def test_one_that_writes_too_late_leaves_nothing_of_a_video_that_was_deleted_meanwhile() -> None:
    world = World()
    frozen = world.started()
    for event in (probed(), enriched(world.store, 0)):
        run(frozen.handle(record(event)))
    other = world.started()
    told = freezes(world, other, DELETE)
    run(frozen.handle(record(converted(1))))
    assert told
    assert [key for key in world.store.objects if not key.startswith("media/")] == [deleted_key("v")]
    assert list(world.table) == [b"v:0:deleted"]
    assert not [value for _, value in world.outcomes() if value is not None]
