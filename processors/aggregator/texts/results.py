"""Renders all result files of a video."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import regex

from processors.aggregator.texts.captions import cues, to_srt, to_vtt
from processors.aggregator.texts.chapters import chapter_cues, chapters
from processors.aggregator.texts.documents import dump
from processors.aggregator.texts.pieces import Hole, Piece
from processors.aggregator.texts.plain import to_txt
from processors.aggregator.texts.summary import summary
from processors.aggregator.texts.timeline import Timeline, seconds, timeline
from processors.aggregator.texts.transcript import UNKNOWN_LANGUAGE, Transcript, join
from schemas.captions import Cue
from schemas.codec import to_record
from schemas.events import AudioTrack, StageTime, Task

VERSION = 1
"""Of all JSON documents; a later one may add fields and leaves these as they are."""

_KINDS = {Task.TRANSCRIBE: "transcribed", Task.TRANSLATE: "translated"}
LANGUAGE_TAG = regex.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """What the results say about the video itself.

    name: file name as uploaded. audio_track: the one of audio_tracks that was transcribed, None where
    there is none. stages: times of work on the whole video (from VideoProbed and
    VideoConverted); they appear in the timeline alone. corrected: captions that people corrected, by
    language.
    """

    video_id: str
    revision: int
    name: str
    duration_s: float
    task: Task = Task.TRANSCRIBE
    audio_track: int | None = None
    audio_tracks: tuple[AudioTrack, ...] = ()
    stages: tuple[StageTime, ...] = ()
    corrected: Mapping[str, Sequence[Cue]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The joined transcript and the result files by name, for instance "captions.en.transcribed.srt"."""

    transcript: Transcript
    files: Mapping[str, bytes]


def render(video: Video, pieces: Iterable[Piece | Hole], warnings: Iterable[str] = ()) -> Results:
    """All result files: the same bytes for the same arguments, whichever order the pieces come in.

    Always transcript.json, transcript.txt, summary.json and timeline.json, of a video without speech or
    sound too. Captions where a word was said: empty ones would promise speech that players then do not
    show. chapters.vtt where the topic changes. warnings: what the owner should know, in order.
    Only timeline.json knows of the revision, times, hosts and attempts: the same words give the same
    bytes everywhere else. Corrected captions stand beside the transcribed ones. Raises ValueError if two
    pieces have the same index.
    """
    pieces = tuple(pieces)
    transcript = join(pieces)
    files = {
        "transcript.json": dump(_transcript_document(video, transcript, tuple(warnings))),
        "transcript.txt": to_txt(transcript).encode(),
        "summary.json": dump(_summary_document(video, transcript)),
        "timeline.json": dump(_timeline_document(video, pieces)),
    }
    if transcript.words:
        language = (
            transcript.language if LANGUAGE_TAG.fullmatch(transcript.language) else UNKNOWN_LANGUAGE
        )
        kind = _KINDS[video.task]
        shown = cues(transcript.words, transcript.sentences, transcript.gaps, language)
        files |= _captions(shown, language, kind)
        if found := chapters(transcript, _chapter_names(pieces), video.duration_s):
            files["chapters.vtt"] = to_vtt(chapter_cues(found), language, "chapters").encode()
    for language, corrected in video.corrected.items():
        files |= _captions(corrected, language, "corrected")
    return Results(transcript=transcript, files=files)


def _captions(cues: Sequence[Cue], language: str, kind: str) -> dict[str, bytes]:
    """Captions in both formats."""
    return {
        f"captions.{language}.{kind}.vtt": to_vtt(cues, language, kind).encode(),
        f"captions.{language}.{kind}.srt": to_srt(cues).encode(),
    }


def _chapter_names(pieces: Iterable[Piece | Hole]) -> Sequence[str]:
    """Every keyword of every segment, in one spelling, in order."""
    spellings: dict[str, str] = {}
    for piece in sorted((p for p in pieces if isinstance(p, Piece)), key=lambda piece: piece.index):
        for keyword in piece.keywords:
            spellings.setdefault(keyword.text.casefold(), keyword.text)
    return tuple(spellings.values())


def _transcript_document(
    video: Video, transcript: Transcript, warnings: Sequence[str]
) -> dict[str, Any]:
    """Described by schemas/json/transcript.schema.json."""
    return {
        "version": VERSION,
        "video_id": video.video_id,
        "name": video.name,
        "duration_s": round(video.duration_s, 3),
        "language": transcript.language,
        "task": video.task.value,
        "audio_track": video.audio_track,
        "audio_tracks": to_record(video.audio_tracks),
        "models": to_record(transcript.models),
        "warnings": list(warnings),
        "keywords": to_record(transcript.keywords),
        "gaps": to_record(transcript.gaps),
        "sentences": [
            {
                "start_s": sentence.start_s,
                "end_s": sentence.end_s,
                "text": sentence.text,
                "language": sentence.language,
                "speaker": None,
                "first_word": sentence.first_word,
                "end_word": sentence.end_word,
            }
            for sentence in transcript.sentences
        ],
        "words": [
            {
                "start_s": word.start_s,
                "end_s": word.end_s,
                "text": word.text,
                "probability": word.probability,
            }
            for word in transcript.words
        ],
    }


def _summary_document(video: Video, transcript: Transcript) -> dict[str, Any]:
    return {
        "version": VERSION,
        "video_id": video.video_id,
        "name": video.name,
        "language": transcript.language,
        "duration_s": round(video.duration_s, 3),
        "word_count": len(transcript.words),
        "keywords": to_record(transcript.keywords),
        "sentences": [
            {"start_s": sentence.start_s, "end_s": sentence.end_s, "text": sentence.text}
            for sentence in summary(transcript)
        ],
    }


def _timeline_document(video: Video, pieces: Iterable[Piece | Hole]) -> dict[str, Any]:
    times = timeline([*video.stages, *(time for piece in pieces for time in piece.stages)])
    return {
        "version": VERSION,
        "video_id": video.video_id,
        "revision": video.revision,
        "duration_s": round(video.duration_s, 3),
        "uploaded_at": _iso(times.uploaded_at),
        "elapsed_s": times.elapsed_s,
        "first_words_s": times.first_words_s,
        "stages": _stage_totals(times),
        "work": [
            {
                "stage": time.stage,
                "index": time.index,
                "queued_at": _iso(time.queued_at),
                "began_at": _iso(time.began_at),
                "ended_at": _iso(time.ended_at),
                "waiting_s": seconds(time.began_at, time.queued_at),
                "working_s": seconds(time.ended_at, time.began_at),
                "attempt": time.attempt,
                "host": time.host,
            }
            for time in times.work
        ],
    }


def _stage_totals(times: Timeline) -> list[dict[str, Any]]:
    return [
        to_record(total) | {"began_at": _iso(total.began_at), "ended_at": _iso(total.ended_at)}
        for total in times.stages
    ]


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
