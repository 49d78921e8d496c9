"""What every catalogue database does; one test suite runs against each.

A database holds what the events said (facts), what follows from them (one row and one detail of each
video, the sentences that can be searched), which videos are deleted, and how far the topics were read.
Whoever shows videos only reads; the catalogue's processor alone writes, in batches that are stored whole
or not at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from schemas.events import ArtefactRef, Gap, Options, StageTime

T = TypeVar("T")
Place = tuple[str, int]
"""Topic and partition."""

MAX_SENTENCES = 2**18
"""Of one video; a day of speech has some twenty thousand."""

SEGMENT = "segment"
"""The kind of the facts that there is one of for each segment. Their body is JSON, a list of
`StageTime`."""


class State(StrEnum):
    """What became of a revision."""

    WAITING = "waiting"
    WORKING = "working"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class BadCursor(ValueError):
    """`after` is no cursor that a page ended with."""


class Superseded(Exception):
    """Another process has applied what this one was about to: read the offsets again."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list. next: `after` of the part that follows; None at the end. total: how many there
    are in all; at_least: there may be more than that."""

    items: tuple[T, ...]
    next: str | None
    total: int
    at_least: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRow:
    """A video in a list: what its newest revision that matters does.

    revision: the highest one at work above what is shown, else the one that is shown (the highest
    completed), else the highest. uploaded_at: of the video's first revision. segments: how many there
    are, None until that is known; segments_done: transcribed or given up.
    """

    video_id: str
    revision: int
    name: str
    state: State
    uploaded_at: datetime
    ended_at: datetime | None = None
    size_bytes: int | None = None
    duration_s: float | None = None
    language: str | None = None
    word_count: int | None = None
    segments_done: int = 0
    segments: int | None = None
    reason: str | None = None
    has_picture: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionRow:
    """One revision. reason: why it failed. cancel_requested: somebody asked to stop it."""

    revision: int
    state: State
    uploaded_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str | None = None
    model: str | None = None
    language: str | None = None
    cancel_requested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoDetail:
    """Everything about one video.

    shown_revision: the highest completed; its files, gaps and warnings follow. source, options: of
    `row.revision`. stages: the times of work on `row.revision` as far as they are known, in order of
    time; those of a completed revision are in its `timeline.json`. revisions: ascending.
    """

    row: VideoRow
    shown_revision: int | None
    revisions: tuple[RevisionRow, ...]
    source: str
    options: Options
    files: tuple[ArtefactRef, ...] = ()
    gaps: tuple[Gap, ...] = ()
    warnings: tuple[str, ...] = ()
    stages: tuple[StageTime, ...] = ()


@dataclass(frozen=True, slots=True)
class Snip:
    """A piece of a sentence's text; hit: it is what was searched for."""

    text: str
    hit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A sentence that was found. Times are seconds on the video's timeline.

    snippet: joined, the sentence, or the part of it around what was searched for. All data: nothing is
    escaped or marked up.
    """

    video_id: str
    revision: int
    name: str
    language: str
    start_s: float
    end_s: float
    snippet: tuple[Snip, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What one event said about one thing: of those about the same (`key`), the least by
    (rank, made_ms, body) is kept, so that the order in which they come does not matter.

    number: of the segment, 0 for a whole revision. made_ms: Unix time. body: JSON.
    """

    video_id: str
    revision: int
    kind: str
    number: int = 0
    rank: int = 0
    made_ms: int
    body: str

    @property
    def key(self) -> tuple[str, int, str, int]:
        return self.video_id, self.revision, self.kind, self.number


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence to be searched for. language: BCP 47."""

    start_s: float
    end_s: float
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Move:
    """A partition was read from `start` (None: from its beginning, nothing was stored before) to before
    `end`."""

    place: Place
    start: int | None
    end: int


class Batch(Protocol):
    """Changes that are stored together, when the context ends without an error. For one thread."""

    def advance(self, cluster_id: str, moves: Iterable[Move]) -> None:
        """Note what was read. Raises Superseded unless each move continues from what is stored, and that
        is of this cluster."""

    def hold(self, videos: Iterable[str]) -> set[str]:
        """Keep other processes from changing these videos until the batch ends; call it once, before
        anything else is asked about them. Gives those that are deleted."""

    def facts(self, video_id: str) -> Sequence[Fact]:
        """The facts about a video, without those about its segments, in order of their keys."""

    def put(self, facts: Iterable[Fact]) -> None:
        """Keep facts."""

    def drop_segments(self, video_id: str, revision: int) -> None:
        """Forget the facts about a revision's segments."""

    def show(self, detail: VideoDetail) -> None:
        """Write what follows from a video's facts, replacing what was there."""

    def indexed(self, video_id: str) -> int | None:
        """The revision whose sentences can be searched."""

    def index(self, video_id: str, revision: int, sentences: Iterable[Spoken]) -> None:
        """Have these sentences be found, and no others of that video, which is shown already. At most
        `MAX_SENTENCES`; what comes beyond is left out."""

    def delete(self, video_id: str) -> None:
        """Forget all about a video, and know that it is deleted."""

    def forget_offsets(self, decided: str, stored: Iterable[str]) -> None:
        """Offsets are no cluster's from now on, and none is stored. Of revisions without a fact of the
        kind `decided`, only facts of the kinds `stored` stay."""

    def begin(self, cluster_id: str, videos: Iterable[str]) -> None:
        """Offsets are those of this cluster from now on, none is stored, and all videos but these are
        forgotten, though not counted as deleted. Nothing happens if they are of it already."""


class Catalogue(Protocol):
    """Safe from several threads. Each call may block, and raises DependencyDown if the database cannot
    be reached, refuses us or is full."""

    def videos(
        self, *, state: State | None = None, limit: int = 50, after: str | None = None
    ) -> Page[VideoRow]:
        """All videos, newest upload first. Raises BadCursor."""

    def video(self, video_id: str) -> VideoDetail | None:
        """One video; None if it is not known, or deleted."""

    def search(
        self,
        query: str,
        *,
        language: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 20,
        after: str | None = None,
    ) -> Page[Hit]:
        """Sentences in which all words of the query are said, best first.

        query: anything; words, `"phrases"` (they may go on in the next sentence) and `beginnings*`.
        Accents and case do not matter. Without a single word nothing is found. since, until: when the
        video was uploaded, both inclusive. If many are found, the newest are ranked (`Page.at_least`).
        Raises BadCursor.
        """

    def offsets(self, cluster_id: str) -> Mapping[Place, int] | None:
        """Where to read on; None if what is stored is not of that cluster."""

    def batch(self) -> AbstractContextManager[Batch]:
        """Begin to write. An error within leaves everything as it was."""

    def probe(self) -> None:
        """Raise DependencyDown until the database can be written."""

    def close(self) -> None:
        """Let go of all connections."""
