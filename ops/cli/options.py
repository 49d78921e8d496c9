"""Options that several commands share: one meaning, one help text, and how they are checked."""

import os
import re
from pathlib import Path
from typing import Any

import click

from ops.pipeline.export import FORMATS
from schemas.events import Task

_HOTWORDS_MAX = 2_000
_WORKER_BYTES = 10**9
"""What a transcriber worker with the model `small` may take."""


class _Formats(click.ParamType):
    """Comma-separated names of result formats."""

    name = "formats"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        asked = [part.strip().lower() for part in str(value).split(",") if part.strip()]
        if wrong := [part for part in asked if part not in (*FORMATS, "all")]:
            self.fail(f"{wrong[0]!r} is none of {', '.join(FORMATS)}, all", param, ctx)
        return FORMATS if not asked or "all" in asked else tuple(f for f in FORMATS if f in asked)


def names(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Files and folders. Raises BadParameter for an empty name: a variable that is not set, which would
    mean the folder where one is."""
    if "" in value:
        raise click.BadParameter("'' is no name of a file or folder")
    return value


def language_tag(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A language tag, "mixed" or nothing. Raises BadParameter."""
    if value is not None and not re.fullmatch(r"mixed|[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", value):
        raise click.BadParameter(f"{value!r} is no language tag such as de or en-GB, nor 'mixed'")
    return value


def hotwords(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Words to expect. Raises BadParameter for more than a model takes."""
    if value is not None and len(value) > _HOTWORDS_MAX:
        raise click.BadParameter(f"{len(value)} characters are too many, the limit is {_HOTWORDS_MAX}")
    return value


def _default_workers() -> int:
    """One for each core, as far as the free memory holds as many models."""
    import psutil  # type: ignore[import-untyped]  # noqa: PLC0415

    room = int(psutil.virtual_memory().available // _WORKER_BYTES)
    return max(1, min(len(os.sched_getaffinity(0)), room))


MODEL = click.option(
    "--model", help="Whisper model: a name (tiny.en, base, small, …) or a folder.  [default: small]"
)
LANGUAGE = click.option(
    "--language",
    callback=language_tag,
    help="Language of the speech (de, en-GB, …), or 'mixed'.  [default: heard]",
)
TASK = click.option(
    "--task",
    type=click.Choice([task.value for task in Task]),
    default=Task.TRANSCRIBE.value,
    show_default=True,
    help="Write what is said, or translate it to English.",
)
TRACK = click.IntRange(0, 2**31 - 1)  # an event's int
AUDIO_TRACK = click.option(
    "--audio-track", type=TRACK, help="Which audio track, from 0.  [default: the file's own]"
)
HOTWORDS = click.option(
    "--hotwords", callback=hotwords, help="Words and names to expect, separated by spaces."
)
WORKERS = click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=_default_workers,
    show_default="one for each core, if the memory suffices",
    help="Segments to transcribe at once; each worker holds the model in memory.",
)
FORMAT = click.option(
    "--format",
    "formats",
    type=_Formats(),
    default="all",
    show_default=True,
    help=f"Which files: {', '.join(FORMATS)}.",
)
OUT = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reelay-out"),
    show_default=True,
    help="Folder for the results, one folder in it for each file.",
)
FORCE = click.option("--force", is_flag=True, help="Make everything anew, also what is done already.")
