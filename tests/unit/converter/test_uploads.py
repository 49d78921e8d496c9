from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from schemas.captions import captions_key
from schemas.events import (
    ArtefactRef,
    CorrectedCaptions,
    Options,
    Part,
    StageTime,
    Task,
    VideoUploaded,
)
from schemas.uploads import dump_upload, load_upload, upload_key

NOON = datetime(2026, 5, 4, 12, 0, 0, 123000, UTC)
FULL = VideoUploaded(
    event_id="e",
    video_id="talk",
    revision=3,
    made_at=NOON,
    stages=(
        StageTime(
            stage="gateway",
            index=None,
            queued_at=NOON,
            began_at=NOON,
            ended_at=NOON,
            attempt=1,
            host="a",
        ),
    ),
    source="uploads/talk/Über uns.mp4",
    name="Über uns.mp4",
    size_bytes=12,
    options=Options(language="de", task=Task.TRANSLATE, audio_track=1, reuse=False),
    wanted=(Part.CAPTIONS, Part.RENDITIONS),
    corrected=(
        CorrectedCaptions(
            language="de",
            file=ArtefactRef(key=captions_key("talk", "ab"), sha256="ab", size_bytes=7),
        ),
    ),
)


def test_an_upload_reads_as_it_was_written() -> None:
    assert load_upload(dump_upload(FULL)) == FULL
    assert all(getattr(FULL, f.name) != f.default for f in fields(VideoUploaded))


def test_only_video_id_and_source_are_needed() -> None:
    assert load_upload(b'{"video_id": "v", "source": "uploads/v/a.mp4"}') == VideoUploaded(
        video_id="v", source="uploads/v/a.mp4"
    )


def test_fields_of_a_newer_version_are_ignored() -> None:
    newer = dump_upload(replace(FULL, stages=())).replace(b"{", b'{"colour": "blue",', 1)
    assert load_upload(newer) == replace(FULL, stages=())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b'{"video_id": "v"}',
        b'{"video_id": "v", "source": "s", "made_at": "?"}',
        b'{"video_id": 5, "source": "s"}',
        b'{"video_id": "v", "source": "s", "revision": "1"}',
        b'{"video_id": "v", "source": "s", "revision": true}',
        b'{"video_id": "v", "source": "s", "revision": 0}',
        b'{"video_id": "v", "source": "s", "revision": 2147483648}',
        b'{"video_id": "a/b", "source": "s"}',
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the type is the contract
        load_upload(data)


def test_a_time_without_a_zone_is_utc() -> None:
    assert load_upload(dump_upload(FULL).replace(b"+00:00", b"")) == FULL


def test_a_revision_has_one_place() -> None:
    assert upload_key("talk", 2) == "results/talk/2/upload.json"
