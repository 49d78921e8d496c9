"""Runs the gateway by the settings in the environment."""

from collections.abc import Callable
from typing import Any

from connectors.settings import Connections
from processors.runtime.settings import read_settings


def run_gateway(ready: Callable[[str], None] = lambda url: None, **given: Any) -> int:
    """Run it until SIGTERM. Returns its exit status. given: settings that stand above the environment.

    Raises SettingsError for a wrong setting, ModuleNotFoundError if its extra is not installed.
    """
    from connectors.gateway.main import serve  # noqa: PLC0415  # FastAPI only where it is used
    from connectors.gateway.settings import GatewaySettings  # noqa: PLC0415

    return serve(read_settings(Connections), read_settings(GatewaySettings, **given), ready=ready)
