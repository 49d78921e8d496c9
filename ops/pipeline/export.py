"""A video's results as the user's files, under short names."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from connectors.objectstore import ObjectStore
from ops.pipeline.folders import claim, write_whole
from schemas.events import ArtefactRef, VideoCompleted

FORMATS = ("srt", "vtt", "txt", "json", "chapters", "summary", "timeline")
"""What `--format` takes; the transcript is "json"."""

_CAPTIONS = re.compile(r"captions\.(?P<language>[^.]+)\.(?P<kind>[a-z]+)\.(?P<format>srt|vtt)")
_OTHERS = {"transcript.txt": "txt", "transcript.json": "json"}


@dataclass(frozen=True, slots=True)
class Exported:
    """One file that was written."""

    format: str
    path: Path


def export(
    store: ObjectStore, outcome: VideoCompleted, folder: Path, source: str, formats: Collection[str]
) -> list[Exported]:
    """Write the results of these formats into the source's folder, each file complete or not at all.

    Captions that a person corrected stand in for the transcribed ones of their language. Files of the
    same names that it holds from before are replaced. The folder is `folder`, or a numbered
    one beside it if that belongs to another source by now.

    Raises OSError, DependencyDown, ObjectMissing.
    """
    folder = claim(folder, source)
    named: dict[str, tuple[str, ArtefactRef]] = {}
    for artefact in sorted(outcome.files, key=_is_corrected):  # what a person corrected comes last
        kind, name = _short_name(PurePosixPath(artefact.key).name, folder.name, outcome.language)
        if kind in formats:
            named[name] = kind, artefact
    written = []
    for name, (kind, artefact) in named.items():
        write_whole(folder / name, store.get(artefact.key))
        written.append(Exported(kind, folder / name))
    return sorted(written, key=lambda file: FORMATS.index(file.format))


def _is_corrected(file: ArtefactRef) -> bool:
    found = _CAPTIONS.fullmatch(PurePosixPath(file.key).name)
    return found is not None and found["kind"] == "corrected"


def _short_name(name: str, video: str, language: str) -> tuple[str, str]:
    """The format, and the file's name beside the video's other files."""
    if found := _CAPTIONS.fullmatch(name):
        return found["format"], f"{video}.{found['language']}.{found['format']}"
    if format_ := _OTHERS.get(name):
        return format_, f"{video}.{language}.{format_}"
    return name.partition(".")[0], name
