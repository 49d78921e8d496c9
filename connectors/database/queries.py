"""What people type into a search box, as terms over tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from connectors.database.analysis import tokens

MAX_QUERY_CHARS = 1_000
MAX_TERMS = 12
MAX_PHRASE = 16
"""What lies beyond these is not looked for."""

_SHORTEST_PREFIX = 2
_QUOTES = str.maketrans(dict.fromkeys("“”„«»＂", '"'))
_CHUNK = re.compile(r'"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+)')


@dataclass(frozen=True, slots=True)
class Term:
    """Tokens that follow one another. prefix: the last one may go on."""

    tokens: tuple[str, ...]
    prefix: bool = False


def parse(query: str) -> tuple[Term, ...]:
    """All that a sentence must have to be found; empty where nothing can be looked for.

    Words, `"phrases"`, `beginnings*` (of two characters or more). Whatever punctuation holds together
    ("l'eau", "3.14") is a phrase. Anything gives terms; there is no wrong query.
    """
    return tuple(dict.fromkeys(_terms(query[:MAX_QUERY_CHARS].translate(_QUOTES))))[:MAX_TERMS]


def _terms(query: str) -> Iterator[Term]:
    for chunk in _CHUNK.finditer(query):
        text = chunk["phrase"] if chunk["word"] is None else chunk["word"]
        found = tokens(text)
        if not found:
            continue
        prefix = text.endswith("*") and len(found[-1].text) >= _SHORTEST_PREFIX
        if found[-1].last:  # the index goes on with whatever follows there
            alone = len(found) == 1 or found[-2].end != found[-1].end
            found, prefix = (found, True) if alone else (found[:-1], False)
        cut = len(found) > MAX_PHRASE
        yield Term(tuple(token.text for token in found[:MAX_PHRASE]), prefix and not cut)
