"""What an upload may be, and what is said to those that may not."""

import re
import unicodedata
from dataclasses import dataclass

from connectors.gateway.problems import Problem
from connectors.objectstore import MAX_PARTS, PART_BYTES

LARGEST_BYTES = MAX_PARTS * PART_BYTES
"""No store takes more in parts of that size."""

_BUSY_S = 5
_SEPARATORS = re.compile(r"[/\\]")
_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories: what ends lines or steers terminals, and halves of characters."""

_REORDERING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Bidirectional classes: a name with these may be shown as another one."""


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """max_uploads: requests that bring bytes at the same time; each may hold a part in memory. kept_s:
    how long an upload of which nothing comes is kept."""

    max_bytes: int
    max_uploads: int
    max_name_chars: int
    kept_s: float

    @property
    def largest_bytes(self) -> int:
        """The most bytes of one upload."""
        return min(self.max_bytes, LARGEST_BYTES)

    def check_size(self, size_bytes: int) -> None:
        """Raises Problem for more than may be uploaded."""
        if size_bytes > self.largest_bytes:
            raise Problem(
                413,
                "Too large",
                f"An upload may have {self.largest_bytes:,} bytes at most.",
                max_bytes=self.largest_bytes,
            )

    def check_name(self, name: str) -> str:
        """The name as it is kept. Raises Problem for what is no file name."""
        named = unicodedata.normalize("NFC", name).strip()
        if len(named) > self.max_name_chars:
            raise _bad_name(f"A file name may have {self.max_name_chars} characters at most.")
        if _SEPARATORS.search(named) or named.strip(".") == "":
            raise _bad_name("Send the file's name alone, without folders.")
        if any(map(_is_control, named)):
            raise _bad_name("There are control characters in the file name.")
        return named


def too_many() -> Problem:
    """There are as many uploads under way as may be."""
    return Problem(
        503,
        "Too many uploads",
        "As many uploads as this gateway takes at once are under way; try again soon.",
        headers={"Retry-After": str(_BUSY_S)},
    )


def _is_control(character: str) -> bool:
    """Not all that is invisible: systems write names with narrow and wide spaces, and some scripts and
    emoji need joiners."""
    return (
        unicodedata.category(character) in _CONTROLS
        or unicodedata.bidirectional(character) in _REORDERING
    )


def _bad_name(detail: str) -> Problem:
    return Problem(400, "Bad file name", detail)
