"""Runs a processor by the settings in the environment."""

from importlib import import_module

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from connectors.objectstore import open_store
from connectors.settings import Connections
from processors.runtime.settings import RuntimeSettings, SettingsError, read_settings

_WITH_STORE = frozenset({"aggregator", "catalog", "converter", "transcriber"})
"""Those that read or write objects. Others may be run without the store's credentials."""


def run_processor(name: str) -> int:
    """Run one processor until SIGTERM. Returns its exit status.

    Raises SettingsError for a wrong setting, ModuleNotFoundError if its extra is not installed.
    """
    connections = read_settings(Connections)
    if name in _WITH_STORE:
        try:
            open_store(connections)  # here, before any worker and any consumer group
        except ValueError as error:
            raise SettingsError(str(error)) from error
    try:
        if name == "aggregator":
            from processors.aggregator import app  # noqa: PLC0415  # Faust only where it is used

            return app.run(connections)
        if name == "catalog":
            from processors.catalog import processor  # noqa: PLC0415  # it alone has a database

            return processor.run(connections, read_settings(RuntimeSettings))
        from processors.runtime.main import run  # noqa: PLC0415  # Faust's process does without

        stage = import_module(f"processors.{name}.processor").stage(connections)
        return run(stage, connections, read_settings(RuntimeSettings))
    except ValidationError as error:
        raise SettingsError(_in_words(error)) from error


def _in_words(error: ValidationError) -> str:
    """The first wrong setting of a settings class: variable, value, what was expected."""
    first = error.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    kinds = [kind for kind in BaseSettings.__subclasses__() if kind.__name__ == error.title]
    prefix = kinds[0].model_config.get("env_prefix", "") if kinds else ""
    expected = first["msg"][:1].lower() + first["msg"][1:]
    return f"{(prefix + field).upper()}={first['input']!r}: {expected}"
