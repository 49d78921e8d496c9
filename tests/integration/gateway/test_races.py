"""Requests about one video at the same moment, on a folder and on a real S3 server."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from connectors.settings import Connections
from ops.cluster.cluster import Cluster
from schemas.uploads import load_upload, upload_key
from tests.integration.gateway.serving import VTT, Place, serving

RACERS = 8
ROUNDS = 12
VIDEOS = "/api/v1/videos"
LANGUAGES = ("en", "de", "fr", "it", "es", "pt", "nl", "sv")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module", params=["folder", "s3"])
def raced(
    request: pytest.FixtureRequest, place: Place, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Place, httpx.Client]]:
    """A gateway on that store, which announces by notes."""
    connections = place.connections
    if request.param == "s3":
        cluster: Cluster = request.getfixturevalue("cluster")
        scratch: Path = tmp_path_factory.mktemp("scratch")
        connections = cluster.connections(
            **{
                **_broker_of(connections),
                "store_url": f"s3://reelay/races {uuid4()}",
                "scratch_folder": str(scratch),
            }
        )
    with serving(connections, announce="note") as client:
        yield Place(connections), client


def _broker_of(connections: Connections) -> dict[str, object]:
    names = ("kafka_brokers", "registry_url", "database_url")
    return {name: getattr(connections, name) for name in names}


def at_once(ask: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    """What each racer, by its number, was answered."""
    start = threading.Barrier(RACERS)

    def race(number: int) -> httpx.Response:
        start.wait(timeout=60)
        return ask(number)

    with ThreadPoolExecutor(RACERS) as racers:
        return list(racers.map(race, range(RACERS)))


def test_of_corrections_of_one_revision_at_once_one_is_taken(raced: tuple[Place, httpx.Client]) -> None:
    place, gateway = raced
    place.complete("contested")
    revision = 1

    for _ in range(ROUNDS):
        answers = at_once(
            lambda number, revision=revision: gateway.put(  # type: ignore[misc]
                f"{VIDEOS}/contested/captions/en",
                params={"from": revision},
                content=VTT.replace(b"hello", f"hello {number}".encode()),
                headers={"Content-Type": "text/vtt"},
            )
        )

        [taken] = [answer for answer in answers if answer.status_code == 202]
        refused = [answer for answer in answers if answer is not taken]
        assert {answer.status_code for answer in refused} == {409}
        assert {answer.json()["title"] for answer in refused} == {"Changed meanwhile"}
        assert taken.json()["revision"] == revision + 1
        revision += 1

    assert not any(place.store.keys("gateway/unannounced/"))


def test_corrections_of_all_languages_at_once_are_all_in_the_last(
    raced: tuple[Place, httpx.Client],
) -> None:
    place, gateway = raced
    place.complete("spoken")

    answers = at_once(
        lambda number: gateway.put(
            f"{VIDEOS}/spoken/captions/{LANGUAGES[number]}",
            content=VTT,
            headers={"Content-Type": "text/vtt"},
        )
    )

    revisions = sorted(answer.json()["revision"] for answer in answers)
    assert revisions == list(range(2, 2 + RACERS))
    last = load_upload(place.store.get(upload_key("spoken", revisions[-1])))
    assert {each.language for each in last.corrected} == set(LANGUAGES)


def test_a_replay_at_the_moment_of_a_correction_does_not_lose_it(
    raced: tuple[Place, httpx.Client],
) -> None:
    place, gateway = raced
    place.complete("hasty")

    def ask(number: int) -> httpx.Response:
        if number:
            return gateway.post(f"{VIDEOS}/hasty/replay", json={"model": f"model{number}"})
        return gateway.put(
            f"{VIDEOS}/hasty/captions/en", content=VTT, headers={"Content-Type": "text/vtt"}
        )

    answers = at_once(ask)

    corrected = answers[0].json()["revision"]
    uploads = [load_upload(place.store.get(upload_key("hasty", n))) for n in range(2, 2 + RACERS)]
    assert [bool(upload.corrected) for upload in uploads] == [
        upload.revision >= corrected for upload in uploads
    ]


def test_of_retries_at_once_one_is_taken(raced: tuple[Place, httpx.Client]) -> None:
    place, gateway = raced
    place.fail("failed")

    answers = at_once(lambda number: gateway.post(f"{VIDEOS}/failed/retry"))

    assert sorted(answer.status_code for answer in answers) == [202] + [409] * (RACERS - 1)
