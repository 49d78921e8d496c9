"""The judges of the chaos suite see what is wrong; nothing is killed here."""

import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile

from connectors.objectstore import FolderStore, ObjectStore
from connectors.objectstore.contract import ref_to
from schemas.events import FailureKind, Part, PartResult, VideoCancelled, VideoCompleted, VideoFailed
from schemas.outcomes import dump_outcome, load_outcome
from tests.chaos.oracle import Results, faults
from tests.chaos.witnesses import StoreWitness

REVISION = ("talk", 2)
FILES = {"transcript.json": b'{"words": []}', "captions.en.transcribed.srt": b"1\n"}
AUDIO = "media/d1/segment.flac"


def completed(revision: int, made_at: datetime, files: Mapping[str, bytes]) -> VideoCompleted:
    """The outcome of a revision with these result files."""
    prefix = f"results/talk/{revision}/"
    return VideoCompleted(
        event_id=f"event-{revision}",
        video_id="talk",
        revision=revision,
        made_at=made_at,
        name="talk.mp4",
        language="en",
        duration_s=3.0,
        word_count=0,
        parts=(PartResult(part=Part.CAPTIONS, made=True),),
        gaps=(),
        warnings=(),
        files=tuple(ref_to(prefix + name, data) for name, data in files.items()),
    )


def results(revision: int, hour: int, files: Mapping[str, bytes] = FILES) -> Results:
    """All objects of a completed revision."""
    files = {**files, "timeline.json": b'{"at": %d}' % hour}
    outcome = completed(revision, datetime(2024, 1, 1, hour, tzinfo=UTC), files)
    return {**files, "upload.json": b"%d" % hour, "outcome.json": dump_outcome(outcome)}


TRUTH = results(1, 8)


def test_an_upload_that_ended_as_it_would_undisturbed_but_at_another_time_is_faultless() -> None:
    found = results(2, 9)

    assert list(faults(REVISION, found, TRUTH, {load_outcome(found["outcome.json"])})) == []


def test_one_changed_byte_is_a_fault() -> None:
    found = results(2, 9, {**FILES, "captions.en.transcribed.srt": b"2\n"})

    assert list(faults(REVISION, found, TRUTH, ())) == [
        "('talk', 2): captions.en.transcribed.srt has other bytes than undisturbed"
    ]


def test_a_missing_outcome_is_a_fault() -> None:
    found = {name: data for name, data in results(2, 9).items() if name != "outcome.json"}

    assert list(faults(REVISION, found, TRUTH, ())) == ["('talk', 2): outcome.json is missing"]


def test_a_second_outcome_is_a_fault() -> None:
    found = results(2, 9)
    later = replace(load_outcome(found["outcome.json"]), made_at=datetime(2024, 1, 2, tzinfo=UTC))

    (fault,) = faults(REVISION, found, TRUTH, {load_outcome(found["outcome.json"]), later})

    assert fault.startswith("('talk', 2): another outcome was announced")


def test_an_outcome_that_is_not_completed_is_a_fault() -> None:
    failed = VideoFailed(
        video_id="talk", revision=2, name="talk.mp4", kind=FailureKind.CRASH, reason="died", parts=()
    )

    (fault,) = faults(REVISION, {**results(2, 9), "outcome.json": dump_outcome(failed)}, TRUTH, ())

    assert fault.startswith("('talk', 2): not completed")


def test_a_file_that_failed_undisturbed_has_to_fail_for_the_same_reason() -> None:
    def failed(revision: int, reason: str) -> Results:
        outcome = VideoFailed(
            video_id="talk",
            revision=revision,
            name="talk.mp4",
            kind=FailureKind.FILE,
            reason=reason,
            parts=(),
        )
        return {"upload.json": b"", "outcome.json": dump_outcome(outcome)}

    truth = failed(1, "not a video")

    assert list(faults(REVISION, failed(2, "not a video"), truth, ())) == []
    (fault,) = faults(REVISION, failed(2, "the program erred"), truth, ())
    assert "something else than undisturbed" in fault


def test_an_upload_that_was_cancelled_may_end_so_and_then_leaves_nothing() -> None:
    outcome = VideoCancelled(video_id="talk", revision=2, name="talk.mp4")
    found = {"upload.json": b"", "cancel.json": b"", "outcome.json": dump_outcome(outcome)}

    assert list(faults(REVISION, found, TRUTH, {outcome}, cancelled=True)) == []
    assert list(faults(REVISION, {**results(2, 9), "cancel.json": b""}, TRUTH, (), cancelled=True)) == []
    (fault,) = faults(REVISION, {**found, "transcript.json": b"{}"}, TRUTH, (), cancelled=True)
    assert fault == "('talk', 2): transcript.json was left by a cancelled revision"
    assert list(faults(REVISION, found, TRUTH, ()))


def test_a_file_that_is_not_the_one_that_the_outcome_names_is_a_fault() -> None:
    found = {**results(2, 9), "timeline.json": b"{}"}

    (fault,) = faults(REVISION, found, TRUTH, ())

    assert "the outcome names" in fault


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return FolderStore(tmp_path)


@pytest.fixture
def witness(tmp_path: Path, store: ObjectStore) -> StoreWitness:
    return StoreWitness(tmp_path, store)


def sound() -> bytes:
    """A second of noise as FLAC."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 16_000)
    soundfile.write(file, noise, 16_000, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def test_whole_objects_are_faultless_and_temporary_files_are_none(
    tmp_path: Path, store: ObjectStore, witness: StoreWitness
) -> None:
    store.put(AUDIO, sound())
    for name, data in TRUTH.items():
        store.put(f"results/talk/1/{name}", data)
    (tmp_path / "results/talk/1/.writing-1").write_bytes(b"{")

    witness.look()

    assert witness.faults == []
    assert witness.reads == 1 + len(TRUTH)
    assert witness.outcomes["talk", 1] == {load_outcome(TRUTH["outcome.json"])}


@pytest.mark.parametrize(
    ("key", "data"),
    [
        (AUDIO, sound()[:9_000]),
        ("media/d2/words.json", b'{"words": ['),
        ("media/d3/enriched.avro", b"\0\1"),
        ("results/talk/1/captions.en.transcribed.vtt", b"WEBVTT\n\n00:"),
    ],
)
def test_half_an_object_is_a_fault(
    key: str, data: bytes, store: ObjectStore, witness: StoreWitness
) -> None:
    store.put(key, data)

    witness.look()

    (fault,) = witness.faults
    assert fault.startswith(f"{key} is not whole")


def test_an_object_that_changes_is_a_fault_unless_it_is_a_timeline(
    store: ObjectStore, witness: StoreWitness
) -> None:
    for name in ("transcript.json", "timeline.json"):
        store.put(f"results/talk/1/{name}", b"{}")
    witness.look()
    for name in ("transcript.json", "timeline.json"):
        store.put(f"results/talk/1/{name}", b"[]")

    witness.look()

    assert witness.faults == ["results/talk/1/transcript.json was changed"]


def test_an_outcome_that_names_what_is_not_there_is_a_fault(
    store: ObjectStore, witness: StoreWitness
) -> None:
    store.put("results/talk/1/outcome.json", TRUTH["outcome.json"])

    witness.look()

    assert len(witness.faults) == len(FILES) + 1
    assert all("there is nothing" in fault for fault in witness.faults)
