"""From events to facts: what each says about one thing. Plain functions over plain data."""

import dataclasses
import json
from datetime import datetime
from typing import Any, TypeVar

from connectors.database.contract import SEGMENT, Fact
from schemas.codec import from_record, to_record
from schemas.events import (
    EPOCH,
    Event,
    Options,
    SegmentEnriched,
    StageFailed,
    VideoCancelled,
    VideoCancelRequested,
    VideoCompleted,
    VideoConverted,
    VideoFailed,
    VideoProbed,
    VideoRendered,
    VideoUploaded,
)
from schemas.outcomes import Outcome

UPLOADED, CANCEL, OUTCOME = "uploaded", "cancel", "outcome"
PROBED, CONVERTED, RENDERED = "probed", "converted", "rendered"
BEGAN = "began"
"""Some work was done; said with each segment, since segments are not read for what is shown in lists."""
FAILED = "failed:"
"""A stage gave up on the whole video; its name follows."""

IN_STORE = (UPLOADED, CANCEL)
"""What the object store says of a revision that is not decided."""

COMPLETED = 0
"""The rank of the fact that a revision was completed."""
_RANKS: dict[type, int] = {VideoCompleted: COMPLETED, VideoFailed: 1, VideoCancelled: 2}
"""There is one outcome of a revision; should there be two, all agree on one."""
_WHOLE: dict[type, str] = {
    VideoUploaded: UPLOADED,
    VideoProbed: PROBED,
    VideoConverted: CONVERTED,
    VideoRendered: RENDERED,
    **dict.fromkeys(_RANKS, OUTCOME),
}
_OUTCOMES: dict[int, type[Outcome]] = {rank: kind for kind, rank in _RANKS.items()}

E = TypeVar("E", bound=Event)


def facts_of(event: Event) -> tuple[Fact, ...]:
    """What the event says. Events that the catalogue does not need say nothing."""
    if isinstance(event, VideoCancelRequested):
        return (_fact(event, CANCEL, made_ms=0, body="{}"),)
    if isinstance(event, SegmentEnriched) or (
        isinstance(event, StageFailed) and event.index is not None
    ):
        rank = 0 if isinstance(event, SegmentEnriched) else 1
        assert event.index is not None
        times = json.dumps(to_record(event.stages), default=datetime.isoformat)
        return (
            _fact(event, SEGMENT, number=event.index, rank=rank, body=times),
            _fact(event, BEGAN, body="{}"),
        )
    if isinstance(event, StageFailed):
        return (_fact(event, FAILED + event.stage, body=_dump(event)),)
    if (kind := _WHOLE.get(type(event))) is not None:
        return (_fact(event, kind, rank=_RANKS.get(type(event), 0), body=_dump(event)),)
    return ()


def kept(facts: tuple[Fact, ...]) -> dict[tuple[str, int, str, int], Fact]:
    """Of facts about the same thing, the one that counts."""
    best: dict[tuple[str, int, str, int], Fact] = {}
    for fact in facts:
        there = best.get(fact.key)
        if there is None or _order(fact) < _order(there):
            best[fact.key] = fact
    return best


def event_in(fact: Fact, kind: type[E]) -> E:
    """The event that the fact was made of."""
    record = _defaults(kind) | json.loads(fact.body)
    if "options" in record:
        record["options"] = _defaults(Options) | record["options"]
    return from_record(kind, record)


def outcome_in(fact: Fact) -> Outcome:
    """The outcome that the fact was made of."""
    return event_in(fact, _OUTCOMES[fact.rank])


def _fact(
    event: Event, kind: str, *, body: str, number: int = 0, rank: int = 0, made_ms: int | None = None
) -> Fact:
    return Fact(
        video_id=event.video_id,
        revision=event.revision,
        kind=kind,
        number=number,
        rank=rank,
        made_ms=_milliseconds(event.made_at) if made_ms is None else made_ms,
        body=body,
    )


def _order(fact: Fact) -> tuple[int, int, str]:
    return fact.rank, fact.made_ms, fact.body


def _dump(event: Event) -> str:
    """ASCII alone, so that every database takes it as it is and compares it alike."""
    return json.dumps(to_record(event), default=_milliseconds)


def _defaults(kind: type[Any]) -> dict[str, Any]:
    """For fields that an older version did not write."""
    return {
        field.name: to_record(field.default)
        for field in dataclasses.fields(kind)
        if field.default is not dataclasses.MISSING
    }


def _milliseconds(time: datetime) -> int:
    return round((time - EPOCH).total_seconds() * 1000)
