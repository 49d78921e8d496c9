"""One long run that many tests look at."""

from pathlib import Path

import pytest

from tests import media
from tests.e2e.command import Finished, Home

LATE_S = 2.0
HOLE_S = 5.0
HOUR_S = 3600.0


@pytest.fixture(scope="session")
def captioned(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run over the clip in every format and in every shape that could move its words."""
    home = Home(tmp_path_factory.mktemp("captioned"))
    films = home.root / "films"
    films.mkdir()
    for extension in media.FORMATS:
        media.in_format(extension, films / f"clip.{extension}")
    media.with_late_audio(films / "late.mp4", by_s=LATE_S)
    media.with_late_audio(films / "late.mkv", by_s=LATE_S)
    media.with_hole(films / "hole.mp4", hole_s=HOLE_S)
    media.with_variable_frame_rate(films / "vfr.mkv")
    media.after_silence(films / "hour.mkv", silence_s=HOUR_S)
    return home.run(films)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)
