"""Where `reelay up` serves the web page and the API."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import click

from ops.pipeline.local import Web
from processors.runtime.settings import read_settings

_NEEDED = ("fastapi", "uvicorn")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. port: 0 for any that is free."""

    host: str
    port: int


def address(_: click.Context, parameter: click.Parameter, given: str) -> Address | None:
    """A click callback: HOST:PORT, or `off`. Raises BadParameter."""
    if given == "off":
        return None
    host, colon, port = given.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isascii() and port.isdecimal() and int(port) < 65536):
        raise click.BadParameter(f"{given!r}: expected HOST:PORT, or off", param=parameter)
    return Address(host, int(port))


def claimed(wanted: Address, database: Path, *, page: bool) -> Web | None:
    """Make sure that the gateway can serve there, before anything is started. None, with a notice, if
    it is not installed.

    Raises ClickException if the address is taken, or keys are needed and there are none; SettingsError.
    """
    if any(find_spec(name) is None for name in _NEEDED):
        click.echo("No web page: it needs pip install 'reelay[gateway]'.", err=True)
        return None
    from connectors.gateway.keys import KeysUnusable, load_keys  # noqa: PLC0415
    from connectors.gateway.main import listen, taken  # noqa: PLC0415
    from connectors.gateway.settings import GatewaySettings  # noqa: PLC0415

    try:
        load_keys(read_settings(GatewaySettings, host=wanted.host, port=wanted.port))
        with listen(wanted.host, wanted.port) as listening:
            port = listening.getsockname()[1]
    except KeysUnusable as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        why = taken(wanted.host, wanted.port, error)
        raise click.ClickException(
            f"{why}; choose another with --http HOST:PORT, or --http off"
        ) from error
    return Web(wanted.host, port, page, database)
