"""What a file declares about itself, as ffprobe reads it."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.errors import TransientError
from processors.converter.faults import Unusable
from processors.converter.settings import ConverterSettings
from processors.converter.tool import GUARDS, Limits, Tool, input_name, running
from schemas.events import AudioTrack, VideoTrack

_MAX_OUTPUT_BYTES = 8 * 2**20
_MAX_TRACKS = 256
_SHOWN = (
    "format=format_name,duration,start_time"
    ":stream=index,codec_type,codec_name,channels,channel_layout,sample_rate,width,height,avg_frame_rate"
    ":stream_tags=language,title:stream_disposition=default,attached_pic,timed_thumbnails"
)
_ESTIMATED = "Estimating duration from bitrate"
_NO_MEDIA = "The file is no video or audio that can be read; convert it to MP4 first."
_WHY = (
    (
        "not on whitelist",
        "The file is a playlist, a picture or text, not a video or audio file; upload that.",
    ),
    ("Permission denied", "The file may not be read here; change its permissions."),
    ("No such file", "The file disappeared; upload it again."),
)
_NO_INDEX = "moov atom not found"
_RIFF_PLACEHOLDER = 0x7FFF_0000
"""Sizes from here on stand for "not known" in files that were streamed."""

_MP4_BOXES = (b"ftyp", b"mdat", b"free", b"skip", b"wide", b"moof")


@dataclass(frozen=True, slots=True)
class Sound:
    """One audio track and what decoding it needs. index: its position among all streams."""

    track: AudioTrack
    index: int
    layout_known: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file declares. duration_s: None where it is missing or only a guess from the bit rate.
    missing_bytes: how much shorter the file is than its header says, where that tells."""

    container: str
    size_bytes: int
    missing_bytes: int
    duration_s: float | None
    start_time_s: float
    sounds: tuple[Sound, ...]
    video_tracks: tuple[VideoTrack, ...]


def probe(path: Path, settings: ConverterSettings, *, while_waiting: Callable[[], None]) -> Facts:
    """Read what the file declares.

    Raises Unusable for what is no media, too large or too long, TransientError as `running` does.
    """
    try:
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise Unusable(f"The file can't be read ({error.strerror}); upload it again.") from error
    if size_bytes == 0:
        raise Unusable("The file is empty (0 bytes); upload it again.")
    if size_bytes > settings.max_file_bytes:
        raise Unusable(
            f"The file has {size_bytes / 1e9:.1f} GB, more than the accepted"
            f" {settings.max_file_bytes / 1e9:.1f} GB; upload a smaller version."
        )
    text, errors, status = _ffprobe(
        path, settings, {"show_entries": _SHOWN, "of": "json"}, while_waiting=while_waiting
    )
    if status != 0:
        raise Unusable(_why_unreadable(errors, head))
    declared = json.loads(text)
    streams = declared.get("streams", [])[:_MAX_TRACKS]
    estimated = _ESTIMATED in errors
    facts = Facts(
        container=declared["format"]["format_name"],
        size_bytes=size_bytes,
        missing_bytes=max(0, _riff_bytes(head) - size_bytes),
        duration_s=None if estimated else _seconds(declared["format"].get("duration")),
        start_time_s=_seconds(declared["format"].get("start_time")) or 0.0,
        sounds=tuple(
            _sound(number, stream)
            for number, stream in enumerate(s for s in streams if s.get("codec_type") == "audio")
        ),
        video_tracks=tuple(_video_track(stream) for stream in streams if _is_video(stream)),
    )
    if not facts.sounds and not facts.video_tracks:
        raise Unusable("The file has neither sound nor picture; upload a video or audio file.")
    if facts.duration_s is not None and facts.duration_s > settings.max_duration_s:
        raise Unusable(
            f"The file lasts {facts.duration_s / 3600:.1f} h, more than the"
            f" {settings.max_duration_s / 3600:.1f} h that are accepted; upload it in parts."
        )
    return facts


def has_data_at(
    path: Path,
    at_s: float,
    facts: Facts,
    settings: ConverterSettings,
    *,
    while_waiting: Callable[[], None],
) -> bool:
    """Whether any track of the file reaches that time on the video's timeline; taken to be so where it
    takes too long to tell. Without an index, or a key frame near by, all before it is read."""
    from_s = max(0.0, facts.start_time_s + at_s - 10)
    options = {"read_intervals": f"{from_s:.3f}%", "show_entries": "packet=pts_time", "of": "csv=p=0"}
    try:
        with _probing(path, settings, options, while_waiting=while_waiting) as tool:
            times = (_seconds(line.decode().strip(",")) for line in _lines(tool.chunks()))
            return any(time is not None and time >= facts.start_time_s + at_s for time in times)
    except (TransientError, Unusable):
        return True


def chosen(facts: Facts, audio_track: int | None) -> Sound | None:
    """The audio track to transcribe: the one asked for, else the default one, else the first; None where
    there is no sound. Raises Unusable if the one asked for does not exist."""
    if audio_track is None:
        default = (sound for sound in facts.sounds if sound.track.default)
        return next(default, facts.sounds[0] if facts.sounds else None)
    if 0 <= audio_track < len(facts.sounds):
        return facts.sounds[audio_track]
    there = ", ".join(_described(sound.track) for sound in facts.sounds) or "none"
    raise Unusable(f"There is no audio track {audio_track}; choose one that the file has: {there}.")


def _ffprobe(
    path: Path,
    settings: ConverterSettings,
    options: Mapping[str, str],
    *,
    while_waiting: Callable[[], None],
) -> tuple[str, str, int]:
    """Its output, errors and exit status."""
    output = bytearray()
    with _probing(path, settings, options, while_waiting=while_waiting) as tool:
        for chunk in tool.chunks():
            output += chunk
            if len(output) > _MAX_OUTPUT_BYTES:
                raise Unusable("The file declares too many tracks to be read; convert it to MP4 first.")
        return output.decode("utf-8", "replace"), tool.errors, tool.status()


def _probing(
    path: Path,
    settings: ConverterSettings,
    options: Mapping[str, str],
    *,
    while_waiting: Callable[[], None],
) -> AbstractContextManager[Tool]:
    flags = [part for name, value in {**GUARDS, **options}.items() for part in (f"-{name}", value)]
    command = [settings.ffprobe, "-v", "warning", *flags, "-i", input_name(path)]
    limits = Limits(
        stall_s=settings.probe_limit_s,
        total_s=settings.probe_limit_s,
        memory_bytes=settings.ffmpeg_memory_bytes,
    )
    return running(command, limits, while_waiting=while_waiting)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    yield rest


def _why_unreadable(errors: str, head: bytes) -> str:
    """What to tell the owner of a file that ffprobe refused; it takes anything named .mp4 for one."""
    if _NO_INDEX in errors and head[4:8] in _MP4_BOXES:
        return (
            "The file has no index (moov): it was cut off or is still being written; upload all of it."
        )
    return next((why for sign, why in _WHY if sign in errors), _NO_MEDIA)


def _riff_bytes(head: bytes) -> int:
    """The least size that a RIFF file (WAV, AVI) declares, which ffprobe does not compare; 0 if none.

    The 8 bytes of its own header are left out: some programs count them in.
    """
    declared = int.from_bytes(head[4:8], "little")
    streamed = declared > _RIFF_PLACEHOLDER  # written before the size was known
    return declared if head[:4] == b"RIFF" and not streamed else 0


def _sound(number: int, stream: dict[str, Any]) -> Sound:
    tags = stream.get("tags", {})
    language = tags.get("language")
    return Sound(
        AudioTrack(
            track=number,
            codec=stream.get("codec_name", "unknown"),
            language=None if language in (None, "", "und") else language[:35],
            title=tags.get("title", "")[:200] or None,
            channels=stream.get("channels", 0),
            sample_rate_hz=int(stream.get("sample_rate", 0)),
            default=bool(stream.get("disposition", {}).get("default")),
        ),
        stream["index"],
        layout_known=stream.get("channel_layout", "unknown") != "unknown",
    )


def _is_video(stream: dict[str, Any]) -> bool:
    disposition = stream.get("disposition", {})
    cover = disposition.get("attached_pic") or disposition.get("timed_thumbnails")
    return stream.get("codec_type") == "video" and not cover


def other_tracks(facts: Facts, taken: Sound) -> str | None:
    """A sentence for the owner that names the audio tracks which were not taken; None where all were."""
    others = [_described(sound.track) for sound in facts.sounds if sound is not taken]
    if not others:
        return None
    return (
        f"Of {len(facts.sounds)} audio tracks, {_described(taken.track)} is captioned;"
        f" there is also {', '.join(others)}."
    )


def _video_track(stream: dict[str, Any]) -> VideoTrack:
    frames, _, seconds = stream.get("avg_frame_rate", "0/0").partition("/")
    return VideoTrack(
        codec=stream.get("codec_name", "unknown"),
        width=stream.get("width", 0),
        height=stream.get("height", 0),
        frame_rate=int(frames) / int(seconds) if int(frames) and int(seconds) else None,
    )


def _described(track: AudioTrack) -> str:
    details = [part for part in (track.language, track.title, track.codec) if part]
    return f"{track.track} ({', '.join(details)})"


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:  # "N/A"
        return None
