"""The processors by name, each run by the settings in the environment."""

from importlib import import_module

PROCESSORS = ("converter", "transcriber", "enricher", "aggregator")
"""Every consumer group that there is."""


def run_processor(name: str) -> int:
    """Run one processor until SIGTERM. Returns its exit status.

    Raises SettingsError or pydantic's ValidationError for a wrong setting, ModuleNotFoundError if its
    extra is not installed.
    """
    # Imported here, since the broker needs the names alone and is to be there at once.
    from connectors.settings import Connections  # noqa: PLC0415
    from processors.runtime.settings import RuntimeSettings, read_settings  # noqa: PLC0415

    connections = read_settings(Connections)
    if name == "aggregator":
        from processors.aggregator import app  # noqa: PLC0415  # Faust only where it is used

        return app.run(connections)
    from processors.runtime.main import run  # noqa: PLC0415  # the broker does without

    stage = import_module(f"processors.{name}.processor").stage(connections)
    return run(stage, connections, read_settings(RuntimeSettings))
