"""Reads the caption files that people correct: WebVTT and SubRip.

As strict as it takes for a mistake to be told with its line, and as lax as the files that editors write:
byte order marks, CRLF, missing numbers and hours, settings after the times, tags (which are dropped).
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from schemas.captions import Cue

Format = Literal["vtt", "srt"]

MOST_CUES = 50_000
MOST_CUE_CHARS = 2_000
_LATEST_S = 1_000 * 3600.0

_TIMES = re.compile(r"(\S+)[ \t]+-->[ \t]+(\S+)(?:[ \t].*)?")
_TIME = re.compile(r"(?:([0-9]{1,4}):)?([0-5]?[0-9]):([0-5]?[0-9])[.,]([0-9]{3})")
_TAG = re.compile(r"</?[A-Za-z0-9][^<>]*>|\{\\[^{}]*\}")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BLOCKS_TO_SKIP = ("NOTE", "STYLE", "REGION")


class BadCaptions(ValueError):
    """line: where the mistake is, from 1 on. The message says what it is."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines without an empty one between them. line: number of the first."""

    line: int
    lines: tuple[str, ...]


def read_cues(data: bytes, format: Format) -> tuple[Cue, ...]:
    """The cues of a file, in order of their beginnings. Raises BadCaptions."""
    text = _text(data)
    blocks = list(_blocks(text))
    if format == "vtt":
        if not blocks or not re.match(r"WEBVTT(?:[ \t]|$)", blocks[0].lines[0]):
            raise BadCaptions(1, "a WebVTT file begins with WEBVTT")
        # what follows in the header's own block is metadata, unless a cue begins there
        if not any("-->" in line for line in blocks[0].lines):
            blocks = blocks[1:]
        else:
            blocks[0] = _Block(blocks[0].line + 1, blocks[0].lines[1:])
        blocks = [block for block in blocks if not _is_comment(block)]
    cues = []
    for block in blocks:
        cues.append(_cue(block, format))
        if len(cues) > MOST_CUES:
            raise BadCaptions(block.line, f"there are more than {MOST_CUES} captions")
    if not any(cue.lines for cue in cues):
        raise BadCaptions(1, "there is no caption with text in it")
    return tuple(sorted((cue for cue in cues if cue.lines), key=lambda cue: (cue.start_s, cue.end_s)))


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadCaptions(line, "the file is not in UTF-8") from error


def _blocks(text: str) -> Iterator[_Block]:
    lines = re.split(r"\r\n|\n|\r", text)
    first = 0
    for number, line in enumerate([*lines, ""]):
        if not line.strip():
            if number > first:
                yield _Block(first + 1, tuple(lines[first:number]))
            first = number + 1


def _is_comment(block: _Block) -> bool:
    """Whether a block of a WebVTT file is no cue."""
    word = block.lines[0].split(maxsplit=1)[0]
    return word in _BLOCKS_TO_SKIP and "-->" not in block.lines[0]


def _cue(block: _Block, format: Format) -> Cue:
    at = next((n for n, line in enumerate(block.lines[:2]) if "-->" in line), None)
    if at is None:
        raise BadCaptions(block.line, "a caption's times are missing, such as 00:01.500 --> 00:03.000")
    line = block.line + at
    times = _TIMES.fullmatch(block.lines[at].strip())
    if times is None:
        raise BadCaptions(line, "expected two times, such as 00:01.500 --> 00:03.000")
    start_s, end_s = (_seconds(time, line) for time in times.groups())
    if end_s <= start_s:
        raise BadCaptions(line, "a caption must end after it begins")
    spoken = []
    for number, said in enumerate(block.lines[at + 1 :], line + 1):
        if "-->" in said:
            raise BadCaptions(number, "an empty line is missing before this caption")
        if shown := _shown(said, number, format):
            spoken.append(shown)
    if sum(map(len, spoken)) > MOST_CUE_CHARS:
        raise BadCaptions(line, f"a caption may have {MOST_CUE_CHARS} characters at most")
    return Cue(start_s=start_s, end_s=end_s, lines=tuple(spoken))


def _seconds(text: str, line: int) -> float:
    found = _TIME.fullmatch(text)
    if found is None:
        raise BadCaptions(line, f"{text[:40]!r} is no time, such as 01:02:03.500")
    hours, minutes, seconds, ms = (int(part or 0) for part in found.groups())
    time_s = (((hours * 60 + minutes) * 60 + seconds) * 1000 + ms) / 1000
    if time_s > _LATEST_S:
        raise BadCaptions(line, f"{text[:40]!r} is later than any video lasts")
    return time_s


def _shown(said: str, line: int, format: Format) -> str:
    """What is said there without what is not text; one line, also where an escape names a line's end."""
    plain = _TAG.sub("", said)
    if format == "vtt":
        try:
            plain = html.unescape(plain)
        except ValueError as error:  # Python reads no number of thousands of digits
            raise BadCaptions(line, "a number after &# is no character") from error
    return _CONTROLS.sub(" ", plain).strip()
