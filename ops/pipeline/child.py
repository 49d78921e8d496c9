"""A process of the local pipeline: `python -m ops.pipeline.child broker|NAME of a processor`.

It never outlives the program that started it: standard input is a pipe that only that one holds open.
"""

import os
import signal
import sys
import threading

WRONG_SETTINGS = 2
"""Exit status that no restart helps."""


def main(name: str) -> int:
    """Run the broker or a processor. Returns its exit status."""
    _die_with_parent()
    # Imports come after the watch has begun, so that no kill in between leaves this process behind.
    if name == "broker":
        from ops.pipeline.broker import serve  # noqa: PLC0415

        return serve()
    from ops.pipeline.processors import run_processor  # noqa: PLC0415
    from processors.runtime.settings import SettingsError  # noqa: PLC0415

    try:
        return run_processor(name)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return WRONG_SETTINGS


def _die_with_parent() -> None:
    """Kill this process and all that it started as soon as the parent is gone, however it went.

    Nothing is lost: what is stored is whole, and what is not done is begun again.
    """
    if os.getpid() != os.getpgrp():
        raise RuntimeError("a process of the pipeline leads its own process group")
    lifeline = os.dup(0)  # not inherited by what this process starts
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def watch() -> None:
        while os.read(lifeline, 1):
            pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
