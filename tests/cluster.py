"""A real Kafka, schema registry and S3 server for tests, by `reelay cluster`'s own code."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NoReturn

import pytest

from connectors.registry.subjects import register_all
from ops.cluster.cluster import Cluster
from ops.cluster.contents import furnish
from ops.cluster.errors import ClusterError, DigestMismatch
from ops.cluster.programs import Programs, default_cache, prepare


@pytest.fixture(scope="session")
def cluster_programs() -> Programs:
    """The servers' programs, got if they are not here yet."""
    try:
        return prepare(default_cache(os.environ), lambda line: None)
    except DigestMismatch:
        raise
    except ClusterError as error:  # a tool is not installed, or there is no network
        _unavailable(str(error))


@pytest.fixture(scope="session")
def cluster(cluster_programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster that many tests share, one for each worker of xdist.

    Schemas are registered. There are no topics: each test makes its own, by names that nobody else uses.
    """
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        register_all(cluster.connections())
        yield cluster


@pytest.fixture(scope="module")
def own_cluster(
    cluster_programs: Programs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Cluster]]:
    """Starts a cluster that is the module's own: for tests that use Reelay's topics or kill servers.

    Takes what `Cluster` takes but its folder. Topics are made and schemas registered, unless
    `bare=True`. It is stopped at the module's end, if not before.
    """
    with ExitStack() as open_clusters:

        def start(*, bare: bool = False, **how: object) -> Cluster:
            folder = tmp_path_factory.mktemp("cluster")
            cluster = open_clusters.enter_context(Cluster(folder, **how))  # type: ignore[arg-type]
            if not bare:
                furnish(cluster.connections())
            return cluster

        yield start


def _unavailable(reason: str) -> NoReturn:
    """Skip here; on a machine for tests everything has to be there."""
    message = f"no local cluster: {reason}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
