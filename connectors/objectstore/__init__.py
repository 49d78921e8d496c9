"""The object store: the lasting truth. Uploads, artefacts and results live here under keys."""

import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from connectors.objectstore.contract import (
    MAX_PARTS,
    PART_BYTES,
    Entry,
    ObjectMissing,
    ObjectStore,
    ObjectTooLarge,
    Part,
    PartsGone,
    Unfinished,
    ref_to,
)
from connectors.objectstore.folder import FolderStore
from connectors.settings import Connections

__all__ = [
    "MAX_PARTS",
    "PART_BYTES",
    "Entry",
    "FolderStore",
    "ObjectMissing",
    "ObjectStore",
    "ObjectTooLarge",
    "Part",
    "PartsGone",
    "Unfinished",
    "open_store",
    "ref_to",
]


def open_store(connections: Connections) -> ObjectStore:
    """The store at `store_url`: `file:///folder`, or `s3://bucket[/prefix]` at `store_endpoint`.

    For an S3 store, what killed processes left in the scratch folder is removed. Nothing is asked of its
    server yet. Raises ValueError for settings that name no store.
    """
    url = connections.store_url
    parts = urlsplit(url)
    if parts.scheme == "s3":
        return _s3_store(connections)
    if parts.scheme != "file" or parts.netloc or not parts.path.startswith("/"):
        raise ValueError(f"object store {url!r}: expected file:///folder or s3://bucket[/prefix]")
    return FolderStore(Path(unquote(parts.path)))


def _s3_store(connections: Connections) -> ObjectStore:
    try:  # what has its store in a folder needs no S3 client
        from connectors.objectstore.s3 import S3Store  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ValueError(
            f"object store {connections.store_url!r}: {error.name} is not installed: install reelay[s3]"
        ) from error
    from connectors.objectstore.place import place_of  # noqa: PLC0415
    from connectors.objectstore.scratch import Scratch  # noqa: PLC0415

    place = place_of(connections)
    scratch = Scratch(
        Path(connections.scratch_folder or tempfile.gettempdir()), connections.scratch_bytes
    )
    scratch.remove_leftovers()
    return S3Store(place, scratch)
