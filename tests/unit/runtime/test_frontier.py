"""The frontier against a plain model of what was done, also across crashes."""

import base64
import copy
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.runtime.frontier import MAX_PARTIAL, WINDOW, Frontier, UnreadableMetadataError


def finished(frontier: Frontier, *offsets: int) -> None:
    for offset in offsets:
        assert frontier.take(offset)
    for offset in offsets:
        frontier.finish(offset)


def test_the_frontier_moves_over_what_is_done_without_holes() -> None:
    frontier = Frontier(10)
    for offset in (10, 11, 12):
        assert frontier.take(offset)
    frontier.finish(12)
    frontier.finish(11)
    assert frontier.position == 10
    frontier.finish(10)
    assert frontier.position == 13
    assert frontier.metadata() == ""


def test_what_is_done_beyond_the_frontier_is_not_taken_again_after_a_restart() -> None:
    frontier = Frontier(10)
    for offset in range(10, 14):
        frontier.take(offset)
    frontier.finish(11)
    frontier.finish(13)
    again = Frontier.restored(10, frontier.metadata())
    assert [offset for offset in range(10, 15) if again.take(offset)] == [10, 12, 14]


def test_events_that_are_out_are_remembered_for_unfinished_records_only() -> None:
    frontier = Frontier(0)
    for offset in range(3):
        frontier.take(offset)
        frontier.emitted(offset, 5 + offset)
    frontier.finish(1)
    again = Frontier.restored(0, frontier.metadata())
    assert [again.events_out(offset) for offset in range(3)] == [5, 0, 7]


def test_offsets_that_were_never_delivered_do_not_hold_the_frontier() -> None:
    frontier = Frontier(0)
    frontier.take(0)
    frontier.take(3)  # 1 and 2 were compacted away
    frontier.finish(3)
    assert frontier.position == 0
    frontier.finish(0)
    assert frontier.position == 4


def test_a_gap_wider_than_the_window_is_crossed() -> None:
    frontier = Frontier(0)
    finished(frontier, 0)
    assert frontier.admits(1_000_000)
    finished(frontier, 1_000_000)
    assert frontier.position == 1_000_001


def test_without_a_committed_offset_the_first_record_begins_the_frontier() -> None:
    frontier = Frontier()
    assert frontier.position is None
    finished(frontier, 7)
    assert frontier.position == 8


def test_a_record_that_is_put_back_can_be_taken_again() -> None:
    frontier = Frontier(0)
    frontier.take(0)
    frontier.take(1)
    assert frontier.admits(0)
    assert frontier.take(0)
    frontier.finish(0)
    assert frontier.position == 1


def test_records_beyond_the_window_wait() -> None:
    frontier = Frontier(0)
    frontier.take(0)
    assert frontier.admits(WINDOW - 1)
    assert not frontier.admits(WINDOW)
    frontier.finish(0)
    assert frontier.admits(WINDOW)


def test_metadata_stays_small_in_the_worst_case() -> None:
    frontier = Frontier(10**12)
    taken = []
    for offset in range(10**12, 10**12 + WINDOW):
        if frontier.admits(offset):
            frontier.take(offset)
            frontier.emitted(offset, 10**6)
            taken.append(offset)
        if len(taken) > MAX_PARTIAL // 2:
            frontier.finish(taken.pop())
    assert frontier.position == 10**12
    assert len(frontier.metadata().encode("ascii")) < 3000


@pytest.mark.parametrize("metadata", ["2.AAAA", "nonsense", "1.", "1.AAAAAAA=", "1.é", "1.AAAAAAAAAA=="])
def test_metadata_of_others_is_refused(metadata: str) -> None:
    with pytest.raises(UnreadableMetadataError):
        Frontier.restored(0, metadata)


@given(st.binary(max_size=40))
def test_damaged_metadata_never_raises_anything_else(body: bytes) -> None:
    checked = zlib.crc32(body).to_bytes(4, "big") + body
    with suppress(UnreadableMetadataError):
        Frontier.restored(0, "1." + base64.b64encode(checked).decode())


@given(
    st.sets(st.integers(1, WINDOW - 1)),
    st.dictionaries(st.integers(0, WINDOW - 1), st.integers(1, 2**40), max_size=MAX_PARTIAL),
)
def test_metadata_says_exactly_what_was_committed(done: set[int], out: dict[int, int]) -> None:
    out = {offset: count for offset, count in out.items() if offset not in done}
    frontier = Frontier(
        100, done=frozenset(100 + i for i in done), out={100 + i: n for i, n in out.items()}
    )
    again = Frontier.restored(100, frontier.metadata())
    assert again.metadata() == frontier.metadata()
    assert len(frontier.metadata()) < 3000
    assert {i for i in range(WINDOW) if again.events_out(100 + i)} == out.keys()
    assert {i for i in range(WINDOW) if not again.take(100 + i)} == done


class Model:
    """One partition of `count` records, worked on by two workers, with what survives a crash.

    Offset 2 does not exist. Every state holds: what was committed as done is never taken again, what is
    out is never forgotten, and the committed position never passes a record that is not done.
    """

    WORKERS = 2

    def __init__(self, count: int) -> None:
        self.offsets = [offset for offset in range(count + 1) if offset != 2]
        self.stored: tuple[int | None, str] = (None, "")
        self.stored_done: frozenset[int] = frozenset()
        self.stored_out: dict[int, int] = {}
        self.crashes = 2
        self.start()

    def start(self) -> None:
        position, metadata = self.stored
        self.frontier = Frontier() if position is None else Frontier.restored(position, metadata)
        self.fetched = position or 0
        self.taken: dict[int, int] = {}
        self.done = set(self.stored_done)

    def moves(self) -> list[tuple[str, int]]:
        waiting = [offset for offset in self.offsets if offset >= self.fetched]
        moves = [("take", waiting[0])] if waiting and len(self.taken) < self.WORKERS else []
        for offset, out in self.taken.items():
            moves += [("finish", offset)] + ([("emit", offset)] if out < 1 else [])
        if self.frontier.position is not None:
            moves.append(("commit", 0))
        if self.crashes:
            moves.append(("crash", 0))
        return moves

    def move(self, what: str, offset: int) -> None:
        match what:
            case "take":
                self.fetched = offset + 1
                wanted = self.frontier.take(offset)
                assert wanted == (offset not in self.done)
                if wanted:
                    self.taken[offset] = self.frontier.events_out(offset)
                    assert self.taken[offset] == self.stored_out.get(offset, 0)
            case "emit":
                self.taken[offset] += 1
                self.frontier.emitted(offset, self.taken[offset])
            case "finish":
                del self.taken[offset]
                self.frontier.finish(offset)
                self.done.add(offset)
            case "commit":
                position = self.frontier.position
                assert position is not None
                assert all(o in self.done for o in self.offsets if o < position)
                self.stored = (position, self.frontier.metadata())
                self.stored_done = frozenset(self.done)
                kept = {o: n for o, n in self.stored_out.items() if o not in self.done}
                self.stored_out = kept | {o: n for o, n in self.taken.items() if n}
            case "crash":
                self.crashes -= 1
                self.start()

    def key(self) -> tuple[object, ...]:
        frontier = (self.frontier.position, self.frontier.metadata())
        taken, out = tuple(sorted(self.taken.items())), tuple(sorted(self.stored_out.items()))
        return frontier, taken, self.fetched, self.stored, out, self.crashes, frozenset(self.done)


def test_no_record_is_lost_or_done_twice_in_any_order_of_finishing_committing_and_crashing() -> None:
    seen, todo, ends = set(), [Model(4)], 0
    while todo:
        model = todo.pop()
        moves = model.moves()
        if not any(what not in {"crash", "commit"} for what, _ in moves):
            ends += 1
            assert model.done == set(model.offsets)
        for what, offset in moves:
            after = copy.deepcopy(model)
            after.move(what, offset)
            if after.key() not in seen:
                seen.add(after.key())
                todo.append(after)
    assert ends > 0
    assert len(seen) > 1000
