"""A gateway is killed at every moment of an upload: between any two changes of the store."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from connectors.gateway.accepting import Acceptance
from connectors.gateway.announcing import Asked, Wisher
from connectors.gateway.uploads import UploadLimits, Uploads, growing
from connectors.gateway.uploads.records import Record, Step
from connectors.objectstore import FolderStore, folder
from schemas.events import Options
from schemas.uploads import upload_key

PART = 8192
DATA = b"\x1aE\xdf\xa3" + os.urandom(2 * PART + 1000)
CUTS = (5000, PART + 700, len(DATA))
CHANGES = (
    "put",
    "put_if_absent",
    "delete",
    "begin_parts",
    "put_part",
    "complete_parts",
    "abort_parts",
)

Use = Callable[[Uploads, Record], Awaitable[None]]


class Killed(BaseException):
    """Nobody hears of it, and nothing of that process is done any more."""


class Mortal:
    """A store as a process has it that is killed before it changes it that many times."""

    def __init__(self, store: FolderStore, killed_at: int) -> None:
        self._store = store
        self._left = killed_at

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(self._do, name) if name in CHANGES else getattr(self._store, name)

    def _do(self, name: str, *given: Any) -> Any:
        self._left -= 1
        if self._left <= 0:
            raise Killed
        return getattr(self._store, name)(*given)


class Heard:
    """What was announced."""

    def __init__(self) -> None:
        self.events: set[str] = set()

    def announce(self, event: Asked) -> None:
        self.events.add(event.event_id)


Check = Callable[[FolderStore, Heard, Record], Awaitable[None]]


def gateway(store: Any, heard: Heard, *, kept_s: float = 3600.0) -> Uploads:
    limits = UploadLimits(max_bytes=2**40, max_uploads=10, max_name_chars=255, kept_s=kept_s)
    return Uploads(store, Acceptance(store, Wisher(store, heard)).accept, limits)


async def pieces(start: int, end: int) -> AsyncIterator[bytes]:
    for at in range(start, end, 3000):
        yield DATA[at : min(at + 3000, end)]


async def upload(uploads: Uploads, record: Record, cuts: tuple[int, ...]) -> Record:
    """Send the rest, in so many requests."""
    for cut in cuts:
        if cut > record.offset:
            record = await uploads.append(record.video_id, record.offset, pieces(record.offset, cut))
    return record


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (growing, folder):
        monkeypatch.setattr(module, "PART_BYTES", PART)
    monkeypatch.setattr(growing, "_SAVE_EVERY_S", -1.0)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # a kill loses nothing that was written


def kill_at_every_moment(folder: Path, use: Use, check: Check) -> int:
    """Kill a gateway in the middle of an upload, each time one change of the store later; how many times
    that was. use: what it does with the upload. check: what is to hold then."""

    async def is_killed(moment: int) -> bool:
        store, heard = FolderStore(folder / str(moment)), Heard()
        with closing(gateway(Mortal(store, moment), heard)) as victim:
            try:
                record = await victim.create("a.mkv", len(DATA), Options())
            except Killed:  # so the client knows of no upload
                return True
            try:
                await use(victim, record)
            except Killed:
                await check(store, heard, record)
                return True
        return False

    async def killed() -> int:
        moment = 1
        while await is_killed(moment):
            moment += 1
        return moment - 1

    return asyncio.run(killed())


async def bring(uploads: Uploads, record: Record) -> None:
    await upload(uploads, record, CUTS)


async def bring_half_and_remove(uploads: Uploads, record: Record) -> None:
    await upload(uploads, record, CUTS[:-1])
    await uploads.remove(record.video_id)


def test_another_gateway_makes_one_whole_video_of_it(tmp_path: Path) -> None:
    async def check(store: FolderStore, heard: Heard, record: Record) -> None:
        with closing(gateway(store, heard)) as other:
            done = await upload(other, await other.find(record.video_id), CUTS[-1:])
        assert done.step is Step.ACCEPTED
        Wisher(store, heard).repair(older_than_s=-1.0)
        assert len(heard.events) == 1
        assert store.get(record.key) == DATA
        assert len(list(store.keys("results/"))) == 1

    assert kill_at_every_moment(tmp_path, bring, check) > 15


@pytest.mark.parametrize("use", [bring, bring_half_and_remove])
def test_what_nobody_goes_on_with_becomes_a_video_or_leaves_nothing(tmp_path: Path, use: Use) -> None:
    async def check(store: FolderStore, heard: Heard, record: Record) -> None:
        with closing(gateway(store, heard, kept_s=0.0)) as later:
            for _ in range(2):
                await later.sweep()
                await later.sweep_parts()
        Wisher(store, heard).repair(older_than_s=-1.0)
        assert not list(store.unfinished_parts())
        assert set(store.keys("")) in (set(), {record.key, upload_key(record.video_id, 1)})

    assert kill_at_every_moment(tmp_path, use, check) > 15
