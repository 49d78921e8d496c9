"""JSON lines on stderr: one object per line, with what the line is about as fields.

Fields of the job at hand (topic, partition, offset, attempt, trace, and video once it is known) are on
every line that is logged while a worker does it. Nothing logs what was said in a video.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from connectors import logs
from connectors.kafka.records import Record
from connectors.logs import fields

__all__ = ["Ration", "add_job_fields", "configure", "fields", "job_fields", "record_fields"]

_job: ContextVar["_JobLines | None"] = ContextVar("job", default=None)


def configure(level: str) -> None:
    """Send all logging of this process to stderr as JSON lines, from `level` on."""
    logs.configure(level, _job_at_hand)


def record_fields(record: Record, attempt: int) -> dict[str, object]:
    """The fields that tell which record a line is about."""
    traceparent = record.header("traceparent") or ""
    trace = traceparent.split("-")[1] if traceparent.count("-") == 3 else None
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "attempt": attempt,
        "trace": trace,
    }


@dataclass(slots=True)
class _JobLines:
    """What lines are about. The fields are made when there is a line: most jobs have none."""

    record: Record
    attempt: int
    more: dict[str, object]

    def fields(self) -> dict[str, object]:
        return record_fields(self.record, self.attempt) | self.more


@contextmanager
def job_fields(record: Record, attempt: int) -> Iterator[None]:
    """Every line within is about that record."""
    token = _job.set(_JobLines(record, attempt, {}))
    try:
        yield
    finally:
        _job.reset(token)


def add_job_fields(**values: object) -> None:
    """More fields for the rest of the job at hand."""
    if (job := _job.get()) is not None:
        job.more |= values


def _job_at_hand() -> dict[str, object]:
    return job.fields() if (job := _job.get()) is not None else {}


class Ration:
    """Lets some lines through each second, so that a line of every record never costs more than the
    record."""

    def __init__(self, lines_per_s: int) -> None:
        self._lines_per_s = lines_per_s
        self._left = 0
        self._renewed_at = -math.inf
        self._withheld = 0

    def take(self) -> int | None:
        """Whether to log: None to withhold the line, else how many were withheld since the last."""
        now = time.monotonic()
        if now - self._renewed_at >= 1:
            self._left, self._renewed_at = self._lines_per_s, now
        if self._left == 0:
            self._withheld += 1
            return None
        self._left -= 1
        withheld, self._withheld = self._withheld, 0
        return withheld
