"""What `run` and `up` share: the meaning of their options, and what must be there before they start."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import click

from ops.cli.text import shown
from ops.pipeline.export import FORMATS
from processors.converter.settings import ConverterSettings
from processors.runtime.settings import read_settings
from processors.transcriber.models import ModelMissing, resolve_model
from processors.transcriber.settings import TranscriberSettings

_WORKER_BYTES = 10**9
"""What a transcriber worker with the model `small` may take."""


class Formats(click.ParamType):
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


def language_tag(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A language tag, "mixed" or nothing. Raises BadParameter."""
    if value is not None and not re.fullmatch(r"mixed|[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", value):
        raise click.BadParameter(f"{value!r} is no language tag such as de or en-GB, nor 'mixed'")
    return value


def default_workers() -> int:
    """One for each core, as far as the free memory holds as many models."""
    import psutil  # type: ignore[import-untyped]  # noqa: PLC0415

    room = int(psutil.virtual_memory().available // _WORKER_BYTES)
    return max(1, min(len(os.sched_getaffinity(0)), room))


def full_name(model: str) -> str:
    """A model's name as it is; a folder as an absolute path, so that a later run knows it again."""
    folder = Path(model).expanduser()
    return os.fspath(folder.resolve()) if folder.is_dir() else model


def check_programs() -> None:
    """Raises ClickException if ffmpeg is not installed."""
    settings = read_settings(ConverterSettings)
    for program in (settings.ffmpeg, settings.ffprobe):
        if shutil.which(program) is None:
            raise click.ClickException(f"{program} is not installed: please install ffmpeg")


def get_model(name: str) -> None:
    """Have the model on this machine before anything starts; from the hub if need be.

    Raises ClickException with what to do.
    """
    models = Path(read_settings(TranscriberSettings).models_folder)
    try:
        try:
            resolve_model(name, models)
        except ModelMissing:
            click.echo(f"Getting the model {shown(name)}, once …", err=True)
            resolve_model(name, models, download=True)
    except ModelMissing as error:
        raise click.ClickException(str(error)) from error
