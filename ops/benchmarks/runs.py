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
from connectors.kafka.publishing import publish
from connectors.objectstore import FolderStore, open_store
from connectors.objectstore.revisions import find_outcome, take_revision
from connectors.registry import open_registry
from connectors.settings import Connections
from ops.benchmarks.tree import PeakMemory
from ops.cluster.cluster import Cluster
from ops.cluster.contents import furnish
from ops.pipeline import PROCESSORS
from ops.pipeline.files import Unusable, media_files
from ops.pipeline.local import local_pipeline
from ops.pipeline.processes import Processes
from ops.pipeline.uploading import upload_file
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

    connections: Connections
    processes: Processes

    def publish(self, video: Path) -> VideoUploaded:
        """Begin a video, which a cluster gets a copy of. Returns once it is announced."""
        (found,) = media_files([video])
        assert not isinstance(found, Unusable)
        store, source = open_store(self.connections), found.source
        if not isinstance(store, FolderStore):
            source = upload_file(store, found.video_id, found.name, found.path)
        upload = take_revision(
            store,
            found.video_id,
            source=source,
            name=found.name,
            size_bytes=found.size_bytes,
            options=Options(model=MODEL, language="en"),
        )
        publish(open_producer(self.connections), upload, Codec(open_registry(self.connections)))
        return upload

    def finish(self, upload: VideoUploaded) -> None:
        """Wait for its captions. Raises RuntimeError if they do not come."""
        store, deadline = open_store(self.connections), time.monotonic() + _OUTCOME_S
        while (outcome := find_outcome(store, upload)) is None:
            self.processes.watch()
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
    """The pipeline of one machine that has done one video."""
    with TemporaryDirectory(prefix="reelay-bench-") as home:
        store = Path(home, "store")
        with local_pipeline(
            store_url=store.as_uri(), local_roots="/", workers=WORKERS, model=MODEL, logs=Path(home)
        ) as pipeline:
            warm = Warm(pipeline.connections, pipeline.processes)
            warm.seconds(first)
            yield warm


@contextmanager
def warm_cluster(first: Path) -> Iterator[Warm]:
    """A Kafka, registry and S3 server of this machine, with one of each processor, that have done one
    video. Raises ToolMissing if such servers cannot be had here."""
    with TemporaryDirectory(prefix="reelay-bench-") as home, Cluster(Path(home, "cluster")) as cluster:
        connections = cluster.connections()
        furnish(connections)
        with Processes(Path(home)) as processes:
            environ = connections.environment() | {
                "REELAY_RUNTIME_HTTP_PORT": "-1",
                "REELAY_AGGREGATOR_HTTP_PORT": "-1",
                "REELAY_AGGREGATOR_STATE_FOLDER": str(Path(home, "aggregator")),
                "REELAY_TRANSCRIBER_MODEL": MODEL,
            }
            for name in PROCESSORS:
                workers = {"REELAY_RUNTIME_WORKERS": str(WORKERS)} if name == "transcriber" else {}
                processes.start(name, environ | workers)
            warm = Warm(connections, processes)
            warm.seconds(first)
            yield warm
