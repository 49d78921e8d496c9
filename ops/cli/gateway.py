"""`reelay gateway`: the HTTP API and the web page in front of a cluster."""

import click

from ops.cli.errors import one_line
from ops.pipeline.child import WRONG_SETTINGS
from ops.pipeline.gateway import run_gateway
from processors.runtime.settings import SettingsError


@click.command("gateway")
@click.option("--host", help="Address to listen on.  [default: REELAY_GATEWAY_HOST or 127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen on, 0 for any free one.  [default: REELAY_GATEWAY_PORT or 8080]",
)
@click.option("--no-page", is_flag=True, help="Serve the API alone, without the web page.")
@click.option(
    "--new-key",
    metavar="NAME",
    help="Make an API key and serve nothing: prints the key on stdout, and on stderr the line to"
    " put into REELAY_GATEWAY_KEYS or the file of REELAY_GATEWAY_KEYS_FILE.",
)
@click.option(
    "--scope",
    type=click.Choice(["read", "write"]),
    default="write",
    show_default=True,
    help="With --new-key: what the key is for.",
)
def command(
    *, host: str | None, port: int | None, no_page: bool, new_key: str | None, scope: str
) -> int:
    """Serve the API and the web page until told to stop.

    It takes its settings from the environment: REELAY_KAFKA_BROKERS and REELAY_STORE_URL are needed,
    and REELAY_DATABASE_URL for lists and search. On any address but loopback it asks for API keys, and
    does not start without them. `reelay up` starts one by itself.

    The exit status is 2 where a setting is wrong, so that a restart would not help.

    \b
    Examples:
      reelay gateway --new-key page --scope write
      REELAY_KAFKA_BROKERS=kafka:9092 REELAY_STORE_URL=s3://reelay reelay gateway --port 8080
    """
    with one_line():
        try:
            if new_key is not None:
                return _make_key(new_key, scope)
            given = {"host": host, "port": port, "page": False if no_page else None}
            return run_gateway(
                lambda url: click.echo(f"Reelay is at {url}", err=True),
                **{name: value for name, value in given.items() if value is not None},
            )
        except SettingsError as error:
            click.echo(f"Error: {error}", err=True)
            return WRONG_SETTINGS
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"Python package {error.name!r} is missing: pip install 'reelay[gateway]'"
            ) from error


def _make_key(name: str, scope: str) -> int:
    from connectors.gateway.keys import Scope, new_key  # noqa: PLC0415

    try:
        key, line = new_key(name, Scope(scope))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--new-key") from error
    click.echo(key)
    click.echo(line, err=True)
    return 0
