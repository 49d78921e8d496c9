"""Where the time went: how long every stage and segment waited and worked."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.events import StageTime


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTotal:
    """What one stage did for a video. Seconds.

    pieces: how many it worked on. waiting_s, working_s: sums over its jobs; jobs run side by side, so
    these may exceed the time that passed. busy_s: time that passed while at least one job ran.
    """

    stage: str
    pieces: int
    waiting_s: float
    longest_wait_s: float
    working_s: float
    busy_s: float
    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The times of a video.

    elapsed_s: from the upload's event to the end of the last work. first_words_s: until the first
    segment was transcribed; None where none was. work: of every piece, by stage, in order of time.
    """

    uploaded_at: datetime | None
    elapsed_s: float
    first_words_s: float | None
    stages: tuple[StageTotal, ...]
    work: tuple[StageTime, ...]


def timeline(times: Iterable[StageTime]) -> Timeline:
    """What the times of all pieces tell, the same whichever order they come in and however often.

    times: as events carry them, so that those of a whole video stand with each of its segments.
    """
    by_stage: defaultdict[str, list[StageTime]] = defaultdict(list)
    for time in sorted(set(times), key=_when):
        by_stage[time.stage].append(time)
    stages = [_total(stage, work) for stage, work in by_stage.items()]
    uploaded_at = min((time.queued_at for work in by_stage.values() for time in work), default=None)
    return Timeline(
        uploaded_at=uploaded_at,
        elapsed_s=_since(uploaded_at, [total.ended_at for total in stages], max) or 0.0,
        first_words_s=_since(uploaded_at, [time.ended_at for time in by_stage["transcriber"]], min),
        stages=tuple(sorted(stages, key=lambda total: (total.began_at, total.stage))),
        work=tuple(time for work in by_stage.values() for time in work),
    )


def seconds(later: datetime, earlier: datetime) -> float:
    """From one to the other, to the millisecond; 0 where two machines' clocks disagree on the order."""
    return round(max((later - earlier).total_seconds(), 0.0), 3)


def _when(time: StageTime) -> tuple[datetime, str, int, datetime, datetime, int, str]:
    index = -1 if time.index is None else time.index
    return time.began_at, time.stage, index, time.ended_at, time.queued_at, time.attempt, time.host


def _total(stage: str, work: Sequence[StageTime]) -> StageTotal:
    """A job that yields several pieces, as the converter's does, has one beginning and many ends."""
    jobs: dict[tuple[str, datetime, datetime], datetime] = {}
    for time in work:
        job = (time.host, time.queued_at, time.began_at)
        jobs[job] = max(jobs.get(job, time.ended_at), time.ended_at)
    waits = [seconds(began_at, queued_at) for _, queued_at, began_at in jobs]
    spans = sorted((began_at, ended_at) for (_, _, began_at), ended_at in jobs.items())
    return StageTotal(
        stage=stage,
        pieces=len({time.index for time in work}),
        waiting_s=round(sum(waits), 3),
        longest_wait_s=max(waits),
        working_s=round(sum(seconds(ended_at, began_at) for began_at, ended_at in spans), 3),
        busy_s=_covered_s(spans),
        began_at=spans[0][0],
        ended_at=max(ended_at for _, ended_at in spans),
    )


def _covered_s(spans: Sequence[tuple[datetime, datetime]]) -> float:
    """How long at least one of the spans lasts; they are in order of their beginnings."""
    covered_s = 0.0
    until = spans[0][0]
    for began_at, ended_at in spans:
        covered_s += seconds(ended_at, max(began_at, until))
        until = max(until, ended_at)
    return round(covered_s, 3)


def _since(
    start: datetime | None, ends: Sequence[datetime], choose: Callable[[Sequence[datetime]], datetime]
) -> float | None:
    return seconds(choose(ends), start) if start is not None and ends else None
