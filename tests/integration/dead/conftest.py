"""One cluster for all tests here, with processors that come and go."""

from collections.abc import Callable, Iterator

import pytest

from ops.cluster.cluster import Cluster
from tests.integration.dead.world import World
from tests.processors import Processors


@pytest.fixture(scope="module")
def servers(own_cluster: Callable[..., Cluster]) -> Cluster:
    """The servers, with topics and schemas."""
    return own_cluster()


@pytest.fixture(scope="module")
def world(servers: Cluster, tmp_path_factory: pytest.TempPathFactory) -> World:
    """What is outside the processors."""
    files = tmp_path_factory.mktemp("films")
    return World(servers.connections(local_roots=str(files)), files)


@pytest.fixture(scope="module")
def processors(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processors]:
    """Processors that go on from one test to the next; each test starts and stops what it must."""
    with Processors(world.connections, tmp_path_factory.mktemp("logs")) as processors:
        yield processors
