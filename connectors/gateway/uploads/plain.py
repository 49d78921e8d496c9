"""Uploads by one plain request, for scripts: `curl -T talk.mp4 http://localhost:8080/api/v1/upload/`."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import ConfigDict

from connectors.errors import DependencyDown
from connectors.gateway.documents import problems
from connectors.gateway.models import Answer
from connectors.gateway.problems import Problem
from connectors.gateway.uploads.asked import options_in_query, whole_number
from connectors.gateway.uploads.records import Step
from connectors.gateway.uploads.service import Uploads
from schemas.events import Options

_BODY = {
    "requestBody": {
        "required": True,
        "description": "The file's bytes, with or without Content-Length.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_REFUSED = problems(400, 408, 413, 415, 423, 503)

_Options = Annotated[Options, Depends(options_in_query)]


class UploadedAnswer(Answer):
    """The video that an upload became."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "video_id": "4f9c0d6e2b7a4c1f8e35a1d2c3b4e5f6",
                    "revision": 1,
                    "url": "/api/v1/videos/4f9c0d6e2b7a4c1f8e35a1d2c3b4e5f6",
                }
            ]
        }
    )

    video_id: str
    revision: int
    url: str


def plain_router(uploads: Uploads, videos: str) -> APIRouter:
    """The routes at `/upload`. videos: the path below which videos are found."""
    router = APIRouter(tags=["uploads"])

    @router.put("/upload/{name:path}", status_code=201, responses=_REFUSED, openapi_extra=_BODY)
    async def put_upload(
        request: Request, response: Response, name: str, options: _Options
    ) -> UploadedAnswer:
        """Upload a file under its name, as `curl -T FILE …/upload/` does. Each is a new video."""
        return await _uploaded(request, response, name, options)

    @router.post("/upload", status_code=201, responses=_REFUSED, openapi_extra=_BODY)
    async def post_upload(
        request: Request,
        response: Response,
        name: Annotated[str, Query(description="file name")],
        options: _Options,
    ) -> UploadedAnswer:
        """Upload a file. Each is a new video."""
        return await _uploaded(request, response, name, options)

    async def _uploaded(
        request: Request, response: Response, name: str, options: Options
    ) -> UploadedAnswer:
        if request.headers.get("content-type", "").startswith("multipart/"):
            raise Problem(415, "Not a media file", "Send the file itself as the body, not a form.")
        size_bytes = whole_number(request, "Content-Length")
        record = await uploads.create(name, size_bytes, options)
        video_id = record.video_id
        try:
            record = await uploads.append(video_id, 0, request.stream(), is_all=True)
        finally:
            if record.step is Step.RECEIVING:
                await _give_up(video_id)
        if record.revision is None:
            raise Problem(400, "Upload broke off", "Fewer bytes came than were announced.")
        url = f"{videos}/{quote(video_id)}"
        response.headers["Location"] = url
        return UploadedAnswer(video_id=video_id, revision=record.revision, url=url)

    async def _give_up(video_id: str) -> None:
        """Nobody can go on with it; if it cannot be removed now, that is done when it is old."""
        try:
            await uploads.remove(video_id)
        except (Problem, DependencyDown):
            return

    return router
