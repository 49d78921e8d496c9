"""Uploads by tus and by plain requests, straight into the object store, which holds all their state.

Any gateway goes on with any upload, also with one that was cut off because another was killed: see
`journal`. An upload is one object of parts of 8 MiB, which nobody sees before it is whole; then it is
given to `accept`, once or, after a crash, once more.
"""

from fastapi import APIRouter

from connectors.gateway.uploads.journal import forget_accepted
from connectors.gateway.uploads.limits import UploadLimits
from connectors.gateway.uploads.plain import plain_router
from connectors.gateway.uploads.records import digest_of
from connectors.gateway.uploads.service import Accept, Uploads
from connectors.gateway.uploads.tus import tus_router

__all__ = ["Accept", "UploadLimits", "Uploads", "digest_of", "forget_accepted", "router"]


def router(uploads: Uploads, *, videos: str = "/api/v1/videos") -> APIRouter:
    """`PUT /upload/{name}`, `POST /upload?name=` and tus at `/tus`. While the app runs, it also runs
    `uploads.keep_tidy()`; it calls `uploads.stop()` before it waits for running requests, and
    `uploads.close()` at its end. videos: the path below which videos are."""
    both = APIRouter()
    both.include_router(plain_router(uploads, videos))
    both.include_router(tus_router(uploads))
    return both
