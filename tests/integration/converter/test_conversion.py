"""What the rest of the pipeline relies on: order, streaming, redo, storage, an end in every case."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from connectors.errors import DependencyDown, TransientError
from connectors.settings import Connections
from processors.converter.convert import Converter
from processors.converter.processor import Setup, gave_up, make, probe, stage
from processors.converter.settings import ConverterSettings
from processors.converter.tool import ACCEPTED_DEMUXERS, Limits, running
from processors.runtime.contract import Cancelled, Failure, PoisonError
from schemas.events import (
    AudioSegmented,
    FailureKind,
    Options,
    VideoConverted,
    VideoProbed,
    VideoUploaded,
)
from schemas.topics import VIDEO_UPLOADED
from schemas.uploads import dump_upload, load_upload, upload_key
from tests.integration.converter.bench import Bench, Conversion, RecordingJob


def ffmpegs() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child.name() in ("ffmpeg", "ffprobe")]


def segments_of(events: list) -> list[AudioSegmented]:
    return [event for event in events if isinstance(event, AudioSegmented)]


def test_the_probe_comes_first_then_the_segments_in_order_then_the_end(hour: Conversion) -> None:
    probed, *segments, converted = hour.events
    assert isinstance(probed, VideoProbed)
    assert isinstance(converted, VideoConverted)
    assert [segment.index for segment in segments_of(segments)] == list(range(len(segments)))
    assert converted.segments == len(segments)
    assert converted.duration_s == pytest.approx(3660, abs=0.01)
    assert converted.warnings == ()


def test_segments_cover_the_video_without_a_gap(hour: Conversion) -> None:
    segments = segments_of(hour.events)
    assert segments[0].start_s == 0
    assert segments[-1].end_s == pytest.approx(3660, abs=0.01)
    assert [s.end_s for s in segments[:-1]] == [s.start_s for s in segments[1:]]
    assert all(s.audio_end_s - s.audio_start_s <= 90 for s in segments)
    assert segments[0].end_s <= 10


def test_segments_come_while_ffmpeg_is_still_decoding(hour: Conversion) -> None:
    assert all(hour.ffmpeg_ran[1:20])
    assert not ffmpegs()


def test_memory_does_not_grow_with_the_files_length(hour: Conversion) -> None:
    assert max(hour.resident_bytes[10:]) - hour.resident_bytes[5] < 16 * 2**20


def test_each_segment_names_the_opening_and_the_first_ones_before_it(hour: Conversion) -> None:
    segments = list(segments_of(hour.events))
    refs = [segment.audio for segment in segments]
    opening = next(segment.index + 1 for segment in segments if segment.end_s >= 120)
    for segment in segments:
        assert list(segment.language_from) == refs[: max(segment.index, opening)][:64]


def test_progress_is_told_in_seconds(hour: Conversion) -> None:
    assert hour.job.done[-1] == (pytest.approx(3660, abs=0.01), pytest.approx(3660, abs=0.1), "s")
    assert hour.job.done == sorted(hour.job.done)


def test_every_artefact_is_stored_before_its_event(bench: Bench, clip: Path) -> None:
    for event in bench.converter.process(bench.upload(clip), RecordingJob()):
        if isinstance(event, AudioSegmented):
            assert bench.store.find(event.audio.key) == event.audio


def test_a_redo_gives_the_same_events_and_the_same_bytes(
    bench: Bench, clip: Path, tmp_path: Path
) -> None:
    first = bench.convert(clip)
    assert bench.convert(clip) == first
    bytes_before = {key: bench.store.get(key) for key in bench.store.keys("media/")}
    for key in bytes_before:
        bench.store.delete(key)
    assert bench.convert(clip) == first
    assert {key: bench.store.get(key) for key in bench.store.keys("media/")} == bytes_before


def test_equal_sound_is_stored_once(bench: Bench, clip: Path) -> None:
    copy = bench.folder / "copy.mp4"
    copy.write_bytes(clip.read_bytes())
    (_, one, _), (_, other, _) = bench.convert(clip), bench.convert(copy)
    assert isinstance(one, AudioSegmented)
    assert isinstance(other, AudioSegmented)
    assert one.audio == other.audio


def test_a_damaged_artefact_is_made_again_where_reuse_is_off(bench: Bench, clip: Path) -> None:
    (segment,) = segments_of(bench.convert(clip))
    bench.store.put(segment.audio.key, b"damaged")
    (again,) = segments_of(bench.convert(clip, reuse=False))
    assert bench.store.find(segment.audio.key) == again.audio == segment.audio


def test_an_upload_in_the_object_store_is_converted(bench: Bench, clip: Path) -> None:
    bench.store.put("uploads/talk/My talk.mp4", clip.read_bytes())
    upload = VideoUploaded(video_id="talk", source="uploads/talk/My talk.mp4")
    probed, *_, converted = bench.converter.process(upload, RecordingJob())
    assert isinstance(probed, VideoProbed)
    assert isinstance(converted, VideoConverted)
    assert (probed.name, probed.source, probed.size_bytes) == (
        "My talk.mp4",
        upload.source,
        clip.stat().st_size,
    )


def test_an_upload_from_outside_takes_its_revision(bench: Bench, clip: Path) -> None:
    upload = replace(bench.upload(clip), video_id="talk", revision=4)
    list(bench.converter.process(upload, RecordingJob()))
    assert load_upload(bench.store.get(upload_key("talk", 4))) == upload


def test_a_revision_that_is_taken_stays_with_the_first_upload(bench: Bench, clip: Path) -> None:
    first = replace(bench.upload(clip), video_id="talk", options=Options(language="de"))
    bench.store.put(upload_key("talk", 1), dump_upload(first))
    second = VideoUploaded(video_id="talk", source="uploads/talk/another.mp4")
    events = list(bench.converter.process(second, RecordingJob()))
    assert events == list(bench.converter.process(first, RecordingJob()))
    assert load_upload(bench.store.get(upload_key("talk", 1))) == first


@pytest.mark.parametrize(
    ("video_id", "revision"),
    [
        ("", 1),
        (".", 1),
        ("..", 1),
        ("a/b", 1),
        ("a\\b", 1),
        ("a:1", 1),
        ("a\n", 1),
        ("ä" * 101, 1),
        ("a", 0),
    ],
)
def test_an_id_that_is_no_plain_name_is_poison(video_id: str, revision: int, bench: Bench) -> None:
    upload = VideoUploaded(video_id=video_id, revision=revision, source="uploads/a/a.mp4")
    with pytest.raises(PoisonError):
        next(bench.converter.process(upload, RecordingJob()))
    assert list(bench.store.keys("")) == []


def test_a_store_that_is_down_stops_the_work(bench: Bench, clip: Path) -> None:
    upload = bench.upload(clip)
    bench.store.put(upload_key(upload.video_id, 1), dump_upload(upload))
    (bench.folder.parent / "store" / "media").symlink_to("media")  # a disk error, for root too
    events = bench.converter.process(upload, RecordingJob())
    assert isinstance(next(events), VideoProbed)
    with pytest.raises(DependencyDown):
        next(events)
    assert not ffmpegs()


class CancellingJob(RecordingJob):
    """A job that is cancelled after ten minutes of media."""

    def check(self) -> None:
        if self.done and self.done[-1][0] > 600:
            raise Cancelled


def test_cancelling_stops_ffmpeg_at_once(bench: Bench, long_audio: Path) -> None:
    job = CancellingJob()
    with pytest.raises(Cancelled):
        list(bench.converter.process(bench.upload(long_audio), job))
    assert job.done[-1][0] < 610
    assert not ffmpegs()


def test_closing_the_generator_stops_ffmpeg(bench: Bench, long_audio: Path) -> None:
    events = bench.converter.process(bench.upload(long_audio), RecordingJob())
    assert isinstance(next(events), VideoProbed)
    assert isinstance(next(events), AudioSegmented)
    assert ffmpegs()
    events.close()
    assert not ffmpegs()


def test_ffmpeg_ends_when_its_worker_is_killed(long_audio: Path, tmp_path: Path) -> None:
    worker = f"""
import pathlib, psutil, sys
from connectors.objectstore import FolderStore
from processors.converter.convert import Converter
from processors.converter.settings import ConverterSettings
from schemas.events import VideoUploaded
from tests.integration.converter.bench import RecordingJob
path = pathlib.Path({str(long_audio)!r})
converter = Converter(FolderStore(pathlib.Path({str(tmp_path)!r})), (path.parent,), ConverterSettings())
events = converter.process(VideoUploaded(video_id="v", source=path.as_uri()), RecordingJob())
next(events), next(events)
print(*(child.pid for child in psutil.Process().children()), flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", worker], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        (pid,) = map(int, process.stdout.readline().split())
        assert running_now(pid)
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while running_now(pid) and time.monotonic() < deadline:
        os.sched_yield()
    assert not running_now(pid)


def running_now(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("command", "stall_s", "reason"),
    [
        (["sleep", "60"], 0.3, "gave nothing"),
        (["sh", "-c", "kill -9 $$"], 60, "killed by signal 9"),
    ],
)
def test_a_tool_that_hangs_or_dies_is_tried_again_later(
    command: list[str], stall_s: float, reason: str
) -> None:
    limits = Limits(stall_s=stall_s, total_s=60, memory_bytes=2**30)
    with (
        pytest.raises(TransientError, match=reason),
        running(command, limits, while_waiting=lambda: None) as tool,
    ):
        list(tool.chunks())


def test_a_tool_cannot_take_all_memory() -> None:
    limits = Limits(stall_s=60, total_s=60, memory_bytes=2**29)
    program = "import resource as r\nwhile r.getrlimit(r.RLIMIT_AS)[0] < 0: pass\nbytearray(2**30)"
    with running([sys.executable, "-c", program], limits, while_waiting=lambda: None) as tool:
        list(tool.chunks())
        assert "MemoryError" in tool.errors


@pytest.fixture
def connections(bench: Bench) -> Connections:
    return Connections.only(
        kafka_brokers="127.0.0.1:1",
        store_url=(bench.folder.parent / "store").as_uri(),
        local_roots=f"/nowhere:{bench.folder}",
    )


def test_the_stage_makes_a_converter_that_reads_the_local_roots(
    connections: Connections, bench: Bench, clip: Path
) -> None:
    path = bench.folder / "a.mp4"
    path.write_bytes(clip.read_bytes())
    described = stage(connections)
    assert [lane.topic for lane in described.lanes] == [VIDEO_UPLOADED]
    events = list(described.make(described.settings).process(bench.upload(path), RecordingJob()))
    assert isinstance(events[-1], VideoConverted)
    described.probe(described.settings)
    assert not list(bench.store.keys("media/probe/"))


def test_a_missing_ffmpeg_is_named_at_the_start(connections: Connections) -> None:
    with pytest.raises(RuntimeError, match="REELAY_CONVERTER_FFMPEG"):
        make(Setup(connections, ConverterSettings(ffmpeg="no-such-ffmpeg")))


def test_the_probe_says_that_the_store_is_down(connections: Connections, bench: Bench) -> None:
    (bench.folder.parent / "store").symlink_to("store")  # a disk error, for root too
    with pytest.raises(DependencyDown):
        probe(Setup(connections, ConverterSettings()))


def test_giving_up_tells_how_many_segments_are_out() -> None:
    upload = VideoUploaded(video_id="v", revision=2, source="s")
    failed = gave_up(upload, Failure(FailureKind.CRASH, "The worker died.", yields_out=4))
    assert (failed.video_id, failed.revision, failed.kind, failed.segments_out) == (
        "v",
        2,
        FailureKind.CRASH,
        3,
    )
    assert gave_up(upload, Failure(FailureKind.BUG, "?", yields_out=0)).segments_out == 0


def test_both_programs_are_held_to_the_one_file(clip: Path, bench: Bench) -> None:
    """The whitelists stand before the input of every call."""
    log = bench.folder / "calls"
    for program in ("ffmpeg", "ffprobe"):
        script = bench.folder / program
        script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> "{log}"\nexec {program} "$@"\n')
        script.chmod(0o755)
    settings = ConverterSettings(
        ffmpeg=str(bench.folder / "ffmpeg"), ffprobe=str(bench.folder / "ffprobe")
    )
    list(Converter(bench.store, (clip.parent,), settings).process(bench.upload(clip), RecordingJob()))
    calls = log.read_text().splitlines()
    assert len(calls) == 2
    for call in calls:
        options, _, name = call.partition(" -i ")
        assert "-protocol_whitelist file " in f"{options} "
        assert f"-format_whitelist {ACCEPTED_DEMUXERS}" in options
        assert name.startswith(f"file:{clip}")


@pytest.mark.parametrize(
    "demuxer",
    ["hls", "dash", "concat", "image2", "lavfi", "sdp", "rtsp", "srt", "webvtt", "tty", "data"],
)
def test_nothing_that_names_other_files_or_draws_text_is_accepted(demuxer: str) -> None:
    assert demuxer not in ACCEPTED_DEMUXERS.split(",")
