"""The web page's files: one `index.html` for all its addresses, and what it loads."""

import hashlib
import mimetypes
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.gateway.conditions import is_known
from connectors.gateway.problems import Problem

_INDEX = "index.html"
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".svg": "image/svg+xml"}


def add_pages(app: FastAPI, folder: Path | None = None) -> None:
    """Serve the page at `/`, `/videos/{video_id}` and `/search`, its files below `/assets/`.

    Files are asked for again each time, and answered with 304 as long as they are the same: a new
    version shows at once. Only what lies in the folder at the start is ever served.
    """
    root = folder or Path(str(files("connectors.gateway") / "page"))
    assets = {
        path.relative_to(root).as_posix(): path
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    }

    def page(request: Request) -> Response:
        return _answer(request, assets.get(_INDEX))

    def asset(request: Request) -> Response:
        return _answer(request, assets.get(request.path_params["path"]))

    for path in ("/", "/search", "/videos/{video_id}"):
        app.router.routes.append(Route(path, page))
    app.router.routes.append(Route("/assets/{path:path}", asset))


def _answer(request: Request, path: Path | None) -> Response:
    if path is None:
        raise Problem(404, "Not found", "There is nothing at this address.")
    content = path.read_bytes()
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    return Response(content, headers=headers, media_type=media_type or "application/octet-stream")
