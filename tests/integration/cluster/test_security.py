"""The secure cluster: encrypted, and only for those who know the password."""

import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3
from minio.error import S3Error

from connectors.settings import Connections
from ops.cluster.cluster import Cluster
from ops.cluster.programs import Programs
from tests.integration.cluster import clients


@pytest.fixture(scope="module")
def secure(own_cluster: Callable[..., Cluster]) -> Cluster:
    return own_cluster(bare=True, secure=True)


@pytest.fixture
def expired(cluster_programs: Programs, tmp_path: Path) -> Iterator[Connections]:
    """A cluster whose certificate's time is over."""
    cluster = Cluster(tmp_path / "cluster", secure=True)
    cluster.certify(expired=True)
    try:
        for server in cluster.servers:
            server.launch()
        for server in cluster.servers:
            server.wait()
        yield cluster.connections()
    finally:
        cluster.stop()


def _with(connections: Connections, **changed: object) -> Connections:
    return Connections.only(**dict(connections) | changed)


def test_who_has_the_password_gets_in(secure: Cluster) -> None:
    reached = secure.connections()
    clients.make_topic(reached, "secret")
    assert clients.topics(reached)["secret"] == 3
    clients.register(reached, "secret-value")
    assert clients.subjects(reached) == ["secret-value"]
    clients.put(reached, "secret", b"content")
    assert clients.get(reached, "secret") == b"content"


def test_a_wrong_password_is_refused(secure: Cluster) -> None:
    wrong = _with(secure.connections(), kafka_password="wrong", store_secret_key="wrong")
    clients.assert_kafka_refuses(wrong, "_AUTHENTICATION")
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        clients.put(wrong, "secret", b"content")


def test_nobody_gets_in_unencrypted(secure: Cluster) -> None:
    plain = _with(
        secure.connections(),
        kafka_tls=False,
        registry_url=secure.connections().registry_url.replace("https:", "http:"),
    )
    clients.assert_kafka_refuses(plain, "_TRANSPORT", "_ALL_BROKERS_DOWN")  # it hangs up
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        clients.subjects(plain)


def test_passwords_are_not_in_what_is_shown_or_logged(secure: Cluster) -> None:
    password = secure.connections().kafka_password.get_secret_value()
    assert password not in repr(secure.connections())
    assert password not in repr([server.recipe for server in secure.servers])
    for server in secure.servers:
        assert password not in server.log.read_text(errors="replace")


def test_a_certificate_whose_time_is_over_is_refused(expired: Connections) -> None:
    clients.assert_kafka_refuses(expired, "_SSL")
    with pytest.raises(urllib.error.URLError, match="certificate has expired"):
        clients.subjects(expired)
    with pytest.raises(urllib3.exceptions.SSLError, match="certificate has expired"):
        clients.get(expired, "secret")
