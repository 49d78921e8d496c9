"""One broker, store and catalogue for the tests of a module."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from connectors.kafka.embedded import EmbeddedBroker
from connectors.settings import Connections
from schemas.topics import TOPICS
from tests.integration.gateway.serving import Place, keys, serving


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    with EmbeddedBroker({topic.name: 2 for topic in TOPICS}) as broker:
        yield Place(
            Connections.only(
                kafka_brokers=broker.brokers,
                store_url=(folder / "store").as_uri(),
                database_url=f"sqlite://{folder / 'catalogue.sqlite'}",
                local_roots=str(folder / "films"),
            )
        )


@pytest.fixture(scope="module")
def gateway(place: Place) -> Iterator[httpx.Client]:
    """One that asks for no keys."""
    with serving(place.connections) as client:
        yield client


@pytest.fixture(scope="module")
def guarded(place: Place) -> Iterator[httpx.Client]:
    """One that asks for keys."""
    with serving(place.connections, **keys()) as client:
        yield client
