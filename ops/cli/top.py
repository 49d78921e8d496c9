"""`reelay top`: what is in the works, as it goes on."""

import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import click

from ops.cli.errors import one_line
from ops.cli.kafka import cluster_options
from ops.cli.overview import look
from ops.cli.place import Cluster, ThisMachine, find_place

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
"""The terminal's second screen, without a cursor; lines that are too long are cut, not wrapped."""
_LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_HOME = "\x1b[H"
_REST_OF_LINE = "\x1b[K"
_REST_OF_SCREEN = "\x1b[J"


@click.command("top")
@cluster_options(required=False)
@click.option("--partitions", "by_partition", is_flag=True, help="Show every partition that has lag.")
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(0.2),
    default=2.0,
    show_default=True,
    help="Seconds between two looks.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each look.")
def command(
    *, brokers: str | None, registry: str, by_partition: bool, every_s: float, as_json: bool
) -> int:
    """Show what `reelay status` shows, again and again, until Ctrl-C.

    \b
    Examples:
      reelay top
      reelay top --brokers localhost:9092 --every 5
    """
    with one_line():
        place = find_place(brokers, registry)
    is_screen = sys.stdout.isatty() and not as_json
    with _screen() if is_screen else nullcontext():
        while True:
            text = _text(place, by_partition=by_partition, as_json=as_json)
            click.echo(_filling(text) if is_screen else text, nl=not is_screen)
            time.sleep(every_s)


def _text(place: ThisMachine | Cluster, *, by_partition: bool, as_json: bool) -> str:
    """How things are; what keeps that from being seen is a line, since it may pass."""
    try:
        with one_line():
            seen = look(place, by_partition=by_partition)
    except click.ClickException as error:
        return json.dumps({"error": error.message}) if as_json else f"! {error.message}"
    return json.dumps(seen.record) if as_json else "\n".join(seen.lines)


def _filling(text: str) -> str:
    """The text in place of what the terminal shows, as far as there is room."""
    rows = text.splitlines()[: shutil.get_terminal_size().lines]
    return _HOME + "\r\n".join(f"{row}{_REST_OF_LINE}" for row in rows) + _REST_OF_SCREEN


@contextmanager
def _screen() -> Iterator[None]:
    click.echo(_ENTER, nl=False)
    try:
        yield
    finally:
        click.echo(_LEAVE, nl=False)
