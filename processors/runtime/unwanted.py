"""Which work nobody wants any more: cancelled revisions, deleted videos.

A thread of its own follows the two topics from their beginning, so that the poll loop never waits for
them, nor for the registry: what the loop itself must be able to encode is looked up here.
"""

import logging
import threading
from typing import NamedTuple

from connectors.errors import DependencyDown
from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.records import Record
from connectors.registry import open_registry
from connectors.settings import Connections
from schemas.codec import Codec, UndecodableError
from schemas.events import VideoCancelRequested, VideoDeleted
from schemas.topics import STAGE_FAILED, VIDEO_CANCEL_REQUESTED, VIDEO_DELETED, topic_named

log = logging.getLogger("reelay.runtime")

_AGAIN_S = 1.0


class VideoKey(NamedTuple):
    """One revision of a video; revision None: all of them."""

    video_id: str
    revision: int | None


class Unwanted:
    """A set of video keys that only grows."""

    def __init__(self) -> None:
        self._keys: set[VideoKey] = set()

    def add(self, key: VideoKey) -> None:
        self._keys.add(key)

    def covers(self, video: VideoKey) -> bool:
        """Whether that revision's work is unwanted."""
        return video in self._keys or VideoKey(video.video_id, None) in self._keys


def unwanted_by(event: object) -> VideoKey | None:
    """What an event makes unwanted."""
    match event:
        case VideoCancelRequested(video_id=video_id, revision=revision):
            return VideoKey(video_id, revision)
        case VideoDeleted(video_id=video_id):
            return VideoKey(video_id, None)
    return None


class UnwantedFeed:
    """Follows cancel requests and deletions in a thread.

    `keys` is append-only and written by the thread alone, so any thread may read it: what came first
    stays where it is. `failed` is the error that ended the thread. `codec` can encode `stage.failed`
    without the registry once the feed has caught up.
    """

    def __init__(self, connections: Connections) -> None:
        self.keys: list[VideoKey] = []
        self.failed: Exception | None = None
        self._caught_up = threading.Event()
        self._closing = threading.Event()
        self._connections = connections
        self.codec = Codec(open_registry(connections))
        self._thread = threading.Thread(target=self._run, name="unwanted", daemon=True)
        self._thread.start()

    @property
    def caught_up(self) -> bool:
        """Whether all that was said before this process started is in `keys`: work may begin."""
        return self._caught_up.is_set()

    def close(self) -> None:
        """Stop following. May block for half a second."""
        self._closing.set()
        self._thread.join(timeout=0.5)

    def _run(self) -> None:
        try:
            self._prepare()
            topics = (VIDEO_CANCEL_REQUESTED.name, VIDEO_DELETED.name)
            with BroadcastReader(self._connections, topics) as reader:
                while not self._closing.is_set():
                    if (record := reader.poll(0.1)) is not None and record.value:
                        self._note(record)
                    if reader.caught_up:
                        self._caught_up.set()
        except Exception as error:  # handed to the poll loop, which ends the process with it
            self.failed = error

    def _prepare(self) -> None:
        """Look up what the poll loop may have to encode."""
        while not self._closing.is_set():
            try:
                self.codec.prepare(STAGE_FAILED)
            except (DependencyDown, LookupError) as error:  # an operator registers what is missing
                log.warning("work begins when its failures can be told: %s", error)
                self._closing.wait(_AGAIN_S)
            else:
                return

    def _note(self, record: Record) -> None:
        while not self._closing.is_set():
            try:
                event = self.codec.decode(record.value, topic_named(record.topic))
            except UndecodableError as error:
                log.error(
                    "unreadable %s/%s/%s: %s", record.topic, record.partition, record.offset, error
                )
                return
            except DependencyDown as error:
                log.warning("%s", error)
                self._closing.wait(_AGAIN_S)
                continue
            if (key := unwanted_by(event)) is not None:
                self.keys.append(key)
            return
