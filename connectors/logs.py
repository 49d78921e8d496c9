"""JSON lines on stderr: one object per line, with what the line is about as fields."""

import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

_HTTP_CLIENTS = ("httpx", "httpx2")
"""The registry's client logs each request as news."""

Context = Callable[[], Mapping[str, object]]
"""Gives the fields of what this thread is at."""


class _JsonLines(logging.Formatter):
    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "pid": os.getpid(),
            "message": record.getMessage(),
            **self._context(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(level: str, context: Context = dict) -> None:
    """Send all logging of this process to stderr as JSON lines, from `level` on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines(context))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for client in _HTTP_CLIENTS:
        logging.getLogger(client).setLevel(max(logging.WARNING, logging.root.level))


def fields(**values: object) -> dict[str, dict[str, object]]:
    """Fields for one line: `log.info("done", extra=fields(work_s=1.2))`."""
    return {"fields": values}
