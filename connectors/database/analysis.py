"""What a text is searched by: its tokens, the same for both databases.

Words are what lies between spaces and punctuation. Case and accents are folded; words are not stemmed,
and none is left out. Scripts that are written without spaces between words, and Korean, whose words
carry their particles, give overlapping pairs of characters ("bigrams"), as Lucene's CJK analysis does,
so that any part of such a text of two characters or more can be found; a run of them ends with its last
character alone, so that every single character begins a token.

A token holds letters, marks and digits only: whatever a text or a query holds, nothing of it is syntax.
"""

import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

MAX_TOKEN_CHARS = 64
"""Longer words are cut, so that no database refuses one."""

_CONTINUOUS = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u3005\u3007\u3041-\u30ff\u31f0-\u31ff"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese
    "\uff66-\uff9f"  # Japanese of half width
)
_UNSPACED = _CONTINUOUS + "\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3"  # Korean
_FLOWS_ON = re.compile(f"[{_CONTINUOUS}]{{2}}")
_ACCENTS = re.compile(
    "[\u0300-\u036f"  # of Latin, Greek and Cyrillic letters
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew points
    "\u0610-\u061a\u0640\u064b-\u065f\u0670"  # Arabic vowels
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed]"
)
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)
"""Letters that Unicode does not take apart."""


class Token(NamedTuple):
    """A token, and where in the text what it stands for lies. last: the single character that ends a run
    of a script without spaces."""

    text: str
    start: int
    end: int
    last: bool = False


def tokens(text: str) -> list[Token]:
    """The text's tokens in order."""
    if text.isascii():
        return [
            Token(found[0].lower()[:MAX_TOKEN_CHARS], found.start(), found.end())
            for found in _ASCII_WORD.finditer(text)
        ]
    return list(_tokens(text))


def joined(text: str, following: str) -> Token | None:
    """The bigram over the border between two texts that follow one another, if a script without spaces
    goes on there."""
    if text.isascii() or following.isascii():
        return None
    found = tokens(text)
    first = _units().match(following)
    if not found or first is None or first.lastgroup == "word":
        return None
    final = found[-1]
    if not final.last or final.end != len(text):
        return None
    return Token(final.text + fold(first[0]), final.start, final.end)


def flows_on(text: str, following: str) -> bool:
    """Whether no space lies between two pieces of one text: both sides of the border are of scripts that
    are written without any."""
    return _FLOWS_ON.fullmatch(text[-1:] + following[:1]) is not None


def fold(word: str) -> str:
    """The word without case and accents, at most `MAX_TOKEN_CHARS` long; may be empty."""
    return word.lower()[:MAX_TOKEN_CHARS] if word.isascii() else _folded(word)


_ASCII_WORD = re.compile(r"[A-Za-z0-9]+")


def _tokens(text: str) -> Iterator[Token]:
    units = _units()
    run: list[tuple[str, int, int]] = []
    for found in units.finditer(text):
        start, end = found.span()
        is_word = found.lastgroup == "word"
        if run and (is_word or run[-1][2] != start):
            yield from _pairs(run)
            run = []
        folded = fold(found[0])
        if not folded:
            continue
        if is_word:
            yield Token(folded, start, end)
        else:
            run.append((folded, start, end))
    if run:
        yield from _pairs(run)


def _pairs(run: list[tuple[str, int, int]]) -> Iterator[Token]:
    """A run's bigrams, and its last character."""
    for (first, start, _), (second, _, end) in pairwise(run):
        yield Token(first + second, start, end)
    yield Token(*run[-1], last=True)


@cache
def _units() -> re.Pattern[str]:
    """Matches a character of a script without spaces, with its marks, or else a word."""
    marks = _marks()
    return re.compile(
        rf"(?P<unit>(?=[^\W_])[{_UNSPACED}][{marks}]*)|(?P<word>(?:[^\W_{_UNSPACED}][{marks}\u0640]*)+)"
    )


def _marks() -> str:
    """All combining marks, as the ranges of a character class."""
    ranges: list[list[int]] = []
    for code in range(0x300, min(sys.maxunicode, 0x1FFFF)):
        if unicodedata.category(chr(code))[0] == "M":
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


@lru_cache(maxsize=100_000)
def _folded(word: str) -> str:
    apart = unicodedata.normalize("NFKD", word.casefold()).casefold().translate(_LETTERS)
    whole = unicodedata.normalize("NFC", _ACCENTS.sub("", apart))
    kept = (c for c in whole if c.isalnum() or unicodedata.category(c)[0] == "M")
    return "".join(kept)[:MAX_TOKEN_CHARS]
