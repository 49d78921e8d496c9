"""A gateway of which only uploads are there, as a process of its own.

python -m tests.integration.gateway.uploading PORT KEPT-S MAX-BYTES MAX-UPLOADS
The store is that of the environment's REELAY_ settings. It accepts as the real one does, but announces
to nobody; an object `die/now` in the store has it killed just before, once.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import uvicorn
from fastapi import FastAPI

from connectors.gateway import problems
from connectors.gateway.uploads import UploadLimits, Uploads, router
from connectors.objectstore import open_store
from connectors.objectstore.revisions import RevisionTaken, take_revision
from connectors.settings import Connections
from schemas.events import Options, VideoUploaded
from schemas.uploads import load_upload, upload_key


def create_app(connections: Connections, limits: UploadLimits) -> FastAPI:
    """The application."""
    store = open_store(connections)

    def accept(
        video_id: str, *, name: str, source: str, size_bytes: int, sha256: str, options: Options
    ) -> VideoUploaded:
        if any(store.keys("die/")):
            store.delete("die/now")
            os.kill(os.getpid(), signal.SIGKILL)
        store.put(f"digests/{video_id}", sha256.encode())  # for the test to see
        try:
            return take_revision(
                store,
                video_id,
                source=source,
                name=name,
                size_bytes=size_bytes,
                options=options,
                revision=1,
            )
        except RevisionTaken:
            return load_upload(store.get(upload_key(video_id, 1)))

    uploads = Uploads(store, accept, limits)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tidying = asyncio.create_task(uploads.keep_tidy())
        yield
        tidying.cancel()
        with suppress(asyncio.CancelledError):
            await tidying
        uploads.close()

    app = FastAPI(lifespan=lifespan)
    problems.add_to(app)
    app.include_router(router(uploads), prefix="/api/v1")
    return app


def main(port: str, kept_s: str, max_bytes: str, max_uploads: str) -> None:
    """Serve until killed."""
    limits = UploadLimits(
        max_bytes=int(max_bytes),
        max_uploads=int(max_uploads),
        max_name_chars=255,
        kept_s=float(kept_s),
    )
    app = create_app(Connections(), limits)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
