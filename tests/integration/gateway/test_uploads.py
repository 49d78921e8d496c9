"""Uploads through real gateways into real stores: cut, killed, alternated, many at once, refused."""

import json
import random
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest

from connectors.objectstore import PART_BYTES, ObjectStore, open_store
from connectors.settings import Connections
from ops.cluster.cluster import Cluster
from schemas.uploads import file_key
from tests.integration.gateway.gateways import (
    MEDIA,
    Gateway,
    Gateways,
    check_whole,
    film,
    gateways,
    until,
    video_of,
)

MB = 10**6
MIDDLE = film(2 * PART_BYTES + 3_000_001)


@pytest.fixture(params=["folder", "s3"], scope="module")
def fleet(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateways]:
    """Gateways on a store of either kind."""
    folder = tmp_path_factory.mktemp("uploads")
    place = Connections.only(kafka_brokers="unused:1", store_url=(folder / "store").as_uri())
    if request.param == "s3":
        cluster: Cluster = request.getfixturevalue("cluster")
        place = cluster.connections(
            store_url=f"s3://reelay/uploads of/{uuid4()}", scratch_folder=str(folder / "scratch")
        )
    with gateways(place) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def store(fleet: Gateways) -> ObjectStore:
    return open_store(fleet.connections)


@pytest.fixture(scope="module")
def pair(fleet: Gateways) -> tuple[Gateway, Gateway]:
    """Two gateways that nobody kills."""
    one, other = fleet.start_many(2)
    return one, other


def send_some(gateway: Gateway, path: str, offset: int, data: bytes, cut_at: int) -> None:
    """A PATCH that should bring all the rest, whose connection breaks."""
    with gateway.begin(path, offset, len(data) - offset) as connection:
        connection.sendall(data[offset:cut_at])
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(2**16):  # until the gateway has noticed
            pass


# Whole


@pytest.mark.parametrize("size", [4, 3000, PART_BYTES, 2 * PART_BYTES, PART_BYTES + 1])
def test_an_upload_of_any_size_arrives_whole(
    pair: tuple[Gateway, Gateway], store: ObjectStore, size: int
) -> None:
    data = film(size)
    path = pair[0].create(size)

    answer = pair[0].patch(path, 0, data)

    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(size))
    assert answer.headers["X-Reelay-Video"] == video_of(path)
    check_whole(store, video_of(path), data)


@pytest.mark.parametrize("is_long", [False, True])
def test_a_plain_request_brings_a_file_with_or_without_its_length(
    pair: tuple[Gateway, Gateway], store: ObjectStore, is_long: bool
) -> None:
    data = MIDDLE if is_long else film(100_000)
    name = "Vorlesung – Größe & 🎬.mkv"
    told = pair[0].ask("PUT", f"/upload/{quote(name)}", data)
    pieces = (data[at : at + 60_000] for at in range(0, len(data), 60_000))
    untold = pair[1].ask(
        "POST",
        f"/upload?name={quote(name)}&language=de",
        pieces,
        encode_chunked=True,
        Transfer_Encoding="chunked",
    )

    for answer in (told, untold):
        assert answer.status == 201, answer
        said = json.loads(answer.body)
        assert said["url"] == answer.headers["Location"] == f"/api/v1/videos/{said['video_id']}"
        check_whole(store, said["video_id"], data, name)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_uploads_a_file(pair: tuple[Gateway, Gateway], store: ObjectStore, tmp_path: Path) -> None:
    path = tmp_path / "a talk.mkv"
    path.write_bytes(MIDDLE)

    said = subprocess.run(
        ["curl", "-sS", "-T", path, f"http://127.0.0.1:{pair[0].port}/api/v1/upload/"],
        check=True,
        capture_output=True,
        timeout=120,
    ).stdout

    check_whole(store, json.loads(said)["video_id"], MIDDLE, "a talk.mkv")


def test_fifty_uploads_at_once_all_arrive_whole(
    pair: tuple[Gateway, Gateway], store: ObjectStore
) -> None:
    start = threading.Barrier(50)

    def upload(number: int) -> tuple[str, bytes]:
        data, gateway = film(200_000 + 31_000 * number), pair[number % 2]
        start.wait(60)
        if number % 5 == 0:
            answer = gateway.ask("PUT", "/upload/film.mkv", data)
            return json.loads(answer.body)["video_id"], data
        path = gateway.create(len(data))
        half = len(data) // 2
        assert gateway.patch(path, 0, data[:half]).status == 204
        assert pair[(number + 1) % 2].patch(path, half, data[half:]).status == 204
        return video_of(path), data

    with ThreadPoolExecutor(50) as pool:
        uploaded = list(pool.map(upload, range(50)))

    for video_id, data in uploaded:
        check_whole(store, video_id, data)


# Cut


@pytest.mark.parametrize("seed", range(3))
def test_an_upload_cut_anywhere_goes_on_at_either_gateway(
    pair: tuple[Gateway, Gateway], store: ObjectStore, seed: int
) -> None:
    chance = random.Random(seed)
    path = pair[0].create(len(MIDDLE))
    cuts = sorted(chance.sample(range(1, len(MIDDLE)), 3))
    for gateway, cut_at in zip(cycle(pair), cuts, strict=False):
        send_some(gateway, path, gateway.offset(path), MIDDLE, cut_at)
    while (offset := pair[0].offset(path)) < len(MIDDLE):
        pair[0].patch(path, offset, MIDDLE[offset:])  # 409 or 423: what is left of a cut one is saved

    check_whole(store, video_of(path), MIDDLE)


def test_a_gateway_that_is_killed_costs_a_bounded_part_and_another_goes_on(
    fleet: Gateways, pair: tuple[Gateway, Gateway], store: ObjectStore
) -> None:
    victim, other = fleet.start(), pair[1]
    path = victim.create(len(MIDDLE))
    first = PART_BYTES - 100_000
    assert victim.patch(path, 0, MIDDLE[:first]).status == 204
    with victim.begin(path, first, len(MIDDLE) - first) as connection:
        connection.sendall(MIDDLE[first:-1000])
        victim.kill()
    offset = other.offset(path)

    assert first <= offset < len(MIDDLE)
    assert other.patch(path, offset, MIDDLE[offset:]).status == 204
    check_whole(store, video_of(path), MIDDLE)


def test_of_two_requests_at_once_one_wins_and_no_byte_is_doubled(
    pair: tuple[Gateway, Gateway], store: ObjectStore
) -> None:
    for number in range(6):
        data = film(1_000_000)
        path = pair[0].create(len(data))
        start = threading.Barrier(2)

        def send(gateway: Gateway) -> int:
            start.wait(60)  # noqa: B023
            return gateway.patch(path, 0, data).status  # noqa: B023

        both = pair if number % 3 else (pair[0], pair[0])
        with ThreadPoolExecutor(2) as pool:
            statuses = sorted(pool.map(send, both))
        assert statuses[0] == 204
        assert statuses[1] in (409, 423)
        assert pair[1].offset(path) == len(data)
        check_whole(store, video_of(path), data)


def test_what_was_complete_when_the_gateway_died_is_accepted_by_the_next(
    fleet: Gateways, store: ObjectStore
) -> None:
    victim = fleet.start()
    store.put("die/now", b"")
    path = victim.create(len(MIDDLE))
    with pytest.raises(OSError):  # noqa: PT011  # whichever it is
        victim.patch(path, 0, MIDDLE)
    victim.kill()
    assert not any(store.keys(f"results/{video_of(path)}/"))

    fleet.start()  # which looks for such uploads

    until(lambda: any(store.keys(f"results/{video_of(path)}/")), "it is accepted")
    check_whole(store, video_of(path), MIDDLE)


def test_an_upload_that_nobody_goes_on_with_is_gone_after_its_time(
    fleet: Gateways, pair: tuple[Gateway, Gateway], store: ObjectStore
) -> None:
    paths = []
    for size in (0, 1, 5000, PART_BYTES, PART_BYTES + 1, len(MIDDLE) - 1):
        paths.append(path := pair[0].create(len(MIDDLE)))
        assert pair[0].patch(path, 0, MIDDLE[:size]).status == 204
    paths.append(path := pair[0].create(len(MIDDLE)))
    send_some(pair[0], path, 0, MIDDLE, PART_BYTES + 1_000_000)
    until(lambda: pair[0].offset(path) > PART_BYTES, "what came is kept")
    with gateways(fleet.connections) as brief:
        brief.start(kept_s=0.01)
        for path in paths:
            kept = f"gateway/uploads/{video_of(path)}/"
            until(lambda kept=kept: not any(store.keys(kept)), "it is forgotten")  # type: ignore[misc]

    for path in paths:
        assert pair[1].tus("HEAD", path).status == 404
        assert not any(store.keys(f"uploads/{video_of(path)}/"))
    assert not any(store.unfinished_parts())


def test_a_large_upload_takes_little_memory(fleet: Gateways, store: ObjectStore, tmp_path: Path) -> None:
    if fleet.connections.store_url.startswith("file:"):
        pytest.skip("a folder takes less than a client of S3")
    path, size = tmp_path / "large.mkv", 512 * 2**20
    with path.open("wb") as file:
        file.write(MEDIA)
        file.truncate(size)
    gateway = fleet.start()
    with path.open("rb") as file:
        answer = gateway.ask("PUT", "/upload/large.mkv", file, Content_Length=str(size))

    assert answer.status == 201
    assert gateway.peak_bytes() < 150 * MB
    source = file_key(json.loads(answer.body)["video_id"], "large.mkv")
    assert store.size(source) == size
    store.delete(source)
