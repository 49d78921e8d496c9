"""Errors as every client sees them: `application/problem+json` (RFC 9457), whoever raised them.

A route raises `Problem`; `add_to` sees to all the rest: what the framework refuses by itself, a
dependency that is down, and errors in the program, of which a client learns nothing but that there was
one.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.errors import DependencyDown
from connectors.objectstore.revisions import RevisionsUsedUp

log = logging.getLogger("reelay.gateway")

MEDIA_TYPE = "application/problem+json"
_RETRY_DOWN_S = 5
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Problem(Exception):
    """A request is refused, or could not be done.

    title: the kind of problem, the same each time. detail: what is wrong with this very request, and
    what to do. more: further members of the answer. headers: such as Retry-After.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(f"{status} {title}: {detail}")
        self.status = status
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more

    def response(self) -> Response:
        """The answer that tells of it."""
        slug = re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")
        content = {
            "type": f"urn:reelay:problem:{slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        return JSONResponse(content, self.status, self.headers, MEDIA_TYPE)


def wrong_key(title: str, detail: str) -> Problem:
    """No key was given that is known here."""
    return Problem(401, title, detail, headers={"WWW-Authenticate": 'Bearer realm="reelay"'})


def no_such_video() -> Problem:
    """There is no video of that id, or there never can be."""
    return Problem(404, "No such video", "There is no video of that id, or it was deleted.")


def add_to(app: FastAPI) -> None:
    """Have every error answered as a problem."""
    app.add_exception_handler(Problem, _of_problem)
    app.add_exception_handler(HTTPException, _of_framework)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(DependencyDown, _of_dependency)
    app.add_exception_handler(RevisionsUsedUp, _of_numbers)


class Unexpected:
    """Answers a request that met an error in the program, as far as nothing was answered yet."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = False

        async def watched(message: Message) -> None:
            nonlocal began
            began = began or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            # No error goes further: a client must not see it, and others are to be served.
            log.exception("%s %s failed", scope["method"], scope["path"])
            if began:
                raise  # the connection ends, so that nobody takes half an answer for a whole one
            problem = Problem(
                500, "Internal error", "Something went wrong here; the gateway's log says what."
            )
            await problem.response()(scope, receive, send)


def _of_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


def _of_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase.capitalize()
    detail = {
        404: "There is nothing at this address.",
        405: f"{request.method} is not what this address is for.",
    }.get(error.status_code, str(error.detail))
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
    return Problem(error.status_code, title, detail, headers=headers).response()


def _methods(request: Request) -> Iterator[str]:
    """What the address is for; the framework names only what the first of its routes is for."""
    for method in _METHODS:
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes):
            yield method


def _of_validation(request: Request, error: Exception) -> Response:
    """Says where the fault is, without repeating what was sent."""
    assert isinstance(error, RequestValidationError)
    faults = [
        {"where": ".".join(str(part) for part in fault["loc"]), "what": fault["msg"]}
        for fault in error.errors()
    ]
    detail = "; ".join(f"{fault['where']}: {fault['what']}" for fault in faults[:3])
    return Problem(
        422, "Not understood", detail or "The request has a wrong form.", faults=faults
    ).response()


def not_available(request: Request, error: DependencyDown) -> Problem:
    """What a client gets whose request needs what is down; the log has the reason."""
    log.warning("%s %s: %s", request.method, request.url.path, error)
    return Problem(
        503,
        "Not available",
        f"The {error.dependency} cannot be reached at the moment; try again.",
        headers={"Retry-After": str(_RETRY_DOWN_S)},
    )


def _of_dependency(request: Request, error: Exception) -> Response:
    assert isinstance(error, DependencyDown)
    return not_available(request, error).response()


def _of_numbers(request: Request, error: Exception) -> Response:
    return Problem(409, "No number left", f"{error}.").response()
