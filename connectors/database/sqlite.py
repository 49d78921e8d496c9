"""SQLite, with FTS5 as the index: for one machine, in one file that several processes share (WAL)."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors.database.dialect import IndexRow, Session, Wanted, phrases
from connectors.database.pool import Pool
from connectors.database.queries import Term
from connectors.database.ranking import Found
from connectors.database.tables import OTHER_VERSION, TABLES, VERSION, common_tables
from connectors.errors import DependencyDown

_BUSY_S = 30.0
_CACHE_KB = 8_000
_BEYOND, _LANGUAGE = "+", "@"

_STATEMENTS = (
    *common_tables("sqlite"),
    """CREATE TABLE IF NOT EXISTS sentences (
        id INTEGER PRIMARY KEY, start_s REAL NOT NULL, end_s REAL NOT NULL,
        text TEXT NOT NULL, language TEXT NOT NULL)""",
    # `ascii` takes apart at spaces, which is all that is between our tokens: it leaves the rest alone
    f"""CREATE VIRTUAL TABLE IF NOT EXISTS tokens USING fts5(
        words, tokenize = "ascii tokenchars '{_BEYOND}{_LANGUAGE}'")""",
)


class _Connection(sqlite3.Connection):
    """Knows which file it was opened on, and whether its tables are ours."""

    inode = 0
    prepared = False


class _Session:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, *values: Any) -> list[Any]:
        return self._connection.execute(statement, values).fetchall()

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        self._connection.executemany(statement, rows)


class Sqlite:
    """path: of the file; made with its folder if it is not there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pool: Pool[_Connection] = Pool(self._connect, self._is_current)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self._transaction(reading=True) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self._transaction(reading=False) as session:
            yield session

    def hold(self, session: Session, videos: Iterable[str]) -> None:
        """Whoever writes, writes alone."""

    def add(self, session: Session, sentences: Iterable[IndexRow]) -> None:
        rows = list(sentences)
        session.many(
            "INSERT INTO sentences VALUES (?, ?, ?, ?, ?)",
            [(row.id, row.start_s, row.end_s, row.text, row.language) for row in rows],
        )
        session.many(
            "INSERT INTO tokens (rowid, words) VALUES (?, ?)", [(row.id, _words(row)) for row in rows]
        )

    def remove(self, session: Session, low: int, high: int) -> None:
        session.rows("DELETE FROM tokens WHERE rowid BETWEEN ? AND ?", low, high)
        session.rows("DELETE FROM sentences WHERE id BETWEEN ? AND ?", low, high)

    def newest(self, session: Session, wanted: Wanted, limit: int) -> list[Found]:
        rows = session.rows(
            "SELECT s.id, s.start_s, s.end_s, s.text, s.language"
            " FROM tokens t CROSS JOIN sentences s ON s.id = t.rowid"
            " WHERE t.words MATCH ? AND t.rowid BETWEEN ? AND ? ORDER BY t.rowid DESC LIMIT ?",
            _match(wanted),
            wanted.low,
            wanted.high,
            limit,
        )
        return [Found(*row) for row in rows]

    def close(self) -> None:
        self._pool.close()

    def _connect(self) -> _Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DependencyDown("database", str(error)) from error
        connection = sqlite3.connect(
            self._path, _BUSY_S, isolation_level=None, check_same_thread=False, factory=_Connection
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        # what was said in a deleted video is overwritten; many builds of SQLite leave it in the file
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        connection.inode = self._inode()
        return connection

    def _is_current(self, connection: _Connection) -> bool:
        """Whether the file is still there that it was opened on: it may have been deleted, to have all
        made anew."""
        return connection.inode == self._inode()

    def _inode(self) -> int:
        try:
            return os.stat(self._path).st_ino
        except FileNotFoundError:
            return 0

    @contextmanager
    def _transaction(self, *, reading: bool) -> Iterator[Session]:
        try:
            with self._pool.connection() as connection:
                if not connection.prepared:
                    _prepare(connection, reading=reading)
                connection.execute("BEGIN" if reading else "BEGIN IMMEDIATE")
                try:
                    yield _Session(connection)
                except BaseException:
                    if connection.in_transaction:  # a full disk ends it by itself
                        connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise DependencyDown("database", f"{self._path}: {error}") from error
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                raise  # ours
            raise DependencyDown("database", f"{self._path}: {error}") from error


def _prepare(connection: _Connection, *, reading: bool) -> None:
    """Make the tables, and who writes makes them anew where they are of another version."""
    if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                if reading and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                    raise DependencyDown("database", OTHER_VERSION)
                for table in (*TABLES, "tokens"):
                    connection.execute(f"DROP TABLE IF EXISTS {table}")
                for statement in _STATEMENTS:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    connection.prepared = True


def _words(row: IndexRow) -> str:
    beyond = (_BEYOND + token for token in row.beyond)
    languages = (_LANGUAGE + language for language in row.languages)
    return " ".join((*row.own, *beyond, *languages))


def _match(wanted: Wanted) -> str:
    """FTS5's expression; tokens have neither quotes nor anything else that it could take for syntax."""
    terms = [_either(term) for term in wanted.terms]
    if wanted.language is not None:
        terms.append(f'"{_LANGUAGE}{wanted.language}"')
    return " AND ".join(terms)


def _either(term: Term) -> str:
    star = " *" if term.prefix else ""
    ways = (f'"{" ".join(way)}"{star}' for way in phrases(term, _BEYOND))
    return f"({' OR '.join(ways)})"
