"""Times as they are written: in stored objects ISO 8601, and UTC where they name no zone, as people
write them by hand; in records Unix time in milliseconds."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

_LATEST_MS = 253_402_300_799_000
"""The last second of the year 9999, where Python's calendar ends."""
_OF_A_STAGE = ("queued_at", "began_at", "ended_at")


def read_time(text: str) -> datetime:
    """Raises ValueError for what is no time."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def time_of(unix_ms: int) -> datetime:
    """A record's time, which is whatever its producer says; one that no calendar has becomes the nearest
    from 1970 on that one has."""
    return datetime.fromtimestamp(min(max(unix_ms, 0), _LATEST_MS) / 1000, UTC)


def read_stages(stages: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Records of `StageTime`, with times in place of their texts. Raises ValueError, KeyError."""
    return [{**stage, **{name: read_time(stage[name]) for name in _OF_A_STAGE}} for stage in stages]
