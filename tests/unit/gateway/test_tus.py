"""What the protocol asks of answers that tell of trouble."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from connectors.errors import DependencyDown
from connectors.gateway import problems
from connectors.gateway.uploads import UploadLimits, Uploads, router
from connectors.objectstore import FolderStore

LIMITS = UploadLimits(max_bytes=2**40, max_uploads=10, max_name_chars=255, kept_s=3600)
VERSION = {"Tus-Resumable": "1.0.0"}


class Down(FolderStore):
    """Tells nothing."""

    def keys(self, prefix: str) -> Iterator[str]:
        raise DependencyDown("object store", "asleep")


def ask(store: FolderStore, method: str, path: str) -> httpx.Response:
    """What a gateway of which only uploads are there says to a client of the protocol."""

    def accept(video_id: str, **more: object) -> None:
        raise AssertionError("nothing is complete")

    app = FastAPI()
    problems.add_to(app)
    app.include_router(router(Uploads(store, accept, LIMITS)))  # type: ignore[arg-type]

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, headers=VERSION)

    return asyncio.run(asked())


@pytest.mark.parametrize("method", ["HEAD", "DELETE"])
def test_a_store_that_is_down_is_told_in_the_protocols_version(tmp_path: Path, method: str) -> None:
    answer = ask(Down(tmp_path), method, f"/tus/{'0' * 32}")

    assert answer.status_code == 503
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert answer.headers["Retry-After"]


def test_a_method_that_no_upload_has_is_answered_with_those_that_it_has(tmp_path: Path) -> None:
    answer = ask(FolderStore(tmp_path), "POST", f"/tus/{'0' * 32}")

    assert answer.status_code == 405
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert set(answer.headers["Allow"].split(", ")) == {"HEAD", "PATCH", "DELETE", "OPTIONS"}
