"""Having the pipeline hear of what was asked for.

What is asked for is written into the store first, and then announced; a process that dies between the
two leaves a wish that nobody hears of. So each wish begins with a mark in the store, which goes once
the announcement is out; marks that stay are seen to by any instance (`Wisher.repair`). To look for them
is one short listing, and not a look at all results.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeVar
from uuid import uuid4

from confluent_kafka import KafkaException, Producer

from connectors.errors import DependencyDown
from connectors.kafka.clients import open_producer
from connectors.kafka.publishing import publish
from connectors.objectstore import ObjectStore
from connectors.objectstore.wishes import leave_note, wishes_of
from connectors.registry import open_registry
from connectors.settings import Connections
from schemas.codec import Codec
from schemas.events import VideoCancelRequested, VideoDeleted, VideoUploaded

log = logging.getLogger("reelay.gateway")

Asked = VideoUploaded | VideoCancelRequested | VideoDeleted
A = TypeVar("A", bound=Asked)

_MARKS = "gateway/unannounced/"
_STALE_S = 60.0
"""A mark of that age belongs to nobody who is still at it, if what was wished for is in the store."""

_GIVEN_UP_S = 3600.0
"""The same if it is not: while the store is slow, to write takes many times as long as a request may."""

_ANSWER_S = 10.0
_REST_S = 15.0


class Announcer(Protocol):
    """Has the pipeline see what the store has. For several threads; blocks; raises DependencyDown."""

    def announce(self, event: Asked) -> None: ...


class Notes:
    """For the supervisor on this machine, which alone publishes there."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def announce(self, event: Asked) -> None:
        leave_note(self._store, event.video_id)


class Events:
    """Into the cluster's topics."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._lock = threading.Lock()
        self._producer: Producer | None = None
        self._rests_until = 0.0
        self._codec = Codec(open_registry(connections))

    def announce(self, event: Asked) -> None:
        """One at a time. After a failure all fail at once for a while: whoever waits here holds a thread
        that others need."""
        with self._lock:
            if time.monotonic() < self._rests_until:
                raise DependencyDown("broker", "an announcement failed a moment ago")
            try:
                self._publish(event)
            except DependencyDown:
                self._rests_until = time.monotonic() + _REST_S
                raise

    def _publish(self, event: Asked) -> None:
        if self._producer is None:
            self._producer = open_producer(self._connections, message_timeout_ms=round(_ANSWER_S * 1000))
        try:
            publish(self._producer, event, self._codec, source="gateway", wait_s=_ANSWER_S)
        except KafkaException as error:
            raise DependencyDown("broker", error.args[0].str()) from error
        except LookupError as error:  # the registry does not have the schema
            raise DependencyDown("schema registry", str(error)) from error


class Wisher:
    """Writes wishes into the store and announces them, so that none is lost on the way."""

    def __init__(self, store: ObjectStore, announcer: Announcer) -> None:
        self._store = store
        self._announcer = announcer

    def wish(self, video_id: str, write: Callable[[], A]) -> A:
        """Have `write` put something about that video into the store, and announce what it gives.

        Raises what `write` raises, and then nothing is announced; DependencyDown. If the announcement
        fails, the wish stands, and is announced later.
        """
        mark = f"{_MARKS}{video_id}/{uuid4().hex}"
        self._store.put(mark, b"")
        try:
            event = write()
        except DependencyDown:
            raise  # it may be in the store all the same, so the mark stays
        except Exception:
            self._store.delete(mark)
            raise
        try:
            self._announcer.announce(event)
        except DependencyDown as error:
            log.warning("%s: to be announced later: %s", video_id, error)
            return event
        self._store.delete(mark)
        return event

    def repair(self, *, older_than_s: float = _STALE_S) -> int:
        """Announce what somebody wished for and did not get to announce; how many videos that were.
        Raises DependencyDown."""
        repaired = 0
        for entry in list(self._store.entries(_MARKS)):
            age_s = time.time() - entry.modified
            if age_s < older_than_s:
                continue
            video_id = entry.key.removeprefix(_MARKS).partition("/")[0]
            try:
                wishes = wishes_of(self._store, video_id)
                events: tuple[Asked, ...] = (*wishes.deletions, *wishes.cancels, *wishes.uploads)
                for event in events:
                    self._announcer.announce(event)
            except DependencyDown:
                raise
            except Exception:  # the others are announced all the same
                log.exception("%s: what was wished for cannot be announced", video_id)
                continue
            if events or age_s >= _GIVEN_UP_S:
                self._store.delete(entry.key)
            repaired += bool(events)
        if repaired:
            log.info("announced what was wished for of %d videos", repaired)
        return repaired
