"""The bytes of one request on their way into the store."""

import asyncio
import mmap
import time
from collections import deque
from contextlib import suppress
from dataclasses import replace

from connectors.gateway.uploads.journal import Journal, Superseded, Turn
from connectors.gateway.uploads.records import Record, Tail
from connectors.gateway.uploads.threads import Threads
from connectors.objectstore import PART_BYTES, ObjectStore, Part

_SAVE_EVERY_S = 1.0
"""What came within this time, or belongs to no whole part, is lost when the process is killed."""

_PARTS_AHEAD = 2
"""Parts of one upload that are written while the next is received."""


class Growing:
    """Cuts what comes into parts and writes them, at most three in memory. For one turn of one upload.

    Parts lie in pages of their own, which the system takes back at once: blocks of that size from malloc
    leave holes, and an upload took 65 MB instead of 27. They are used again by the same upload, since
    new ones cost the event loop more than all that is copied into them.

    slots: how many parts may be on their way to the store, of all uploads together.
    """

    def __init__(
        self, store: ObjectStore, journal: Journal, threads: Threads, slots: asyncio.Semaphore
    ) -> None:
        self._store = store
        self._journal = journal
        self._threads = threads
        self._slots = slots
        self._under_way: deque[tuple[asyncio.Future[Part], mmap.mmap]] = deque()
        self._pages: mmap.mmap | None = None
        self._free: list[mmap.mmap] = []
        self._held = 0
        self._saved_at = time.monotonic()

    async def begin(self, turn: Turn, record: Record) -> None:
        """Go on where the record ends. Raises ObjectMissing if its tail is gone, DependencyDown."""
        self._turn, self._record = turn, record
        self._next = len(record.parts) + 1
        if record.tail is not None:
            self._hold(await self._threads.run(self._store.get, record.tail.key))

    @property
    def size_bytes(self) -> int:
        """What has come of the upload so far, in the store or not."""
        return (self._next - 1) * PART_BYTES + self._held

    def is_full_with(self, piece: bytes) -> bool:
        """Whether to take that piece may mean to wait for the store."""
        return self._held + len(piece) >= PART_BYTES

    def first(self, most: int) -> bytes:
        """The upload's first bytes, as long as no part is out."""
        return self._pages[: min(most, self._held)] if self._pages else b""

    async def take(self, piece: bytes) -> None:
        """Some more bytes. Waits while the store is behind. Raises DependencyDown, PartsGone,
        Superseded."""
        rest = memoryview(piece)
        while self._held + len(rest) >= PART_BYTES:
            missing = PART_BYTES - self._held
            self._hold(rest[:missing])
            rest = rest[missing:]
            await self._send()
        if rest:
            self._hold(rest)

    async def settle(self) -> bytes:
        """Wait for the parts that are under way; the bytes behind them, which are not in the store yet.
        Raises as `take`; what `record` says holds all the same."""
        while self._under_way:
            await self._one_done()
        return self._pages[: self._held] if self._pages else b""

    async def keep(self) -> Record:
        """Put everything that came into the store, so that anybody may go on."""
        tail: Tail | None = None
        if rest := await self.settle():
            tail = Tail(self._turn.tail_key, len(rest))
            await self._threads.run(self._store.put, tail.key, rest)
        self._record = replace(self._record, tail=tail)
        await self._save()
        return self._record

    async def abandon(self) -> None:
        """Wait for what is under way, whatever becomes of it."""
        while self._under_way:
            writing, _ = self._under_way.popleft()
            await asyncio.wait([writing])
            writing.exception()  # else asyncio complains that nobody looked at it

    @property
    def record(self) -> Record:
        """What is known, with all parts up to the first that is not in the store."""
        return self._record

    def _hold(self, piece: bytes | memoryview) -> None:
        if self._pages is None:
            self._pages = self._free.pop() if self._free else mmap.mmap(-1, PART_BYTES)
        self._pages[self._held : self._held + len(piece)] = piece
        self._held += len(piece)

    async def _send(self) -> None:
        parts_id = self._record.parts_id or await self._begin_parts()
        while len(self._under_way) >= _PARTS_AHEAD:
            await self._one_done()
        await self._slots.acquire()
        assert self._pages is not None
        pages, self._pages, self._held = self._pages, None, 0
        writing = self._threads.start(
            self._store.put_part, self._record.key, parts_id, self._next, memoryview(pages)
        )
        writing.add_done_callback(lambda _: self._slots.release())
        self._under_way.append((writing, pages))
        self._next += 1
        if time.monotonic() - self._saved_at > _SAVE_EVERY_S:
            await self._save()

    async def _begin_parts(self) -> str:
        """Begin them, and say so before there are parts that nobody knows of. Raises Superseded."""
        parts_id = await self._threads.run(self._store.begin_parts, self._record.key)
        self._record = replace(self._record, parts_id=parts_id)
        try:
            await self._save()
        except Superseded:
            await self._threads.run(self._drop_unknown, parts_id)
            raise
        return parts_id

    def _drop_unknown(self, parts_id: str) -> None:
        """Remove parts of which whoever took the next turn has not heard."""
        with suppress(ValueError):  # of a record that nobody can read; then a sweep sees to them
            if self._journal.names(self._record.video_id, parts_id):
                return
            self._store.abort_parts(self._record.key, parts_id)

    async def _one_done(self) -> None:
        writing, pages = self._under_way[0]
        part = await asyncio.shield(writing)
        self._under_way.popleft()
        self._free.append(pages)
        self._record = replace(self._record, parts=(*self._record.parts, part), tail=None)

    async def _save(self) -> None:
        self._record = replace(self._record, touched=time.time())
        await self._threads.run(self._journal.save, self._turn, self._record)
        self._saved_at = time.monotonic()
