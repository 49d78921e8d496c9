"""From the facts about a video to what is shown of it: the same for the same facts, in whatever order
they came. Plain functions over plain data."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import TypeVar, overload

from connectors.database.contract import Fact, RevisionRow, State, VideoDetail, VideoRow
from processors.catalog.facts import (
    CANCEL,
    CONVERTED,
    FAILED,
    OUTCOME,
    PROBED,
    RENDERED,
    UPLOADED,
    event_in,
    outcome_in,
)
from schemas.events import (
    EPOCH,
    Gap,
    Options,
    StageFailed,
    StageTime,
    VideoCompleted,
    VideoConverted,
    VideoFailed,
    VideoProbed,
    VideoRendered,
    VideoUploaded,
)
from schemas.outcomes import Outcome

T = TypeVar("T")

_AT_WORK = frozenset({State.WAITING, State.WORKING})
_CONVERTER = "converter"


@dataclass(frozen=True, slots=True)
class _Revision:
    """What is known of one revision."""

    number: int
    uploaded: VideoUploaded | None
    probed: VideoProbed | None
    converted: VideoConverted | None
    rendered: VideoRendered | None
    failures: tuple[StageFailed, ...]
    outcome: Outcome | None
    state: State
    cancel_requested: bool

    @property
    def completed(self) -> VideoCompleted | None:
        return self.outcome if isinstance(self.outcome, VideoCompleted) else None

    @property
    def options(self) -> Options | None:
        told = self.uploaded or self.probed
        return told.options if told else None

    @property
    def source(self) -> str | None:
        told = self.uploaded or self.probed
        return told.source if told else None

    @property
    def name(self) -> str | None:
        names = (told.name for told in (self.uploaded, self.probed, self.outcome) if told)
        return next(filter(None, names), None)

    @property
    def size_bytes(self) -> int | None:
        sizes = (told.size_bytes for told in (self.uploaded, self.probed) if told)
        return next((size for size in sizes if size is not None), None)

    @property
    def duration_s(self) -> float | None:
        told = (self.completed, self.converted, self.probed)
        return next((one.duration_s for one in told if one and one.duration_s is not None), None)

    @property
    def segments(self) -> int | None:
        if self.converted:
            return self.converted.segments
        outs = (f.segments_out for f in self.failures if f.stage == _CONVERTER)
        return next((out for out in outs if out is not None), None)

    @property
    def language(self) -> str | None:
        if self.completed:
            return self.completed.language
        return self.options.language if self.options else None

    @property
    def has_picture(self) -> bool | None:
        return bool(self.probed.video_tracks) if self.probed else None

    @property
    def reason(self) -> str | None:
        return self.outcome.reason if isinstance(self.outcome, VideoFailed) else None

    @property
    def times(self) -> set[StageTime]:
        told = (self.probed, self.converted, self.rendered, *self.failures)
        return {time for one in told if one for time in one.stages}


def detail_of(facts: Iterable[Fact]) -> VideoDetail:
    """What is shown of a video of which there is at least one fact."""
    listed = list(facts)
    by_revision: defaultdict[int, list[Fact]] = defaultdict(list)
    for fact in listed:
        by_revision[fact.revision].append(fact)
    revisions = [_revision(number, by_revision[number]) for number in sorted(by_revision)]
    shown = next((one for one in reversed(revisions) if one.completed), None)
    told = _told(revisions, shown)
    # what this revision does not tell (yet), others of the same video do
    others = [told, *([shown] if shown else []), *reversed(revisions)]
    outcome = told.outcome
    done = shown.completed if shown else None
    row = VideoRow(
        video_id=listed[0].video_id,
        revision=told.number,
        name=_plain(_first(one.name for one in others) or ""),
        state=told.state,
        uploaded_at=_uploaded_at(listed),
        ended_at=outcome.made_at if outcome else None,
        size_bytes=_first(one.size_bytes for one in others),
        duration_s=_first(one.duration_s for one in others),
        language=_first(one.language for one in others),
        word_count=done.word_count if done else None,
        segments_done=(told.segments or 0) if told.completed else 0,
        segments=told.segments,
        reason=_plain(told.reason),
        has_picture=_first(one.has_picture for one in others),
    )
    return VideoDetail(
        row=row,
        shown_revision=shown.number if shown else None,
        revisions=tuple(map(_row, revisions)),
        source=_plain(_first(one.source for one in others) or ""),
        options=_first(one.options for one in others) or Options(),
        files=done.files if done else (),
        gaps=tuple(filter(_has_end, done.gaps)) if done else (),
        warnings=done.warnings if done else (),
        stages=() if told.completed else tuple(sorted(told.times, key=_when)),
    )


def _revision(number: int, facts: Sequence[Fact]) -> _Revision:
    by_kind = {fact.kind: fact for fact in facts}
    outcome = outcome_in(by_kind[OUTCOME]) if OUTCOME in by_kind else None
    failures = sorted(kind for kind in by_kind if kind.startswith(FAILED))
    return _Revision(
        number=number,
        uploaded=event_in(by_kind[UPLOADED], VideoUploaded) if UPLOADED in by_kind else None,
        probed=event_in(by_kind[PROBED], VideoProbed) if PROBED in by_kind else None,
        converted=event_in(by_kind[CONVERTED], VideoConverted) if CONVERTED in by_kind else None,
        rendered=event_in(by_kind[RENDERED], VideoRendered) if RENDERED in by_kind else None,
        failures=tuple(event_in(by_kind[kind], StageFailed) for kind in failures),
        outcome=outcome,
        state=_state(outcome, by_kind.keys()),
        cancel_requested=CANCEL in by_kind,
    )


def _state(outcome: Outcome | None, kinds: Iterable[str]) -> State:
    match outcome:
        case None:
            return State.WORKING if set(kinds) - {UPLOADED, CANCEL} else State.WAITING
        case VideoCompleted():
            return State.COMPLETED
        case VideoFailed():
            return State.FAILED
        case _:
            return State.CANCELLED


def _told(revisions: Sequence[_Revision], shown: _Revision | None) -> _Revision:
    """The revision that a list tells of: what is at work above what is shown, else that, else the
    highest."""
    above = [one for one in revisions if shown is None or one.number > shown.number]
    at_work = [one for one in above if one.state in _AT_WORK]
    return at_work[-1] if at_work else shown or revisions[-1]


def _row(one: _Revision) -> RevisionRow:
    return RevisionRow(
        revision=one.number,
        state=one.state,
        uploaded_at=one.uploaded.made_at if one.uploaded else None,
        ended_at=one.outcome.made_at if one.outcome else None,
        reason=_plain(one.reason),
        model=_plain(one.options.model if one.options else None),
        language=_plain(one.language),
        cancel_requested=one.cancel_requested,
    )


def _uploaded_at(facts: Sequence[Fact]) -> datetime:
    """Of the first upload; until it is known, the time of the first that is."""
    uploads = [fact.made_ms for fact in facts if fact.kind == UPLOADED]
    others = [fact.made_ms for fact in facts if fact.made_ms > 0]
    return EPOCH + timedelta(milliseconds=min(uploads or others or [0]))


def _first(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)


@overload
def _plain(text: str) -> str: ...
@overload
def _plain(text: str | None) -> str | None: ...
def _plain(text: str | None) -> str | None:
    """Text that every database and every page takes: events hold whatever somebody published."""
    return text if text is None else text.encode(errors="replace").decode().replace("\0", " ")


def _has_end(gap: Gap) -> bool:
    """Avro has numbers that JSON, and so an answer, has not; and anybody may tell of a failure."""
    return isfinite(gap.start_s) and isfinite(gap.end_s)


def _when(time: StageTime) -> tuple[datetime, str, int]:
    return time.began_at, time.stage, -1 if time.index is None else time.index
