"""JSON lines on stderr: one object per line, with what the line is about as fields.

Fields of the job at hand (topic, partition, offset, attempt, trace, and video once it is known) are on
every line that is logged while a worker does it. Nothing logs what was said in a video.
"""

import math
import time
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token

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


class _JobLines:
    """What lines are about. The fields are made when there is a line: most jobs have none."""

    __slots__ = ("_attempt", "_record", "_token", "more")

    def __init__(self, record: Record, attempt: int) -> None:
        self._record = record
        self._attempt = attempt
        self.more: dict[str, object] = {}
        self._token: Token[_JobLines | None]

    def fields(self) -> dict[str, object]:
        return record_fields(self._record, self._attempt) | self.more

    def __enter__(self) -> None:
        self._token = _job.set(self)

    def __exit__(self, *_: object) -> None:
        _job.reset(self._token)


def job_fields(record: Record, attempt: int) -> AbstractContextManager[None]:
    """Every line within is about that record."""
    return _JobLines(record, attempt)


def add_job_fields(**values: object) -> None:
    """More fields for the rest of the job at hand."""
    if (job := _job.get()) is not None:
        job.more.update(values)


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
