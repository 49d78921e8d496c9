"""What Prometheus sees of the gateway."""

import logging
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.gateway.door import API, READING
from connectors.logs import fields

log = logging.getLogger("reelay.gateway")

_UPLOADS = (f"{API}/upload", f"{API}/tus")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CLOSED_EARLY = "499"
"""As nginx writes it: the client left before there was an answer."""


class Metrics:
    """All metrics of one gateway process, each named for the person who reads the graph."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "reelay_gateway_requests_total",
            "Requests answered; a climbing 5xx rate needs a look into the log",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "reelay_gateway_request_seconds",
            "Time from a request's head to the end of its answer; uploads and downloads last as long as"
            " their bytes take",
            ["route", "method"],
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600),
            registry=self.registry,
        )
        self.uploads = Gauge(
            "reelay_gateway_uploads_in_flight",
            "Requests that are bringing parts of uploads at the moment",
            registry=self.registry,
        )
        self.upload_bytes = Counter(
            "reelay_gateway_upload_bytes_total",
            "Bytes of uploads that came in, whether or not the upload was completed",
            registry=self.registry,
        )
        self.streams = Gauge(
            "reelay_gateway_event_streams",
            "Clients that follow live events",
            registry=self.registry,
        )
        self.dropped_streams = Counter(
            "reelay_gateway_event_streams_dropped_total",
            "Clients that read live events too slowly and were made to connect anew",
            registry=self.registry,
        )


class Measured:
    """Counts every request, and what uploads bring; logs who changed something."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = _CLOSED_EARLY
        began = time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            if scope["path"].startswith(_UPLOADS) and scope["method"] in ("PUT", "POST", "PATCH"):
                with self._metrics.uploads.track_inprogress():
                    await self._app(scope, self._counted(receive), watched)
            else:
                await self._app(scope, receive, watched)
        finally:
            took_s = time.perf_counter() - began
            route = _route(scope)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(route, method, status).inc()
            self._metrics.seconds.labels(route, method).observe(took_s)
            if method not in READING:
                key = scope.get("state", {}).get("key")
                log.info(
                    "%s %s: %s",
                    method,
                    scope["path"],
                    status,
                    extra=fields(key=key and key.name, took_s=round(took_s, 3)),
                )

    def _counted(self, receive: Receive) -> Receive:
        async def counted() -> Message:
            message = await receive()
            self._metrics.upload_bytes.inc(len(message.get("body", b"")))
            return message

        return counted


def _route(scope: Scope) -> str:
    """The pattern that the path was matched by: there are few of them."""
    path = getattr(scope.get("route"), "path", None)
    if path is None:  # only the API's routes tell
        return "page" if "endpoint" in scope else "none"
    return f"{API}{path.removeprefix(API)}" if scope["path"].startswith(API) else str(path)
