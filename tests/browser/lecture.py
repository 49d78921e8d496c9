"""A lecture of three hours with 30,000 words, as the store has a completed one."""

import json
import random
import struct
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from schemas.events import (
    ArtefactRef,
    Part,
    PartResult,
    VideoCompleted,
    VideoUploaded,
)
from schemas.outcomes import dump_outcome, outcome_key
from schemas.uploads import dump_upload, file_key, upload_key

VIDEO_ID = "lecture-of-three-hours"
NAME = "Lecture on tides.wav"
WORDS = 30_000
WORD_S = 0.36
DURATION_S = WORDS * WORD_S
NEEDLE = "bathymetry"
"""A word that is said once, near the end."""
NEEDLE_AT = 27_654
_SENTENCE = 12
_RATE = 8000
_UPLOADED = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
_TONGUE = [
    *("the", "a", "of", "and", "tide", "moon", "water", "sea", "level", "rises", "falls", "harbour"),
    *("current", "twice", "every", "day", "pull", "gravity", "coast", "slow", "high", "low", "spring"),
    *("neap", "measured", "gauge", "chart", "sailor", "waits", "until", "it", "turns", "again"),
]


def put(store: Path) -> None:
    """Put it into the folder of an object store."""
    source = file_key(VIDEO_ID, NAME)
    _write_silence(store / source)
    upload = VideoUploaded(
        event_id="lecture-uploaded",
        video_id=VIDEO_ID,
        made_at=_UPLOADED,
        source=source,
        name=NAME,
        size_bytes=(store / source).stat().st_size,
    )
    words = _words()
    files = {
        "transcript.json": json.dumps(_transcript(words)),
        "transcript.txt": "".join(word["text"] for word in words),
        "captions.en.transcribed.vtt": _webvtt(words),
        "timeline.json": json.dumps(_timeline()),
    }
    references = tuple(_put_file(store, name, text) for name, text in sorted(files.items()))
    outcome = VideoCompleted(
        event_id="lecture-completed",
        video_id=VIDEO_ID,
        made_at=_UPLOADED + timedelta(minutes=40),
        name=NAME,
        language="en",
        duration_s=DURATION_S,
        word_count=WORDS,
        parts=(PartResult(part=Part.CAPTIONS, made=True),),
        gaps=(),
        warnings=(),
        files=references,
    )
    _put(store, upload_key(VIDEO_ID, 1), dump_upload(upload))
    _put(store, outcome_key(VIDEO_ID, 1), dump_outcome(outcome))


def _words() -> list[dict[str, Any]]:
    chance = random.Random(6)
    words = []
    for number in range(WORDS):
        text = NEEDLE if number == NEEDLE_AT else chance.choice(_TONGUE)
        if number % _SENTENCE == 0:
            text = text.capitalize()
        if number % _SENTENCE == _SENTENCE - 1:
            text += "."
        words.append(
            {
                "start_s": round(number * WORD_S, 3),
                "end_s": round((number + 0.9) * WORD_S, 3),
                "text": f" {text}" if number else text,
                "probability": 0.9,
            }
        )
    return words


def _transcript(words: list[dict[str, Any]]) -> dict[str, Any]:
    sentences = [
        {
            "start_s": words[first]["start_s"],
            "end_s": words[first + _SENTENCE - 1]["end_s"],
            "text": "".join(word["text"] for word in words[first : first + _SENTENCE]).strip(),
            "language": "en",
            "speaker": None,
            "first_word": first,
            "end_word": first + _SENTENCE,
        }
        for first in range(0, WORDS, _SENTENCE)
    ]
    return {
        "version": 1,
        "video_id": VIDEO_ID,
        "name": NAME,
        "duration_s": DURATION_S,
        "language": "en",
        "task": "transcribe",
        "audio_track": 0,
        "audio_tracks": [],
        "models": [],
        "warnings": [],
        "keywords": [{"text": "tide", "score": 1.0}, {"text": "moon", "score": 0.8}],
        "gaps": [],
        "sentences": sentences,
        "words": words,
    }


def _webvtt(words: list[dict[str, Any]]) -> str:
    cues = [
        f"{_stamp(words[first]['start_s'])} --> {_stamp(words[first + 5]['end_s'])}\n"
        + "".join(word["text"] for word in words[first : first + 6]).strip()
        for first in range(0, WORDS, 6)
    ]
    return "\n\n".join(["WEBVTT", *cues, ""])


def _timeline() -> dict[str, Any]:
    """Some 400 segments, two workers."""

    def at(passed_s: float) -> str:
        return (_UPLOADED + timedelta(seconds=passed_s)).isoformat(timespec="milliseconds")

    work = [_work("converter", None, at(0), at(1), at(120))]
    for index in range(400):
        began_s = 2 + index // 2 * 6
        work.append(_work("transcriber", index, at(2 + index * 0.3), at(began_s), at(began_s + 6)))
        work.append(_work("enricher", index, at(began_s + 6), at(began_s + 6), at(began_s + 7)))
    return {
        "version": 1,
        "video_id": VIDEO_ID,
        "revision": 1,
        "duration_s": DURATION_S,
        "uploaded_at": at(0),
        "elapsed_s": 1210,
        "first_words_s": 8,
        "stages": [],
        "work": work,
    }


def _work(stage: str, index: int | None, queued: str, began: str, ended: str) -> dict[str, Any]:
    times = {"queued_at": queued, "began_at": began, "ended_at": ended}
    return {"stage": stage, "index": index, **times, "attempt": 1, "host": "vm"}


def _stamp(time_s: float) -> str:
    whole_ms = round(time_s * 1000)
    minutes, milliseconds = divmod(whole_ms, 60_000)
    seconds = milliseconds / 1000
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:06.3f}"


def _write_silence(path: Path) -> None:
    """A WAV file that takes no room on the disk: its samples are a hole."""
    path.parent.mkdir(parents=True)
    size = int(DURATION_S * _RATE) * 2
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, _RATE, _RATE * 2, 2, 16, b"data", size),
    )
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + size)


def _put_file(store: Path, name: str, text: str) -> ArtefactRef:
    content = text.encode()
    key = f"results/{VIDEO_ID}/1/{sha256(content).hexdigest()[:16]}/{name}"
    _put(store, key, content)
    return ArtefactRef(key=key, sha256=sha256(content).hexdigest(), size_bytes=len(content))


def _put(store: Path, key: str, content: bytes) -> None:
    path = store / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
