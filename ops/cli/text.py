"""How names, times and numbers are written for people."""

import os
from pathlib import Path

from ops.pipeline.folders import acts_on_terminals


def shown(name: str) -> str:
    """A name that anybody may have chosen, safe on a terminal: what acts on it becomes an escape."""
    return "".join(c.encode("unicode_escape").decode() if acts_on_terminals(c) else c for c in name)


def plain(path: Path) -> str:
    """A path as text that any program can read; bytes that are no UTF-8 become U+FFFD."""
    return os.fsencode(path).decode(errors="replace")


def clock(seconds: float) -> str:
    """0:07, 31:02, 1:02:03."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def counted(number: int, noun: str) -> str:
    """1 word, 4,512 words."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def times(rate: float) -> str:
    """0.6×, 24×."""
    return f"{rate:.1f}×" if rate < 10 else f"{rate:.0f}×"
