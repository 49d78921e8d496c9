"""Schema registries: fingerprints without a server, or any registry with Confluent's HTTP API."""

from typing import TYPE_CHECKING

from connectors.registry.fingerprint import FingerprintRegistry
from schemas.codec import SchemaRegistry

if TYPE_CHECKING:
    from connectors.registry.confluent import ConfluentRegistry

__all__ = ["ConfluentRegistry", "FingerprintRegistry", "open_registry"]


def open_registry(url: str) -> SchemaRegistry:
    """The registry at `url`; an empty one means fingerprints of the schemas that Reelay ships."""
    return __getattr__("ConfluentRegistry")({"url": url}) if url else FingerprintRegistry()


def __getattr__(name: str) -> "type[ConfluentRegistry]":
    """Imported on first use: the registry's client takes half a second, which programs that need no
    registry would spend in each of their processes."""
    if name != "ConfluentRegistry":
        raise AttributeError(name)
    from connectors.registry.confluent import ConfluentRegistry  # noqa: PLC0415

    return ConfluentRegistry
