"""The tables, and what stands in them; but for how words are indexed, the same in both databases."""

VERSION = 1
"""Of the tables and of the analysis: another one, and who writes makes everything anew from store and
topics."""

OTHER_VERSION = "its tables are of another version of Reelay: the catalogue's processor makes them anew"
"""What who only reads is told; a reader that is older than its database must not empty it."""

TABLES = (
    "about",
    "offsets",
    "deleted",
    "facts",
    "videos",
    "sentences",
)

_TEXT_KEY = {"sqlite": "TEXT", "postgres": 'TEXT COLLATE "C"'}
"""Both compare text byte by byte, so that both keep the same facts and list in the same order."""


def common_tables(dialect: str) -> tuple[str, ...]:
    """What creates the tables that are alike."""
    text = _TEXT_KEY[dialect]
    return (
        f"CREATE TABLE IF NOT EXISTS about (name {text} PRIMARY KEY, value {text} NOT NULL)",
        f"""CREATE TABLE IF NOT EXISTS offsets (
            topic {text} NOT NULL, number INTEGER NOT NULL, next BIGINT NOT NULL,
            PRIMARY KEY (topic, number))""",
        f"CREATE TABLE IF NOT EXISTS deleted (video_id {text} PRIMARY KEY)",
        f"""CREATE TABLE IF NOT EXISTS facts (
            video_id {text} NOT NULL, revision INTEGER NOT NULL, kind {text} NOT NULL,
            number INTEGER NOT NULL, rank INTEGER NOT NULL, made_ms BIGINT NOT NULL,
            body {text} NOT NULL, PRIMARY KEY (video_id, revision, kind, number))""",
        f"""CREATE TABLE IF NOT EXISTS videos (
            video_id {text} PRIMARY KEY, slot BIGINT NOT NULL UNIQUE, uploaded_ms BIGINT NOT NULL,
            revision INTEGER NOT NULL, state {text} NOT NULL, indexed INTEGER,
            summary {text} NOT NULL, detail {text} NOT NULL)""",
        "CREATE INDEX IF NOT EXISTS videos_by_time ON videos (uploaded_ms, video_id)",
        "CREATE INDEX IF NOT EXISTS videos_by_state ON videos (state, uploaded_ms, video_id)",
    )
