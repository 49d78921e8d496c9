"""What must be there before `run` and `up` start."""

import os
import shutil
from pathlib import Path

import click

from ops.cli.text import shown
from processors.converter.settings import ConverterSettings
from processors.runtime.settings import read_settings
from processors.transcriber.models import ModelMissing, resolve_model
from processors.transcriber.settings import TranscriberSettings


def full_name(model: str) -> str:
    """A model's name as it is; a folder as an absolute path, so that a later run knows it again."""
    folder = os.path.expanduser(model)
    return os.path.realpath(folder) if os.path.isdir(folder) else model


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
