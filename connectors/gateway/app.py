"""Puts the gateway together: one FastAPI application, the same in every process."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from anyio.to_thread import run_sync
from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from connectors.database import Catalogue, VideoRow, open_catalogue
from connectors.errors import DependencyDown
from connectors.gateway import captions, files, health, problems, search, session, videos
from connectors.gateway.accepting import Acceptance
from connectors.gateway.announcing import Announcer, Events, Notes, Wisher
from connectors.gateway.documents import ANYWHERE
from connectors.gateway.door import API, Door
from connectors.gateway.headers import SecurityHeaders
from connectors.gateway.keeping import Keeping
from connectors.gateway.keys import load_keys
from connectors.gateway.limits import Buckets
from connectors.gateway.live import stream
from connectors.gateway.live.hub import Hub
from connectors.gateway.live.reader import Reader
from connectors.gateway.metrics import Measured, Metrics
from connectors.gateway.pages import add_pages
from connectors.gateway.sessions import Sessions
from connectors.gateway.settings import GatewaySettings
from connectors.gateway.stored import stored_detail
from connectors.gateway.uploads import UploadLimits, Uploads
from connectors.gateway.uploads import router as uploads_router
from connectors.kafka.access import reach
from connectors.objectstore import ObjectStore, open_store
from connectors.settings import Connections

log = logging.getLogger("reelay.gateway")

_REPAIR_EVERY_S = 60.0
_LOOK_FOR_OLD_EVERY_S = 6 * 3600.0
_AGAIN_S = 10.0
_PROBE_S = 2.0
_TUS_HEADERS = (
    "Location",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Resumable",
    "Tus-Version",
    "Upload-Expires",
    "Upload-Length",
    "Upload-Offset",
    "X-Reelay-Video",
)


def create_app(connections: Connections, settings: GatewaySettings) -> FastAPI:
    """The application. Asks nothing of the outside before it runs.

    Raises KeysUnusable, ValueError for settings that name no store.
    """
    ring = load_keys(settings)
    store = open_store(connections)
    sessions = Sessions(store, ring, settings.session_s)
    metrics = Metrics()
    announcer: Announcer = Notes(store) if settings.announce == "note" else Events(connections)
    wisher = Wisher(store, announcer)
    catalogue = _catalogue(connections)

    def look_up(video_id: str) -> VideoRow | None:
        """How a video is now."""
        detail = catalogue.video(video_id) if catalogue else stored_detail(store, video_id)
        return detail.row if detail else None

    roots = tuple(Path(root) for root in connections.local_roots.split(":") if root)

    uploads = Uploads(
        store,
        Acceptance(store, wisher).accept,
        UploadLimits(
            max_bytes=settings.max_upload_bytes,
            max_uploads=settings.max_uploads,
            max_name_chars=settings.max_name_chars,
            kept_s=settings.upload_kept_s,
        ),
    )
    hub = Hub(catalogue, look_up, metrics)
    reader = Reader(connections, hub)
    keeping = Keeping(store, wisher, settings.keep_days)

    api = APIRouter(prefix=API, responses=ANYWHERE)
    api.include_router(session.router(ring, sessions))
    api.include_router(videos.router(store, catalogue, wisher))
    api.include_router(files.router(store, roots))
    api.include_router(uploads_router(uploads, videos=f"{API}/videos"))
    api.include_router(captions.router(store, wisher, settings.max_caption_bytes))
    api.include_router(search.router(catalogue))
    api.include_router(stream.router(hub, settings.max_streams))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        hub.attach()
        reader.start()
        tasks = [
            asyncio.create_task(_for_ever(work))
            for work in (
                hub.run,
                uploads.keep_tidy,
                lambda: _every(_REPAIR_EVERY_S, wisher.repair),
                lambda: _every(_LOOK_FOR_OLD_EVERY_S, keeping.remove_old),
            )
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            uploads.close()
            await run_sync(reader.close)
            if catalogue is not None:
                catalogue.close()

    app = FastAPI(
        title="Reelay",
        description="Upload video, watch it with captions, search what was said.",
        version="1",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        middleware=[
            Middleware(Measured, metrics=metrics),
            Middleware(SecurityHeaders),
            Middleware(problems.Unexpected),
            *_cors(settings.origins),
            Middleware(
                Door,
                ring=ring,
                sessions=sessions,
                buckets=Buckets(settings.rate_per_s, settings.rate_burst),
                origins=settings.origins,
            ),
        ],
    )

    def stop() -> None:
        """What would go on for long ends now."""
        hub.close()
        uploads.stop()

    app.state.stop = stop
    problems.add_to(app)
    app.include_router(api)
    app.include_router(
        health.router(
            metrics.registry,
            store=lambda: _ask(store),
            catalogue=None if catalogue is None else partial(_look, catalogue),
            broker=lambda: reach(connections, timeout_s=_PROBE_S),
        )
    )
    if settings.page:
        add_pages(app)
    return app


def _cors(origins: tuple[str, ...]) -> list[Middleware]:
    """Other web pages that may use the API: with a key, never with our page's cookie."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["*"],
            expose_headers=_TUS_HEADERS,
        )
    ]


def _catalogue(connections: Connections) -> Catalogue | None:
    """Raises ValueError for a URL that names no database."""
    return open_catalogue(connections) if connections.database_url.get_secret_value() else None


def _look(catalogue: Catalogue) -> None:
    """Raises DependencyDown if the catalogue cannot be read. (Its own probe writes, and so waits for
    whoever else does: to be ready, a gateway need not be able to.)"""
    catalogue.video("")


def _ask(store: ObjectStore) -> None:
    """Raises DependencyDown if the store does not answer."""
    any(store.keys("gateway/"))


async def _for_ever(work: Callable[[], Awaitable[None]]) -> None:
    """Do what is to last as long as the gateway, and begin anew when it fails by a mistake of ours: one
    that ended would show only by what does not happen any more."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("work beside the requests failed and begins anew")
        await asyncio.sleep(_AGAIN_S)


async def _every(pause_s: float, do: Callable[[], object]) -> None:
    """Do something that blocks again and again, from now on."""
    while True:
        try:
            await run_sync(do)
        except DependencyDown as error:
            log.warning("%s", error)
        await asyncio.sleep(pause_s)
