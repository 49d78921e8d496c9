"""`reelay processor`: one consumer group's program, as containers run it."""

import click

from ops.cli.errors import one_line
from ops.pipeline import PROCESSORS
from ops.pipeline.child import WRONG_SETTINGS
from ops.pipeline.processors import run_processor
from processors.runtime.settings import SettingsError
from schemas.topics import CATALOG


@click.command("processor")
@click.argument("name", type=click.Choice((*PROCESSORS, CATALOG)))
def command(name: str) -> int:
    """Run one processor until it is told to stop.

    It takes its settings from the environment: REELAY_KAFKA_BROKERS and REELAY_STORE_URL are needed,
    and REELAY_DATABASE_URL by the catalogue. The exit status is 2 where a setting is wrong, so that a
    restart would not help.

    \b
    Example:
      REELAY_KAFKA_BROKERS=localhost:9092 REELAY_STORE_URL=file:///srv/reelay reelay processor converter
    """
    with one_line():
        try:
            return run_processor(name)
        except SettingsError as error:
            click.echo(f"Error: {error}", err=True)
            return WRONG_SETTINGS
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"Python package {error.name!r} is missing: pip install 'reelay[{name}]'"
            ) from error
