"""Ends a cluster when the program that started it is gone, however that went.

    python -m ops.cluster.watchdog PID FOLDER

A death signal (`PR_SET_PDEATHSIG`) would end a server with the *thread* that started it; this waits for
the process.
"""

import os
import select
import signal
import sys
from pathlib import Path

from ops.cluster.process import read_process


def main() -> None:
    """Wait for the end of the process, then kill what FOLDER's notes name."""
    parent, folder = int(sys.argv[1]), Path(sys.argv[2])
    try:
        held = os.pidfd_open(parent)
    except ProcessLookupError:
        held = None
    if held is not None and os.getppid() == parent:
        gone = select.poll()
        gone.register(held, select.POLLIN)
        gone.poll()
    for note in folder.glob("*.pid"):
        if (process := read_process(note)) is not None:
            process.signal(signal.SIGKILL)


if __name__ == "__main__":
    main()
