"""`/videos/{video_id}/files/…`, `…/source` and `…/timeline`: what a video is and was made into."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Annotated
from urllib.parse import unquote_to_bytes, urlsplit

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from connectors.gateway.asking import VideoId, check_id
from connectors.gateway.documents import Responses, problems
from connectors.gateway.problems import Problem, no_such_video
from connectors.gateway.sending import Sendable, file_blocks, send, tag_of_file
from connectors.gateway.stored import latest_completed, stored_revisions
from connectors.objectstore import ObjectMissing, ObjectStore
from connectors.objectstore.revisions import is_deleted
from schemas.events import ArtefactRef, VideoCompleted, VideoUploaded
from schemas.outcomes import load_outcome, outcome_key

_BYTES: Responses = {
    200: {
        "description": "The file",
        "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
    },
    206: {
        "description": "The part of it that was asked for",
        "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
    },
    304: {"description": "It is the one that the client has already"},
    **problems(412, 416),
}
_TIMELINE = "timeline.json"
_TAG_DIGITS = 32

Download = Annotated[bool, Query(description="whether browsers save it, instead of showing it")]
Revision = Annotated[
    int | None, Query(ge=1, le=2**31 - 1, description="by default the latest completed")
]


def router(store: ObjectStore, local_roots: tuple[Path, ...]) -> APIRouter:
    """local_roots: folders whose files may be sent, of videos that were published where they lie."""
    routes = APIRouter(tags=["files"])

    def get(path: str, summary: str) -> Callable[[Callable[..., object]], None]:
        """GET, and HEAD too, which the OpenAPI document need not repeat."""

        def add(endpoint: Callable[..., object]) -> None:
            routes.add_api_route(
                path,
                endpoint,
                methods=["GET"],
                summary=summary,
                responses=_BYTES,
                response_class=Response,
            )
            routes.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)

        return add

    @get("/videos/{video_id}/files/{name}", "A result file")
    async def result_file(
        request: Request,
        video_id: VideoId,
        name: str,
        revision: Revision = None,
        download: Download = False,
    ) -> Response:
        """One of those that `GET /videos/{video_id}` lists."""
        found = await run_sync(_result, store, check_id(video_id), name, revision)
        return await send(request, found, download=download)

    @get("/videos/{video_id}/timeline", "How long everything waited and worked")
    async def timeline(request: Request, video_id: VideoId, revision: Revision = None) -> Response:
        """`timeline.json` of a completed revision."""
        found = await run_sync(_result, store, check_id(video_id), _TIMELINE, revision)
        return await send(request, found, download=False)

    @get("/videos/{video_id}/source", "The upload itself")
    async def source(request: Request, video_id: VideoId, download: Download = False) -> Response:
        """The file as it was uploaded last."""
        found = await run_sync(_source, store, check_id(video_id), local_roots)
        return await send(request, found, download=download)

    return routes


def _result(store: ObjectStore, video_id: str, name: str, revision: int | None) -> Sendable:
    """Raises Problem, DependencyDown."""
    outcome = _completed(store, video_id, revision)
    for file in outcome.files:  # and nothing that the outcome does not name
        if PurePosixPath(file.key).name == name:
            return _sendable(store, file, name, f"{PurePosixPath(outcome.name).stem or video_id}.{name}")
    raise Problem(404, "No such file", "That revision has no file of this name.")


def _completed(store: ObjectStore, video_id: str, revision: int | None) -> VideoCompleted:
    """Raises Problem, DependencyDown."""
    if revision is None:
        latest = latest_completed(store, video_id)
        if latest is None:
            raise Problem(
                404, "No result", "There is no such video, or none of its revisions is completed."
            )
        return latest[1]
    if is_deleted(store, video_id):
        raise no_such_video()
    try:
        outcome = load_outcome(store.get(outcome_key(video_id, revision)))
    except (ObjectMissing, ValueError):
        outcome = None
    if not isinstance(outcome, VideoCompleted):
        raise Problem(404, "No result", "There is no such video, or that revision is not completed.")
    return outcome


def _sendable(store: ObjectStore, file: ArtefactRef, name: str, shown_name: str) -> Sendable:
    return Sendable(
        name=name,
        shown_name=shown_name,
        size_bytes=file.size_bytes,
        tag=file.sha256[:_TAG_DIGITS],
        read=lambda start, end: store.read_range(file.key, start, end),
    )


def _source(store: ObjectStore, video_id: str, local_roots: tuple[Path, ...]) -> Sendable:
    """Raises Problem, DependencyDown."""
    upload = next((upload for upload, _ in stored_revisions(store, video_id)), None)
    if upload is None:
        raise no_such_video()
    name = upload.name or PurePosixPath(upload.source).name
    if upload.source[:5].lower() == "file:":
        return _local_source(upload, name, local_roots)
    try:
        size_bytes = store.size(upload.source)
    except (ObjectMissing, ValueError):
        raise _gone() from None
    # Uploads are never replaced, so that there is no need to read one for its digest.
    tag = hashlib.sha256(f"{upload.source}\n{size_bytes}".encode()).hexdigest()[:_TAG_DIGITS]
    return Sendable(
        name=name,
        shown_name=name,
        size_bytes=size_bytes,
        tag=tag,
        read=lambda start, end: store.read_range(upload.source, start, end),
    )


def _local_source(upload: VideoUploaded, name: str, local_roots: tuple[Path, ...]) -> Sendable:
    """A file that was published where it lies, on this very machine. Raises Problem."""
    parts = urlsplit(upload.source.replace("?", "%3F").replace("#", "%23"))
    try:
        path = Path(os.fsdecode(unquote_to_bytes(parts.path))).resolve(strict=True)
        facts = path.stat()
    except (OSError, ValueError, RuntimeError):
        raise _gone() from None
    if not any(path.is_relative_to(root.resolve()) for root in local_roots) or not path.is_file():
        raise _gone()
    return Sendable(
        name=name,
        shown_name=name,
        size_bytes=facts.st_size,
        tag=tag_of_file(path, facts),
        read=file_blocks(path),
    )


def _gone() -> Problem:
    return Problem(404, "No upload", "The uploaded file is not there any more, or not for this gateway.")
