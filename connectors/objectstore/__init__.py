"""The object store: the lasting truth. Uploads, artefacts and results live here under keys."""

from connectors.objectstore.contract import ObjectMissing, ObjectStore, ref_to
from connectors.objectstore.folder import FolderStore, open_store

__all__ = ["FolderStore", "ObjectMissing", "ObjectStore", "open_store", "ref_to"]
