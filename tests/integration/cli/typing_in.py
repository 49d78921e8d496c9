"""Commands as a user types them, run in this process."""

from pathlib import Path

from click.testing import CliRunner, Result

from ops.cli.main import reelay


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(reelay, [str(argument) for argument in arguments])
