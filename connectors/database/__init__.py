"""The catalogue's database: which videos there are, and what is said in them. SQLite or PostgreSQL."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from connectors.database.catalogue import DatabaseCatalogue
from connectors.database.contract import (
    BadCursor,
    Batch,
    Catalogue,
    Fact,
    Hit,
    Move,
    Page,
    RevisionRow,
    Snip,
    Spoken,
    State,
    Superseded,
    VideoDetail,
    VideoRow,
)
from connectors.settings import Connections

__all__ = [
    "BadCursor",
    "Batch",
    "Catalogue",
    "Fact",
    "Hit",
    "Move",
    "Page",
    "RevisionRow",
    "Snip",
    "Spoken",
    "State",
    "Superseded",
    "VideoDetail",
    "VideoRow",
    "open_catalogue",
]

_EXPECTED = "REELAY_DATABASE_URL: expected sqlite:///path or postgresql://…"


def open_catalogue(connections: Connections) -> Catalogue:
    """The catalogue at `database_url`: `sqlite:///path` or `postgresql://…`.

    Nothing is asked of it yet; tables are made at the first use. Raises ValueError, which does not quote
    it, for a setting that names no database.
    """
    url = connections.database_url.get_secret_value()
    try:
        parts = urlsplit(url)
    except ValueError:  # which quotes the URL
        raise ValueError(_EXPECTED) from None
    if parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1:
        from connectors.database.sqlite import Sqlite  # noqa: PLC0415

        return DatabaseCatalogue(Sqlite(Path(unquote(parts.path))))
    if parts.scheme in ("postgresql", "postgres"):
        from connectors.database.postgres import Postgres  # noqa: PLC0415

        try:
            return DatabaseCatalogue(Postgres(url))
        except ValueError as error:
            raise ValueError(f"{_EXPECTED}; {error}") from None
    raise ValueError(_EXPECTED)
