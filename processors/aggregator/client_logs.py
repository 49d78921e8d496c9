"""What Faust and its Kafka client may log: each thing that goes wrong now and then, not at every try."""

import logging
import time

from processors.aggregator.faust_parts import App

_CHATTY = ("faust", "mode", "aiokafka", App.__module__)
_APART_S = 10.0


def configure() -> None:
    """Call it when logging is set up."""
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    for handler in logging.getLogger().handlers:
        handler.addFilter(Sparing(_APART_S))


class Sparing(logging.Filter):
    """Lets aiokafka say the same thing once in a while: it tries to connect ten times a second, and says
    so each time.

    apart_s: how long the same line of its code is not heard again.
    """

    def __init__(self, apart_s: float) -> None:
        super().__init__()
        self._apart_s = apart_s
        self._heard_at: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("aiokafka"):
            return True
        where = (record.pathname, record.lineno)
        now = time.monotonic()
        if now - self._heard_at.get(where, -self._apart_s) < self._apart_s:
            return False
        self._heard_at[where] = now
        return True
