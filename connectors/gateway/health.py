"""/health/live, /health/ready and /metrics."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from connectors.errors import DependencyDown
from connectors.gateway.models import HealthAnswer

log = logging.getLogger("reelay.gateway")

_SHARED_S = 1.0

Probe = Callable[[], None]
"""Raises DependencyDown if what it asks does not answer."""


def router(
    registry: CollectorRegistry, *, store: Probe, catalogue: Probe | None, broker: Probe
) -> APIRouter:
    """Live: this process answers. Ready: what it needs can be reached.

    Whether it lives and what it measures is told by the event loop itself: all threads may wait for a
    store that says nothing, and a gateway that is started anew for that waits again."""
    routes = APIRouter(tags=["health"])
    readiness = _Readiness({"store": store, "catalogue": catalogue, "broker": broker})

    @routes.get("/health/live", response_class=PlainTextResponse, summary="Whether the process answers")
    async def live() -> str:
        return "live\n"

    @routes.get(
        "/health/ready",
        response_model=HealthAnswer,
        responses={503: {"model": HealthAnswer, "description": "Something cannot be reached"}},
        summary="Whether all that is needed can be reached",
    )
    async def ready() -> Response:
        parts = await readiness.parts()
        return JSONResponse(parts, 503 if False in parts.values() else 200)

    @routes.get("/metrics", response_class=PlainTextResponse, summary="Metrics for Prometheus")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return routes


class _Readiness:
    """Asks one time for all who want to know within a second, in a thread that no other request needs:
    everybody may ask, as often as they like."""

    def __init__(self, probes: Mapping[str, Probe | None]) -> None:
        self._probes = probes
        self._asking = asyncio.Lock()
        self._thread = CapacityLimiter(1)
        self._parts: dict[str, bool | None] = {}
        self._good_until = 0.0

    async def parts(self) -> Mapping[str, bool | None]:
        """Which are well; None: there is no such part."""
        async with self._asking:
            if time.monotonic() >= self._good_until:
                self._parts = await run_sync(self._ask, limiter=self._thread)
                self._good_until = time.monotonic() + _SHARED_S
            return self._parts

    def _ask(self) -> dict[str, bool | None]:
        return {name: _is_well(probe) for name, probe in self._probes.items()}


def _is_well(probe: Probe | None) -> bool | None:
    if probe is None:
        return None
    try:
        probe()
    except DependencyDown as error:
        log.warning("not ready: %s", error)
        return False
    return True
