"""The object store: the lasting truth. Uploads, artefacts and results live here under keys."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from connectors.objectstore.contract import ObjectMissing, ObjectStore, ref_to
from connectors.objectstore.folder import FolderStore
from connectors.settings import Connections

__all__ = ["FolderStore", "ObjectMissing", "ObjectStore", "open_store", "ref_to"]


def open_store(connections: Connections) -> ObjectStore:
    """The store at `store_url`: `file:///folder`. Raises ValueError for any other."""
    url = connections.store_url
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc or not parts.path.startswith("/"):
        raise ValueError(f"object store {url!r}: expected file:///folder")
    return FolderStore(Path(unquote(parts.path)))
