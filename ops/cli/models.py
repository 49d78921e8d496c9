"""`reelay models`: which speech models are here, and getting more."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from ops.cli.errors import one_line
from ops.cli.text import plain, shown
from ops.up.models import PullError, local_models, pull
from processors.runtime.settings import read_settings
from processors.transcriber.models import ModelMissing, resolve_model
from processors.transcriber.settings import TranscriberSettings

_PLAIN_EVERY_S = 10.0


@click.group("models")
def command() -> None:
    """List the speech models on this machine, or get one.

    \b
    Examples:
      reelay models list
      reelay models pull small
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each model.")
def list_(as_json: bool) -> int:
    """List the models that can be named on this machine.

    \b
    Example:
      reelay models list
    """
    with one_line():
        found = list(local_models(_folder()))
    width = max((len(model.name) for model in found), default=0)
    for model in found:
        if as_json:
            record = {"name": model.name, "folder": plain(model.folder), "size_bytes": model.size_bytes}
            click.echo(json.dumps(record))
        else:
            size = f"{model.size_bytes / 10**6:6.0f} MB"
            click.echo(f"{shown(model.name):<{width}}  {size}  {shown(plain(model.folder))}")
    if not found:
        click.echo("There is no model yet; get one: reelay models pull small", err=True)
    return 0


@command.command("pull")
@click.argument("name")
def pull_(name: str) -> int:
    """Get the model NAME from the Hugging Face hub, and print its folder.

    \b
    Example:
      reelay models pull small
    """
    with one_line():
        models = _folder()
        try:
            folder = resolve_model(name, models).folder
            click.echo(f"{shown(name)} is on this machine already.", err=True)
        except ModelMissing:
            try:
                folder = pull(name, models, _progress(name))
            except PullError as error:
                raise click.ClickException(str(error)) from error
    click.echo(plain(folder))
    return 0


def _folder() -> Path:
    return Path(read_settings(TranscriberSettings).models_folder)


def _progress(name: str) -> Callable[[int], None]:
    """Says how much is there: over and over in place on a terminal, elsewhere now and then."""
    on_terminal = sys.stderr.isatty()
    next_s = time.monotonic()

    def tell(size_bytes: int) -> None:
        nonlocal next_s
        line = f"{shown(name)}: {size_bytes / 10**6:,.0f} MB"
        if on_terminal:
            click.echo(f"\r{line} ", nl=False, err=True)
        elif time.monotonic() >= next_s:
            next_s = time.monotonic() + _PLAIN_EVERY_S
            click.echo(line, err=True)

    return tell
