"""Videos of a cluster that have no outcome yet, and how far each is by what its stages last said."""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.clients import TopicMissing
from connectors.objectstore.wishes import Wishes
from connectors.settings import Connections
from schemas.codec import Codec, UndecodableError
from schemas.events import EPOCH, Progress
from schemas.topics import VIDEO_PROGRESS

_READ_S = 5.0
_POLL_S = 0.2
_STAGES = {"converter": "reading the sound", "transcriber": "transcribing"}

Revision = tuple[str, int]


@dataclass(frozen=True, slots=True)
class VideoInFlight:
    """One revision without an outcome.

    stage: what was last done for it, in words. done_s, total_s: seconds of media that this stage was
    through with, of how many; None where that is not known. accepted_at: None where nobody said.
    heard_at: when a stage last said something, None if none did within the hour that such is kept.
    """

    video_id: str
    revision: int
    name: str
    stage: str
    done_s: float | None
    total_s: float | None
    accepted_at: datetime | None
    heard_at: datetime | None


@dataclass(slots=True)
class _Heard:
    """What stages said about one revision."""

    stage: str = ""
    at: datetime = EPOCH
    length_s: float | None = None
    read_s: float = 0.0
    transcribed_s: dict[int, float] = field(default_factory=dict)

    def take(self, event: Progress) -> None:
        if event.made_at >= self.at:
            self.stage, self.at = event.stage, event.made_at
        if event.stage == "converter":
            self.length_s = event.total if event.total is not None else self.length_s
            self.read_s = max(self.read_s, event.done)
        elif event.stage == "transcriber" and event.index is not None:
            self.transcribed_s[event.index] = max(event.done, self.transcribed_s.get(event.index, 0.0))


def videos_in_flight(
    wishes: Wishes, connections: Connections, codec: Codec
) -> tuple[VideoInFlight, ...]:
    """The revisions that the store says are unfinished, oldest first. Blocks for some seconds at most.

    Raises DependencyDown.
    """
    wanted = {(upload.video_id, upload.revision) for upload in wishes.uploads}
    heard = _heard(wanted, connections, codec) if wanted else {}
    found = []
    for upload in wishes.uploads:
        said = heard.get((upload.video_id, upload.revision))
        done_s, total_s = _how_far(said)
        found.append(
            VideoInFlight(
                video_id=upload.video_id,
                revision=upload.revision,
                name=upload.name,
                stage="waiting" if said is None else _STAGES.get(said.stage, said.stage),
                done_s=done_s,
                total_s=total_s,
                accepted_at=None if upload.made_at == EPOCH else upload.made_at,
                heard_at=None if said is None else said.at,
            )
        )
    return tuple(found)


def _how_far(said: _Heard | None) -> tuple[float | None, float | None]:
    if said is None:
        return None, None
    if said.stage == "transcriber":
        done_s = sum(said.transcribed_s.values())
        return (done_s if said.length_s is None else min(done_s, said.length_s)), said.length_s
    if said.stage == "converter":
        return said.read_s, said.length_s
    return None, None


def _heard(
    wanted: Iterable[Revision], connections: Connections, codec: Codec
) -> Mapping[Revision, _Heard]:
    """What the progress topic has about these, as far as it can be read in some seconds."""
    keys = {video_id.encode() for video_id, _ in wanted}
    revisions = set(wanted)
    heard: dict[Revision, _Heard] = {}
    deadline = time.monotonic() + _READ_S
    try:
        reader = BroadcastReader(connections, [VIDEO_PROGRESS.name])
    except TopicMissing:
        return heard
    with reader:
        while not reader.caught_up and time.monotonic() < deadline:
            record = reader.poll(_POLL_S)
            if record is None or record.key not in keys:
                continue
            with suppress(UndecodableError):
                event = codec.decode(record.value, VIDEO_PROGRESS)
                if isinstance(event, Progress) and (event.video_id, event.revision) in revisions:
                    heard.setdefault((event.video_id, event.revision), _Heard()).take(event)
    return heard
