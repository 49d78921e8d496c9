"""Whether a gateway is ready is asked of others once for all who want to know."""

import asyncio

import httpx
import pytest
from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from connectors.errors import DependencyDown
from connectors.gateway import health


class _Store:
    """Well when it is asked for the first time, and down after that."""

    def __init__(self) -> None:
        self.asked = 0

    def probe(self) -> None:
        self.asked += 1
        if self.asked > 1:
            raise DependencyDown("object store", "gone")


def client_of(store: _Store) -> httpx.AsyncClient:
    """A client of a gateway of which only this is there."""
    app = FastAPI()
    app.include_router(
        health.router(CollectorRegistry(), store=store.probe, catalogue=None, broker=lambda: None)
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


def ask(store: _Store, *, at_once: int, times: int) -> list[int]:
    """The statuses of the answers."""

    async def asked() -> list[int]:
        async with client_of(store) as client:
            return [
                answer.status_code
                for _ in range(times)
                for answer in await asyncio.gather(
                    *(client.get("/health/ready") for _ in range(at_once))
                )
            ]

    return asyncio.run(asked())


def test_many_who_ask_at_once_share_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_SHARED_S", 3600.0)
    store = _Store()
    assert ask(store, at_once=50, times=1) == [200] * 50
    assert store.asked == 1


def test_who_asks_later_gets_a_new_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_SHARED_S", 0.0)
    store = _Store()
    assert ask(store, at_once=1, times=2) == [200, 503]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_who_asks_is_answered_though_every_thread_waits_for_something(path: str) -> None:
    async def asked() -> int:
        threads = current_default_thread_limiter()
        waiting = [object() for _ in range(int(threads.total_tokens))]
        for each in waiting:
            threads.acquire_on_behalf_of_nowait(each)
        async with asyncio.timeout(60), client_of(_Store()) as client:
            return (await client.get(path)).status_code

    assert asyncio.run(asked()) == 200
