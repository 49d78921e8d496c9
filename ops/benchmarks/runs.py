"""Reelay and the plain script, run as a user runs them, each from an empty state folder."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from connectors.kafka.clients import open_producer
from connectors.objectstore import FolderStore, ObjectStore
from connectors.registry import FingerprintRegistry
from ops.benchmarks.tree import PeakMemory
from ops.pipeline.files import Unusable, media_files
from ops.pipeline.local import LocalPipeline, local_pipeline
from ops.pipeline.revisions import find_outcome, new_task
from ops.pipeline.work import publish
from processors.transcriber.models import resolve_model
from processors.transcriber.settings import default_models_folder
from schemas.codec import Codec
from schemas.events import Options, VideoCancelled, VideoFailed, VideoUploaded

MODEL = "tiny.en"
WORKERS = 2
_REELAY = Path(sys.executable).with_name("reelay")
_OUTCOME_S = 1800.0
_TICK_S = 0.01


@dataclass(frozen=True, slots=True)
class Ran:
    """A program that ran to its end. began: Unix time. work_s: from the loaded model on. processor_s: on
    all cores, by all that it started; it hardly depends on what else the machine does."""

    began: float
    wall_s: float
    work_s: float
    processor_s: float
    memory: PeakMemory
    text: str
    timeline: dict[str, Any]

    def after_start_s(self, moment: str) -> float:
        """A moment of the timeline, from the start of the program on."""
        return datetime.fromisoformat(moment).timestamp() - self.began

    @property
    def first_words_s(self) -> float:
        """From the start of the program until the first segment's words were there."""
        done = [work["ended_at"] for work in self.timeline["work"] if work["stage"] == "transcriber"]
        return self.after_start_s(min(done))


def run_options(out: Path, *more: str | Path) -> list[str | Path]:
    """The command line of `reelay run`."""
    options = ["--model", MODEL, "--language", "en", "--workers", str(WORKERS)]
    return [_REELAY, "run", *options, "--out", out, *more]


def run_reelay(video: Path) -> Ran:
    """`reelay run` of one video."""
    with TemporaryDirectory(prefix="reelay-bench-") as home:
        out = Path(home, "out")
        began, began_s, used_s = time.time(), time.monotonic(), _processor_s()
        program = subprocess.Popen(
            run_options(out, video),
            env={**os.environ, "XDG_STATE_HOME": home},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        with PeakMemory(program.pid) as memory:
            _, errors = program.communicate()
        wall_s, used_s = time.monotonic() - began_s, _processor_s() - used_s
        if program.returncode:
            raise RuntimeError(f"reelay run: {errors.decode()}")
        (folder,) = out.iterdir()
        (text,) = folder.glob("*.txt")
        timeline = json.loads((folder / "timeline.json").read_text("utf-8"))
        return Ran(
            began, wall_s, timeline["elapsed_s"], used_s, memory, text.read_text("utf-8"), timeline
        )


def run_plain(video: Path, threads: int) -> Ran:
    """The plain script of one video."""
    model = resolve_model(MODEL, Path(default_models_folder())).folder
    with TemporaryDirectory(prefix="reelay-bench-") as home:
        srt = Path(home, "captions.srt")
        began, began_s, used_s = time.time(), time.monotonic(), _processor_s()
        program = subprocess.Popen(
            [sys.executable, "-m", "ops.benchmarks.plain", video, srt, model, str(threads)],
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
            stdout=subprocess.PIPE,
        )
        with PeakMemory(program.pid) as memory:
            said, _ = program.communicate()
        wall_s, used_s = time.monotonic() - began_s, _processor_s() - used_s
        if program.returncode:
            raise RuntimeError("the plain script failed")
        cues = srt.read_text("utf-8").split("\n\n")
        text = " ".join(" ".join(cue.strip().split("\n")[2:]) for cue in cues)
        return Ran(began, wall_s, float(said), used_s, memory, text, {})


def _processor_s() -> float:
    """What all programs used that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True, slots=True)
class Warm:
    """A pipeline that runs already."""

    pipeline: LocalPipeline
    store: ObjectStore

    def publish(self, video: Path) -> VideoUploaded:
        """Begin a video. Returns at once."""
        (found,) = media_files([video])
        assert not isinstance(found, Unusable)
        upload = new_task(self.store, found, Options(model=MODEL, language="en")).upload
        publish(open_producer(self.pipeline.connections), upload, Codec(FingerprintRegistry()))
        return upload

    def finish(self, upload: VideoUploaded) -> None:
        """Wait for its captions. Raises RuntimeError if they do not come."""
        deadline = time.monotonic() + _OUTCOME_S
        while (outcome := find_outcome(self.store, upload)) is None:
            self.pipeline.processes.watch()
            if time.monotonic() > deadline:
                raise RuntimeError(f"no outcome of {upload.name}")
            time.sleep(_TICK_S)
        match outcome:
            case VideoFailed() | VideoCancelled():
                raise RuntimeError(f"{upload.name}: {outcome}")

    def seconds(self, video: Path) -> float:
        """How long a video takes alone."""
        began_s = time.monotonic()
        self.finish(self.publish(video))
        return time.monotonic() - began_s


@contextmanager
def warm_pipeline(first: Path) -> Iterator[Warm]:
    """A pipeline that has done one video."""
    with TemporaryDirectory(prefix="reelay-bench-") as home:
        store = Path(home, "store")
        with local_pipeline(
            store_url=store.as_uri(), local_roots="/", workers=WORKERS, model=MODEL, logs=Path(home)
        ) as pipeline:
            warm = Warm(pipeline, FolderStore(store))
            warm.seconds(first)
            yield warm
