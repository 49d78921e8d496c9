"""The local cluster: real servers that come back with their data and leave nothing behind."""

from ops.cluster.cluster import Cluster


def test_all_servers_answer(cluster: Cluster) -> None:
    assert [(status.name, status.healthy) for status in cluster.status()] == [
        ("kafka", True),
        ("registry", True),
        ("store", True),
    ]
