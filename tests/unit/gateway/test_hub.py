"""What the hub tells of videos that change, whatever comes in between."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import pytest

from connectors.database import State, VideoRow
from connectors.errors import DependencyDown
from connectors.gateway.live.hub import Hub
from connectors.gateway.live.messages import Entry
from connectors.gateway.live.positions import Positions, unpack
from connectors.gateway.metrics import Metrics
from schemas.topics import VIDEO_UPLOADED

PLACE = (VIDEO_UPLOADED.name, 0)
DEADLINE_S = 60.0


def row(video_id: str) -> VideoRow:
    return VideoRow(
        video_id=video_id,
        revision=1,
        name="talk.mp4",
        state=State.WAITING,
        uploaded_at=datetime(2026, 3, 1, tzinfo=UTC),
        ended_at=None,
        size_bytes=1,
        duration_s=None,
        language=None,
        word_count=None,
        reason=None,
    )


def change(offset: int, video_id: str = "talk") -> Entry:
    return Entry(PLACE, offset, video_id, message=None, changes_video=True, ends_video=False)


async def until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not look():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(look_up: Callable[[str], VideoRow | None]) -> AsyncIterator[Hub]:
    hub = Hub(None, look_up, Metrics())
    hub.attach()
    hub.began(Positions("a cluster", {PLACE: 0}))
    task = asyncio.create_task(hub.run())
    await until(hub.event_id)
    try:
        yield hub
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def next_offset(hub: Hub) -> int:
    """From which on, as ids say, nothing was told."""
    event_id = hub.event_id()
    assert event_id is not None
    positions = unpack(event_id)
    assert positions is not None
    return positions.offsets[PLACE]


def test_an_id_covers_a_change_only_when_it_was_told() -> None:
    asked, answer = threading.Event(), threading.Event()
    answers: list[VideoRow | DependencyDown] = [DependencyDown("database", "gone"), row("talk")]

    def look_up(video_id: str) -> VideoRow:
        asked.set()
        assert answer.wait(DEADLINE_S)
        answer.clear()
        found = answers.pop(0)
        if isinstance(found, DependencyDown):
            raise found
        return found

    async def watch() -> None:
        async with running(look_up) as hub:
            client = hub.join(None, None)
            hub.told([change(5)], {PLACE: 6})
            await until(asked.is_set)
            assert next_offset(hub) == 5
            hub.told([change(6)], {PLACE: 7})  # while the first is looked up, in vain
            asked.clear()
            answer.set()
            await until(asked.is_set)
            assert next_offset(hub) == 5
            answer.set()
            await until(lambda: next_offset(hub) == 7)
            assert [message.video_id for message in client.take()] == ["talk"]

    asyncio.run(watch())


def test_a_change_that_comes_while_one_is_told_is_told_too() -> None:
    asked, answer = threading.Event(), threading.Event()

    def look_up(video_id: str) -> VideoRow:
        asked.set()
        assert answer.wait(DEADLINE_S)
        return row(video_id)

    async def watch() -> None:
        async with running(look_up) as hub:
            client = hub.join(None, None)
            hub.told([change(5)], {PLACE: 6})
            await until(asked.is_set)
            hub.told([change(6)], {PLACE: 7})
            answer.set()
            await until(lambda: next_offset(hub) == 7)
            assert len(client.take()) == 2

    asyncio.run(watch())


def test_a_video_that_cannot_be_told_of_keeps_no_other_from_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def look_up(video_id: str) -> VideoRow:
        if video_id == "broken":
            raise ValueError("not to be read")
        return row(video_id)

    async def watch() -> None:
        async with running(look_up) as hub:
            client = hub.join(None, None)
            hub.told([change(5, "broken"), change(6)], {PLACE: 7})
            await until(lambda: next_offset(hub) == 7)
            assert [message.video_id for message in client.take()] == ["talk"]

    asyncio.run(watch())
    assert "broken" in caplog.text
