"""A thousand short uploads in one run: they all finish, and memory stays where it was."""

import os
import subprocess
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from ops.benchmarks.figures import Figure, below
from ops.benchmarks.runs import run_options
from ops.benchmarks.speech import speech
from ops.benchmarks.tree import PeakMemory

_UPLOADS = 1000
_CLIP_S = 5
_SETTLED = 200
"""Uploads after which memory should grow no more."""
_MB = 10**6


def measure(long: bool) -> list[Figure]:
    """Takes about a quarter of an hour."""
    with TemporaryDirectory(prefix="reelay-bench-") as home:
        clips = Path(home, "clips")
        clips.mkdir()
        _cut(clips)
        program = subprocess.Popen(
            run_options(Path(home, "out"), clips, "--json"),
            env={**os.environ, "XDG_STATE_HOME": home},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        sizes: list[int] = []
        completed = 0
        assert program.stdout is not None
        with PeakMemory(program.pid) as memory:
            for line in program.stdout:
                completed += b'"completed"' in line
                sizes.append(memory.now_bytes)
        program.wait()
    then, last = median(sizes[_SETTLED - 50 : _SETTLED + 50]), median(sizes[-100:])
    return [
        Figure(
            "uploads of 5 s in one run that are completed",
            f"{completed} of {_UPLOADS}",
            "all",
            completed == _UPLOADS,
        ),
        Figure(f"memory of all processes after {_SETTLED} of them", f"{then / _MB:.0f} MB"),
        below(f"memory after {_UPLOADS} against that", last / then, 1.1, "times", ".2f"),
    ]


def _cut(folder: Path) -> None:
    """Different clips, cut from one long speech."""
    video = speech(_UPLOADS * _CLIP_S / 60 + 2).video
    every = ["-f", "segment", "-segment_time", str(_CLIP_S), "-reset_timestamps", "1"]
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        str(video),
        "-vn",
        "-c:a",
        "copy",
        *every,
        f"{folder}/%04d.m4a",
    ]
    subprocess.run(command, check=True)
    for extra in sorted(folder.iterdir())[_UPLOADS:]:
        extra.unlink()
