"""A real PostgreSQL for tests, one for each worker of xdist, and a database of either kind for each
test."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from ops.cluster.errors import ToolMissing
from ops.cluster.postgres import PostgresServer

_numbers = count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A server that many tests share."""
    with new_server() as server:
        yield server


def new_server() -> PostgresServer:
    """One that is a test's own. Where PostgreSQL is not installed the test is skipped, but in CI."""
    try:
        return PostgresServer()
    except ToolMissing as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """An empty schema of the test's own."""
    return schema_in(postgres_server)


def schema_in(server: PostgresServer) -> str:
    """The URL of a new, empty schema."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{server.url}?options=-csearch_path%3D{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, of one kind and then of the other."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path / 'catalogue.sqlite3'}"
    url: str = request.getfixturevalue("postgres_url")
    return url
