"""A real Kafka, schema registry and S3 server for tests, by `reelay cluster`'s own code."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NoReturn

import pytest

from ops.cluster.cluster import Cluster
from ops.cluster.errors import ToolMissing


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster that many tests share, one for each worker of xdist.

    Schemas are registered. There are no topics: each test makes its own, by names that nobody else uses.
    """
    with ExitStack() as open_clusters:
        yield _started(Cluster(tmp_path_factory.mktemp("cluster")), open_clusters)


@pytest.fixture(scope="module")
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Cluster]]:
    """Starts a cluster that is the module's own: for tests that use Reelay's topics or kill servers.

    Takes what `Cluster` takes but its folder. Topics are made and schemas registered, unless
    `bare=True`. It is stopped at the module's end, if not before.
    """
    with ExitStack() as open_clusters:

        def start(*, bare: bool = False, **how: object) -> Cluster:
            cluster = Cluster(tmp_path_factory.mktemp("cluster"), **how)  # type: ignore[arg-type]
            return _started(cluster, open_clusters)

        yield start


def _started(cluster: Cluster, open_clusters: ExitStack) -> Cluster:
    try:
        return open_clusters.enter_context(cluster)
    except ToolMissing as error:
        _unavailable(str(error))


def _unavailable(reason: str) -> NoReturn:
    """Skip here; on a machine for tests everything has to be there."""
    message = f"no local cluster: {reason}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
