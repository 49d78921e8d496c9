"""The figures that a benchmark finds, and the table that shows them."""

import os
import platform
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil  # type: ignore[import-untyped]

_README = Path(__file__).with_name("README.md")
_TABLE = re.compile(r"(?<=<!-- figures -->\n).*(?=<!-- end of figures -->)", re.DOTALL)
_VERSIONS = ("reelay", "faster-whisper", "ctranslate2", "confluent-kafka")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. aim: what it should be, if anything was said; met: whether it is."""

    what: str
    value: str
    aim: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Repeats:
    """The same measured some times."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def __format__(self, spec: str) -> str:
        """The median, and between which values it lies."""
        if len(self.values) == 1:
            return format(self.median, spec)
        low, high = min(self.values), max(self.values)
        return f"{self.median:{spec}} ({low:{spec}} to {high:{spec}}, {len(self.values)} times)"


def below(what: str, measured: Repeats | float, limit: float, unit: str, spec: str = ".1f") -> Figure:
    """A figure that should be at most `limit`."""
    value = measured.median if isinstance(measured, Repeats) else measured
    space = " " if unit else ""
    return Figure(
        what, f"{measured:{spec}}{space}{unit}", f"at most {limit:g}{space}{unit}", value <= limit
    )


def as_table(figures: Sequence[Figure]) -> str:
    """Markdown."""
    marks = {None: "", True: "met", False: "**missed**"}
    lines = ["| figure | measured | aim | |", "|---|---|---|---|"]
    lines += [f"| {f.what} | {f.value} | {f.aim} | {marks[f.met]} |" for f in figures]
    return "\n".join(lines) + "\n"


def machine(cores: int) -> str:
    """What the figures were measured on, in one line."""
    memory = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0]
    versions = ", ".join(f"{name} {version(name)}" for name in _VERSIONS)
    return (
        f"{_processor()}, {cores} of its {os.cpu_count()} cores, {memory:.0f} GiB of memory, "
        f"load {load:.1f} at the start; Python {platform.python_version()}, {versions}."
    )


def write_readme(figures: Sequence[Figure], measured_on: str) -> None:
    """Put the table in this folder's README."""
    text = _README.read_text("utf-8")
    table = f"\n{measured_on}\n\n{as_table(figures)}\n"
    _README.write_text(_TABLE.sub(lambda _: table, text), "utf-8")


def _processor() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
    return found[1] if found else platform.machine()
