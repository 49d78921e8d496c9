"""What can be done with an upload, whichever protocol asks for it."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Protocol
from uuid import uuid4
from weakref import WeakValueDictionary

from starlette.requests import ClientDisconnect

from connectors.errors import DependencyDown
from connectors.gateway.problems import Problem
from connectors.gateway.uploads.growing import Growing
from connectors.gateway.uploads.journal import Journal, NoSuchUpload, Superseded, Turn
from connectors.gateway.uploads.kinds import KIND_BYTES, Kind, kind_of
from connectors.gateway.uploads.limits import UploadLimits, too_many
from connectors.gateway.uploads.records import Record, Step, digest_of
from connectors.gateway.uploads.threads import Threads
from connectors.objectstore import ObjectMissing, ObjectStore, Part, PartsGone
from connectors.objectstore.revisions import VideoWasDeleted
from schemas.events import Options, VideoUploaded
from schemas.uploads import file_key, upload_key

log = logging.getLogger("reelay.gateway")

_ID = re.compile(r"[0-9a-f]{32}")
_THREADS = 8
_PARTS_UNDER_WAY = 4
_SWEEP_EVERY_S = 60.0
_PARTS_EVERY = 60
"""At every how many sweeps parts are looked for, for which a folder is searched through."""

_SILENT_S = 60.0
"""A client that sends nothing for so long is taken to be gone."""

_ACCEPTED_KEPT_S = 3600.0
"""So long a client that missed the last answer can learn that all of its upload came."""

_JOINED_WITHIN_S = 900.0
"""Some stores copy all parts of an upload when it is completed, and then know nothing of the parts while
the object is not in its place yet. The client of a store waits 600 s for that."""


class Accept(Protocol):
    """Makes a complete upload a revision of a video, and announces it. Blocks; may be asked more than
    once about one video_id, and gives the same each time. source: the object's key."""

    def __call__(
        self,
        video_id: str,
        *,
        name: str,
        source: str,
        size_bytes: int,
        sha256: str,
        options: Options,
    ) -> VideoUploaded: ...


class _Refused(Exception):
    """What comes is nothing that may be uploaded, so nothing of it is kept."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


@dataclass(slots=True)
class _Reception:
    """A request whose bytes are being received here. why: what to say once it has to stop."""

    patience: asyncio.Timeout
    is_all: bool
    why: Problem | None = None

    def stop(self, why: Problem) -> None:
        """Have it keep what came, and no more."""
        self.why = self.why or why
        if not self.patience.expired():
            self.patience.reschedule(0)

    def wait_no_longer(self) -> None:
        """Until more is heard: it is the store that makes the client wait."""
        if self.why is None:
            self.patience.reschedule(None)

    def is_heard(self) -> None:
        """Begin to wait anew."""
        now = asyncio.get_running_loop().time()
        when = self.patience.when() or 0
        if self.why is None and when - now < _SILENT_S - 1:  # not for each piece
            self.patience.reschedule(now + _SILENT_S)


class Uploads:
    """All uploads of one gateway. Belongs to one event loop; any number of gateways share a store."""

    def __init__(self, store: ObjectStore, accept: Accept, limits: UploadLimits) -> None:
        self.limits = limits
        self._store = store
        self._accept = accept
        self._journal = Journal(store)
        self._threads = Threads(_THREADS)
        self._slots = asyncio.Semaphore(_PARTS_UNDER_WAY)
        self._receptions: dict[str, _Reception] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._bringing = 0
        self._accepted_kept_s = min(limits.kept_s, _ACCEPTED_KEPT_S)
        self._rests: dict[Turn, float] = {}
        """Until when sweeps pass over an upload, unless somebody takes a turn."""

    async def create(
        self, name: str, size_bytes: int | None, options: Options, metadata: str = ""
    ) -> Record:
        """Begin an upload. Raises Problem, DependencyDown."""
        named = self.limits.check_name(name)
        if size_bytes is not None:
            self.limits.check_size(size_bytes)
        if size_bytes == 0:  # nothing would ever come that could be refused
            raise _no_media(kind_of(b""))
        video_id = uuid4().hex
        record = Record(
            video_id=video_id,
            name=named,
            key=file_key(video_id, named),
            size_bytes=size_bytes,
            touched=time.time(),
            options=options,
            metadata=metadata,
        )
        await self._threads.run(self._journal.begin, record)
        return record

    async def find(self, video_id: str) -> Record:
        """What is known of an upload; if all of it is here, it is accepted first. A request of this
        process that still brings bytes of it ends: who asks is about to go on. Raises Problem,
        DependencyDown."""
        async with self._alone(video_id):
            return await self._finished(*await self._latest(video_id))

    async def append(
        self, video_id: str, offset: int, pieces: AsyncIterator[bytes], *, is_all: bool = False
    ) -> Record:
        """Take what comes at `offset`. If then all of it is there, it becomes an object and is accepted.

        is_all: nobody will go on with it, so the upload ends with the last piece if its size was not
        known. When the client goes away, what came is kept. Raises Problem, DependencyDown.
        """
        with self._room():
            async with self._alone(video_id):
                turn, record = await self._latest(video_id)
                record = await self._finished(turn, record)
                if offset != record.offset:
                    raise _wrong_offset(record.offset)
                if record.step is Step.ACCEPTED:
                    return record
                return await self._go_on(turn, record, pieces, is_all=is_all)

    async def remove(self, video_id: str) -> None:
        """Give up an upload that is not complete. Raises Problem, DependencyDown."""
        async with self._alone(video_id):
            await self._latest(video_id)
            if not await self._discard(video_id):
                raise Problem(409, "Upload is complete", "It is a video now: delete the video instead.")

    async def sweep(self) -> None:
        """Accept what is complete and was not accepted, as after a crash, and forget uploads of which
        nothing came for long. Raises DependencyDown."""
        turns = await self._threads.run(lambda: list(self._journal.turns()))
        now = time.time()
        self._rests = {turn: until for turn in turns if (until := self._rests.get(turn, 0.0)) > now}
        for turn in turns:
            if turn in self._rests or turn.video_id in self._locks:  # somebody here is at it
                continue
            try:
                async with self._alone(turn.video_id):
                    latest, record = await self._threads.run(self._journal.latest, turn.video_id)
                    await self._tidy(latest, record)
            except (NoSuchUpload, Superseded, Problem):  # others saw to it meanwhile
                continue
            except (DependencyDown, ValueError) as error:  # which need not hold for the next
                log.warning("%s: %s", turn.video_id, error)
                continue
            self._rests[latest] = self._rests_until(record)

    async def sweep_parts(self) -> None:
        """Remove old parts that no upload knows of: whoever began them was killed before saying so.
        Raises DependencyDown."""
        await self._threads.run(self._clear_parts)

    async def keep_tidy(self) -> None:
        """Sweep now and again, until cancelled."""
        for minute in count():
            try:
                await self.sweep()
                if minute % _PARTS_EVERY == 0:
                    await self.sweep_parts()
            except DependencyDown as error:
                log.warning("%s", error)
            await asyncio.sleep(_SWEEP_EVERY_S)

    def stop(self) -> None:
        """The gateway is to end: who can go on elsewhere is sent away, with what came kept."""
        for reception in self._receptions.values():
            if not reception.is_all:
                reception.stop(_leaving())

    def close(self) -> None:
        """Take nothing more."""
        self._threads.close()

    def _rests_until(self, record: Record) -> float:
        """When a sweep looks at an upload again of which nobody takes a turn (Unix time): after as long
        as nothing has come of it, so that one that is given up costs little."""
        if record.step is Step.ACCEPTED:
            return record.touched + self._accepted_kept_s
        return min(2 * time.time() - record.touched, record.touched + self.limits.kept_s)

    async def _tidy(self, turn: Turn, record: Record) -> None:
        """Raises NoSuchUpload, Superseded, Problem."""
        age_s = time.time() - record.touched
        match record.step:
            case Step.COMPLETE | Step.RECEIVING if record.offset == record.size_bytes:
                await self._finished(turn, record)
            case Step.RECEIVING if age_s > self.limits.kept_s:
                log.info("%s: an upload that nobody went on with is removed", turn.video_id)
                await self._discard(turn.video_id)
            case Step.REMOVED:
                await self._threads.run(self._clear, record)
            case Step.ACCEPTED if age_s > self._accepted_kept_s:
                await self._threads.run(self._journal.remove, turn.video_id)

    async def _latest(self, video_id: str) -> tuple[Turn, Record]:
        """Raises Problem."""
        if _ID.fullmatch(video_id) is None:
            raise _unknown()
        try:
            turn, record = await self._threads.run(self._journal.latest, video_id)
        except NoSuchUpload as error:
            raise _unknown() from error
        if record.step is Step.REMOVED:
            raise _unknown()
        return turn, record

    async def _go_on(
        self, turn: Turn, record: Record, pieces: AsyncIterator[bytes], *, is_all: bool
    ) -> Record:
        """Take the turn after that one, and what comes. Raises Problem, DependencyDown."""
        try:
            record = replace(record, touched=time.time())
            turn = await self._threads.run(self._journal.claim, turn, record)
            return await self._received(turn, record, pieces, is_all=is_all)
        except Superseded as error:
            raise overtaken() from error
        except (PartsGone, ObjectMissing) as error:
            raise await self._lost(turn) from error
        except _Refused as error:
            await self._discard(turn.video_id)
            raise error.problem from None

    async def _received(
        self, turn: Turn, record: Record, pieces: AsyncIterator[bytes], *, is_all: bool
    ) -> Record:
        growing = Growing(self._store, self._journal, self._threads, self._slots)
        try:
            await growing.begin(turn, record)
            has_ended = await self._take(growing, record, pieces, is_all=is_all)
            size_bytes = growing.size_bytes if record.size_bytes is None else record.size_bytes
            if has_ended and growing.size_bytes == size_bytes:
                return await self._complete(turn, growing)
            return await growing.keep()
        finally:
            await growing.abandon()

    async def _take(
        self, growing: Growing, record: Record, pieces: AsyncIterator[bytes], *, is_all: bool
    ) -> bool:
        """Whether everything came that was to come, rather than that the client went away. Raises
        Problem when it is waited for no longer, _Refused."""
        is_known = growing.size_bytes >= KIND_BYTES
        most = self.limits.largest_bytes if record.size_bytes is None else record.size_bytes
        reception: _Reception | None = None
        try:
            async with asyncio.timeout(_SILENT_S) as patience:
                reception = self._receptions[record.video_id] = _Reception(patience, is_all)
                async for piece in pieces:
                    size_bytes = growing.size_bytes + len(piece)
                    if size_bytes > most:
                        raise _Refused(_too_long(most))
                    if not is_known and size_bytes >= KIND_BYTES:
                        _check_kind(growing.first(KIND_BYTES) + piece)
                        is_known = True
                    if growing.is_full_with(piece):
                        reception.wait_no_longer()
                    await growing.take(piece)
                    reception.is_heard()
        except ClientDisconnect:
            return False
        except TimeoutError as error:
            await growing.keep()
            raise (reception and reception.why) or _silent() from error
        finally:
            self._receptions.pop(record.video_id, None)
        return True

    async def _complete(self, turn: Turn, growing: Growing) -> Record:
        """All bytes have come. Raises _Refused, Superseded, PartsGone, DependencyDown, Problem."""
        rest = await growing.settle()
        record = growing.record
        parts = record.parts
        if record.parts_id is None:
            _check_kind(rest)
            ref = await self._threads.run(self._store.put, record.key, rest)
            parts = (Part(1, len(rest), ref.sha256, tag=""),)
        elif rest:
            last = await self._threads.run(
                self._store.put_part, record.key, record.parts_id, len(parts) + 1, rest
            )
            parts = (*parts, last)
        complete = replace(
            record,
            step=Step.COMPLETE,
            size_bytes=sum(part.size_bytes for part in parts),
            parts=parts,
            tail=None,
            touched=time.time(),
        )
        turn = await self._threads.run(self._journal.claim, turn, complete)
        return await self._finished(turn, complete)

    async def _finished(self, turn: Turn, record: Record) -> Record:
        """The record, accepted if every byte is there. Raises Problem, DependencyDown."""
        if record.step is Step.RECEIVING and record.offset == record.size_bytes:
            # who brought the last of them was stopped before the end
            return await self._go_on(turn, record, _nothing(), is_all=True)
        if record.step is not Step.COMPLETE:
            return record
        try:
            return await self._threads.run(self._finish, turn, record)
        except PartsGone as error:
            if (
                time.time() - record.touched < _JOINED_WITHIN_S
            ):  # by somebody who has not come to the end
                raise overtaken() from error
            raise await self._lost(turn) from error
        except (VideoWasDeleted, Superseded) as error:
            raise await self._lost(turn) from error

    def _finish(self, turn: Turn, record: Record) -> Record:
        """May be done again, by anybody."""
        size_bytes, sha256 = record.offset, digest_of(record.parts)
        if record.parts_id is not None:
            self._store.complete_parts(record.key, record.parts_id, record.parts)
        upload = self._accept(
            record.video_id,
            name=record.name,
            source=record.key,
            size_bytes=size_bytes,
            sha256=sha256,
            options=record.options,
        )
        accepted = replace(record, step=Step.ACCEPTED, parts=(), sha256=sha256, revision=upload.revision)
        self._journal.save(turn, accepted)
        log.info("%s: uploaded, %d bytes", record.video_id, size_bytes)
        return accepted

    async def _lost(self, turn: Turn) -> Problem:
        """What to say when the store has not what the record of that turn tells of."""
        try:
            latest, _ = await self._latest(turn.video_id)
        except Problem as problem:
            return problem
        if latest != turn:
            return overtaken()
        log.warning("%s: the bytes of this upload are gone from the store", turn.video_id)
        await self._threads.run(self._journal.remove, turn.video_id)
        return _unknown()

    async def _discard(self, video_id: str) -> bool:
        """Remove an upload; False if it is complete. Raises Problem, DependencyDown."""
        try:
            return await self._threads.run(self._discard_now, video_id)
        except Superseded as error:
            raise overtaken() from error
        except NoSuchUpload as error:
            raise _unknown() from error

    def _discard_now(self, video_id: str) -> bool:
        turn, record = self._journal.latest(video_id)
        if record.step not in (Step.RECEIVING, Step.REMOVED):
            return False
        if self._store.find(upload_key(video_id, 1)) is not None:
            # who had a turn, and was frozen until all was forgotten, has written down where it was
            self._journal.remove(video_id)
            return False
        removed = replace(record, step=Step.REMOVED)
        self._journal.claim(turn, removed)
        # Parts that were begun after the record was read are removed by whoever began them.
        self._clear(removed)
        return True

    def _clear(self, removed: Record) -> None:
        if removed.parts_id is not None:
            self._store.abort_parts(removed.key, removed.parts_id)
        self._store.delete(removed.key)
        self._journal.remove(removed.video_id)

    def _clear_parts(self) -> None:
        for parts in list(self._store.unfinished_parts()):
            top, _, rest = parts.key.partition("/")
            if top != "uploads" or time.time() - parts.modified <= self.limits.kept_s:
                continue
            try:
                is_known = self._journal.names(rest.partition("/")[0], parts.parts_id)
            except ValueError as error:  # so nobody can tell
                log.warning("%s: %s", parts.key, error)
                continue
            if not is_known:
                log.info("%s: parts that no upload knows of are removed", parts.key)
                self._store.abort_parts(parts.key, parts.parts_id)

    @contextmanager
    def _room(self) -> Iterator[None]:
        """Raises Problem if too many bring bytes at the same time."""
        if self._bringing >= self.limits.max_uploads:
            raise too_many()
        self._bringing += 1
        try:
            yield
        finally:
            self._bringing -= 1

    @asynccontextmanager
    async def _alone(self, video_id: str) -> AsyncIterator[None]:
        """Nobody else in this process is at that upload. Whoever receives bytes of it stops: a client
        that asks again has lost its earlier connection, though that may not be known here yet."""
        if (reception := self._receptions.get(video_id)) is not None:
            reception.stop(overtaken())
        lock = self._locks.setdefault(video_id, asyncio.Lock())
        async with lock:
            yield


async def _nothing() -> AsyncIterator[bytes]:
    for piece in list[bytes]():
        yield piece


def overtaken() -> Problem:
    """Somebody else goes on with the upload."""
    return Problem(
        423, "Upload goes on elsewhere", "Another request goes on with this upload; ask how far it is."
    )


def _leaving() -> Problem:
    return Problem(
        503,
        "Gateway ends",
        "This gateway ends; what came is kept, and any other goes on.",
        headers={"Retry-After": "1"},
    )


def _check_kind(first: bytes) -> None:
    """Raises _Refused."""
    kind = kind_of(first[:KIND_BYTES])
    if not kind.is_media:
        raise _Refused(_no_media(kind))


def _no_media(kind: Kind) -> Problem:
    return Problem(
        415,
        "Not a media file",
        f"This is {kind.name}; send a video or audio file.",
        seen=kind.name,
    )


def _silent() -> Problem:
    return Problem(408, "Nothing came", f"Nothing came for {_SILENT_S:g} s; what came is kept.")


def _too_long(most: int) -> Problem:
    return Problem(
        413, "Too large", f"More came than the {most:,} bytes that this upload may have.", max_bytes=most
    )


def _wrong_offset(offset: int) -> Problem:
    return Problem(
        409, "Wrong offset", f"{offset:,} bytes of the upload are here: go on from there.", offset=offset
    )


def _unknown() -> Problem:
    return Problem(404, "No such upload", "There is no upload of that id, or it was removed.")
