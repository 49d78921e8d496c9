"""Short clips of speech, and places to run in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import media
from tests.integration.up.world import World


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> "Clips":
    return Clips(tmp_path_factory.mktemp("clips"))


class Clips:
    """Different clips of three seconds of speech, as many as are asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def one(self, name: str) -> Path:
        """A new one, in a folder of its own."""
        folder = self._folder / str(self._made)
        folder.mkdir()
        media.piece(folder / f"{name}.wav", start_s=self._made * 3.0, duration_s=3)
        self._made += 1
        return folder / f"{name}.wav"


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A place where nothing runs yet."""
    world = World(tmp_path, tmp_path_factory.getbasetemp(), tmp_path / "out")
    yield world
    world.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One `reelay up` that many tests use, one after another."""
    root = tmp_path_factory.mktemp("running")
    (root / "watched").mkdir()
    world = World(root, tmp_path_factory.getbasetemp(), root / "out")
    world.start("--watch", root / "watched")
    yield world
    world.close()
