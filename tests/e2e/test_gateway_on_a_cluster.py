"""Upload, captions, search and deletion through two gateways on a real Kafka, registry, S3 server and
PostgreSQL."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from ops.cluster.cluster import Cluster
from schemas.topics import CATALOG
from tests.media import CLIP
from tests.processors import ALL, REELAY, Processors, until

pytestmark = pytest.mark.timeout(600)

_DEADLINE_S = 240.0


@pytest.fixture
def gateways(
    own_cluster: Callable[..., Cluster], postgres_url: str, tmp_path: Path
) -> Iterator[list[httpx.Client]]:
    """Clients of two gateways, with all processors behind them."""
    connections = own_cluster().connections(database_url=SecretStr(postgres_url))
    with ExitStack() as ending:
        processors = ending.enter_context(Processors(connections, tmp_path))
        processors.start(*ALL, CATALOG)
        clients = []
        for number in range(2):
            log = ending.enter_context((tmp_path / f"gateway-{number}.log").open("w+"))
            gateway = subprocess.Popen(
                [REELAY, "gateway", "--port", "0"],
                env={**os.environ, **connections.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            ending.callback(gateway.wait, _DEADLINE_S)
            ending.callback(gateway.terminate)
            url = until(lambda log=log: _address(Path(log.name)), "a gateway's address")
            clients.append(ending.enter_context(httpx.Client(base_url=url, timeout=_DEADLINE_S)))
        yield clients


def test_a_video_goes_from_one_gateway_to_the_other(gateways: list[httpx.Client]) -> None:
    one, other = gateways
    assert one.get("/health/ready").status_code == 200

    uploaded = one.put("/api/v1/upload/talk.mp4", content=CLIP.read_bytes())
    assert uploaded.status_code == 201
    path = f"/api/v1/videos/{uploaded.json()['video_id']}"

    def completed() -> Any:
        video = other.get(path).json()
        return video if video.get("state") == "completed" else None

    video = until(completed, "captions", within_s=_DEADLINE_S)
    (srt,) = (file for file in video["files"] if file["name"].endswith(".srt"))
    assert "cup of tea" in other.get(srt["url"]).text.replace("\n", " ")
    with other.stream("GET", video["source_url"]) as source:
        assert source.read() == CLIP.read_bytes()
    hits = until(lambda: other.get('/api/v1/search?q="cup of tea"').json()["hits"], "a hit")
    assert [hit["video_id"] for hit in hits] == [video["video_id"]]

    assert other.delete(path).status_code == 202
    until(lambda: one.get(path).status_code == 404, "its removal")
    until(lambda: not one.get('/api/v1/search?q="cup of tea"').json()["hits"], "no hit")


def _address(log: Path) -> str | None:
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("Reelay is at "):
            return line.split()[-1]
    return None
