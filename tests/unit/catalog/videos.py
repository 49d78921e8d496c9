"""Events and results of made-up videos."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from connectors.objectstore import ObjectStore
from schemas.events import (
    ArtefactRef,
    Event,
    FailureKind,
    Model,
    Options,
    Part,
    PartResult,
    SegmentEnriched,
    StageFailed,
    StageTime,
    VideoCancelled,
    VideoCancelRequested,
    VideoCompleted,
    VideoConverted,
    VideoFailed,
    VideoProbed,
    VideoRendered,
    VideoTrack,
    VideoUploaded,
)
from schemas.outcomes import cancel_key, deleted_key, dump_outcome, outcome_key
from schemas.uploads import dump_upload, upload_key

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MODEL = Model(name="test", digest="d", engine="e", compute_type="int8")


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def uploaded(video_id: str, revision: int = 1, at_s: float = 0.0) -> VideoUploaded:
    return VideoUploaded(
        event_id=f"up-{video_id}-{revision}",
        video_id=video_id,
        revision=revision,
        made_at=after(at_s),
        source=f"uploads/{video_id}/talk.mp4",
        name=f"{video_id} talk.mp4",
        size_bytes=1234,
        options=Options(language="en", model="tiny"),
    )


def cancel_requested(video_id: str, revision: int = 1) -> VideoCancelRequested:
    return VideoCancelRequested(video_id=video_id, revision=revision, made_at=after(3))


def probed(video_id: str, revision: int = 1) -> VideoProbed:
    return VideoProbed(
        video_id=video_id,
        revision=revision,
        made_at=after(1),
        stages=(time("converter", None, 1),),
        source=f"uploads/{video_id}/talk.mp4",
        name=f"{video_id} talk.mp4",
        size_bytes=1234,
        container="mp4",
        duration_s=20.0,
        start_time_s=0.0,
        audio_tracks=(),
        video_tracks=(VideoTrack(codec="h264", width=1, height=1, frame_rate=None),),
        audio_track=0,
        options=Options(language="en", model="tiny"),
        wanted=(Part.CAPTIONS,),
    )


def converted(video_id: str, revision: int = 1, segments: int = 2) -> VideoConverted:
    return VideoConverted(
        video_id=video_id,
        revision=revision,
        made_at=after(2),
        stages=(time("converter", None, 2),),
        segments=segments,
        duration_s=20.5,
        has_audio=True,
    )


def rendered(video_id: str, revision: int = 1) -> VideoRendered:
    return VideoRendered(
        video_id=video_id, revision=revision, made_at=after(2), renditions=(), warnings=()
    )


def enriched(video_id: str, revision: int = 1, index: int = 0) -> SegmentEnriched:
    return SegmentEnriched(
        video_id=video_id,
        revision=revision,
        made_at=after(5 + index),
        stages=(time("transcriber", index, 5), time("enricher", index, 6)),
        index=index,
        start_s=10.0 * index,
        end_s=10.0 * index + 10,
        audio_start_s=10.0 * index,
        audio_end_s=10.0 * index + 10,
        language="en",
        language_probability=0.9,
        artefact=ArtefactRef(key="media/x", sha256="0" * 64, size_bytes=1),
        word_count=2,
        sentences=(),
        keywords=(),
        speech_rate_wpm=100.0,
        model=MODEL,
    )


def stage_failed(
    video_id: str, revision: int = 1, stage: str = "transcriber", index: int | None = 0
) -> StageFailed:
    return StageFailed(
        video_id=video_id,
        revision=revision,
        made_at=after(6),
        stages=(time(stage, index, 6),),
        stage=stage,
        index=index,
        kind=FailureKind.BUG,
        reason=f"{stage} gave up",
    )


def completed(video_id: str, revision: int = 1, files: tuple[ArtefactRef, ...] = ()) -> VideoCompleted:
    return VideoCompleted(
        event_id=f"done-{video_id}-{revision}",
        video_id=video_id,
        revision=revision,
        made_at=after(10 + revision),
        name=f"{video_id} talk.mp4",
        language="en",
        duration_s=20.5,
        word_count=4,
        parts=(PartResult(part=Part.CAPTIONS, made=True),),
        gaps=(),
        warnings=(f"warning {revision}",),
        files=files,
    )


def failed(video_id: str, revision: int = 1) -> VideoFailed:
    return VideoFailed(
        event_id=f"failed-{video_id}-{revision}",
        video_id=video_id,
        revision=revision,
        made_at=after(10 + revision),
        name=f"{video_id} talk.mp4",
        kind=FailureKind.FILE,
        reason="no video",
        parts=(),
    )


def cancelled(video_id: str, revision: int = 1) -> VideoCancelled:
    return VideoCancelled(
        event_id=f"cancelled-{video_id}-{revision}",
        video_id=video_id,
        revision=revision,
        made_at=after(10 + revision),
        name=f"{video_id} talk.mp4",
    )


def time(stage: str, index: int | None, at_s: float) -> StageTime:
    return StageTime(
        stage=stage,
        index=index,
        queued_at=after(at_s - 1),
        began_at=after(at_s),
        ended_at=after(at_s + 0.5),
        attempt=1,
        host="h",
    )


def transcript(*texts: str, language: str = "en") -> bytes:
    """A `transcript.json` in which these sentences are said, each word a second long."""
    words: list[dict[str, object]] = []
    sentences = []
    for text in texts:
        first = len(words)
        words += [
            {"start_s": n, "end_s": n + 1.0, "text": f" {word}", "probability": 1.0}
            for n, word in enumerate(text.split(), first)
        ]
        sentences.append(
            {
                "start_s": float(first),
                "end_s": float(len(words)),
                "text": text,
                "language": language,
                "speaker": None,
                "first_word": first,
                "end_word": len(words),
            }
        )
    return json.dumps({"version": 1, "sentences": sentences, "words": words}).encode()


def with_transcript(store: ObjectStore, event: VideoCompleted, *texts: str) -> VideoCompleted:
    """The event, which names a transcript that is in the store now."""
    key = f"results/{event.video_id}/{event.revision}/abc/transcript.json"
    return replace(event, files=(store.put(key, transcript(*texts)),))


def keep(store: ObjectStore, event: Event) -> None:
    """Put what the store holds of an event where it belongs, as whoever publishes it does before."""
    video_id, revision = event.video_id, event.revision
    match event:
        case VideoUploaded():
            store.put(upload_key(video_id, revision), dump_upload(event))
        case VideoCompleted() | VideoFailed() | VideoCancelled():
            store.put(outcome_key(video_id, revision), dump_outcome(event))
        case VideoCancelRequested():
            store.put(cancel_key(video_id, revision), b"{}")


def keep_deleted(store: ObjectStore, video_id: str) -> None:
    """A deletion as the store holds it when the aggregator is done with it."""
    for key in list(store.keys(f"results/{video_id}/")):
        store.delete(key)
    store.put(deleted_key(video_id), b"{}")
