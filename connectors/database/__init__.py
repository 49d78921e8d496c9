"""The catalogue's database: which videos there are, and what is said in them. SQLite or PostgreSQL."""

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
]
