"""Schema registries: fingerprints without a server, or any registry with Confluent's HTTP API."""

from connectors.registry.confluent import ConfluentRegistry
from connectors.registry.fingerprint import FingerprintRegistry
from schemas.codec import SchemaRegistry

__all__ = ["ConfluentRegistry", "FingerprintRegistry", "open_registry"]


def open_registry(url: str) -> SchemaRegistry:
    """The registry at `url`; an empty one means fingerprints of the schemas that Reelay ships."""
    return ConfluentRegistry({"url": url}) if url else FingerprintRegistry()
