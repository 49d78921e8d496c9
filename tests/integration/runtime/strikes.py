"""A process that is struck at a chosen moment of its transactions."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

CALLS = ("begin_transaction", "send_offsets_to_transaction", "commit_transaction")


def mortal(struck: Path, when: str, call: str, number: int, signal_name: str) -> type[Producer]:
    """A producer with which this process sends itself a signal.

    when: "before" or "after"; call: of CALLS; number: which of these calls, from 1 on. The file `struck`
    is made just before.
    """
    left = number

    def strike(now: str, this_call: str) -> None:
        nonlocal left
        if (now, this_call) == (when, call):
            left -= 1
            if left == 0:
                struck.touch()
                os.kill(os.getpid(), signal.Signals[signal_name])

    def watched(this_call: str) -> Callable[..., Any]:
        def method(self: Producer, *arguments: Any) -> Any:
            strike("before", this_call)
            result = getattr(Producer, this_call)(self, *arguments)
            strike("after", this_call)
            return result

        return method

    return type("Mortal", (Producer,), {this_call: watched(this_call) for this_call in CALLS})
