"""The oracle itself, tried on a real Kafka: it finds nothing wrong with the runtime in a storm, and each
of three runtimes out that were made careless (`careless.py`), by the name of what they do.

The moments of the storm are chosen so that each flaw has to show:

- *killed at work*: outputs and progress of a first yield are out, the second waits at a gate. Who
  committed more than that, never emits it.
- *killed in the middle of a commit*: before the offsets are sent. Whatever is out by then comes again.
- *stopped with a batch*: before its transaction begins, until another process has had the partitions
  and done everything. Who can still commit then is a former owner.
"""

import os
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from connectors.kafka.records import Record
from ops.cluster.cluster import Cluster
from schemas.events import VideoConverted
from schemas.ids import event_id
from schemas.topics import STAGE_FAILED, VIDEO_CONVERTED
from tests.chaos.commitlog import LOG, read_commits
from tests.chaos.guarantees import Fault, History, Input, Name, Seen, faults, seen
from tests.integration.runtime.conftest import CODEC, HERE, Bench, until
from tests.integration.runtime.kafka import (
    PARTITIONS,
    SESSION_S,
    all_committed,
    create_topics,
    create_topics_of,
    drop_silent_members,
    read_up,
)

SEED = 5
WITHIN_S = 90
_numbers = count(1)


@pytest.fixture(scope="module")
def kafka(cluster_programs: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker with the toys' topics; no other server runs."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.kafka.start()
        brokers = cluster.connections().kafka_brokers
        create_topics(brokers)
        yield brokers
    finally:
        cluster.stop()


@dataclass
class Storm:
    """A group of toys on one kind of runtime, what was uploaded for it, and what is done to it."""

    bench: Bench
    yields: dict[str, int] = field(default_factory=dict)

    def upload(self, steps: str, partitions: int = PARTITIONS) -> list[str]:
        """A video in each of so many partitions; their names."""
        videos = [f"{self.bench.group} {len(self.yields) + n}" for n in range(partitions)]
        for partition, video in enumerate(videos):
            self.bench.upload(video, steps, partition=partition)
            self.yields[video] = steps.count("yield")
        return videos

    def kill_at_work(self) -> None:
        toy = self.bench.start(workers=PARTITIONS)
        videos = self.upload("yield:0 wait:gate yield:1")
        until(lambda: len(self.bench.converted(*videos)) == PARTITIONS, within_s=WITHIN_S)
        toy.kill()
        toy.wait()
        self.bench.touch("gate")

    def kill_in_a_commit(self) -> None:
        self.upload("yield:0 yield:1")
        toy = self.bench.start("before", "send_offsets_to_transaction", "1", "SIGKILL")
        assert toy.wait(WITHIN_S) == -signal.SIGKILL
        self._struck().unlink()

    def stop_with_a_batch(self) -> None:
        self.upload("yield:0 yield:1")
        former = self.bench.start(
            "before", "begin_transaction", "1", "SIGSTOP", transaction_timeout_s=60
        )
        until(self._struck().exists, within_s=WITHIN_S)
        self.upload("yield:0")  # its successor will say more than it can know, whatever its workers do
        self.bench.start()
        until(lambda: all_committed(self.bench), within_s=WITHIN_S)
        os.kill(former.pid, signal.SIGCONT)
        said = self.bench.toys.index(former)
        until(lambda: "lost" in self.bench.said(said) or former.poll() is not None, within_s=WITHIN_S)
        self._struck().unlink()

    def scatter(self, dice: random.Random) -> None:
        """Kills, stops and rebalances in an order of the dice's, while there is work."""
        self._send_all_away()  # one may have a transaction timeout that is longer than we wait
        blows = [self._kill_one, self._stop_one, self._send_one_away]
        dice.shuffle(blows)
        for blow in blows:
            ended = len(self.bench.log("ended"))
            self.upload("yield:0 yield:1 yield:2")
            until(
                lambda n=ended: self.bench.tend(2) or len(self.bench.log("ended")) > n,
                within_s=WITHIN_S,
            )
            self.upload("yield:0 yield:1 yield:2")
            blow(dice)

    def _kill_one(self, dice: random.Random) -> None:
        toy = dice.choice(self.bench.running())
        toy.kill()
        toy.wait()

    def _stop_one(self, dice: random.Random) -> None:
        """Past its session: another has done what was its."""
        toy = dice.choice(self.bench.running())
        os.kill(toy.pid, signal.SIGSTOP)
        self._until_all_is_done(toys=2)
        os.kill(toy.pid, signal.SIGCONT)

    def _send_one_away(self, dice: random.Random) -> None:
        toy = dice.choice(self.bench.running())
        toy.terminate()
        toy.wait(WITHIN_S)

    def _send_all_away(self) -> None:
        for toy in self.bench.running():
            toy.terminate()
        for toy in self.bench.toys:
            toy.wait(WITHIN_S)

    def _until_all_is_done(self, toys: int) -> None:
        """So many run, or are stopped; those that end by themselves are started again."""
        until(lambda: self.bench.tend(toys) or all_committed(self.bench), within_s=WITHIN_S)

    def calm_down(self) -> None:
        """Let everything be done that somebody still means to do, and everybody go."""
        self._until_all_is_done(toys=1)
        self._send_all_away()
        until(lambda: no_transaction_is_open(self.bench), within_s=WITHIN_S)

    def faults(self) -> list[Fault]:
        """What the oracle finds wrong with all that was done here."""
        records = self.bench.read(VIDEO_CONVERTED.name, STAGE_FAILED.name)
        ours = [r for r in records if r.header("ce_source") == f"/reelay/{self.bench.group}"]
        commits = read_commits(self.bench.connections, [self.bench.group])
        assert len(commits) > PARTITIONS
        return faults(
            History(
                [wanted(video, yields, self.bench.group) for video, yields in self.yields.items()],
                [as_seen(record) for record in ours],
                commits,
                outcomes=(),
            )
        )

    def _struck(self) -> Path:
        return self.bench.folder / f"struck-{self.bench.group}"


def wanted(video: str, yields: int, group: str) -> Input:
    """What a toy makes of a video undisturbed."""
    kind = VideoConverted.__name__
    return Input(
        (video, 1),
        {event_id(kind, video, 1, group, -n if n else None): b"%d" % n for n in range(yields)},
    )


def as_seen(record: Record) -> Seen:
    event = CODEC.decode(record.value, VIDEO_CONVERTED)
    assert isinstance(event, VideoConverted)
    return seen(record, b"%d" % event.segments)


def no_transaction_is_open(bench: Bench) -> bool:
    """Whether readers of what is committed can see all that there is."""
    admin = AdminClient({"bootstrap.servers": bench.connections.kafka_brokers})
    topics = admin.list_topics(timeout=10).topics
    places = {
        TopicPartition(topic, number): OffsetSpec.latest()
        for topic in (VIDEO_CONVERTED.name, STAGE_FAILED.name, LOG)
        for number in topics[topic].partitions
    }
    stable, all_there_is = (
        {
            place: found.result().offset
            for place, found in admin.list_offsets(places, isolation_level=level).items()
        }
        for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
    )
    return stable == all_there_is


@pytest.fixture
def storm(kafka: str, tmp_path: Path) -> Iterator[Callable[[str], Storm]]:
    """Makes a storm for a runtime with that flaw."""
    benches = []

    def begin(flaw: str) -> Storm:
        group = f"{flaw}-{next(_numbers)}"
        create_topics_of(group, kafka)
        drop_silent_members(kafka, group)
        bench = Bench(
            kafka,
            tmp_path,
            group,
            program=(str(HERE / "careless.py"), flaw),
            session_timeout_s=SESSION_S,
            transaction_timeout_s=3,
            http_port=-1,
        )
        benches.append(bench)
        read_up(bench)
        return Storm(bench)

    yield begin
    for bench in benches:
        bench.close()


def names(found: list[Fault]) -> set[Name]:
    return {fault.name for fault in found}


def test_the_runtime_as_it_is_keeps_every_promise_in_a_storm(storm: Callable[[str], Storm]) -> None:
    healthy = storm("none")
    healthy.kill_at_work()
    healthy.kill_in_a_commit()
    healthy.stop_with_a_batch()
    healthy.scatter(random.Random(SEED))
    healthy.calm_down()

    assert [str(fault) for fault in healthy.faults()] == []


def test_a_runtime_that_commits_before_the_work_is_caught_losing(storm: Callable[[str], Storm]) -> None:
    early = storm("commits-early")
    early.kill_at_work()
    early.calm_down()

    assert names(early.faults()) == {Name.LOST}


def test_a_runtime_that_writes_outside_of_its_transactions_is_caught_emitting_twice(
    storm: Callable[[str], Storm],
) -> None:
    outside = storm("emits-outside")
    outside.kill_in_a_commit()
    outside.calm_down()

    assert names(outside.faults()) == {Name.TWICE}


def test_a_runtime_that_skips_the_fencing_is_caught_as_a_former_owner(
    storm: Callable[[str], Storm],
) -> None:
    unfenced = storm("skips-fencing")
    unfenced.stop_with_a_batch()
    unfenced.upload("yield:0")  # so that there is something to commit beyond what was taken back
    unfenced.calm_down()

    assert Name.FORMER_OWNER in names(unfenced.faults())
