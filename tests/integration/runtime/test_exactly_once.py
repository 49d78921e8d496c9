"""On a real Kafka, each event of each record is seen once by whoever reads what is committed."""

import json
import os
import random
import re
import signal
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from connectors.kafka.clients import open_group_consumer
from connectors.kafka.records import Outgoing
from ops.cluster.cluster import Cluster
from processors.runtime.delivery import BatchAbortedError
from processors.runtime.frontier import MAX_PARTIAL, WINDOW, Frontier
from processors.runtime.main import Exit
from processors.runtime.transactions import Transactions, open_transactional_producer
from schemas.events import VideoUploaded
from schemas.topics import VIDEO_CONVERTED, VIDEO_UPLOADED, dead_topic, retry_topic

from .conftest import CODEC, WITHIN_S, Bench, until
from .kafka import (
    PARTITIONS,
    SESSION_S,
    all_committed,
    create_topics,
    create_topics_of,
    drop_silent_members,
    ends,
    read_up,
    remove_records,
)

BOTH = pytest.mark.parametrize("protocol", ["consumer", "classic"])
_numbers = count(1)
Open = Callable[..., Bench]


@pytest.fixture(scope="module")
def servers(own_cluster: Callable[..., Cluster]) -> Cluster:
    """A cluster with the toys' topics."""
    cluster = own_cluster(bare=True)
    create_topics(cluster.connections().kafka_brokers)
    return cluster


@pytest.fixture
def kafka(servers: Cluster) -> str:
    """The broker's address."""
    return servers.connections().kafka_brokers


@pytest.fixture
def open_bench(kafka: str, tmp_path: Path) -> Iterator[Open]:
    """Opens benches, each with a group of its own that has read everything that is there."""
    benches = []

    def open_one(protocol: str = "consumer", **settings: object) -> Bench:
        group = f"toy-{next(_numbers)}"
        create_topics_of(group, kafka)
        drop_silent_members(kafka, group)
        chosen = {"group_protocol": protocol, "session_timeout_s": SESSION_S, "transaction_timeout_s": 3}
        (tmp_path / group).mkdir()
        benches.append(Bench(kafka, tmp_path / group, group, **chosen | settings))
        read_up(benches[-1])
        return benches[-1]

    yield open_one
    for bench in benches:
        bench.close()


@BOTH
def test_yields_retries_and_dead_letters_come_out_once(open_bench: Open, protocol: str) -> None:
    bench = open_bench(protocol, transaction_timeout_s=60)
    steps = {"plain": "yield:1 yield:2", "late": "yield:1 transient:1 yield:2", "bad": "yield:1 poison"}
    videos = [f"{name} {bench.group}" for name in steps]
    for video, todo in zip(videos, steps.values(), strict=True):
        bench.upload(video, todo)
    bench.start()
    until(lambda: all_committed(bench))
    plain, late, bad = videos
    until(lambda: len(bench.converted(*videos)) >= 5)
    assert bench.converted(*videos) == sorted([(plain, 1), (plain, 2), (late, 1), (late, 2), (bad, 1)])
    assert [failure.video_id for failure in bench.failures() if failure.video_id in videos] == [bad]
    assert len(bench.read(dead_topic(VIDEO_UPLOADED.name, bench.group))) == 1


MOMENTS = [
    ("before", "send_offsets_to_transaction", "2"),
    ("before", "commit_transaction", "2"),
    ("after", "commit_transaction", "2"),
]


@BOTH
def test_a_process_killed_at_the_worst_moment_loses_and_doubles_nothing(
    open_bench: Open, protocol: str
) -> None:
    benches = [open_bench(protocol) for _ in MOMENTS]  # each does all that is uploaded
    videos = [f"{benches[0].group} {partition}" for partition in range(PARTITIONS)]
    for partition, video in enumerate(videos):
        benches[0].upload(video, "yield:0 wait:go yield:1 yield:2", partition=partition)
    for bench, moment in zip(benches, MOMENTS, strict=True):
        bench.start(*moment, "SIGKILL", workers=4)
    for bench in benches:  # what comes after has a transaction of its own, so there is a second one
        until(lambda b=bench: b.converted() or b.toys[0].poll() is not None)
        bench.touch("go")
    for bench in benches:
        assert bench.toys[0].wait(WITHIN_S) == -signal.SIGKILL
        bench.start(workers=4)
    wanted = [(video, n) for video in videos for n in range(3)]
    for bench in benches:
        until(lambda b=bench: b.tend(1) or all_committed(b))
    for bench in benches:  # what is open for long hides what comes after it
        until(lambda b=bench: len(b.converted()) >= len(wanted))
        assert bench.converted() == wanted


@BOTH
def test_a_process_stopped_past_its_session_cannot_commit(open_bench: Open, protocol: str) -> None:
    goes_on = open_bench(protocol, transaction_timeout_s=240)
    ends_itself = open_bench(protocol)
    videos = [f"{goes_on.group} {partition}" for partition in range(PARTITIONS)]
    for partition, video in enumerate(videos):
        goes_on.upload(video, "yield:0 yield:1", partition=partition)
    goes_on.start("before", "send_offsets_to_transaction", "1", "SIGSTOP")
    ends_itself.start("before", "commit_transaction", "1", "SIGSTOP")
    for bench in (goes_on, ends_itself):
        until(lambda b=bench: (b.folder / f"struck-{b.group}").exists())
        bench.start()
    for bench in (goes_on, ends_itself):
        until(lambda b=bench: all_committed(b))
        os.kill(bench.toys[0].pid, signal.SIGCONT)
    assert ends_itself.toys[0].wait(WITHIN_S) == Exit.BROKER
    until(lambda: "nothing was committed" in goes_on.said(0))
    until(lambda: "lost" in goes_on.said(0))
    goes_on.upload(f"{goes_on.group} more", "yield:0 yield:1")
    wanted = sorted((video, n) for video in [*videos, f"{goes_on.group} more"] for n in range(2))
    for bench in (goes_on, ends_itself):
        until(lambda b=bench: all_committed(b))
        until(lambda b=bench: len(b.converted()) >= len(wanted))
        assert bench.converted() == wanted
    assert goes_on.toys[0].poll() is None


def test_a_commit_with_the_largest_metadata_is_stored_and_with_more_leaves_nothing(
    open_bench: Open,
) -> None:
    bench = open_bench()
    producer = open_transactional_producer(bench.connections, bench.group, transaction_timeout_s=60)
    with joined(bench) as consumer:
        transactions = Transactions(
            consumer, lambda _, __: producer, transaction_timeout_s=60, timeout_s=60
        )
        worst = worst_frontier()
        place = TopicPartition(VIDEO_UPLOADED.name, 1, worst.position, worst.metadata())
        event = Outgoing(VIDEO_CONVERTED.name, b"kept", b"kept", [])
        transactions.commit([event], [place], last=False)
        assert bench.committed(1) == (worst.position, worst.metadata())
        refused = TopicPartition(VIDEO_UPLOADED.name, 1, worst.position + 1, "x" * 4096)
        with pytest.raises(BatchAbortedError, match="OFFSET_METADATA_TOO_LARGE"):
            transactions.commit([event._replace(key=b"aborted")], [refused], last=False)
        assert bench.committed(1) == (worst.position, worst.metadata())
        transactions.commit([event._replace(key=b"after")], [place], last=False)
    keys = [record.key for record in bench.read(VIDEO_CONVERTED.name)]
    assert (keys.count(b"kept"), keys.count(b"aborted"), keys.count(b"after")) == (1, 0, 1)
    assert 2500 < len(worst.metadata()) < 3000


def worst_frontier() -> Frontier:
    """All of the window is done but its first record and as many as may be unfinished."""
    unfinished = range(1, WINDOW, WINDOW // (MAX_PARTIAL - 1))
    frontier = Frontier(2**40)
    for i in range(WINDOW):
        frontier.take(2**40 + i)
    for i in range(1, WINDOW):
        if i in unfinished:
            frontier.emitted(2**40 + i, 10**9)
        else:
            frontier.finish(2**40 + i)
    return frontier


@contextmanager
def joined(bench: Bench) -> Iterator[Consumer]:
    """A member of the group that has all partitions."""
    consumer = open_group_consumer(
        bench.connections,
        bench.group,
        protocol="consumer",
        session_timeout_s=SESSION_S,
        max_poll_interval_s=60,
        on_commit=lambda _, __: None,
        on_error=lambda _: None,
    )
    consumer.subscribe([VIDEO_UPLOADED.name])
    until(lambda: consumer.poll(0.1) or len(consumer.assignment()) == PARTITIONS)
    yield consumer
    consumer.close()


def test_an_idle_partition_has_no_lag_and_what_retention_removes_there_is_no_gap(
    open_bench: Open,
) -> None:
    bench = open_bench()
    writer = open_transactional_producer(bench.connections, "writer", transaction_timeout_s=60)
    videos = [f"{bench.group} {n}" for n in range(3)]
    for video, is_committed in zip(videos, (True, False, False), strict=True):
        writer.begin_transaction()
        value = CODEC.encode(VideoUploaded(video_id=video, source="file:///x", name="yield:1"))
        writer.produce(VIDEO_UPLOADED.name, value=value, key=video.encode(), partition=0)
        writer.flush()
        (writer.commit_transaction if is_committed else writer.abort_transaction)()
    toy = bench.start()
    until(lambda: all_committed(bench))
    address = until(lambda: re.search(r"http://127.0.0.1:\d+", bench.said()))[0]
    lag = f'reelay_lag_records{{partition="0",topic="{VIDEO_UPLOADED.name}"}} 0.0'
    until(lambda: lag in page(f"{address}/metrics"))
    toy.terminate()
    assert toy.wait(WITHIN_S) == 0
    remove_records(bench, ends(bench)[0])
    bench.start()
    bench.upload(videos[1], "yield:1")
    until(lambda: len(bench.converted()) == 2)
    assert bench.converted() == [(videos[0], 1), (videos[1], 1)]


def test_records_that_were_removed_unread_end_the_process(open_bench: Open) -> None:
    bench = open_bench()
    bench.upload("removed", "yield:1")
    bench.upload("removed too", "yield:1")
    remove_records(bench, ends(bench)[0] - 1)
    toy = bench.start()
    assert toy.wait(WITHIN_S) == Exit.GAP
    assert "dropped before they had been read" in bench.said()


@BOTH
def test_a_topic_that_is_missing_ends_the_process_with_one_line(open_bench: Open, protocol: str) -> None:
    bench = open_bench(protocol)
    bench.group = "stranger"  # so its retry topic was not made
    toy = bench.start()
    assert toy.wait(WITHIN_S) == Exit.BROKER
    errors = [line for line in map(json.loads, bench.said().splitlines()) if line["level"] == "ERROR"]
    assert [line["message"] for line in errors] == [
        f"topic {retry_topic(VIDEO_UPLOADED.name, 'stranger')} does not exist; "
        "`reelay topics apply` creates it"
    ]


@BOTH
def test_a_broker_that_restarts_while_there_is_no_work_ends_no_process(
    servers: Cluster, open_bench: Open, protocol: str
) -> None:
    bench = open_bench(protocol, transaction_timeout_s=60)
    toy = bench.start()
    bench.upload("before", "yield:1")
    until(lambda: len(bench.converted()) == 1)
    servers.kafka.kill()
    servers.kafka.start()

    bench.upload("after", "yield:1")

    until(lambda: len(bench.converted()) == 2)
    assert toy.poll() is None


def test_killed_processes_rebalances_and_a_broker_that_restarts_lose_and_double_nothing(
    servers: Cluster, open_bench: Open
) -> None:
    dice = random.Random(1)
    benches = [open_bench(protocol, workers=4) for protocol in ("consumer", "classic")]
    videos: list[str] = []

    def upload_until_some_are_done() -> None:
        began = [len(bench.log("ended")) for bench in benches]
        for _ in range(20):
            videos.append(f"{benches[0].group} {len(videos)}")
            partition = dice.randrange(PARTITIONS)
            benches[0].upload(videos[-1], "yield:0 yield:1 yield:2", partition=partition)
        for bench, before in zip(benches, began, strict=True):
            enough = before + dice.randrange(1, 20)
            until(lambda b=bench, n=enough: b.tend(2) or len(b.log("ended")) >= n)

    for strike in (servers.kafka.stop, servers.kafka.kill):
        for _ in range(2):
            upload_until_some_are_done()
            for bench in benches:
                dice.choice(bench.running()).kill()
        upload_until_some_are_done()
        strike()
        servers.kafka.start()
    upload_until_some_are_done()
    wanted = sorted((video, n) for video in videos for n in range(3))

    def is_done(bench: Bench) -> bool:
        bench.tend(2)
        return all_committed(bench) and len(bench.converted()) >= len(wanted)

    for bench in benches:
        until(lambda b=bench: is_done(b), within_s=120)
        assert bench.converted() == wanted
        said = [toy.poll() for toy in bench.toys]
        assert set(said) <= {None, -signal.SIGKILL, Exit.BROKER}, said


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=WITHIN_S) as answer:
        return str(answer.read().decode())
