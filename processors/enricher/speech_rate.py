"""How fast somebody speaks."""

from collections.abc import Sequence
from itertools import pairwise

import regex

from schemas.events import Word

PAUSE_S = 1.0
"""A silence this long is no part of the speech."""

_UNSPACED = (
    # A character of these scripts is so much of a word. The quotients are those by which translators
    # convert counts: about 1.6 characters a Chinese word, 2 a Japanese, 4 a Thai, Lao, Khmer or Burmese.
    (regex.compile(r"[\p{Hiragana}\p{Katakana}ー]"), 1 / 2.0),
    (regex.compile(r"\p{Han}"), 1 / 1.6),
    (regex.compile(r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"), 1 / 4.0),
)
_SPACED = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}'’.,-]*")


def words_per_minute(words: Sequence[Word]) -> float:
    """Words a minute of speech, pauses of `PAUSE_S` and more left out; 0 where nothing is said.

    In scripts without spaces the number of words is estimated from that of the characters.
    """
    speech_s = sum(word.end_s - word.start_s for word in words) + sum(
        pause for a, b in pairwise(words) if 0 < (pause := b.start_s - a.end_s) < PAUSE_S
    )
    if speech_s <= 0:
        return 0.0
    return round(60 * _count("".join(word.text for word in words)) / speech_s, 1)


def _count(text: str) -> float:
    count = 0.0
    for characters, words_each in _UNSPACED:
        text, found = characters.subn(" ", text)
        count += found * words_each
    return count + len(_SPACED.findall(text))
