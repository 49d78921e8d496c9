"""The entry point of `reelay`: finds the command, and turns errors into one line and an exit status."""

import io
import logging
import signal
import sys
from importlib import import_module
from types import FrameType

import click

from ops.cli.exits import FAILED, INTERRUPTED, OUTPUT_CLOSED
from ops.cli.output import OutputClosed, OutputFailed, finish, open_output

_COMMANDS = {
    "run": "Caption video and audio files on this machine.",
    "up": "Keep the pipeline running for what is published to it.",
    "publish": "Give uploads to the running pipeline, or to a cluster.",
    "status": "Show what is in the works, consumer lag, or what became of a video.",
    "top": "Show what is in the works, as it goes on.",
    "replay": "Do a video again with other options, and compare the results.",
    "export": "Write a video's captions and other results as files.",
    "cancel": "Stop work on a video.",
    "delete": "Remove a video and its results for ever.",
    "gc": "Remove pieces of work that nobody needs any more.",
    "models": "List the speech models on this machine, or get one.",
    "dead": "Show what was given up, and have it tried again.",
    "consume": "Show the events of a topic, decoded.",
    "cluster": "Run a real Kafka, registry and object store on this machine.",
    "topics": "Create and configure a Kafka cluster's topics, or show them.",
    "schemas": "Check the events' schemas, or register them.",
    "gateway": "Serve the HTTP API and the web page, configured by the environment.",
    "processor": "Run one processor, configured by the environment.",
    "doctor": "Check that this machine has what Reelay needs.",
}
"""Each command is the module of that name; the texts are here so that --help imports none of them."""


class _Commands(click.Group):
    """Imports a command only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = import_module(f"ops.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="reelay")
def reelay() -> None:
    """Turn video into searchable captions.

    \b
    Example:
      reelay run talk.mp4
    """


def main() -> int:
    """Run the command line. Returns the exit status: 0 all well, 1 something failed, 2 usage."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # None where it was closed from the beginning
        sys.stdout = open_output(sys.stdout)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="replace")
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` has it
            signal.signal(number, _stop)
    # What the Kafka client logs, a command's error says in one line.
    logging.getLogger("reelay.kafka").addHandler(logging.NullHandler())
    try:
        status = reelay.main(prog_name="reelay", standalone_mode=False)
        print(end="", flush=True)  # here it can still be told that nobody gets it
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:  # Ctrl-C
        return INTERRUPTED
    except OutputClosed:
        return OUTPUT_CLOSED
    except OutputFailed as error:
        click.echo(f"Error: {error.filename}: {error.strerror}", err=True)
        return FAILED
    finally:
        finish()
    return status if isinstance(status, int) else 0


def _stop(number: int, frame: FrameType | None) -> None:
    """Leave by the same way as Ctrl-C, so that everything is stopped in order."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
