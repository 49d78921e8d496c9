"""What was accepted and has no outcome: some of it in the broker, the rest waiting before the door."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.clients import MAX_EVENT_BYTES, open_producer
from connectors.kafka.publishing import publish
from connectors.objectstore import ObjectStore
from connectors.objectstore.revisions import OutcomeUnreadable, find_outcome, is_deleted
from connectors.objectstore.wishes import Wishes, all_wishes, notes, wishes_of
from connectors.settings import Connections
from ops.pipeline.door import Door, Limits
from ops.pipeline.work import FOLLOWED, read
from schemas.codec import Codec
from schemas.events import Event, VideoCancelRequested, VideoDeleted, VideoUploaded
from schemas.outcomes import Outcome
from schemas.topics import VIDEO_DELETED
from schemas.uploads import note_key, upload_key

_ANSWER_S = 10.0
"""How long the broker, on this very machine, may take for an event."""

Revision = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Ended:
    """A revision that is no longer at work; outcome None: its video was deleted, or `unreadable` says
    why nobody knows what became of it."""

    upload: VideoUploaded
    outcome: Outcome | None
    unreadable: str | None = None


class Desk:
    """Publishes what is asked for in the store, as the door lets it in, and hears what becomes of it.

    Lives as long as one broker. Every step may be done again after it failed. Steps that talk to the
    broker raise KafkaException, or DependencyDown of "broker"; those that use the store raise
    DependencyDown of it.
    """

    def __init__(
        self, connections: Connections, store: ObjectStore, codec: Codec, limits: Limits
    ) -> None:
        self.inside: dict[Revision, VideoUploaded] = {}
        self.waiting: deque[VideoUploaded] = deque()
        self._store = store
        self._codec = codec
        self._door = Door(limits)
        self._known: set[Revision] = set()
        self._noted: dict[str, None] = {}
        self._recovered = False
        self._producer = open_producer(connections, message_timeout_ms=round(_ANSWER_S * 1000))
        self._reader = BroadcastReader(connections, [t.name for t in (*FOLLOWED, VIDEO_DELETED)])

    def hear(self) -> Iterator[str]:
        """See what is asked for: at first everywhere in the store, then where notes say so. Yields the
        keys of what cannot be read, or is no upload that could be published."""
        if not self._recovered:
            yield from self._take(all_wishes(self._store))
            self._recovered = True
        self._noted |= dict.fromkeys(notes(self._store))
        for video_id in list(self._noted):
            # First the note: if somebody asks for more from here on, there is another.
            self._store.delete(note_key(video_id))
            try:
                wishes = wishes_of(self._store, video_id)
            except ValueError:  # no id
                yield note_key(video_id)
            else:
                yield from self._take(wishes)
            del self._noted[video_id]

    def admit(self) -> Iterator[VideoUploaded]:
        """Publish what the door lets in, in order; yields each just before."""
        while self.waiting and self._door.lets_in(self.waiting[0]):
            upload = self.waiting[0]
            if self._is_wanted(upload):
                yield upload
                self._publish(upload)
                self._door.enter(upload)
                self.inside[upload.video_id, upload.revision] = upload
            else:
                self._known.discard((upload.video_id, upload.revision))
            self.waiting.popleft()

    def read(self) -> list[Event]:
        """What has happened, of any video; waits a moment if that is nothing."""
        events = list(read(self._reader, self._codec))
        for event in events:
            self._door.take(event)
        return events

    def ended(self, events: list[Event]) -> Iterator[Ended]:
        """Those of ours that these events end, each once."""
        for event in events:
            if isinstance(event, VideoDeleted):
                for key in [key for key in self.inside if key[0] == event.video_id]:
                    yield self._end(key, None)
            elif isinstance(event, Outcome) and (event.video_id, event.revision) in self.inside:
                yield self._end((event.video_id, event.revision), event)

    def look(self) -> Iterator[Ended]:
        """Those of ours that have ended by what the store says: events say it sooner, but who was
        suspended for long may have missed them."""
        for key, upload in list(self.inside.items()):
            try:
                outcome = find_outcome(self._store, upload)
            except OutcomeUnreadable as error:
                yield self._end(key, None, unreadable=str(error))
                continue
            if outcome is not None or is_deleted(self._store, upload.video_id):
                yield self._end(key, outcome)

    def __enter__(self) -> "Desk":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()

    def _take(self, wishes: Wishes) -> Iterator[str]:
        """Deletions and cancel requests go out at once, and before any upload. Yields the keys of what
        is passed over."""
        yield from wishes.broken
        events: tuple[VideoDeleted | VideoCancelRequested, ...] = (*wishes.deletions, *wishes.cancels)
        for event in events:
            self._publish(event)
            self._no_longer_waits(event)
        for upload in wishes.uploads:
            if (key := (upload.video_id, upload.revision)) in self._known:
                continue
            if not self._is_publishable(upload):
                yield upload_key(*key)
                continue
            self._known.add(key)
            self.waiting.append(upload)

    def _is_publishable(self, upload: VideoUploaded) -> bool:
        """Whether there can be an event of it: whoever can write into the store can write anything."""
        try:
            return len(self._codec.encode(upload)) <= MAX_EVENT_BYTES
        except ValueError:
            return False

    def _is_wanted(self, upload: VideoUploaded) -> bool:
        """Whether its outcome is still to come."""
        try:
            decided = find_outcome(self._store, upload) is not None
        except OutcomeUnreadable:
            decided = True
        return not decided and not is_deleted(self._store, upload.video_id)

    def _no_longer_waits(self, event: VideoDeleted | VideoCancelRequested) -> None:
        """Its end is heard of like that of any other."""
        for upload in [upload for upload in self.waiting if upload.video_id == event.video_id]:
            if isinstance(event, VideoDeleted) or upload.revision == event.revision:
                self.waiting.remove(upload)
                self.inside[upload.video_id, upload.revision] = upload

    def _end(self, key: Revision, outcome: Outcome | None, unreadable: str | None = None) -> Ended:
        self._door.leave(key)
        self._known.discard(key)
        return Ended(self.inside.pop(key), outcome, unreadable)

    def _publish(self, event: Event) -> None:
        publish(self._producer, event, self._codec, wait_s=_ANSWER_S)
