"""Media files that tests share, made from the demonstration clip by ffmpeg."""

import json
import subprocess
from pathlib import Path

DEMO = Path(__file__).parents[1] / "ops" / "demo"
CLIP = DEMO / "clip.mp4"
SCRIPT = (DEMO / "script.txt").read_text("utf-8")

PAUSE_S = 22.9
"""A moment of the clip at which nobody speaks, between its second and third topic."""

_SMALL = ["-vf", "scale=160:90", "-r", "25"]
FORMATS: dict[str, list[str]] = {
    "mp4": ["-c", "copy"],
    "mkv": ["-c:v", "copy", "-c:a", "libvorbis"],
    "webm": [*_SMALL, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"],
    "mov": ["-c:v", "copy", "-c:a", "pcm_s16le"],
    "avi": [*_SMALL, "-c:v", "mpeg4", "-c:a", "libmp3lame"],
    "ts": ["-c", "copy"],
    "mpg": [*_SMALL, "-c:v", "mpeg1video", "-c:a", "mp2"],
    "wmv": [*_SMALL, "-c:v", "wmv2", "-c:a", "wmav2"],
    "flv": [*_SMALL, "-c:v", "flv", "-c:a", "libmp3lame", "-ar", "44100"],
    "3gp": [*_SMALL, "-c:v", "mpeg4", "-c:a", "aac"],
    "mp3": ["-vn", "-c:a", "libmp3lame"],
    "wav": ["-vn", "-c:a", "pcm_s16le"],
    "flac": ["-vn", "-c:a", "flac"],
    "m4a": ["-vn", "-c:a", "aac"],
    "aac": ["-vn", "-c:a", "aac"],
    "ogg": ["-vn", "-c:a", "libvorbis"],
    "opus": ["-vn", "-c:a", "libopus"],
}
"""File name extension: how ffmpeg makes such a file of the clip."""


def sentences() -> list[tuple[float, str]]:
    """When each sentence of the clip is first heard (seconds), and its text."""
    spoken = json.loads((DEMO / "clip.sentences.json").read_text("utf-8"))
    return [(sentence["start_s"], sentence["text"]) for sentence in spoken]


def in_format(extension: str, path: Path) -> None:
    """The clip in one of FORMATS."""
    ffmpeg("-i", CLIP, *FORMATS[extension], path)


def with_late_audio(path: Path, *, by_s: float) -> None:
    """The clip with its sound, not its picture, starting later."""
    ffmpeg("-i", CLIP, "-itsoffset", by_s, "-i", CLIP, "-map", "0:v", "-map", "1:a", "-c", "copy", path)


def with_hole(path: Path, *, hole_s: float) -> None:
    """The clip with no audio packets for a while after PAUSE_S; what follows is heard later."""
    later = f"setts=ts='if(gt(TS*TB,{PAUSE_S}),TS+{hole_s}/TB,TS)'"
    ffmpeg("-i", CLIP, "-c", "copy", "-bsf:a", later, path)


def with_variable_frame_rate(path: Path) -> None:
    """The clip with picture frames at uneven distances."""
    uneven = "select='not(mod(n,7))+lt(mod(n,50),20)',scale=160:90"
    ffmpeg("-i", CLIP, "-vf", uneven, "-fps_mode", "vfr", "-c:v", "mpeg4", "-c:a", "copy", path)


def after_silence(path: Path, *, silence_s: float) -> None:
    """The clip's sound at 44,100 samples a second, after digital silence. For Matroska, which rounds the
    times of packets to milliseconds."""
    silence = f"anullsrc=r=44100:cl=mono:d={silence_s}"
    join = "[1:a]aresample=44100,aformat=channel_layouts=mono[a];[0:a][a]concat=v=0:a=1[out]"
    inputs = ["-f", "lavfi", "-i", silence, "-i", CLIP]
    ffmpeg(*inputs, "-filter_complex", join, "-map", "[out]", "-c:a", "flac", path)


def without_sound(path: Path) -> None:
    """Ten seconds of the clip's picture."""
    ffmpeg("-t", 10, "-i", CLIP, "-an", "-c", "copy", path)


def piece(path: Path, *, start_s: float = 0, duration_s: float) -> None:
    """A stretch of the clip's sound as WAV."""
    ffmpeg("-ss", start_s, "-t", duration_s, "-i", CLIP, "-vn", "-ar", 16000, path)


def ffmpeg(*arguments: object) -> None:
    """Run ffmpeg. The last argument is the file to write, whatever its name."""
    *most, path = map(str, arguments)
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *most, f"file:{path}"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
