"""/health/live, /health/ready and /metrics."""

import logging
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from connectors.errors import DependencyDown
from connectors.gateway.models import HealthAnswer

log = logging.getLogger("reelay.gateway")

Probe = Callable[[], None]
"""Raises DependencyDown if what it asks does not answer."""


def router(
    registry: CollectorRegistry, *, store: Probe, catalogue: Probe | None, broker: Probe
) -> APIRouter:
    """Live: this process answers. Ready: what it needs can be reached."""
    routes = APIRouter(tags=["health"])

    @routes.get("/health/live", response_class=PlainTextResponse, summary="Whether the process answers")
    def live() -> str:
        return "live\n"

    @routes.get(
        "/health/ready",
        response_model=HealthAnswer,
        responses={503: {"model": HealthAnswer, "description": "Something cannot be reached"}},
        summary="Whether all that is needed can be reached",
    )
    def ready() -> Response:
        parts: dict[str, Any] = {
            "store": _is_well(store),
            "catalogue": None if catalogue is None else _is_well(catalogue),
            "broker": _is_well(broker),
        }
        return JSONResponse(parts, 503 if False in parts.values() else 200)

    @routes.get("/metrics", response_class=PlainTextResponse, summary="Metrics for Prometheus")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return routes


def _is_well(probe: Probe) -> bool:
    try:
        probe()
    except DependencyDown as error:
        log.warning("not ready: %s", error)
        return False
    return True
