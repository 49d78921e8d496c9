"""The commit protocol of exactly-once delivery as a model, over random interleavings with faults.

Two members share two partitions. Each record makes two events. The broker stores a batch's events and
offsets together or not at all, and takes a batch only from a member that was not thrown out; what each
member keeps (`Assignments`, `Frontier`, `Outbox`) is the real code. Whatever happens, in the end each
event was stored once.
"""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from confluent_kafka import TopicPartition
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from connectors.kafka.records import Outgoing, Partition
from processors.runtime.assignments import Assignments
from processors.runtime.outbox import Outbox

RECORDS = 4
YIELDS = 2
PLACES: list[Partition] = [("t", 0), ("t", 1)]
MOVES = [
    "take",
    "yield",
    "finish",
    "commit",
    "abort",
    "die",
    "commit and die",
    "move",
    "throw out",
    "hear",
]
Script = list[tuple[str, int, int]]


@dataclass
class Member:
    """What one process has in memory. thrown_out: and does not know it."""

    assignments: Assignments = field(default_factory=Assignments)
    outbox: Outbox = field(default_factory=Outbox)
    fetched: dict[Partition, int] = field(default_factory=dict)
    running: dict[tuple[Partition, int], int] = field(default_factory=dict)
    thrown_out: bool = False


class Model:
    """flaw: what a careless runtime would leave out."""

    def __init__(self, flaw: str = "") -> None:
        self.flaw = flaw
        self.stored: list[tuple[Partition, int, int]] = []
        self.committed = dict.fromkeys(PLACES, (0, ""))
        self.members = [Member(), Member()]
        self.owner = {}
        for number, place in enumerate(PLACES):
            self.assign(place, number)

    def assign(self, place: Partition, number: int) -> None:
        if self.members[number].thrown_out:  # it joins again first, and hears of its loss before that
            self.hear(number)
        self.owner[place] = number
        member = self.members[number]
        member.assignments.add([TopicPartition(*place, *self.committed[place])])
        member.fetched[place] = self.committed[place][0]

    def step(self, move: str, number: int, choice: int) -> None:
        member = self.members[number]
        place = PLACES[choice % 2]
        match move:
            case "take":
                self.take(member, place)
            case "yield" | "finish" if member.running:
                self.work(member, move, *list(member.running)[choice % len(member.running)])
            case "commit" | "abort":
                self.commit(member, is_stored=move == "commit")
            case "die" | "commit and die":
                if move != "die":
                    self.commit(member, is_stored=True)
                self.members[number] = Member()
                self.hand_over(number)
            case "move" if self.owner[place] == number and not member.thrown_out:
                self.commit(member, is_stored=choice < 2)
                self.lose(member, place)
                self.assign(place, 1 - number)
            case "throw out" if not member.thrown_out:
                member.thrown_out = True
                self.hand_over(number)
            case "hear" if member.thrown_out:
                self.hear(number)

    def hand_over(self, number: int) -> None:
        """What the member had goes to the other."""
        for place in [place for place, owner in self.owner.items() if owner == number]:
            self.assign(place, 1 - number)

    def hear(self, number: int) -> None:
        member = self.members[number]
        for place in PLACES:
            self.lose(member, place)
        member.thrown_out = False

    def lose(self, member: Member, place: Partition) -> None:
        member.assignments.remove([place])
        if self.flaw != "keeps the events of what went":
            member.outbox.drop([place])
        member.running = {key: out for key, out in member.running.items() if key[0] != place}

    def take(self, member: Member, place: Partition) -> None:
        owned = member.assignments.get(place)
        if owned is None or member.fetched[place] == RECORDS or len(member.running) == 3:
            return
        offset = member.fetched[place]
        member.fetched[place] += 1
        if owned.frontier.take(offset):
            member.running[place, offset] = owned.frontier.events_out(offset)

    def work(self, member: Member, move: str, place: Partition, offset: int) -> None:
        owned = member.assignments.get(place)
        assert owned is not None
        out = member.running[place, offset]
        if move == "yield" and out < YIELDS:
            member.running[place, offset] += 1
            member.outbox.add(place, Outgoing("out", None, b"%d %d" % (offset, out), [("p", place)]))
            owned.frontier.emitted(offset, out + 1)
            owned.changed = True
        if move == "finish" and out == YIELDS:
            del member.running[place, offset]
            owned.frontier.finish(offset)
            owned.changed = True

    def commit(self, member: Member, *, is_stored: bool) -> None:
        events, offsets = member.outbox.records(), member.assignments.to_commit()
        if not is_stored or (member.thrown_out and self.flaw != "is not fenced"):
            if self.flaw != "forgets what was aborted":
                member.assignments.not_committed((p.topic, p.partition) for p in offsets)
            return
        member.outbox.clear()
        for event in events:
            offset, number = event.value.split()
            self.stored.append((event.headers[0][1], int(offset), int(number)))  # type: ignore[arg-type]
        for p in offsets:
            self.committed[p.topic, p.partition] = (p.offset, p.metadata or "")

    def come_to_an_end(self) -> None:
        for number in (0, 1):
            if self.members[number].thrown_out:
                self.hear(number)
        for _ in range(RECORDS * (YIELDS + 2) * 2):
            for number, member in enumerate(self.members):
                for choice, place in enumerate(PLACES):
                    self.step("take", number, choice)
                    for key in [key for key in member.running if key[0] == place]:
                        for move in ("yield", "finish"):
                            if key in member.running:
                                self.work(member, move, *key)
                self.commit(member, is_stored=True)


def doubled_or_lost(script: Script, flaw: str = "") -> bool:
    model = Model(flaw)
    for move, number, choice in script:
        model.step(move, number, choice)
    model.come_to_an_end()
    wanted = Counter((p, o, n) for p in PLACES for o in range(RECORDS) for n in range(YIELDS))
    return Counter(model.stored) != wanted or set(model.committed.values()) != {(RECORDS, "")}


SCRIPTS = st.lists(
    st.tuples(st.sampled_from(MOVES), st.integers(0, 1), st.integers(0, 3)), min_size=10, max_size=80
)


@given(SCRIPTS)
@settings(max_examples=600, suppress_health_check=list(HealthCheck))
def test_each_event_is_stored_once_whatever_is_aborted_moves_or_dies(script: Script) -> None:
    assert not doubled_or_lost(script)


@pytest.mark.parametrize(
    "flaw", ["keeps the events of what went", "is not fenced", "forgets what was aborted"]
)
def test_the_model_notices_a_runtime_that(flaw: str) -> None:
    try:
        find(
            SCRIPTS,
            lambda script: doubled_or_lost(script, flaw),
            settings=settings(max_examples=20_000, phases=[Phase.generate], derandomize=True),
        )
    except NoSuchExample:
        pytest.fail("noticed nothing")
