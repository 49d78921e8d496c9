"""The aggregator on a Kafka that asks who it is, and shows who it is itself."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from connectors.settings import Connections
from ops.cluster.cluster import Cluster
from processors.runtime.main import Exit
from tests.integration.aggregator.world import App, World


@pytest.fixture(scope="module")
def secure_cluster(own_cluster: Callable[..., Cluster]) -> Cluster:
    return own_cluster(secure=True)


def _connections(cluster: Cluster, folder: Path, **more: str) -> Connections:
    return cluster.connections(store_url=folder.as_uri(), registry_url="", **more)


def test_joins_by_tls_and_scram(secure_cluster: Cluster, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with closing(World(_connections(secure_cluster, folder), folder)) as world, world.running() as app:
        world.publish(*world.video("secure", 1))
        world.until_outcome("secure")
        password = world.connections.kafka_password.get_secret_value()
        assert password not in Path(app.log.name).read_text()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"kafka_password": "wrong-password"}, "REELAY_KAFKA_PASSWORD"),
        ({"kafka_sasl_mechanism": "PLAIN"}, "REELAY_KAFKA_SASL_MECHANISM"),
        ({"tls_ca": ""}, "REELAY_TLS_CA"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_refusal_is_one_line_and_the_end(
    secure_cluster: Cluster, tmp_path: Path, wrong: dict[str, str], told: str
) -> None:
    app = App(_connections(secure_cluster, tmp_path, **wrong), tmp_path)
    assert app.wait() == Exit.BROKER
    (line,) = Path(app.log.name).read_text().splitlines()
    assert told in line
    assert "wrong-password" not in line
