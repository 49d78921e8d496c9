"""Which names a file may be uploaded under."""

import pytest

from connectors.gateway.problems import Problem
from connectors.gateway.uploads import UploadLimits

LIMITS = UploadLimits(max_bytes=1, max_uploads=1, max_name_chars=255, kept_s=1)


@pytest.mark.parametrize(
    "name",
    [
        "Screen Recording 2026-03-01 at 9.41.00\u202fAM.mov",
        "Réunion\u00a0: bilan.mp4",
        "講義\u3000第一回.mp4",
        "می\u200cخواهم.mkv",
        "שיעור\u200f.mp4",
        "👩\u200d🏫 lesson.webm",
        "co\u00adoperation.ogg",
    ],
)
def test_a_name_is_kept_with_the_spaces_and_joiners_that_systems_write(name: str) -> None:
    assert LIMITS.check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "\x1b[2J.mkv",
        "a\x7f.mkv",
        "a\x85.mkv",
        "a\u2028b.mkv",
        "a\u2029b.mkv",
        "a\ud800.mkv",
        "\u202egpj.mkv",
        "\u2066a\u2069.mkv",
    ],
)
def test_a_name_that_ends_lines_or_is_shown_as_another_is_refused(name: str) -> None:
    with pytest.raises(Problem) as refused:
        LIMITS.check_name(name)
    assert refused.value.status == 400
