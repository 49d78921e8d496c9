"""From a complete join to the event that ends the revision, and the result files that it names."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.objectstore import ObjectMissing, ObjectStore
from connectors.objectstore.contract import ref_to
from processors.aggregator import join as joins
from processors.aggregator.join import Join, Missing, StoredSegment
from processors.aggregator.texts.pieces import Hole, Piece, enriched_piece, unenriched_piece
from processors.aggregator.texts.results import LANGUAGE_TAG, Results, Video, render
from schemas.captions import Cue, load_captions
from schemas.codec import Codec, UndecodableError
from schemas.events import (
    ArtefactRef,
    CorrectedCaptions,
    Event,
    FailureKind,
    Part,
    PartResult,
    SegmentEnriched,
    StageFailed,
    Task,
    VideoCancelled,
    VideoCaptioned,
    VideoCompleted,
    VideoConverted,
    VideoFailed,
    VideoProbed,
    VideoRendered,
    VideoUploaded,
)
from schemas.ids import event_id
from schemas.outcomes import Outcome, results_prefix
from schemas.topics import SEGMENT_ENRICHED
from schemas.words import SegmentWords, load_words

STAGE = "aggregator"
_FOLDER_NAME = 16  # hexadecimal digits
_MAX_REASON_CHARS = 500
"""Of each thing that failed: an outcome tells of thousands in one record."""

_MAX_CAPTIONS_BYTES = 32 * 2**20
"""Of all captions that people corrected of a video. Whoever uploads it names the objects, and may name
any."""

_NO_SOUND = "the video has no sound"
_GONE = "its words are no longer in the object store"
_UNREADABLE = "its words in the object store cannot be read"
_UNKNOWN_PART = "this version of Reelay does not make that part"


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What became of a wanted part; `kind` says why it could not be made."""

    part: Part
    made: bool
    reason: str | None = None
    kind: FailureKind = FailureKind.UNKNOWN


@dataclass(frozen=True, slots=True)
class Ending:
    """A revision that is to end: its pieces, the upload where it is needed (as `join.wanted` takes it),
    and the time that its outcome will bear."""

    video_id: str
    revision: int
    join: Join
    upload: VideoUploaded | None
    now: datetime

    @property
    def name(self) -> str:
        """File name as uploaded, empty where nobody has told."""
        probed = self.join.get(joins.PROBED)
        if isinstance(probed, VideoProbed):
            return probed.name
        return self.upload.name if self.upload else ""


def ended(store: ObjectStore, codec: Codec, ending: Ending) -> VideoCompleted | VideoFailed:
    """Write the result files of a complete join and make the event that names them.

    Blocks on the store and raises as it does.
    """
    video_id, revision, join = ending.video_id, ending.revision, ending.join
    pieces = tuple(_pieces(store, codec, join))
    verdicts = [_verdict(part, join, pieces) for part in joins.wanted(join, ending.upload)]
    parts = tuple(PartResult(part=v.part, made=v.made, reason=v.reason) for v in verdicts)
    if not any(verdict.made for verdict in verdicts):
        reason = verdicts[0].reason or "nothing could be made"
        return _failed(ending, verdicts[0].kind, reason, parts)
    probed = join.get(joins.PROBED)
    corrected, lost = _corrected(store, probed.corrected if isinstance(probed, VideoProbed) else ())
    warnings = (*_warnings(join), *lost)
    video = Video(
        video_id=video_id,
        revision=revision,
        name=ending.name,
        duration_s=_duration_s(join),
        task=_task(join),
        audio_track=probed.audio_track if isinstance(probed, VideoProbed) else None,
        audio_tracks=probed.audio_tracks if isinstance(probed, VideoProbed) else (),
        stages=tuple(stage for piece in _whole(join) for stage in piece.stages),
        corrected=corrected,
    )
    captioned = any(verdict.made and verdict.part is Part.CAPTIONS for verdict in verdicts)
    results = render(video, pieces, warnings) if captioned else None
    return VideoCompleted(
        event_id=event_id(VideoCompleted.__name__, video_id, revision, STAGE),
        video_id=video_id,
        revision=revision,
        made_at=ending.now,
        name=ending.name,
        language=results.transcript.language if results else "und",
        duration_s=video.duration_s,
        word_count=len(results.transcript.words) if results else 0,
        parts=parts,
        gaps=results.transcript.gaps if results else (),
        warnings=warnings,
        files=_written(store, results_prefix(video_id, revision), results) if results else (),
    )


def cancelled(ending: Ending) -> VideoCancelled:
    """The event that ends a revision which is no longer wanted."""
    return VideoCancelled(
        event_id=event_id(VideoCancelled.__name__, ending.video_id, ending.revision, STAGE),
        video_id=ending.video_id,
        revision=ending.revision,
        made_at=ending.now,
        name=ending.name,
    )


def failed(ending: Ending, error: Exception) -> VideoFailed:
    """The event that ends a revision whose pieces are there, but no result can be made of them: `error`,
    which would come again."""
    reason = f"its results cannot be made: {type(error).__name__}: {error}"[:_MAX_REASON_CHARS]
    wanted = joins.wanted(ending.join, ending.upload)
    parts = tuple(PartResult(part=part, made=False, reason=reason) for part in wanted)
    return _failed(ending, FailureKind.BUG, reason, parts)


def _failed(
    ending: Ending, kind: FailureKind, reason: str, parts: tuple[PartResult, ...]
) -> VideoFailed:
    return VideoFailed(
        event_id=event_id(VideoFailed.__name__, ending.video_id, ending.revision, STAGE),
        video_id=ending.video_id,
        revision=ending.revision,
        made_at=ending.now,
        name=ending.name,
        kind=kind,
        reason=reason,
        parts=parts,
    )


def announcements(outcome: Outcome) -> tuple[Event, ...]:
    """All events to emit for an outcome, in order; they follow from it alone."""
    if not isinstance(outcome, VideoCompleted) or not any(
        part.made and part.part is Part.CAPTIONS for part in outcome.parts
    ):
        return (outcome,)
    captioned = VideoCaptioned(
        event_id=event_id(VideoCaptioned.__name__, outcome.video_id, outcome.revision, STAGE),
        video_id=outcome.video_id,
        revision=outcome.revision,
        made_at=outcome.made_at,
        language=outcome.language,
        duration_s=outcome.duration_s,
        word_count=outcome.word_count,
        files=outcome.files,
    )
    return (captioned, outcome)


def _verdict(part: Part, join: Join, pieces: Sequence[Piece | Hole]) -> _Verdict:
    if part is Part.CAPTIONS:
        return _captions(join, pieces)
    failure = join.get(joins.NOT_RENDERED)
    if part is Part.RENDITIONS and joins.RENDERED in join:
        return _Verdict(part, True)
    if part is Part.RENDITIONS and isinstance(failure, StageFailed):
        return _Verdict(part, False, failure.reason, failure.kind)
    return _Verdict(part, False, _UNKNOWN_PART)


def _captions(join: Join, pieces: Sequence[Piece | Hole]) -> _Verdict:
    part = Part.CAPTIONS
    if any(isinstance(piece, Piece) for piece in pieces):
        return _Verdict(part, True)
    converted = join.get(joins.CONVERTED)
    if isinstance(converted, VideoConverted) and converted.segments == 0:
        return _Verdict(part, True, None if converted.has_audio else _NO_SOUND)
    for segment in joins.segments(join) or ():
        if isinstance(segment, Missing):
            return _Verdict(part, False, segment.failure.reason, segment.failure.kind)
    if any(isinstance(piece, Hole) and piece.reason == _UNREADABLE for piece in pieces):
        return _Verdict(part, False, _UNREADABLE, FailureKind.POISON)
    return _Verdict(part, False, _GONE, FailureKind.TRANSIENT)


def _pieces(store: ObjectStore, codec: Codec, join: Join) -> Iterator[Piece | Hole]:
    """What the segments say; a stretch that is missing lies between its neighbours."""
    segments = joins.segments(join) or ()
    end_s = 0.0
    for position, segment in enumerate(segments):
        if isinstance(segment, Missing):
            start_s = end_s if segment.start_s is None else segment.start_s
            later = (s.start_s for s in segments[position + 1 :] if s.start_s is not None)
            end_s = next(later, _duration_s(join)) if segment.end_s is None else segment.end_s
            if end_s > start_s:
                yield Hole(
                    index=segment.index,
                    start_s=start_s,
                    end_s=end_s,
                    reason=segment.failure.reason[:_MAX_REASON_CHARS],
                    stages=segment.failure.stages,
                )
            continue
        yield _words_of(store, codec, segment)
        end_s = segment.end_s or end_s


def _words_of(store: ObjectStore, codec: Codec, segment: StoredSegment | StageFailed) -> Piece | Hole:
    """A segment's words from the store, or a hole where they are gone, or are none."""
    try:
        if isinstance(segment, StageFailed):
            assert segment.artefact is not None
            return unenriched_piece(segment, _words(store, segment.artefact))
        event = codec.decode(_bytes(store, segment.event), SEGMENT_ENRICHED)
        assert isinstance(event, SegmentEnriched)
        return enriched_piece(event, _words(store, event.artefact))
    except (ObjectMissing, UndecodableError, ValueError) as error:
        assert segment.index is not None
        assert segment.start_s is not None
        assert segment.end_s is not None
        reason = _GONE if isinstance(error, ObjectMissing) else _UNREADABLE
        return Hole(index=segment.index, start_s=segment.start_s, end_s=segment.end_s, reason=reason)


def _words(store: ObjectStore, ref: ArtefactRef) -> SegmentWords:
    return load_words(_bytes(store, ref))


def _corrected(
    store: ObjectStore, given: Sequence[CorrectedCaptions]
) -> tuple[dict[str, Sequence[Cue]], tuple[str, ...]]:
    """The captions that people corrected, by language, and a warning for each that is not there."""
    found: dict[str, Sequence[Cue]] = {}
    lost: list[str] = []
    room_bytes = _MAX_CAPTIONS_BYTES
    for captions in given:
        try:
            if not LANGUAGE_TAG.fullmatch(captions.language):
                raise ValueError(captions.language)
            room_bytes -= store.size(captions.file.key)
            if room_bytes < 0:
                raise ValueError(captions.file.key)
            found[captions.language] = load_captions(_bytes(store, captions.file))
        except (ObjectMissing, ValueError):
            lost.append(f"The corrected captions ({captions.language[:40]}) cannot be read.")
    return found, tuple(lost)


def _bytes(store: ObjectStore, ref: ArtefactRef) -> bytes:
    """The very object that `ref` names. Raises ObjectMissing if there is none, or another."""
    data = store.get(ref.key)
    if hashlib.sha256(data).hexdigest() != ref.sha256:
        raise ObjectMissing(ref.key)
    return data


def _written(store: ObjectStore, prefix: str, results: Results) -> tuple[ArtefactRef, ...]:
    """Put the files in place, in a folder that is named after all that is in them.

    So whoever else writes results of this revision, however late, and knowing of other pieces, writes
    the same bytes or elsewhere: what an outcome names is never replaced.
    """
    whole = hashlib.sha256()
    for name in sorted(results.files):
        whole.update(f"{name}\n{ref_to(name, results.files[name]).sha256}\n".encode())
    folder = f"{prefix}{whole.hexdigest()[:_FOLDER_NAME]}/"
    return tuple(store.put(folder + name, results.files[name]) for name in sorted(results.files))


def _whole(join: Join) -> Iterator[VideoProbed | VideoConverted | VideoRendered | StageFailed]:
    """The pieces that are about the whole video, in order of the stages."""
    for name in (joins.PROBED, joins.CONVERTED, joins.NOT_CONVERTED, joins.RENDERED, joins.NOT_RENDERED):
        piece = join.get(name)
        if piece is not None and not isinstance(piece, StoredSegment):
            yield piece


def _task(join: Join) -> Task:
    probed = join.get(joins.PROBED)
    return probed.options.task if isinstance(probed, VideoProbed) else Task.TRANSCRIBE


def _duration_s(join: Join) -> float:
    converted, probed = join.get(joins.CONVERTED), join.get(joins.PROBED)
    if isinstance(converted, VideoConverted):
        return converted.duration_s
    if isinstance(probed, VideoProbed) and probed.duration_s is not None:
        return probed.duration_s
    return max((p.end_s for p in join.values() if isinstance(p, StoredSegment)), default=0.0)


def _warnings(join: Join) -> tuple[str, ...]:
    """What the video's owner should know, in order of the stages."""
    converted, rendered = join.get(joins.CONVERTED), join.get(joins.RENDERED)
    warnings: list[str] = []
    if isinstance(converted, VideoConverted):
        warnings += converted.warnings
    elif isinstance(failure := join.get(joins.NOT_CONVERTED), StageFailed):
        warnings.append(f"The file could not be read to its end: {failure.reason}")
    unenriched = [s for s in joins.segments(join) or () if isinstance(s, StageFailed)]
    if unenriched:
        first, more = unenriched[0], len(unenriched) - 1
        have = f"and {more} more have" if more else "has"
        reason = first.reason[:_MAX_REASON_CHARS]
        warnings.append(f"Segment {first.index} {have} no keywords: {reason}")
    if isinstance(rendered, VideoRendered):
        warnings += rendered.warnings
    return tuple(warnings)
