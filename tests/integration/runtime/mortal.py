"""The toy, struck at a moment of its choice: `python mortal.py FOLDER GROUP WHEN CALL NUMBER SIGNAL`.

WHEN: before or after; CALL: of the transactional producer; NUMBER: which of these calls, from 1 on;
SIGNAL: what the process sends itself then. A later start in the same FOLDER is not struck again.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from toy import stage

from connectors.kafka import clients
from connectors.settings import Connections
from processors.runtime.main import run
from processors.runtime.settings import RuntimeSettings, read_settings

folder, group, when, struck_call, number, signal_name = sys.argv[1:]
_left = {struck_call: int(number)}


def _strike(now: str, call: str) -> None:
    if now == when and call == struck_call:
        _left[call] -= 1
        if _left[call] == 0:
            (Path(folder) / f"struck-{group}").touch()
            os.kill(os.getpid(), signal.Signals[signal_name])


def _struck(call: str) -> Callable[..., Any]:
    def method(self: Producer, *arguments: Any) -> Any:
        _strike("before", call)
        result = getattr(Producer, call)(self, *arguments)
        _strike("after", call)
        return result

    return method


CALLS = ("begin_transaction", "send_offsets_to_transaction", "commit_transaction")
Mortal = type("Mortal", (Producer,), {call: _struck(call) for call in CALLS})

if __name__ == "__main__":
    clients.Producer = Mortal  # type: ignore[misc]
    chosen = stage(Path(folder), group)
    sys.exit(run(chosen, read_settings(Connections), read_settings(RuntimeSettings)))
