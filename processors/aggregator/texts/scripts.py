"""How wide and how fast text may be in a language's script."""

import unicodedata
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Script:
    """line_width: of one line. speed: width that is read in a second. Widths are in the script's own
    characters; `full` and `half` are those of full-width (Chinese, say) and other characters."""

    line_width: float
    speed: float
    full: float
    half: float


# Netflix Timed Text Style Guide, pages of the languages: characters a line and characters a second. Half
# a character for a Latin letter in an East Asian line, and two for a Chinese one elsewhere, is their
# width on the screen.
_ALPHABETIC = Script(line_width=42, speed=20, full=2, half=1)
_EAST_ASIAN = {
    "zh": Script(line_width=16, speed=9, full=1, half=0.5),
    "yue": Script(line_width=16, speed=9, full=1, half=0.5),
    "ja": Script(line_width=13, speed=7, full=1, half=0.5),
    "ko": Script(line_width=16, speed=12, full=1, half=0.5),
}


def primary(language: str) -> str:
    """The language without region and script: "zh" of "zh-Hant-TW"."""
    return language.split("-", 1)[0].lower()


def script_of(language: str) -> Script:
    """The script that a language (BCP 47) is captioned in."""
    return _EAST_ASIAN.get(primary(language), _ALPHABETIC)


def width(text: str, script: Script) -> float:
    """How wide a text is."""
    return sum(_cells(character, script.full, script.half) for character in text)


@cache
def _cells(character: str, full: float, half: float) -> float:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0.0  # drawn over its neighbour, or not at all
    return full if unicodedata.east_asian_width(character) in "WF" else half
