"""What `reelay run` shows while it works: a live view on a terminal, plain lines anywhere else."""

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import click

from ops.cli.text import clock, counted, shown, times
from ops.pipeline.progress import Progress, VideoProgress

if TYPE_CHECKING:
    from rich.console import RenderableType

_ROWS = 8
_PLAIN_EVERY_S = 10.0
MARKS = {"✓": "green", "✗": "red", "!": "yellow"}
"""What stands before a line: done, failed, warning."""


class Display(Protocol):
    """Where progress goes: shown from `__enter__` to `__exit__`."""

    def refresh(self, waiting: int) -> None:
        """Show how things are. waiting: videos that have not begun. Call it some times a second."""

    def line(self, text: str, *, mark: str = "", err: bool = False) -> None:
        """Print a line that stays, to standard output, or to standard error with `err`.

        mark: one of `MARKS`, put before the text in its colour."""

    def __enter__(self) -> "Display": ...

    def __exit__(self, *args: object) -> None: ...


def display(
    progress: Progress, began_s: float, *, idle: str = "starting", every_s: float = _PLAIN_EVERY_S
) -> Display:
    """The live view if standard error is a terminal. began_s: when the run began (`time.monotonic`).

    idle: what to say while no video is at work. every_s: how often a plain line tells of each that is.
    """
    return Live(progress, began_s, idle) if sys.stderr.isatty() else Plain(progress, every_s)


class Plain:
    """One line for each video at work, now and then, to standard error."""

    def __init__(self, progress: Progress, every_s: float = _PLAIN_EVERY_S) -> None:
        self._progress = progress
        self._every_s = every_s
        self._next_s = time.monotonic() + every_s

    def refresh(self, waiting: int) -> None:
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + self._every_s
        for video in self._progress.at_work.values():
            if video.probed:
                self.line(f"{shown(video.name)}: {', '.join(_facts(video, now_s))}", err=True)

    def line(self, text: str, *, mark: str = "", err: bool = False) -> None:
        click.echo(f"{click.style(mark, fg=MARKS[mark])} {text}" if mark else text, err=err)

    def __enter__(self) -> "Plain":
        return self

    def __exit__(self, *args: object) -> None:
        pass


class Live:
    """A row with a bar for each video at work, redrawn in place below the lines that stay."""

    def __init__(self, progress: Progress, began_s: float, idle: str = "starting") -> None:
        from rich.console import Console  # noqa: PLC0415  # a tenth of a second that nobody else needs
        from rich.live import Live as RichLive  # noqa: PLC0415

        self._progress = progress
        self._began_s = began_s
        self._idle = idle
        self._console = Console(stderr=True, highlight=False)
        self._live = RichLive(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def refresh(self, waiting: int) -> None:
        self._live.update(self._view(waiting), refresh=True)

    def line(self, text: str, *, mark: str = "", err: bool = False) -> None:
        from rich.text import Text  # noqa: PLC0415

        if err or sys.stdout.isatty():  # the same terminal: above the live view, not through it
            whole = Text.assemble((mark, MARKS[mark]), " ", text) if mark else Text(text)
            self._console.print(whole, soft_wrap=True)
        else:
            click.echo(f"{mark} {text}" if mark else text)

    def __enter__(self) -> "Live":
        self._live.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._live.stop()

    def _view(self, waiting: int) -> "RenderableType":
        from rich.console import Group  # noqa: PLC0415
        from rich.progress_bar import ProgressBar  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        now_s = time.monotonic()
        videos = list(self._progress.at_work.values())
        width = self._console.width
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(12, width // 3))
        table.add_column(width=max(8, min(30, width // 4)))
        table.add_column(no_wrap=True, overflow="ellipsis", style="dim")
        for video in videos[:_ROWS]:
            total_s = video.duration_s or 1.0
            bar = ProgressBar(total=total_s, completed=min(video.media_done_s, total_s))
            table.add_row(Text(shown(video.name)), bar, Text(" · ".join(_facts(video, now_s))))
        not_shown = max(0, len(videos) - _ROWS) + waiting
        overall = [clock(now_s - self._began_s), *_overall(self._progress, not_shown, now_s, self._idle)]
        return Group(table, Text(" · ".join(overall), style="dim"))


def _facts(video: VideoProgress, now_s: float) -> Iterator[str]:
    """What there is to say about a video at work, in a few words each."""
    expected = video.segments_expected
    if not video.probed:
        yield "waiting"
    elif video.is_joining:
        yield "writing captions"
    elif expected is None:
        yield "reading the sound"
    else:
        more = "" if video.segments is not None else "+"
        yield f"{len(video.done_s)} of {expected}{more} {'segment' if expected == 1 else 'segments'}"
        if rate := video.pace.rate(now_s):
            yield times(rate)
        if (left_s := video.left_s(now_s)) is not None:
            yield f"{clock(left_s)} left"


def _overall(progress: Progress, not_shown: int, now_s: float, idle: str) -> Iterator[str]:
    if not progress.at_work:
        yield idle
    elif not any(video.probed for video in progress.at_work.values()):
        yield "starting"
    if rate := progress.pace.rate(now_s):
        yield f"{times(rate)} real time"
    if not_shown:
        yield f"{counted(not_shown, 'more file')} waiting"
