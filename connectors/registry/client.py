"""The HTTP client of a schema registry, and its errors in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka.schema_registry import SchemaRegistryClient, SchemaRegistryError

# The client's transport errors are those of whichever httpx it found, and have no public name.
from confluent_kafka.schema_registry.common._httpx_compat import httpx

from connectors.errors import DependencyDown
from connectors.settings import Connections

DEPENDENCY = "schema registry"
_NOT_FOUND = 404
_CONFLICT = 409
_REFUSALS = {
    401: "it does not accept the user name or password",
    403: "the user may not do this",
}
_TIMEOUT_S = 10.0


class NotRegistered(LookupError):
    """The registry does not have what was asked for."""


class Incompatible(Exception):
    """The registry refuses a schema that does not fit the versions it has."""


def registry_config(connections: Connections) -> dict[str, Any]:
    """What the client needs to reach the registry.

    A request that meets a connection which the registry has closed, as after its restart, is tried once
    more, and no longer: whoever asks has a better way to wait."""
    config: dict[str, Any] = {
        "url": connections.registry_url,
        "timeout": _TIMEOUT_S,
        "max.retries": 1,
        "retries.wait.ms": 100,
    }
    if connections.registry_username:
        password = connections.registry_password.get_secret_value()
        config["basic.auth.user.info"] = f"{connections.registry_username}:{password}"
    if connections.tls_ca:
        config["ssl.ca.location"] = connections.tls_ca
    return config


def open_client(connections: Connections) -> SchemaRegistryClient:
    """A client of the registry at `registry_url`. Raises DependencyDown if that is no URL or the
    certificates cannot be read."""
    with calling():
        return SchemaRegistryClient(registry_config(connections))


@contextmanager
def calling() -> Iterator[None]:
    """Turn the client's errors into NotRegistered, Incompatible or DependencyDown."""
    try:
        yield
    except SchemaRegistryError as error:
        if error.http_status_code == _NOT_FOUND:
            raise NotRegistered(error.error_message) from error
        if error.http_status_code == _CONFLICT:
            raise Incompatible(error.error_message) from error
        reason = _REFUSALS.get(error.http_status_code, str(error))
        raise DependencyDown(DEPENDENCY, reason) from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
        raise DependencyDown(DEPENDENCY, str(error) or type(error).__name__) from error
