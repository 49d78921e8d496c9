"""Every event as a frozen dataclass, one for each `.avsc` file (the truth; the units and meanings of
all fields are documented there, and a test holds the two against each other)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

EPOCH = datetime.fromtimestamp(0, UTC)


class Task(StrEnum):
    """What to make of the speech: text in its own language, or in English."""

    TRANSCRIBE = "transcribe"
    TRANSLATE = "translate"


class Part(StrEnum):
    """A part of the result that an upload can ask for."""

    CAPTIONS = "captions"
    RENDITIONS = "renditions"
    UNKNOWN = "unknown"


class FailureKind(StrEnum):
    """Why a stage gave up: the file's fault, a record nobody can read or process, a fault that outlasted
    its retries, an error in the program, a worker process that died."""

    FILE = "file"
    POISON = "poison"
    TRANSIENT = "transient"
    BUG = "bug"
    CRASH = "crash"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtefactRef:
    """Names one stored object and its exact bytes."""

    key: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the uploader asked for; what is left out is decided by each stage's settings."""

    language: str | None = None
    task: Task = Task.TRANSCRIBE
    model: str | None = None
    audio_track: int | None = None
    hotwords: str | None = None
    reuse: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """When one stage waited and worked on one piece."""

    stage: str
    index: int | None
    queued_at: datetime
    began_at: datetime
    ended_at: datetime
    attempt: int
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioTrack:
    """One audio track of a file."""

    track: int
    codec: str
    language: str | None
    title: str | None
    channels: int
    sample_rate_hz: int
    default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoTrack:
    """One video track of a file."""

    codec: str
    width: int
    height: int
    frame_rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One transcribed word."""

    text: str
    start_s: float
    end_s: float
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Which model and engine made the words."""

    name: str
    digest: str
    engine: str
    compute_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence, or the part of it that lies in this segment."""

    text: str
    start_s: float
    end_s: float
    first_word: int
    end_word: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyword:
    """A term that stands out."""

    text: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One web-playable form of the video."""

    name: str
    width: int
    height: int
    bitrate_bps: int
    file: ArtefactRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch of the video without a transcript because its segment failed."""

    start_s: float
    end_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartResult:
    """What became of one wanted part."""

    part: Part
    made: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedCaptions:
    """Captions that a person corrected, as a stored object (`schemas.captions`)."""

    language: str
    file: ArtefactRef


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoUploaded:
    """A video was uploaded and is to be captioned. Anyone may publish it; only video_id and source are
    needed."""

    event_id: str = ""
    video_id: str
    revision: int = 1
    made_at: datetime = EPOCH
    stages: tuple[StageTime, ...] = ()
    source: str
    name: str = ""
    size_bytes: int | None = None
    options: Options = Options()
    wanted: tuple[Part, ...] = (Part.CAPTIONS,)
    corrected: tuple[CorrectedCaptions, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoProbed:
    """The file was recognised as media; its facts."""

    event_id: str = ""
    video_id: str
    revision: int = 1
    made_at: datetime = EPOCH
    stages: tuple[StageTime, ...] = ()
    source: str
    name: str
    size_bytes: int | None = None
    container: str
    duration_s: float | None
    start_time_s: float
    audio_tracks: tuple[AudioTrack, ...]
    video_tracks: tuple[VideoTrack, ...]
    audio_track: int | None
    options: Options
    wanted: tuple[Part, ...]
    corrected: tuple[CorrectedCaptions, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSegmented:
    """A piece of a video's audio is ready to be transcribed: mono FLAC, 16,000 samples a second."""

    event_id: str = ""
    video_id: str
    revision: int = 1
    made_at: datetime = EPOCH
    stages: tuple[StageTime, ...] = ()
    index: int
    start_s: float
    end_s: float
    audio_start_s: float
    audio_end_s: float
    audio: ArtefactRef
    language_from: tuple[ArtefactRef, ...]
    options: Options


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoConverted:
    """All of a video's audio is out as segments; no more come."""

    event_id: str = ""
    video_id: str
    revision: int = 1
    made_at: datetime = EPOCH
    stages: tuple[StageTime, ...] = ()
    segments: int
    duration_s: float
    declared_duration_s: float | None = None
    has_audio: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentTranscribed:
    """A segment's words."""

    event_id: str = ""
    video_id: str
    revision: int = 1
    made_at: datetime = EPOCH
    stages: tuple[StageTime, ...] = ()
    index: int
    start_s: float
    end_s: float
    audio_start_s: float
    audio_end_s: float
    language: str
    language_probability: float
    task: Task = Task.TRANSCRIBE
    words: tuple[Word, ...]
    artefact: ArtefactRef
    model: Model


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEnriched:
    """A segment's sentences, keywords and speech rate."""

    event_id: str = ""
    video_id: str
    revision: int = 1
    made_at: datetime = EPOCH
    stages: tuple[StageTime, ...] = ()
    index: int
    start_s: float
    end_s: float
    audio_start_s: float
    audio_end_s: float
    language: str
    language_probability: float
    task: Task = Task.TRANSCRIBE
    artefact: ArtefactRef
    word_count: int
    sentences: tuple[Sentence, ...]
    keywords: tuple[Keyword, ...]
    speech_rate_wpm: float
    model: Model


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRendered:
    """Web-playable renditions of a video."""

    event_id: str = ""
    video_id: str
    revision: int = 1
    made_at: datetime = EPOCH
    stages: tuple[StageTime, ...] = ()
    renditions: tuple[Rendition, ...]
    poster: ArtefactRef | None = None
    storyboard: ArtefactRef | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFailed:
    """A stage gave up on a piece of work."""

    event_id: str = ""
    video_id: str
    revision: int = 1
    made_at: datetime = EPOCH
    stages: tuple[StageTime, ...] = ()
    stage: str
    index: int | None = None
    start_s: float | None = None
    end_s: float | None = None
    kind: FailureKind
    reason: str
    segments_out: int | None = None
    audio_start_s: float | None = None
    artefact: ArtefactRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoCancelRequested:
    """Somebody asks to stop work on one revision of a video."""

    event_id: str = ""
    video_id: str
    revision: int = 1
    made_at: datetime = EPOCH
    stages: tuple[StageTime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoCaptioned:
    """The whole transcript is joined and written."""

    event_id: str = ""
    video_id: str
    revision: int = 1
    made_at: datetime = EPOCH
    stages: tuple[StageTime, ...] = ()
    language: str
    duration_s: float
    word_count: int
    files: tuple[ArtefactRef, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoCompleted:
    """At least one wanted part was made; what is missing is named."""

    event_id: str = ""
    video_id: str
    revision: int = 1
    made_at: datetime = EPOCH
    stages: tuple[StageTime, ...] = ()
    name: str
    language: str
    duration_s: float
    word_count: int
    parts: tuple[PartResult, ...]
    gaps: tuple[Gap, ...]
    warnings: tuple[str, ...]
    files: tuple[ArtefactRef, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFailed:
    """No wanted part could be made."""

    event_id: str = ""
    video_id: str
    revision: int = 1
    made_at: datetime = EPOCH
    stages: tuple[StageTime, ...] = ()
    name: str
    kind: FailureKind
    reason: str
    parts: tuple[PartResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoCancelled:
    """A revision was cancelled before its outcome."""

    event_id: str = ""
    video_id: str
    revision: int = 1
    made_at: datetime = EPOCH
    stages: tuple[StageTime, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoDeleted:
    """A video was deleted; its id is never accepted again."""

    event_id: str = ""
    video_id: str
    revision: int = 1
    made_at: datetime = EPOCH
    stages: tuple[StageTime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a stage is with a piece of work."""

    event_id: str = ""
    video_id: str
    revision: int = 1
    made_at: datetime = EPOCH
    stages: tuple[StageTime, ...] = ()
    stage: str
    index: int | None = None
    done: float
    total: float | None = None
    unit: str


Event = (
    VideoUploaded
    | VideoProbed
    | AudioSegmented
    | VideoConverted
    | SegmentTranscribed
    | SegmentEnriched
    | VideoRendered
    | StageFailed
    | VideoCancelRequested
    | VideoCaptioned
    | VideoCompleted
    | VideoFailed
    | VideoCancelled
    | VideoDeleted
    | Progress
)
