"""Speech models in the models folder: got from the Hugging Face hub, each put in place whole."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.up.lock import Held, hold
from processors.transcriber.models import WEIGHTS, ModelMissing, resolve_model

_SAY_EVERY_S = 1.0
_FILES = ["config.json", "preprocessor_config.json", WEIGHTS, "tokenizer.json", "vocabulary.*"]
"""What faster-whisper reads of a model's repository."""


class PullError(Exception):
    """The model could not be had. The message is one line that says why."""


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model on this machine."""

    name: str
    folder: Path
    size_bytes: int


def hub_models() -> dict[str, str]:
    """The names that the hub's models have here, with their repositories."""
    from faster_whisper import utils  # noqa: PLC0415  # takes half a second

    return dict(utils._MODELS)


def local_models(models_folder: Path) -> Iterator[LocalModel]:
    """The models that can be named, in the order of their names."""
    names = {*hub_models()}
    if models_folder.is_dir():
        names |= {path.name for path in models_folder.iterdir() if not path.name.startswith(".")}
    for name in sorted(names):
        try:
            folder = resolve_model(name, models_folder).folder
        except ModelMissing:
            continue
        yield LocalModel(name, folder, _size_bytes(folder))


def pull(name: str, models_folder: Path, tell: Callable[[int], None]) -> Path:
    """Get a model into the models folder; gives its folder. tell: takes the bytes that are there, about
    every second, in another thread. What an attempt that was cut off has got is used by the next.

    Raises PullError, OSError for the disk.
    """
    repository = hub_models().get(name)
    if repository is None:
        raise PullError(f"there is no model {name!r}; there are: {', '.join(hub_models())}")
    making = models_folder / f".pulling-{name}"
    try:
        with hold(models_folder / f".{name}.lock", try_s=0):
            place = models_folder / name
            if not (place / WEIGHTS).is_file():  # somebody else was faster
                with _told(making, tell):
                    _download(repository, making)
                shutil.rmtree(making / ".cache", ignore_errors=True)
                making.rename(place)
            return place
    except Held as error:
        raise PullError(f"another reelay is getting {name} right now") from error


def _download(repository: str, folder: Path) -> None:
    from huggingface_hub import snapshot_download  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError  # noqa: PLC0415
    from huggingface_hub.utils.tqdm import disable_progress_bars  # noqa: PLC0415

    disable_progress_bars()
    try:
        snapshot_download(repository, local_dir=folder, allow_patterns=_FILES)
    except LocalEntryNotFoundError as error:
        raise PullError(
            "the Hugging Face hub cannot be reached; without it, give a folder with a faster-whisper "
            "model, or --model tiny.en"
        ) from error
    except HfHubHTTPError as error:
        raise PullError(f"the Hugging Face hub refuses: {str(error).splitlines()[0]}") from error
    if not (folder / WEIGHTS).is_file():
        raise PullError(f"{repository} holds no {WEIGHTS}")


@contextmanager
def _told(folder: Path, tell: Callable[[int], None]) -> Iterator[None]:
    """Tell how large the folder is, while this lasts."""
    over = threading.Event()

    def say() -> None:
        while not over.wait(_SAY_EVERY_S):
            tell(_size_bytes(folder))

    thread = threading.Thread(target=say, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _size_bytes(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        try:
            size += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return size
