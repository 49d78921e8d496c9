"""Signing in to the page."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors.gateway.bodies import read_json
from connectors.gateway.documents import body_of, problems
from connectors.gateway.keys import Key, KeyRing
from connectors.gateway.models import SessionAnswer
from connectors.gateway.problems import wrong_key
from connectors.gateway.sessions import COOKIE, Sessions


class SignIn(BaseModel):
    """An API key."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"key": "the-key-that-you-were-given"}]}
    )

    key: str = Field(min_length=1, max_length=1000, repr=False)


def router(ring: KeyRing, sessions: Sessions) -> APIRouter:
    """`/session`: whom the page acts as."""
    routes = APIRouter(tags=["session"])

    async def asked(request: Request) -> SignIn:
        return await read_json(request, SignIn)

    @routes.get("/session", response_model=SessionAnswer, summary="Who the page acts as")
    def who(request: Request) -> dict[str, Any]:
        return _answer(ring, request.state.key)

    @routes.post(
        "/session",
        response_model=SessionAnswer,
        responses=problems(401, 413),
        openapi_extra=body_of(SignIn),
        summary="Sign in with a key",
    )
    def sign_in(request: Request, given: Annotated[SignIn, Depends(asked)]) -> Response:
        """Sets a cookie that is as good as the key, for requests of the same site."""
        key = ring.find(given.key)
        if key is None:
            raise wrong_key("Wrong key", "This gateway does not know that key.")
        response = JSONResponse(_answer(ring, key))
        response.set_cookie(
            COOKIE,
            sessions.begin(key),
            max_age=int(sessions.lasts_s),
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    @routes.delete("/session", response_model=SessionAnswer, summary="Sign out")
    def sign_out() -> Response:
        response = JSONResponse(_answer(ring, None))
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response

    return routes


def _answer(ring: KeyRing, key: Key | None) -> dict[str, Any]:
    if not ring:
        return {"keys": False, "name": None, "scope": "write"}
    return {"keys": True, "name": key and key.name, "scope": key and key.scope.value}
