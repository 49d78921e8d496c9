"""Who may come in: every request passes here before anything of it is read.

What is refused: names of this machine that are not its own where no keys are asked for (a page that
points its own name at this machine would be taken for ours), writes that other sites make in a user's
name, requests without a key or with one that does not do, and too many.
"""

import logging
import math
from urllib.parse import urlsplit

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from connectors.errors import DependencyDown
from connectors.gateway.keys import KeyRing, Scope
from connectors.gateway.limits import Buckets
from connectors.gateway.problems import Problem, wrong_key
from connectors.gateway.sessions import COOKIE, Session, Sessions
from connectors.gateway.settings import is_loopback

log = logging.getLogger("reelay.gateway")

API = "/api/v1"
SESSION = f"{API}/session"
_GUARDED = (f"{API}/", "/metrics")
READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Door:
    """Lets a request through to the app, with its key in `state.key` (None where no keys are asked for)
    and in `state.until` how long it counts (Unix time), or answers with what is wrong. origins: other
    web pages that may write."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        ring: KeyRing,
        sessions: Sessions,
        buckets: Buckets,
        origins: tuple[str, ...],
    ) -> None:
        self._app = app
        self._ring = ring
        self._sessions = sessions
        self._buckets = buckets
        self._origins = origins

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            try:
                session = await self._admitted(request)
            except Problem as problem:
                await problem.response()(scope, receive, send)
                return
            request.state.key = session.key if session else None
            request.state.until = session.until if session else math.inf
        await self._app(scope, receive, send)

    async def _admitted(self, request: Request) -> Session | None:
        writes = request.method not in READING
        if not self._ring:
            _check_host(request)
        if writes:
            self._check_site(request)
        path = request.scope["path"]  # not that of `url`, into which the Host header goes
        if not path.startswith(_GUARDED):
            return None
        if not self._ring:
            return None
        session = await self._session_of(request)
        address = request.client.host if request.client else ""
        name = f"key {session.key.name}" if session else f"address {address}"
        wait_s = self._buckets.wait_s(name)
        if wait_s:
            raise Problem(
                429,
                "Too many requests",
                f"This key may ask again in {wait_s} s.",
                headers={"Retry-After": str(wait_s)},
            )
        if path == SESSION:
            return session
        if session is None:
            raise wrong_key(
                "No key", "Send an API key that this gateway knows: `Authorization: Bearer KEY`."
            )
        if not session.key.scope.covers(Scope.WRITE if writes else Scope.READ):
            raise Problem(403, "Not allowed", "This key is for reading only.")
        return session

    async def _session_of(self, request: Request) -> Session | None:
        """By the key in the header, which counts for ever, or else by the cookie, which is for our page
        alone."""
        header = request.headers.get("authorization")
        if header is not None:
            kind, _, presented = header.partition(" ")
            key = self._ring.find(presented.strip()) if kind.lower() == "bearer" else None
            return Session(key, math.inf) if key else None
        cookie = request.cookies.get(COOKIE)
        if cookie is None or not _is_our_page(request):
            return None
        try:
            return await run_sync(self._sessions.find, cookie)
        except DependencyDown as error:
            log.warning("%s", error)
            raise Problem(
                503, "Not available", "Nobody can be signed in at the moment; try again."
            ) from error

    def _check_site(self, request: Request) -> None:
        """Browsers say who makes a request; programs say nothing. Raises Problem for another site's."""
        if request.headers.get("origin") in self._origins:
            return
        site = request.headers.get("sec-fetch-site", "none")
        if site not in ("same-origin", "none") or not _is_our_page(request):
            raise Problem(403, "Not allowed", "Another site's page may not change anything here.")


def _is_our_page(request: Request) -> bool:
    """Whether the page that asks is ours, as far as a browser says which it is."""
    origin = request.headers.get("origin")
    return origin is None or _authority(origin) == request.headers.get("host")


def _check_host(request: Request) -> None:
    """Raises Problem."""
    authority = _authority(f"//{request.headers.get('host', '')}") or ""
    host = authority if authority.endswith("]") else authority.rpartition(":")[0] or authority
    if not is_loopback(host):
        raise Problem(
            421,
            "Wrong host",
            "Without API keys this gateway answers to localhost and 127.0.0.1 only.",
        )


def _authority(url: str) -> str | None:
    """Host and port of a URL; None if there are none."""
    try:
        return urlsplit(url).netloc or None
    except ValueError:
        return None
