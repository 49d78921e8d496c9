"""`reelay run` as a user runs it: the installed program in a process of its own."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REELAY = Path(sys.executable).with_name("reelay")


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run left. lines: its standard output, a JSON object a line, by the file's name."""

    status: int
    lines: Mapping[str, dict[str, Any]]
    stderr: str


@dataclass(frozen=True, slots=True)
class Cue:
    """One caption of a SubRip file."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Home:
    """A place for one user's state and results, apart from all others'."""

    root: Path

    @property
    def out(self) -> Path:
        return self.root / "out"

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Begin `reelay run` with the demonstration's model, in a process group of its own."""
        return subprocess.Popen(
            [REELAY, "run", "--json", "--model", "tiny.en", "--out", self.out, *arguments],
            cwd=self.root,
            env={**os.environ, "XDG_STATE_HOME": str(self.root / "state")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def run(self, *arguments: str | Path, timeout_s: float = 500) -> Finished:
        """`reelay run` to its end."""
        return finish(self.start(*arguments), timeout_s=timeout_s)


def finish(process: "subprocess.Popen[str]", *, timeout_s: float = 500) -> Finished:
    """Wait for a run to end. Raises TimeoutExpired, after it was told to stop."""
    try:
        stdout, stderr = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.terminate()
        _, stderr = process.communicate(timeout=60)
        print(stderr)
        raise
    records = [json.loads(line) for line in stdout.splitlines()]
    return Finished(
        process.returncode, {Path(record["given"]).name: record for record in records}, stderr
    )


def written(record: Mapping[str, Any], format_: str) -> Path:
    """The file of one format that a run wrote for a video."""
    (path,) = (Path(file["path"]) for file in record["files"] if file["format"] == format_)
    return path


def words(record: Mapping[str, Any]) -> list[tuple[str, float]]:
    """A video's words, in lower case without punctuation, and when each starts."""
    transcript = json.loads(written(record, "json").read_text("utf-8"))
    return [(plain(word["text"]), word["start_s"]) for word in transcript["words"]]


def cues(record: Mapping[str, Any]) -> list[Cue]:
    """A video's captions."""
    found = []
    for block in written(record, "srt").read_text("utf-8").strip().split("\n\n"):
        _, times, *text = block.split("\n")
        start, end = times.split(" --> ")
        found.append(Cue(_seconds(start), _seconds(end), " ".join(text)))
    return found


def plain(text: str) -> str:
    """Lower case, without punctuation, single spaces: what the word error rate compares."""
    return " ".join(re.sub(r"[^\w' ]", " ", text.lower()).split())


def _seconds(stamp: str) -> float:
    hours, minutes, seconds = stamp.replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
