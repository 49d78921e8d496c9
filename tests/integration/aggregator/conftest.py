"""One broker, one store and one aggregator for the tests that do not harm them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connectors.kafka.embedded import EmbeddedBroker
from tests.integration.aggregator.world import ALL_TOPICS, PATIENT, World


@pytest.fixture
def own_world(tmp_path: Path) -> Iterator[World]:
    """A broker and a store of the test's own; nothing runs yet."""
    with (
        EmbeddedBroker(ALL_TOPICS) as broker,
        closing(World.on(broker, tmp_path / "store")) as world,
    ):
        yield world


@pytest.fixture(scope="module")
def quiet_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A shared broker and store; nothing runs yet. Each test has videos of its own."""
    with (
        EmbeddedBroker(ALL_TOPICS) as broker,
        closing(World.on(broker, tmp_path_factory.mktemp("quiet") / "store")) as world,
    ):
        yield world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A shared broker and store with a running aggregator; each test has videos of its own."""
    with EmbeddedBroker(ALL_TOPICS) as broker:
        world = World.on(broker, tmp_path_factory.mktemp("running") / "store")
        with closing(world), world.running(**PATIENT):
            yield world
