"""PostgreSQL, with a GIN index over token vectors: for catalogues that several machines share."""

import select
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from connectors.database.dialect import IndexRow, Session, Wanted, phrases
from connectors.database.pool import Pool
from connectors.database.queries import Term
from connectors.database.ranking import Found
from connectors.database.tables import OTHER_VERSION, TABLES, VERSION, common_tables
from connectors.errors import DependencyDown

_OPTIONS = {
    "application_name": "reelay-catalogue",
    "connect_timeout": 10,
    # a server's machine that is gone says nothing: half a minute, not the system's two hours
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_ENCODE = "in a password, @, / and % are written as %40, %2F and %25"
_STATEMENT_MS = 60_000
_TABLES_LOCK = 0x7265656C
"""Advisory lock: who holds it makes tables."""
_VIDEOS_LOCK = 0x7265656D
"""First half of the advisory locks of videos."""
_BEYOND, _LANGUAGE = "+", "@"

_STATEMENTS = (
    *common_tables("postgres"),
    """CREATE TABLE IF NOT EXISTS sentences (
        id BIGINT PRIMARY KEY, start_s DOUBLE PRECISION NOT NULL, end_s DOUBLE PRECISION NOT NULL,
        text TEXT NOT NULL, language TEXT NOT NULL, words TSVECTOR NOT NULL)""",
    # a short list of pending entries: it makes writing cheap, but a search reads all of it
    """CREATE INDEX IF NOT EXISTS sentences_words ON sentences USING gin (words)
        WITH (fastupdate = on, gin_pending_list_limit = 1024)""",
)

_SAMPLE = 4_000
"""So many of the newest sentences are looked at one by one, to see how common is what is wanted."""
_MOST_SCANNED = 60_000
"""More are not: the index then gives few, since less than one in a hundred match."""
_MARGIN = 1.5
"""How many more are looked at than seem to be needed."""


def connection_options(url: str) -> dict[str, Any]:
    """What libpq is to be told: what the URL says, and ours where it says nothing.

    Raises ValueError, which does not quote the URL, where that is not read as it was meant: a password's
    `@` or `/` that is not encoded ends the password, and libpq takes the rest for the server's name or
    port and says it in every error.
    """
    try:
        said = conninfo_to_dict(url)
    except psycopg.Error:
        raise ValueError(_ENCODE) from None
    ports = str(said.get("port", "")).split(",")
    if "@" in str(said.get("host", "")) or not all(port.isdecimal() for port in ports if port):
        raise ValueError(_ENCODE)
    return _OPTIONS | said


class _Session:
    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._cursor = connection.cursor()

    def rows(self, statement: str, *values: Any) -> list[Any]:
        self._cursor.execute(_percent(statement), values)
        return self._cursor.fetchall() if self._cursor.description else []

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        self._cursor.executemany(_percent(statement), rows)

    def copy(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a `COPY … FROM STDIN`: many rows in a tenth of the time."""
        with self._cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)


class Postgres:
    """url: `postgresql://…`, as libpq takes it; it may hold a password, which is never told. Raises
    ValueError as `connection_options`."""

    def __init__(self, url: str) -> None:
        self._options = connection_options(url)
        self._prepared = False
        self._pool: Pool[psycopg.Connection[Any]] = Pool(self._connect, _is_open)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self._transaction(reading=True) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self._transaction(reading=False) as session:
            yield session

    def hold(self, session: Session, videos: Iterable[str]) -> None:
        for key in sorted({zlib.crc32(video_id.encode()) - 2**31 for video_id in videos}):
            session.rows("SELECT pg_advisory_xact_lock(?, ?)", _VIDEOS_LOCK, key)

    def add(self, session: Session, sentences: Iterable[IndexRow]) -> None:
        assert isinstance(session, _Session)
        session.copy(
            "COPY sentences (id, start_s, end_s, text, language, words) FROM STDIN",
            (
                (row.id, row.start_s, row.end_s, row.text, row.language, _vector(row))
                for row in sentences
            ),
        )

    def remove(self, session: Session, low: int, high: int) -> None:
        session.rows("DELETE FROM sentences WHERE id BETWEEN ? AND ?", low, high)

    def newest(self, session: Session, wanted: Wanted, limit: int) -> list[Found]:
        """GIN gives all that match, however many, and in no order. So what is common is found by walking
        back through the newest sentences, and the index is asked only for what is rare."""
        query = _query(wanted)
        scanned = _SAMPLE
        found = self._walk(session, query, wanted, scanned, limit)
        if len(found) < limit and found:
            needed = round(_MARGIN * scanned * limit / len(found))
            if needed <= _MOST_SCANNED:
                scanned = needed
                found = self._walk(session, query, wanted, scanned, limit)
        if len(found) < limit:
            found = self._look_up(session, query, wanted, limit)
        return found

    def close(self) -> None:
        self._pool.close()

    @staticmethod
    def _walk(session: Session, query: str, wanted: Wanted, scanned: int, limit: int) -> list[Found]:
        rows = session.rows(
            "SELECT id, start_s, end_s, text, language FROM (SELECT * FROM sentences"
            " WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT ?) newest"
            " WHERE words @@ ?::tsquery ORDER BY id DESC LIMIT ?",
            wanted.low,
            wanted.high,
            scanned,
            query,
            limit,
        )
        return [Found(*row) for row in rows]

    @staticmethod
    def _look_up(session: Session, query: str, wanted: Wanted, limit: int) -> list[Found]:
        # materialized: or the planner may walk back through all sentences, hoping for an early end
        rows = session.rows(
            "WITH matching AS MATERIALIZED (SELECT id, start_s, end_s, text, language FROM sentences"
            " WHERE words @@ ?::tsquery)"
            " SELECT * FROM matching WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT ?",
            query,
            wanted.low,
            wanted.high,
            limit,
        )
        return [Found(*row) for row in rows]

    def _connect(self) -> "psycopg.Connection[Any]":
        connection = psycopg.connect(**self._options)
        connection.execute(f"SET statement_timeout = {_STATEMENT_MS}")
        connection.execute("SET jit = off")  # it takes longer than what it would speed up
        connection.commit()
        return connection

    @contextmanager
    def _transaction(self, *, reading: bool) -> Iterator[Session]:
        try:
            with self._pool.connection() as connection:
                if not self._prepared:
                    connection.read_only = None
                    _prepare(connection, reading=reading)
                    self._prepared = True
                # None, not False: a standby refuses that otherwise than it refuses to write
                connection.read_only = True if reading else None
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ if reading else None
                with connection.transaction():
                    yield _Session(connection)
        except psycopg.errors.ProgramLimitExceeded as error:  # it will be as long the next time
            raise _refusal(error) from None
        except (psycopg.OperationalError, psycopg.InternalError) as error:
            # a server that restarts ends all connections; one that only reads is not where to stay
            self._pool.close()
            raise DependencyDown("database", _plain(error)) from error
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable) as error:
            self._prepared = False
            raise DependencyDown("database", _plain(error)) from error
        except psycopg.Error as error:
            raise _refusal(error) from None


def _prepare(connection: "psycopg.Connection[Any]", *, reading: bool) -> None:
    """Make the tables, and who writes makes them anew where they are of another version."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_TABLES_LOCK,))
        exists = connection.execute("SELECT to_regclass('about')").fetchone()
        if exists is not None and exists[0] is not None:
            row = connection.execute("SELECT value FROM about WHERE name = 'version'").fetchone()
            if row is not None and row[0] == str(VERSION):
                return
            if reading:
                raise DependencyDown("database", OTHER_VERSION)
            for table in TABLES:
                connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(table)))
        for statement in _STATEMENTS:
            connection.execute(statement)
        connection.execute(
            "INSERT INTO about VALUES ('version', %s) ON CONFLICT DO NOTHING", (str(VERSION),)
        )


def _is_open(connection: "psycopg.Connection[Any]") -> bool:
    """A server says nothing unasked, but that it ends."""
    if connection.closed:
        return False
    heard = select.poll()
    heard.register(connection.fileno(), select.POLLIN)
    return not heard.poll(0)


def _percent(statement: str) -> str:
    """Our statements are constants, with question marks for values."""
    return statement.replace("?", "%s")


def _plain(error: psycopg.Error) -> str:
    """What the server says, in one line; psycopg's own messages name no password."""
    return " ".join((error.diag.message_primary or str(error)).split())


def _refusal(error: psycopg.Error) -> ValueError:
    """Without the server's message: that quotes what it refuses, and what was said in a video is for no
    log."""
    return ValueError(f"PostgreSQL refuses this: {type(error).__name__}")


def _vector(row: IndexRow) -> str:
    """The row as a text that PostgreSQL reads as a tsvector; tokens have no quotes."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, token in enumerate((*row.own, *(_BEYOND + token for token in row.beyond)), 1):
        places[token].append(place)
    words = [f"'{token}':{','.join(map(str, at))}" for token, at in places.items()]
    return " ".join((*words, *(f"'{_LANGUAGE}{language}'" for language in row.languages)))


def _query(wanted: Wanted) -> str:
    terms = [_either(term) for term in wanted.terms]
    if wanted.language is not None:
        terms.append(f"'{_LANGUAGE}{wanted.language}'")
    return " & ".join(terms)


def _either(term: Term) -> str:
    star = ":*" if term.prefix else ""
    ways = (" <-> ".join(f"'{token}'" for token in way) + star for way in phrases(term, _BEYOND))
    return f"({' | '.join(ways)})"
