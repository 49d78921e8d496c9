"""What is different from one database to another."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from connectors.database.queries import Term
from connectors.database.ranking import Found


class Session(Protocol):
    """A transaction. Values stand for the question marks of a statement."""

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement; the rows that it gives, as tuples."""

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of values."""


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A sentence with what it is found by.

    own: its tokens. beyond: those that follow it, for phrases that begin in it. languages: its language,
    and what that is a variety of, as tokens.
    """

    id: int
    start_s: float
    end_s: float
    text: str
    language: str
    own: Sequence[str]
    beyond: Sequence[str]
    languages: Sequence[str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: sentences with all terms, of that language (a token) if any, whose ids lie
    between low and high, both inclusive."""

    terms: Sequence[Term]
    language: str | None
    low: int
    high: int


class Dialect(Protocol):
    """One kind of database. Everything raises DependencyDown as the catalogue does."""

    def reading(self) -> AbstractContextManager[Session]:
        """A transaction that sees one state of the tables, which are made if they are not there. Raises
        DependencyDown while they are of another version."""

    def writing(self) -> AbstractContextManager[Session]:
        """A transaction that is stored when its context ends without an error. Tables of another version
        are emptied first."""

    def hold(self, session: Session, videos: Iterable[str]) -> None:
        """Have others who hold one of these videos wait until this transaction ends."""

    def add(self, session: Session, sentences: Iterable[IndexRow]) -> None:
        """Store sentences, to be found by `newest`."""

    def remove(self, session: Session, low: int, high: int) -> None:
        """Remove the sentences whose ids lie between these, both inclusive."""

    def newest(self, session: Session, wanted: Wanted, limit: int) -> list[Found]:
        """The newest (by id) sentences that are wanted, at most so many."""

    def close(self) -> None:
        """Let go of all connections."""


def phrases(term: Term, mark: str) -> Iterable[list[str]]:
    """The ways in which a term may lie in a row: in the sentence as a whole, or its end in what follows,
    whose tokens bear a mark."""
    yield list(term.tokens)
    for here in range(len(term.tokens) - 1, 0, -1):
        beyond = term.tokens[here : here + BEYOND]
        yield [*term.tokens[:here], *(mark + token for token in beyond)]


BEYOND = 7
"""So many tokens that follow a sentence are in its row: of a phrase that goes on beyond the sentence, so
many are compared."""
