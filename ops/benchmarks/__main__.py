"""`python -m ops.benchmarks [--long] [NAME…]`: without names all, and the README gets a new table."""

import argparse
import os
import sys
import time

from ops.benchmarks import (
    events,
    memory,
    scaling,
    search,
    speed,
    transactions,
    uploading,
    uploads,
    waiting,
)
from ops.benchmarks.figures import Figure, as_table, machine, write_readme

_CORES = 2
_SHORT = {
    "waiting": waiting.measure,
    "speed": speed.measure,
    "memory": memory.measure,
    "events": events.measure,
    "transactions": transactions.measure,
}
_LONG = {
    "scaling": scaling.measure,
    "search": search.measure,
    "uploading": uploading.measure,
    "uploads": uploads.measure,
}
_ALL = _SHORT | _LONG


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m ops.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(_ALL)}")
    parser.add_argument("--long", action="store_true", help="longer files, and a thousand uploads")
    asked = parser.parse_args()
    if unknown := set(asked.names) - _ALL.keys():
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    # the same cores for all that is compared
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:_CORES])
    measured_on = machine(len(os.sched_getaffinity(0)))
    print(measured_on, file=sys.stderr)
    figures: list[Figure] = []
    for name in asked.names or (_ALL if asked.long else _SHORT):
        began_s = time.monotonic()
        print(f"{name} …", file=sys.stderr)
        found = _ALL[name](asked.long)
        print(as_table(found), f"({time.monotonic() - began_s:.0f} s)\n", sep="", flush=True)
        figures += found
    if not asked.names:
        load = os.getloadavg()[0]
        write_readme(
            figures, f"{measured_on} Load at the end: {load:.1f}, of which 2 are the bench's own."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
