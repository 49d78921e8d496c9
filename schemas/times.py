"""Times in stored objects: ISO 8601, and UTC where they name no zone, as people write them by hand."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

_OF_A_STAGE = ("queued_at", "began_at", "ended_at")


def read_time(text: str) -> datetime:
    """Raises ValueError for what is no time."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def read_stages(stages: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Records of `StageTime`, with times in place of their texts. Raises ValueError, KeyError."""
    return [{**stage, **{name: read_time(stage[name]) for name in _OF_A_STAGE}} for stage in stages]
