"""What the API answers, as the OpenAPI document describes it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["waiting", "working", "completed", "failed", "cancelled"]

_TIME = "2026-03-01T09:30:00.000Z"
_ID = "4f9c0d6e2b7a4c1f8e35a1d2c3b4e5f6"
_SUMMARY: dict[str, Any] = {
    "video_id": _ID,
    "revision": 1,
    "name": "lecture.mp4",
    "state": "completed",
    "uploaded_at": _TIME,
    "ended_at": "2026-03-01T09:34:10.250Z",
    "size_bytes": 734003200,
    "duration_s": 3605.2,
    "language": "en",
    "word_count": 8123,
    "segments_done": 130,
    "segments": 130,
    "reason": None,
    "has_picture": True,
}


class Answer(BaseModel):
    """What all answers share: nothing is in them that is not described."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _example(**example: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


class ProblemAnswer(BaseModel):
    """Why a request was refused or could not be done (RFC 9457)."""

    model_config = _example(
        type="urn:reelay:problem:no-such-video",
        title="No such video",
        status=404,
        detail="There is no video of that id, or it was deleted.",
    )

    type: str = Field(description="the kind of problem, for programs")
    title: str = Field(description="the kind of problem, for people")
    status: int = Field(description="the HTTP status once more")
    detail: str = Field(description="what is wrong with this very request")


class VideoSummary(Answer):
    """A video in a list: the revision that was asked for last, and what became of it."""

    model_config = _example(**_SUMMARY)

    video_id: str
    revision: int
    name: str = Field(description="file name as uploaded")
    state: State
    uploaded_at: str | None = Field(description="ISO 8601, UTC; null where nobody said")
    ended_at: str | None
    size_bytes: int | None
    duration_s: float | None
    language: str | None = Field(description="BCP 47 tag of the speech")
    word_count: int | None
    segments_done: int = Field(description="pieces of sound that are transcribed")
    segments: int | None = Field(description="pieces in all; null before that is known")
    reason: str | None = Field(description="why it failed")
    has_picture: bool | None = Field(description="whether there is more than sound")


class RevisionAnswer(Answer):
    """One time that a video was done."""

    revision: int
    state: State
    uploaded_at: str | None
    ended_at: str | None
    reason: str | None
    model: str | None = Field(description="the Whisper model that was asked for")
    language: str | None


class FileAnswer(Answer):
    """A result file."""

    name: str
    kind: str = Field(description="what it is, such as captions, transcript or timeline")
    size_bytes: int
    media_type: str
    url: str


class GapAnswer(Answer):
    """A stretch without a transcript."""

    start_s: float
    end_s: float
    reason: str


class StageAnswer(Answer):
    """When one stage waited and worked on one piece."""

    stage: str
    index: int | None = Field(description="number of the segment; null for the whole video")
    queued_at: str
    began_at: str
    ended_at: str
    attempt: int


class VideoAnswer(VideoSummary):
    """All that is known of one video. Files, gaps and warnings are those of the revision shown."""

    model_config = _example(
        **_SUMMARY,
        shown_revision=1,
        revisions=[
            {
                "revision": 1,
                "state": "completed",
                "uploaded_at": _TIME,
                "ended_at": "2026-03-01T09:34:10.250Z",
                "reason": None,
                "model": None,
                "language": "en",
            }
        ],
        files=[
            {
                "name": "captions.en.transcribed.vtt",
                "kind": "captions",
                "size_bytes": 81234,
                "media_type": "text/vtt",
                "url": f"/api/v1/videos/{_ID}/files/captions.en.transcribed.vtt?revision=1",
            }
        ],
        options={"language": None, "task": "transcribe", "model": None},
        gaps=[],
        warnings=[],
        stages=[
            {
                "stage": "converter",
                "index": None,
                "queued_at": _TIME,
                "began_at": _TIME,
                "ended_at": "2026-03-01T09:30:05.120Z",
                "attempt": 1,
            }
        ],
        source_url=f"/api/v1/videos/{_ID}/source",
    )

    shown_revision: int | None = Field(description="the latest completed revision")
    revisions: list[RevisionAnswer]
    files: list[FileAnswer]
    options: dict[str, Any] = Field(description="what was asked for, of the revision of the summary")
    gaps: list[GapAnswer]
    warnings: list[str]
    stages: list[StageAnswer]
    source_url: str = Field(description="the upload itself")


class VideosAnswer(Answer):
    """A page of a list, newest upload first."""

    model_config = _example(videos=[_SUMMARY], next=None, total=1)

    videos: list[VideoSummary]
    next: str | None = Field(description="`cursor` of the next page")
    total: int


class RevisionTakenAnswer(Answer):
    """The revision that something was asked of, or that is done now."""

    model_config = _example(video_id=_ID, revision=2)

    video_id: str
    revision: int


class VideoTakenAnswer(Answer):
    """The video that something was asked of."""

    model_config = _example(video_id=_ID)

    video_id: str


class SnippetAnswer(Answer):
    """A piece of a hit's text; hit: it is what was searched for."""

    text: str
    hit: bool


class HitAnswer(Answer):
    """A sentence that was found."""

    video_id: str
    revision: int
    name: str
    language: str | None
    start_s: float
    end_s: float
    snippet: list[SnippetAnswer]


class SearchAnswer(Answer):
    """A page of hits, best first."""

    model_config = _example(
        hits=[
            {
                "video_id": _ID,
                "revision": 1,
                "name": "lecture.mp4",
                "language": "en",
                "start_s": 61.2,
                "end_s": 64.9,
                "snippet": [
                    {"text": "A segment's ", "hit": False},
                    {"text": "words", "hit": True},
                    {"text": " with times.", "hit": False},
                ],
            }
        ],
        next=None,
        total=1,
        at_least=False,
    )

    hits: list[HitAnswer]
    next: str | None = Field(description="`cursor` of the next page")
    total: int = Field(description="hits on all pages together")
    at_least: bool = Field(
        description="whether more was found than `total`: of very many hits the newest alone are ranked"
        " and shown"
    )


class SessionAnswer(Answer):
    """Who the page acts as."""

    model_config = _example(keys=True, name="page", scope="write")

    keys: bool = Field(description="whether this gateway asks for API keys at all")
    name: str | None = Field(description="name of the key; null before one was given")
    scope: Literal["read", "write"] | None = Field(description="what may be done")


class HealthAnswer(Answer):
    """How the gateway is."""

    model_config = _example(store=True, catalogue=True, broker=True)

    store: bool
    catalogue: bool | None = Field(description="null where there is none")
    broker: bool
