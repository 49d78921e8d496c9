"""Binds the catalogue to its topics."""

from connectors.database import open_catalogue
from connectors.objectstore import open_store
from connectors.settings import Connections
from processors.catalog.fold import CatalogFold
from processors.runtime.fold_main import run_fold
from processors.runtime.settings import RuntimeSettings, SettingsError
from schemas.topics import CATALOG, READERS


def run(connections: Connections, settings: RuntimeSettings) -> int:
    """Run the catalogue until it is told to stop; the exit status, one of the runtime's. Raises
    SettingsError."""
    if not connections.database_url.get_secret_value():
        raise SettingsError("REELAY_DATABASE_URL is not set (sqlite:///path or postgresql://…)")
    try:
        catalogue, store = open_catalogue(connections), open_store(connections)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    return run_fold(
        CATALOG, READERS[CATALOG], lambda: CatalogFold(catalogue, store), connections, settings
    )
