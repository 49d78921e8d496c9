"""Binds the converter to its topic."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from connectors.objectstore import open_store
from connectors.objectstore.contract import probe as probe_store
from connectors.settings import Connections
from processors.converter.settings import ConverterSettings
from processors.runtime.contract import Failure, Lane, Processor, Stage
from schemas.events import StageFailed, VideoUploaded
from schemas.topics import VIDEO_UPLOADED

NAME = "converter"


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker needs to make its converter."""

    connections: Connections
    converter: ConverterSettings


def stage(connections: Connections) -> Stage:
    """The converter as the runtime sees it."""
    return Stage(
        name=NAME,
        lanes=(Lane(VIDEO_UPLOADED),),
        make=make,
        settings=Setup(connections, ConverterSettings()),
        gave_up=gave_up,
        probe=probe,
        workers=2,  # a conversion takes as long as its video: a short one goes on beside a long one
    )


def make(setup: Setup) -> Processor:
    """The converter of one worker process. Raises RuntimeError if ffmpeg or ffprobe is not installed."""
    from processors.converter.convert import Converter  # numpy and soundfile, in workers alone  # noqa: PLC0415

    for program in (setup.converter.ffmpeg, setup.converter.ffprobe):
        if shutil.which(program) is None:
            raise RuntimeError(
                f"{program} not found: install ffmpeg, or name the programs in REELAY_CONVERTER_FFMPEG"
                " and REELAY_CONVERTER_FFPROBE"
            )
    roots = tuple(Path(root) for root in setup.connections.local_roots.split(":") if root)
    return Converter(open_store(setup.connections), roots, setup.converter)


def gave_up(event: VideoUploaded, failure: Failure) -> StageFailed:
    """What the world hears of an upload that is given up; what was emitted before stands."""
    return StageFailed(
        video_id=event.video_id,
        revision=event.revision,
        stage=NAME,
        kind=failure.kind,
        reason=failure.reason,
        segments_out=max(0, failure.yields_out - 1),
    )


def probe(setup: Setup) -> None:
    """Raises DependencyDown until the object store takes objects again."""
    probe_store(open_store(setup.connections), NAME)
