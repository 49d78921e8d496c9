"""Sending objects: whole or in part, in bounded memory, under names that break no header."""

import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from connectors.gateway.conditions import NotSatisfiable, Range, asked_range, is_known, is_other
from connectors.gateway.media_types import UNKNOWN, media_type_of
from connectors.gateway.problems import Problem
from connectors.objectstore import ObjectMissing

_BLOCK_BYTES = 256 * 1024

Read = Callable[[int, int], Iterator[bytes]]
"""Bytes from one position to another."""


@dataclass(frozen=True, slots=True)
class Sendable:
    """Something to send. name: decides the media type. shown_name: what a browser saves it as. tag: the
    same as long as the bytes are."""

    name: str
    shown_name: str
    size_bytes: int
    tag: str
    read: Read


async def send(request: Request, what: Sendable, *, download: bool) -> Response:
    """The answer to GET or HEAD. Raises Problem, DependencyDown."""
    etag = f'"{what.tag}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
    }
    if is_other(request, etag):
        raise Problem(412, "Another version", "The file is not the one that If-Match names.")
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    try:
        part = asked_range(request, what.size_bytes, etag) if request.method == "GET" else None
    except NotSatisfiable:
        raise Problem(
            416,
            "Beyond the end",
            f"The file has {what.size_bytes} bytes.",
            headers={"Content-Range": f"bytes */{what.size_bytes}"},
        ) from None
    media_type = media_type_of(what.name)
    inline = media_type != UNKNOWN and not download
    headers |= {
        "Content-Type": f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type,
        "Content-Disposition": disposition(what.shown_name, inline=inline),
    }
    whole = part is None
    part = part or Range(0, what.size_bytes)
    headers["Content-Length"] = str(part.end - part.start)
    if not whole:
        headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{what.size_bytes}"
    if request.method == "HEAD" or part.start == part.end:
        return Response(headers=headers)
    blocks = what.read(part.start, part.end)
    try:  # before the head of the answer is out, so that there can be another
        first = await run_sync(next, blocks, b"")
    except (ObjectMissing, OSError):  # an OSError is that of a file on this machine
        raise Problem(404, "Not found", "The file is no longer there, or not to be read.") from None
    return StreamingResponse(_streamed(first, blocks), 200 if whole else 206, headers)


def disposition(name: str, *, inline: bool) -> str:
    """The Content-Disposition header for a file of any name (RFC 6266): the name in ASCII that nothing
    can be broken with, and whole, escaped."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("_") or "file"
    escaped = quote(name.encode("utf-8", "replace"), safe="")
    return f"{'inline' if inline else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{escaped}"


def file_blocks(path: Path) -> Read:
    """Reads a local file."""

    def read(start: int, end: int) -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(start)
            left = end - start
            while left > 0 and (block := file.read(min(_BLOCK_BYTES, left))):
                left -= len(block)
                yield block

    return read


def tag_of_file(path: Path, facts: os.stat_result) -> str:
    """A tag that is another when the file is."""
    return f"{facts.st_ino:x}-{facts.st_size:x}-{facts.st_mtime_ns:x}"


async def _streamed(first: bytes, rest: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The blocks, each read when the one before is sent; reading ends when the client leaves."""
    with closing(rest):  # type: ignore[type-var]  # stores give generators
        while first:
            yield first
            first = await run_sync(next, rest, b"")
