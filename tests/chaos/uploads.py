"""What is published while processes are killed."""

import random
import time
from dataclasses import dataclass, field
from pathlib import Path

from connectors.objectstore import ObjectStore
from connectors.objectstore.revisions import take_revision
from connectors.objectstore.wishes import leave_note
from ops.pipeline.files import MediaFile, identify
from schemas.events import Options
from tests.chaos.oracle import Revision, is_over
from tests.chaos.up import Up
from tests.media import CLIP, ffmpeg

_SUFFIXES = ("mp4", "mkv", "m4a", "wav", "flac", "ogg")
_TICK_S = 0.05


def make_files(
    folder: Path, dice: random.Random, *, count: int = len(_SUFFIXES)
) -> tuple[MediaFile, ...]:
    """The clip of a minute, first, and so many pieces of 5 to 20 s of it, in several formats."""
    folder.mkdir()
    (folder / CLIP.name).write_bytes(CLIP.read_bytes())
    paths = [folder / CLIP.name]
    for number, suffix in enumerate(_SUFFIXES[:count]):
        paths.append(folder / f"piece-{number}.{suffix}")
        start_s, duration_s = dice.uniform(0, 34), dice.uniform(5, 20)
        ffmpeg("-ss", start_s, "-t", duration_s, "-i", CLIP, *_codecs(suffix), paths[-1])
    files = [identify(path) for path in paths]
    return tuple(file for file in files if isinstance(file, MediaFile))


@dataclass(slots=True)
class Uploads:
    """The revisions that were published into a store, whether `reelay up` runs at the time or not."""

    store: ObjectStore
    published: list[Revision] = field(default_factory=list)
    unfinished: set[Revision] = field(default_factory=set)

    def publish(self, file: MediaFile, *, reuse: bool = True) -> Revision:
        """Ask for captions of a file, once more if it has some. reuse: whether earlier work will do."""
        upload = take_revision(
            self.store,
            file.video_id,
            source=file.source,
            name=file.name,
            size_bytes=file.size_bytes,
            options=Options(reuse=reuse),
        )
        leave_note(self.store, file.video_id)
        revision = (upload.video_id, upload.revision)
        self.published.append(revision)
        self.unfinished.add(revision)
        return revision

    def settle(self) -> None:
        """See which are over by now."""
        self.unfinished = {one for one in self.unfinished if not is_over(self.store, one)}

    def await_all(self, up: Up, *, within_s: float) -> None:
        """Until each is over. Raises AssertionError that names those that are not in time, or if `up`
        ends."""
        deadline = time.monotonic() + within_s
        while self.unfinished:
            up.check()
            assert time.monotonic() < deadline, f"no outcome after {within_s} s: {self.unfinished}"
            time.sleep(_TICK_S)
            self.settle()


def _codecs(suffix: str) -> list[str]:
    if suffix in ("mp4", "mkv"):
        return ["-vf", "scale=160:90", "-c:v", "mpeg4", "-c:a", "aac"]
    return ["-vn"]
