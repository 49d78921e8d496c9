"""Cuts text into the runs of words among which keywords are looked for."""

from collections.abc import Callable, Iterator
from functools import cache

import budoux
import regex
import stopwordsiso

CHINESE = frozenset(("zh", "yue"))

_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*(?:['’.·-][\p{L}\p{N}][\p{L}\p{M}\p{N}]*)*|\S")
_ELIDED = regex.compile(
    r"^(?:[cdjlmnst]|qu|lorsqu|jusqu|puisqu|un|quest|(?:d|n|s)?[aeou]ll)['’](?=\p{L}{2})", regex.I
)
_POSSESSIVE = regex.compile(r"(?<=\p{L})['’]s$", regex.I)
_JAPANESE_ENDING = regex.compile(r"\p{Hiragana}+$")
_KOREAN_PARTICLE = regex.compile(
    r"(?<=\p{Hangul}{2})(?:에서는|으로는|에게서|이라는|에서|에게|으로|부터|까지|처럼|보다|하고|이나|은|는|이|가|을|를|의|에|와|과|도|로|만|나)$"
)
_KOREAN_PREDICATE = regex.compile(r"(?:니다|니까|어요|아요|해요|네요|지요|죠)$")
_CHINESE_PARTICLES = frozenset(
    "的了是在着过吗呢吧啊嘛我你您他她它们這这那哪和与與或就也都还還很把被给給让讓从從对對而且但因为為所以如果什么麼怎谁誰个個么"
)
"""Stop words that split Chinese terms; other characters of the stop list (人, 能) are parts of many."""
_STOP_LIST = {"yue": "zh", "nb": "no", "nn": "no", "iw": "he", "jw": "id", "jv": "id"}
"""Languages that use another's stop words."""
_ELIDING = {"fr", "it", "ca", "oc"}


@cache
def stop_words(language: str) -> frozenset[str]:
    """Words that carry no topic; none for a language that has no list."""
    primary = _primary(language)
    return frozenset(
        word.casefold().replace("’", "'")
        for word in stopwordsiso.stopwords(_STOP_LIST.get(primary, primary))
    )


def runs(sentence: str, language: str) -> Iterator[list[str]]:
    """The words of one sentence, in runs that neither a stop word, a number nor punctuation interrupts.

    A Japanese word is the beginning of a phrase without its ending, a Thai word is what BudouX finds, a
    Chinese one is a single character; Korean ones come without their particles.
    """
    primary = _primary(language)
    stop = _CHINESE_PARTICLES if primary in CHINESE else stop_words(language)
    run: list[str] = []
    for word in _words(sentence, primary):
        key = word.casefold().replace("’", "'")
        unknown = not stop and len(key) <= 3  # without a list, short words pass for stop words
        if key in stop or unknown or not word[0].isalpha():
            if run:
                yield run
            run = []
        else:
            run.append(word)
    if run:
        yield run


def _words(sentence: str, primary: str) -> Iterator[str]:
    if primary in CHINESE:
        for found in regex.finditer(r"\p{Han}|[^\s\p{Han}]+", sentence):
            yield found[0]
    elif primary in ("ja", "th"):
        for phrase in _phrases(primary)(sentence):
            for word in _WORD.findall(phrase):
                yield (_JAPANESE_ENDING.sub("", word) or "、") if primary == "ja" else word
            if primary == "ja":
                yield "、"  # a phrase ends here, and no term goes on beyond it
    elif primary == "ko":
        for word in _WORD.findall(sentence):
            yield "." if _KOREAN_PREDICATE.search(word) else _KOREAN_PARTICLE.sub("", word)
    else:
        for word in _WORD.findall(sentence):
            bare = _POSSESSIVE.sub("", word)
            yield _ELIDED.sub("", bare) if primary in _ELIDING else bare


@cache
def _phrases(primary: str) -> Callable[[str], list[str]]:
    if primary == "ja":
        return budoux.load_default_japanese_parser().parse
    return budoux.load_default_thai_parser().parse


def _primary(language: str) -> str:
    return language.split("-", 1)[0].lower()
