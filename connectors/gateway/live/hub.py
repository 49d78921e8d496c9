"""Tells everybody who listens what has come: one reader, many clients, a bounded queue for each.

How a video is now stands in the catalogue, which reads the same topics, a moment later than we do. So a
record that changes a video is kept as pending until the catalogue has it, and only then is the video
looked up and told. An event's id covers only what was told: it stays before what is pending.

All of it runs in the event loop's thread, but for what the reader hands over.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from anyio.to_thread import run_sync

from connectors.database import Catalogue, State, VideoRow
from connectors.errors import DependencyDown
from connectors.gateway import views
from connectors.gateway.live.messages import (
    CATALOGUED,
    Entry,
    Message,
    snapshot_message,
    summary_message,
)
from connectors.gateway.live.positions import Positions, pack, unpack
from connectors.gateway.metrics import Metrics
from connectors.kafka.records import Partition

log = logging.getLogger("reelay.gateway")

_TICK_S = 0.2
_QUEUED_MESSAGES = 2_000
_QUEUED_BYTES = 4 * 2**20
_KEPT_ENTRIES = 20_000
_KEPT_BYTES = 16 * 2**20
_VIDEOS_AT_ONCE = 50
_SNAPSHOT = 200
_CAPTIONS_SO_FAR = 1_000

Known = Mapping[Partition, int]
"""By partition, the first offset that somebody has not read."""


@dataclass(eq=False)
class Client:
    """Somebody who listens. captions_of: None for those of all videos. before: what was told to it by
    another gateway and is not told again."""

    captions_of: str | None = None
    before: Known = field(default_factory=dict)
    needs_snapshot: bool = True
    needs: list[str] = field(default_factory=list)
    dropped: bool = False
    closed: bool = False
    queue: deque[Message] = field(default_factory=deque)
    queued_bytes: int = 0
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, message: Message) -> bool:
        """Queue a message; False if there is no room, which ends this client."""
        if self.dropped or (
            message.kind == "caption" and self.captions_of not in (None, message.video_id)
        ):
            return True
        self.queued_bytes += len(message.data)
        if len(self.queue) >= _QUEUED_MESSAGES or self.queued_bytes > _QUEUED_BYTES:
            self.dropped = True
            self.queue.clear()
        else:
            self.queue.append(message)
        self.woken.set()
        return not self.dropped

    def take(self) -> list[Message]:
        """All that is queued."""
        messages = list(self.queue)
        self.queue.clear()
        self.queued_bytes = 0
        self.woken.clear()
        return messages


class Hub:
    """The reader's listener. `run` is to run as long as the gateway does."""

    def __init__(
        self, catalogue: Catalogue | None, look_up: Callable[[str], VideoRow | None], metrics: Metrics
    ) -> None:
        """look_up: how a video is now; blocks."""
        self._catalogue = catalogue
        self._look_up = look_up
        self._metrics = metrics
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clients: set[Client] = set()
        self._here: Positions | None = None
        self._floor: dict[Partition, int] = {}
        self._history: deque[Entry] = deque()
        self._history_bytes = 0
        self._pending: dict[str, dict[Partition, tuple[int, int]]] = {}
        self._unsettled: dict[Partition, int] = {}

    # From the reader's thread

    def began(self, positions: Positions) -> None:
        self._hand_over(self._begin, positions)

    def told(self, entries: list[Entry], positions: Known) -> None:
        self._hand_over(self._take, entries, positions)

    def _hand_over(self, do: Callable[..., None], *given: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(do, *given)

    # In the event loop

    def attach(self) -> None:
        """Take what the reader hands over in the running loop."""
        self._loop = asyncio.get_running_loop()

    @property
    def clients(self) -> int:
        """How many listen."""
        return len(self._clients)

    def join(self, captions_of: str | None, last_event_id: str | None) -> Client:
        """A new client, which goes on after that event if all since is known here. Otherwise it needs a
        snapshot, and gets the captions of videos at work that are known here."""
        since = unpack(last_event_id) if last_event_id else None
        client = self._going_on(captions_of, since) if since else None
        if client is None:
            client = Client(captions_of)
            for message in self._captions_so_far():
                client.put(message)
        self._clients.add(client)
        self._metrics.streams.set(len(self._clients))
        client.woken.set()
        return client

    def _going_on(self, captions_of: str | None, since: Positions) -> Client | None:
        """A client with all that came since; None if that is not known here, or is too much."""
        if not self._reaches_back_to(since):
            return None
        client = Client(captions_of, before=since.offsets, needs_snapshot=False)
        changed: dict[str, None] = {}
        for entry in self._history:
            if entry.offset >= since.offsets.get(entry.place, 0):
                if entry.message is not None:
                    client.put(entry.message)
                if entry.changes_video:
                    changed[entry.video_id] = None
        client.needs = list(changed)
        return None if client.dropped or len(changed) > _SNAPSHOT else client

    def _captions_so_far(self) -> list[Message]:
        captions: dict[str, list[Message]] = {}
        for entry in self._history:
            if entry.ends_video:
                captions.pop(entry.video_id, None)
            elif entry.message is not None and entry.message.kind == "caption":
                captions.setdefault(entry.video_id, []).append(entry.message)
        return [message for each in captions.values() for message in each][-_CAPTIONS_SO_FAR:]

    def leave(self, client: Client) -> None:
        self._clients.discard(client)
        self._metrics.streams.set(len(self._clients))

    def close(self) -> None:
        """Have every stream end. From any thread."""
        self._hand_over(self._end_all)

    def _end_all(self) -> None:
        for client in self._clients:
            client.closed = True
            client.woken.set()

    def event_id(self) -> str | None:
        """The id of what was told up to now; None as long as nothing was read."""
        if self._here is None:
            return None
        told = dict(self._here.offsets)
        for needed in self._pending.values():
            for place, (first, _) in needed.items():
                told[place] = min(told[place], first)
        return pack(Positions(self._here.cluster_id, told))

    async def snapshot(self) -> Message:
        """How all videos at work are now. Raises DependencyDown."""
        return snapshot_message(await run_sync(self._at_work))

    async def summaries(self, videos: list[str]) -> list[Message]:
        """How those videos are now; those that are not there any more, or cannot be told of, are left
        out. Raises DependencyDown."""
        messages = []
        for video_id in videos:
            try:
                row = await run_sync(self._look_up, video_id)
                if row is not None:
                    messages.append(summary_message(views.summary(row)))
            except DependencyDown:
                raise
            except Exception:  # the others are told of all the same
                log.exception("%s: nobody is told how it is now", video_id)
        return messages

    async def run(self) -> None:
        """Tell how videos are once the catalogue knows, until cancelled."""
        while True:
            await asyncio.sleep(_TICK_S)
            try:
                await self._tell_changed()
            except DependencyDown as error:
                log.warning("live events wait: %s", error)
                await asyncio.sleep(_TICK_S * 10)

    def _begin(self, positions: Positions) -> None:
        self._here = positions
        self._floor = dict(positions.offsets)
        self._history.clear()
        self._history_bytes = 0
        self._pending.clear()
        self._unsettled = {
            place: offset
            for place, offset in positions.offsets.items()
            if self._catalogue is not None and place[0] in CATALOGUED
        }
        self._need_snapshots()

    def _need_snapshots(self) -> None:
        for client in self._clients:
            client.needs_snapshot = True
            client.woken.set()

    def _take(self, entries: list[Entry], positions: Known) -> None:
        assert self._here is not None
        for entry in entries:
            self._keep(entry)
            if entry.changes_video:
                needed = self._pending.setdefault(entry.video_id, {})
                first, _ = needed.get(entry.place, (entry.offset, 0))
                needed[entry.place] = (first, entry.offset)
            if entry.message is not None:
                for client in list(self._clients):
                    if entry.offset >= client.before.get(entry.place, 0):
                        self._put(client, entry.message)
        self._here = Positions(self._here.cluster_id, positions)

    def _keep(self, entry: Entry) -> None:
        self._history.append(entry)
        self._history_bytes += entry.size_bytes
        while len(self._history) > _KEPT_ENTRIES or self._history_bytes > _KEPT_BYTES:
            oldest = self._history.popleft()
            self._history_bytes -= oldest.size_bytes
            self._floor[oldest.place] = oldest.offset + 1

    def _put(self, client: Client, message: Message) -> None:
        if not client.put(message):
            self._metrics.dropped_streams.inc()

    def _reaches_back_to(self, since: Positions) -> bool:
        """Whether all that came since is in the history."""
        if self._here is None or since.cluster_id != self._here.cluster_id:
            return False
        return all(since.offsets.get(place, -1) >= floor for place, floor in self._floor.items())

    async def _tell_changed(self) -> None:
        if not (self._pending or self._unsettled):
            return
        are_known = await self._are_known()
        if are_known is None:
            return
        if self._unsettled and are_known({p: o - 1 for p, o in self._unsettled.items()}):
            self._unsettled = {}
            self._need_snapshots()  # what they had may be from before the first that was told here
        ready = [
            video_id
            for video_id, needed in self._pending.items()
            if are_known({place: last for place, (_, last) in needed.items()})
        ][:_VIDEOS_AT_ONCE]
        asked = {video_id: dict(self._pending[video_id]) for video_id in ready}
        for message in await self.summaries(ready):
            for client in list(self._clients):
                self._put(client, message)
        for video_id, needed in asked.items():  # only now, as an id covers what is not pending
            if self._pending.get(video_id) == needed:
                del self._pending[video_id]

    async def _are_known(self) -> Callable[[Known], bool] | None:
        """Tells whether the catalogue has read those records; None if it reads another cluster. The
        store knows of everything that was said. Raises DependencyDown."""
        if self._catalogue is None:
            return lambda records: True
        assert self._here is not None
        read = await run_sync(self._catalogue.offsets, self._here.cluster_id)
        if read is None:
            return None
        return lambda records: all(read.get(place, 0) > offset for place, offset in records.items())

    def _at_work(self) -> list[dict[str, Any]]:
        if self._catalogue is None:
            return []
        pages = [
            self._catalogue.videos(state=state, limit=_SNAPSHOT)
            for state in (State.WORKING, State.WAITING)
        ]
        return [views.summary(row) for page in pages for row in page.items]
