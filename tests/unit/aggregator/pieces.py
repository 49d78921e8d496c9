"""Events of small videos, for the tests of the join."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from connectors.objectstore import ObjectStore
from schemas.events import ArtefactRef as Ref
from schemas.events import (
    FailureKind,
    Model,
    Options,
    Part,
    Rendition,
    SegmentEnriched,
    Sentence,
    StageFailed,
    Task,
    VideoConverted,
    VideoProbed,
    VideoRendered,
    Word,
)
from schemas.ids import event_id
from schemas.words import SegmentWords, dump_words

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MODEL = Model(name="m", digest="d", engine="e", compute_type="int8")
LENGTH_S = 10.0


def probed(video_id: str = "v", wanted: tuple[Part, ...] = (Part.CAPTIONS,)) -> VideoProbed:
    return VideoProbed(
        event_id=event_id("VideoProbed", video_id, 1, "converter"),
        video_id=video_id,
        made_at=AT,
        source="file:///x.mp4",
        name="x.mp4",
        container="mp4",
        duration_s=100.0,
        start_time_s=0.0,
        audio_tracks=(),
        video_tracks=(),
        audio_track=0,
        options=Options(),
        wanted=wanted,
    )


def converted(segments: int, video_id: str = "v", has_audio: bool = True) -> VideoConverted:
    return VideoConverted(
        event_id=event_id("VideoConverted", video_id, 1, "converter"),
        video_id=video_id,
        made_at=AT + timedelta(seconds=1),
        segments=segments,
        duration_s=LENGTH_S * segments,
        has_audio=has_audio,
        warnings=("cut short",),
    )


def words(text: str) -> bytes:
    """A words artefact."""
    spoken = tuple(
        Word(text=f" {word}", start_s=1.0 + i, end_s=1.5 + i, probability=0.9)
        for i, word in enumerate(text.split())
    )
    return dump_words(
        SegmentWords(
            language="en", language_probability=0.9, task=Task.TRANSCRIBE, model=MODEL, words=spoken
        )
    )


def enriched(
    store: ObjectStore, index: int, video_id: str = "v", text: str = "One two."
) -> SegmentEnriched:
    """A segment with its words in the store."""
    start_s = LENGTH_S * index
    artefact = store.put(f"media/{video_id}{index}/words.json", words(text))
    return SegmentEnriched(
        event_id=event_id("SegmentEnriched", video_id, 1, "enricher", index),
        video_id=video_id,
        made_at=AT + timedelta(seconds=2 + index),
        index=index,
        start_s=start_s,
        end_s=start_s + LENGTH_S,
        audio_start_s=start_s,
        audio_end_s=start_s + LENGTH_S,
        language="en",
        language_probability=0.9,
        artefact=artefact,
        word_count=len(text.split()),
        sentences=(
            Sentence(text=text, start_s=start_s + 1, end_s=start_s + 3, first_word=0, end_word=2),
        ),
        keywords=(),
        speech_rate_wpm=100.0,
        model=MODEL,
    )


def failed(stage: str, index: int | None = None, segments_out: int | None = None) -> StageFailed:
    return StageFailed(
        event_id=event_id("StageFailed", "v", 1, stage, index),
        video_id="v",
        made_at=AT + timedelta(seconds=3),
        stage=stage,
        index=index,
        start_s=None if index is None else LENGTH_S * index,
        end_s=None if index is None else LENGTH_S * (index + 1),
        kind=FailureKind.BUG,
        reason=f"{stage} gave up",
        segments_out=segments_out,
    )


def unenriched(store: ObjectStore, index: int) -> StageFailed:
    """A segment whose enrichment failed; its words are in the store."""
    artefact = store.put(f"media/v{index}/words.json", words("Plain words"))
    return replace(failed("enricher", index), audio_start_s=LENGTH_S * index, artefact=artefact)


def rendered() -> VideoRendered:
    file = Ref(key="media/x/360p.m3u8", sha256="0" * 64, size_bytes=1)
    return VideoRendered(
        event_id=event_id("VideoRendered", "v", 1, "renderer"),
        video_id="v",
        made_at=AT + timedelta(seconds=4),
        renditions=(Rendition(name="360p", width=640, height=360, bitrate_bps=1, file=file),),
    )
