"""Schema registries: fingerprints without a server, or any registry with Confluent's HTTP API."""

from typing import TYPE_CHECKING

from connectors.registry.fingerprint import FingerprintRegistry
from connectors.settings import Connections
from schemas.codec import SchemaRegistry

if TYPE_CHECKING:
    from connectors.registry.confluent import ConfluentRegistry

__all__ = ["ConfluentRegistry", "FingerprintRegistry", "open_registry"]


def open_registry(connections: Connections) -> SchemaRegistry:
    """The registry at `registry_url`; an empty one means fingerprints of the schemas that Reelay
    ships."""
    if not connections.registry_url:
        return FingerprintRegistry()
    from connectors.registry.client import registry_config  # noqa: PLC0415

    return __getattr__("ConfluentRegistry")(registry_config(connections))


def __getattr__(name: str) -> "type[ConfluentRegistry]":
    """Imported on first use: the registry's client takes half a second, which programs that need no
    registry would spend in each of their processes."""
    if name != "ConfluentRegistry":
        raise AttributeError(name)
    from connectors.registry.confluent import ConfluentRegistry  # noqa: PLC0415

    return ConfluentRegistry
