"""One broker, store and catalogue for the tests of a module."""

from collections.abc import Iterator

import httpx
import pytest

from tests.integration.gateway.serving import Place, keys, open_place, serving


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with open_place(tmp_path_factory.mktemp("gateway")) as place:
        yield place


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
