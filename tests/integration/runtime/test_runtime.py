"""Processors as processes on a real broker: what is done, redone, given up and emitted."""

import json
import os
import re
import signal
import urllib.error
import urllib.request

from confluent_kafka import Consumer, Producer, TopicPartition

from connectors.kafka.embedded import RETAINED_BYTES
from schemas.events import (
    ArtefactRef,
    AudioSegmented,
    FailureKind,
    Options,
    VideoCancelRequested,
    VideoUploaded,
)
from schemas.topics import VIDEO_CONVERTED, VIDEO_PROGRESS, VIDEO_UPLOADED, retry_topic

from .conftest import CODEC, DEAD, GROUP, WITHIN_S, Bench, until

RETRY = retry_topic(VIDEO_UPLOADED.name, GROUP)


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_that_dies_costs_its_job_one_attempt_and_nothing_else(shared: Bench) -> None:
    shared.upload("steady", "yield:1 wait:go yield:2", partition=0)
    shared.upload("abort", "yield:1 abort:1 yield:2", partition=1)
    shared.upload("kill", "kill:2 yield:1", partition=1)
    shared.upload("plain", "yield:1", partition=1)
    until(lambda: all(shared.log("ended", video) for video in ("abort", "kill", "plain")))
    shared.touch("go")
    videos = ("abort", "kill", "plain", "steady")
    until(lambda: len(shared.converted(*videos)) >= 6)
    assert shared.converted(*videos) == [
        ("abort", 1), ("abort", 2), ("kill", 1), ("plain", 1), ("steady", 1), ("steady", 2)
    ]  # fmt: skip
    # what a worker did last and had not told is done again, as the same try
    attempts = {video: [line[2] for line in shared.log("began", video)] for video in videos}
    assert sorted(set(attempts["abort"])) == ["1", "2"]
    assert sorted(set(attempts["kill"])) == ["1", "2", "3"]
    assert attempts["steady"] == ["1"]
    assert set(attempts["plain"]) == {"1"}
    assert "SIGABRT" in shared.said()
    assert "SIGKILL" in shared.said()


def test_what_cannot_be_processed_becomes_a_dead_letter_and_an_event(shared: Bench) -> None:
    shared.upload("poison", "yield:1 poison")
    shared.upload("bug", "bug")
    shared.upload("crash", "abort")
    shared.put(VIDEO_UPLOADED.name, b"no avro", headers=[("ce_subject", b"named/3")])
    shared.put(VIDEO_UPLOADED.name, b"no avro either", headers=[("mine", b"kept")])
    until(lambda: len(shared.read(DEAD)) == 5)
    until(lambda: len(shared.failures()) == 4)
    failures = {failure.video_id: failure for failure in shared.failures()}
    assert {video: failure.kind for video, failure in failures.items()} == {
        "poison": FailureKind.POISON,
        "bug": FailureKind.BUG,
        "crash": FailureKind.CRASH,
        "named": FailureKind.POISON,
    }
    assert failures["poison"].segments_out == 1
    assert failures["named"].revision == 3
    assert all(failure.event_id and failure.stages[-1].stage == GROUP for failure in failures.values())
    dead = {record.header("reelay-error"): record for record in shared.read(DEAD)}
    bug = dead["RuntimeError: no such step"]
    assert (bug.key, bug.header("reelay-attempt"), bug.header("reelay-kind")) == (b"bug", "3", "bug")
    assert (bug.header("reelay-origin") or "").startswith(f"{VIDEO_UPLOADED.name}/0/")
    (unread,) = [record for record in shared.read(DEAD) if record.value == b"no avro either"]
    assert unread.header("mine") == "kept"


def test_a_redo_that_fails_before_it_comes_to_what_is_not_out_yet_is_heard_of(shared: Bench) -> None:
    steps = [
        "vanishes yield:1 yield:2 wait:out-0 abort:1",
        "yield:1 vanishes yield:2 wait:out-1 abort:1",
    ]
    for number, video in enumerate(("vanished", "half vanished")):
        shared.upload(video, steps[number])
        until(lambda v=video: len(shared.converted(v)) == 2)
        shared.touch(f"out-{number}")
        (failure,) = until(lambda v=video: [f for f in shared.failures() if f.video_id == v])
        assert (failure.segments_out, failure.reason) == (2, "the file is gone")
        assert shared.converted(video) == [(video, 1), (video, 2)]


def test_a_record_too_large_to_be_written_again_does_not_stop_the_processor(shared: Bench) -> None:
    stranger = Producer(
        {"bootstrap.servers": shared.connections.kafka_brokers, "message.max.bytes": 2_000_000}
    )
    upload = VideoUploaded(video_id="large", source="file:///x" + "x" * 1_020_000, name="transient")
    for value in (b"x" * 1_020_000, CODEC.encode(upload)):
        stranger.produce(VIDEO_UPLOADED.name, value=value, key=b"large", partition=1)
    assert stranger.flush(WITHIN_S) == 0
    shared.upload("after large", "yield:1", partition=1)
    until(lambda: len([record for record in shared.read(DEAD) if record.key == b"large"]) == 2)
    until(lambda: shared.converted("after large"))
    assert [failure.kind for failure in shared.failures() if failure.video_id == "large"] == [
        FailureKind.TRANSIENT
    ]


def test_a_retry_keeps_its_key_and_waits_until_it_is_due(shared: Bench) -> None:
    shared.upload("late", "transient:2 yield:1")
    until(lambda: shared.converted("late"))
    first, second = [record for record in shared.read(RETRY) if record.key == b"late"]
    assert [record.header("reelay-attempt") for record in (first, second)] == ["2", "3"]
    (event,) = [record for record in shared.read(VIDEO_CONVERTED.name) if record.key == b"late"]
    not_before_ms = [int(record.header("reelay-not-before-ms") or 0) for record in (first, second)]
    assert second.timestamp_ms >= not_before_ms[0]
    assert event.timestamp_ms >= not_before_ms[1]


def test_cancelled_and_deleted_videos_are_not_worked_on(shared: Bench) -> None:
    for video in ("cancelled", "deleted"):
        shared.upload(video, "yield:1", partition=2)
    shared.upload("running", "yield:1 wait:never yield:2", partition=3)
    until(lambda: shared.converted("running"))
    shared.publish(VideoCancelRequested(video_id="running"))
    until(lambda: shared.committed(3) == (1, ""))
    until(lambda: shared.committed(2) == (2, ""))
    assert shared.converted("running", "cancelled", "deleted") == [("running", 1)]
    assert not shared.log("began", "cancelled")
    assert not shared.log("began", "deleted")
    assert not [
        record for record in shared.read(DEAD) if record.key in (b"cancelled", b"deleted", b"running")
    ]
    until(lambda: shared.read(VIDEO_PROGRESS.name))


def test_a_dependency_that_is_down_pauses_all_work_and_costs_no_attempt(shared: Bench) -> None:
    videos = [f"v{partition}" for partition in range(3)]
    for partition, video in enumerate(videos):
        shared.upload(video, "yield:1 needs:store yield:2", partition=partition)
    until(lambda: len(shared.log("probed")) >= 4)
    assert all(len(shared.log("began", video)) <= 1 for video in videos)
    shared.touch("store")
    until(lambda: len(shared.converted(*videos)) >= 6)
    assert shared.converted(*videos) == [(video, n) for video in videos for n in (1, 2)]
    assert {line[2] for video in videos for line in shared.log("began", video)} == {"1"}
    assert not [record for record in shared.read(RETRY) if record.key in [v.encode() for v in videos]]


def test_health_and_metrics_are_served(shared: Bench) -> None:
    def get(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(address + path, timeout=WITHIN_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""

    address = until(lambda: re.search(r"http://127.0.0.1:\d+", shared.said()))[0]
    shared.upload("v", "yield:1")
    assert get("/health/live")[0] == 200
    until(lambda: get("/health/ready")[0] == 200)
    until(lambda: re.search(r'reelay_jobs_total{outcome="done"} [1-9]', get("/metrics")[1]))
    assert get("/anything")[0] == 404
    line = until(lambda: [t for t in shared.said().splitlines() if '"outcome": "done"' in t])[0]
    assert {"video", "topic", "partition", "offset", "attempt", "trace"} <= json.loads(line).keys()


def test_after_a_crash_nothing_that_was_committed_is_done_or_emitted_again(bench: Bench) -> None:
    bench.upload("first", "yield:1 yield:2 wait:go yield:3")
    bench.upload("second", "yield:1")
    toy = bench.start()
    until(lambda: bench.log("ended", "second"))
    until(lambda: bench.committed()[1] not in ("", "1.") and len(bench.converted()) == 3)
    stored = bench.committed()
    workers = [int(line[1]) for line in bench.log("made")]
    os.kill(toy.pid, signal.SIGKILL)
    toy.wait()
    until(lambda: not any(map(running, workers)))

    bench.start()
    bench.touch("go")
    until(lambda: bench.log("ended", "first"))
    until(lambda: bench.committed() == (2, ""))
    assert stored[0] == 0
    assert bench.converted() == [("first", 1), ("first", 2), ("first", 3), ("second", 1)]
    assert len(bench.log("began", "first")) == 2
    assert len(bench.log("began", "second")) == 1


def test_ctrl_c_in_a_terminal_lets_running_work_finish_and_begins_no_more(bench: Bench) -> None:
    bench.upload("running", "wait:go yield:1")
    bench.upload("waiting", "yield:1")
    toy = bench.start(workers=1)
    until(lambda: bench.log("began", "running"))
    os.killpg(toy.pid, signal.SIGINT)
    until(lambda: "draining" in bench.said())
    bench.touch("go")
    assert toy.wait(WITHIN_S) == 130
    assert bench.converted() == [("running", 1)]
    assert bench.committed() == (1, "")
    assert not bench.log("began", "waiting")
    assert not running(int(bench.log("made")[0][1]))


def test_running_work_is_ended_when_the_drain_takes_too_long(bench: Bench) -> None:
    bench.upload("endless", "yield:1 hold:never")
    toy = bench.start(drain_s=0.2)
    until(lambda: bench.log("began", "endless") and bench.converted())
    toy.terminate()
    assert toy.wait(WITHIN_S) == 0
    position, metadata = bench.committed()
    assert position == 0
    assert metadata != ""


def test_results_of_partitions_that_moved_away_are_dropped(bench: Bench) -> None:
    for partition in range(4):
        bench.upload(f"v{partition}", "hold:go yield:1", partition=partition)
    patient = {"workers": 4, "session_timeout_s": 10}  # on a busy machine, too, nobody is missed
    bench.start(**patient)
    until(lambda: len(bench.log("began")) == 4)
    bench.start(**patient)
    until(lambda: "revoked" in bench.said(0))
    moved = set(re.findall(rf"{re.escape(VIDEO_UPLOADED.name)}/(\d)", bench.said(0).split("revoked")[1]))
    until(lambda: len(bench.log("began")) == 4 + len(moved))
    bench.touch("go")
    until(lambda: bench.said(0).count('"outcome": "lost"') == len(moved))
    until(lambda: len(bench.log("ended")) == 4)
    until(lambda: all(bench.committed(partition)[0] == 1 for partition in range(4)))
    assert moved
    assert bench.converted() == [(f"v{partition}", 1) for partition in range(4)]


def test_short_videos_are_taken_four_to_one_while_long_ones_wait(bench: Bench) -> None:
    audio = ArtefactRef(key="k", sha256="0", size_bytes=1)
    for start_s in (0.0, 9000.0):
        for index in range(10):
            segment = AudioSegmented(
                video_id="long" if start_s else "short",
                index=index,
                start_s=start_s,
                end_s=start_s + 1,
                audio_start_s=start_s,
                audio_end_s=start_s + 1,
                audio=audio,
                language_from=(),
                options=Options(),
            )
            bench.publish(segment)
    bench.touch("lanes")
    bench.start(workers=1)
    address = until(lambda: re.search(r"http://127.0.0.1:\d+", bench.said()))[0]
    # the first may begin before the rest is fetched; from then on both lanes wait
    until(lambda: "reelay_held_records 19.0" in _page(f"{address}/metrics"))
    bench.touch("open")
    until(lambda: len(bench.log("began")) == 20)
    order = [line[1] for line in bench.log("began")]
    assert order[1:11].count("short") == 8


def _page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=WITHIN_S) as answer:
        return str(answer.read().decode())


def test_records_that_were_dropped_unread_end_the_process(bench: Bench) -> None:
    bench.upload("lost", "yield:1")
    consumer = Consumer({"bootstrap.servers": bench.connections.kafka_brokers, "group.id": GROUP})
    consumer.commit(offsets=[TopicPartition(VIDEO_UPLOADED.name, 0, 0)], asynchronous=False)
    consumer.close()
    for _ in range(7):
        bench.put(VIDEO_UPLOADED.name, b"x" * (RETAINED_BYTES // 6))
    toy = bench.start()
    assert toy.wait(WITHIN_S) == 4
    assert "dropped before they had been read" in bench.said()


def test_a_processor_that_gives_up_video_after_video_stops(bench: Bench) -> None:
    for number in range(6):
        bench.upload(f"v{number}", "poison")
    toy = bench.start(max_dead_in_row=3, workers=1)
    assert toy.wait(WITHIN_S) == 1
    assert "in a row" in bench.said()
    assert len(bench.read(DEAD)) == 3


def test_a_processor_that_cannot_be_made_ends_with_one_line_that_says_why(bench: Bench) -> None:
    bench.touch("no-model")
    toy = bench.start()
    assert toy.wait(WITHIN_S) == 1
    messages = [json.loads(line)["message"] for line in bench.said().splitlines()]
    assert "toy cannot start: FileNotFoundError: no model" in messages
