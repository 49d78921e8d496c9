"""Resumable uploads: tus 1.0 (https://tus.io/protocols/resumable-upload), with its extensions creation,
creation-with-upload, termination and expiration."""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from functools import wraps

from fastapi import APIRouter, Request, Response

from connectors.errors import DependencyDown
from connectors.gateway.problems import Problem, not_available
from connectors.gateway.uploads.asked import options_in, whole_number
from connectors.gateway.uploads.records import Record, Step
from connectors.gateway.uploads.service import Uploads

_VERSION = "1.0.0"
_EXTENSIONS = "creation,creation-with-upload,termination,expiration"
_BYTES = "application/offset+octet-stream"
_OF_AN_UPLOAD = "HEAD, PATCH, DELETE, OPTIONS"
_RESUMABLE = {"Tus-Resumable": _VERSION}
_METADATA_CHARS = 4096
_METADATA_KEY = re.compile(r"[!-+\--~]{1,100}")  # ASCII without space and comma

_Route = Callable[[Request], Awaitable[Response]]


def tus_router(uploads: Uploads) -> APIRouter:
    """The routes below `/tus`. They are described by the protocol, not by our OpenAPI document."""
    router = APIRouter(prefix="/tus", include_in_schema=False)
    methods: dict[str, _Route] = {}

    def serves(method: str, path: str) -> Callable[[_Route], _Route]:
        def added(route: _Route) -> _Route:
            checked = _spoken(route)
            router.add_api_route(path, checked, methods=[method], response_model=None)
            methods[method] = checked
            return checked

        return added

    async def capabilities(request: Request) -> Response:
        return Response(
            status_code=204,
            headers=_RESUMABLE
            | {
                "Tus-Version": _VERSION,
                "Tus-Extension": _EXTENSIONS,
                "Tus-Max-Size": str(uploads.limits.largest_bytes),
            },
        )

    for path in ("", "/", "/{video_id}"):  # the protocol wants no version in such a request
        router.add_api_route(path, capabilities, methods=["OPTIONS"], response_model=None)

    @serves("HEAD", "/{video_id}")
    async def tell(request: Request) -> Response:
        record = await uploads.find(request.path_params["video_id"])
        headers = _facts(uploads, record) | {"Cache-Control": "no-store"}
        if record.size_bytes is not None:
            headers["Upload-Length"] = str(record.size_bytes)
        if record.metadata:
            headers["Upload-Metadata"] = record.metadata
        return Response(headers=headers)

    @serves("PATCH", "/{video_id}")
    async def append(request: Request) -> Response:
        if not _has_bytes(request):
            raise Problem(415, "Not bytes of an upload", f"A PATCH's Content-Type is {_BYTES}.")
        offset = whole_number(request, "Upload-Offset")
        if offset is None:
            raise Problem(400, "Bad request", "Upload-Offset is missing.")
        record = await uploads.append(request.path_params["video_id"], offset, request.stream())
        return Response(status_code=204, headers=_facts(uploads, record))

    @serves("DELETE", "/{video_id}")
    async def remove(request: Request) -> Response:
        await uploads.remove(request.path_params["video_id"])
        return Response(status_code=204, headers=_RESUMABLE)

    @serves("POST", "/{video_id}")
    async def instead(request: Request) -> Response:
        """For clients that can only GET and POST."""
        meant = request.headers.get("x-http-method-override", "").upper()
        if meant not in ("PATCH", "DELETE", "HEAD"):
            raise Problem(
                405,
                "Method not allowed",
                "POST creates an upload at the address above this.",
                headers={"Allow": _OF_AN_UPLOAD},
            )
        return await methods[meant](request)

    @serves("POST", "/")
    @serves("POST", "")
    async def create(request: Request) -> Response:
        size_bytes = whole_number(request, "Upload-Length")
        if size_bytes is None:
            raise Problem(400, "Bad request", "Upload-Length is missing.")
        raw = request.headers.get("upload-metadata", "")
        metadata = _metadata(raw)
        name = metadata.get("filename") or metadata.get("name", "")
        record = await uploads.create(name, size_bytes, options_in(metadata), raw)
        location = f"{request.url.path.rstrip('/')}/{record.video_id}"
        if _has_bytes(request):
            record = await uploads.append(record.video_id, 0, request.stream())
        headers = _facts(uploads, record) | {"Location": location}
        return Response(status_code=201, headers=headers)

    return router


def _spoken(route: _Route) -> _Route:
    """The route, for clients that speak our version; all answers name it, problems too."""

    @wraps(route)
    async def checked(request: Request) -> Response:
        try:
            if request.headers.get("tus-resumable") != _VERSION:
                raise Problem(
                    412,
                    "Unknown tus version",
                    f"Send `Tus-Resumable: {_VERSION}`.",
                    headers={"Tus-Version": _VERSION},
                )
            return await route(request)
        except Problem as problem:
            problem.headers |= _RESUMABLE
            raise
        except DependencyDown as error:
            unavailable = not_available(request, error)
            unavailable.headers |= _RESUMABLE
            raise unavailable from error

    return checked


def _facts(uploads: Uploads, record: Record) -> dict[str, str]:
    headers = _RESUMABLE | {"Upload-Offset": str(record.offset)}
    if record.step is Step.ACCEPTED:
        headers["X-Reelay-Video"] = record.video_id
    else:
        headers["Upload-Expires"] = formatdate(record.touched + uploads.limits.kept_s, usegmt=True)
    return headers


def _has_bytes(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == _BYTES


def _metadata(raw: str) -> dict[str, str]:
    """Pairs of a key and a value in Base64, which is UTF-8 here. Raises Problem."""
    if len(raw) > _METADATA_CHARS:
        raise Problem(400, "Bad request", f"Upload-Metadata has more than {_METADATA_CHARS} characters.")
    found: dict[str, str] = {}
    for pair in filter(None, (pair.strip() for pair in raw.split(","))):
        key, _, value = pair.partition(" ")
        try:
            if _METADATA_KEY.fullmatch(key) is None:
                raise ValueError(key)
            found[key] = base64.b64decode(value.strip(), validate=True).decode()
        except (ValueError, binascii.Error) as error:
            raise Problem(
                400, "Bad request", "Upload-Metadata: expected pairs of a key and UTF-8 in Base64."
            ) from error
    return found
