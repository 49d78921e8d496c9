"""A stage whose input says what happens to it, as a process of its own: `python toy.py FOLDER GROUP`.

The input's `name` is a list of steps, separated by spaces. What happened is written to a log in FOLDER,
one line a step, so that tests can see what was done twice.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from connectors.errors import DependencyDown, TransientError
from connectors.settings import Connections
from processors.runtime.contract import Failure, Job, Lane, PoisonError, Stage
from processors.runtime.main import run
from processors.runtime.settings import RuntimeSettings, read_settings
from schemas.events import AudioSegmented, Event, FailureKind, StageFailed, VideoConverted, VideoUploaded
from schemas.topics import AUDIO_SEGMENTED, AUDIO_SEGMENTED_BULK, VIDEO_UPLOADED

GROUP = "toy"


@dataclass(frozen=True)
class ToySettings:
    folder: Path

    def note(self, *words: object) -> None:
        with (self.folder / "log").open("a") as log:
            log.write(" ".join(map(str, words)) + "\n")


class Toy:
    def __init__(self, settings: ToySettings) -> None:
        self.settings = settings
        if (settings.folder / "no-model").exists():
            raise FileNotFoundError("no model")
        settings.note("made", os.getpid())

    def process(self, event: VideoUploaded | AudioSegmented, job: Job) -> Iterator[Event]:
        self.settings.note("began", event.video_id, job.attempt, os.getpid())
        if isinstance(event, AudioSegmented):
            while not (self.settings.folder / "open").exists():
                time.sleep(0.002)
            return
        for step in event.name.split():
            verb, _, argument = step.partition(":")
            if verb == "vanishes" and job.attempt > 1:
                yield gave_up(event, Failure(FailureKind.FILE, "the file is gone", yields_out=0))
                return
            yield from self._step(verb, argument, event, job)
        self.settings.note("ended", event.video_id)

    def _step(self, verb: str, argument: str, event: VideoUploaded, job: Job) -> Iterator[Event]:
        match verb:
            case "yield":
                yield VideoConverted(
                    video_id=event.video_id,
                    revision=event.revision,
                    segments=int(argument or 0),
                    duration_s=0.0,
                    has_audio=True,
                )
            case "wait":  # until the test makes that file, or the job is cancelled
                while not (self.settings.folder / argument).exists():
                    job.check()
                    job.progress(1, 2, "step")
                    time.sleep(0.002)
            case "hold":  # the same, deaf to cancelling
                while not (self.settings.folder / argument).exists():
                    time.sleep(0.002)
            case "abort" if job.attempt <= int(argument or 99):
                os.abort()
            case "kill" if job.attempt <= int(argument or 99):
                os.kill(os.getpid(), signal.SIGKILL)
            case "transient" if job.attempt <= int(argument or 99):
                raise TransientError("not now")
            case "bug" if job.attempt <= int(argument or 99):
                raise RuntimeError("no such step")
            case "poison":
                raise PoisonError("never")
            case "needs":
                if not (self.settings.folder / argument).exists():
                    raise DependencyDown("store", f"{argument} is not there")


def gave_up(event: VideoUploaded, failure: Failure) -> Event:
    return StageFailed(
        video_id=event.video_id,
        revision=event.revision,
        stage=GROUP,
        kind=failure.kind,
        reason=failure.reason,
        segments_out=failure.yields_out,
    )


def probe(settings: ToySettings) -> None:
    settings.note("probed", os.getpid())
    if not (settings.folder / "store").exists():
        raise DependencyDown("store", "still not there")


def stage(folder: Path, group: str) -> Stage:
    lanes: tuple[Lane, ...] = (Lane(VIDEO_UPLOADED),)
    if (folder / "lanes").exists():
        lanes = (Lane(AUDIO_SEGMENTED, weight=4), Lane(AUDIO_SEGMENTED_BULK))
    return Stage(group, lanes, Toy, ToySettings(folder), gave_up, probe)


if __name__ == "__main__":
    chosen = stage(Path(sys.argv[1]), sys.argv[2])
    sys.exit(run(chosen, read_settings(Connections), read_settings(RuntimeSettings)))
