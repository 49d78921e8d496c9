"""Finds the terms that stand out in a text.

The C-value method (Frantzi, Ananiadou, Mima 2000): a term is the better the more often it stands there
and the longer it is, and what mostly stands within a longer term is no term of its own. It needs no
training and, but for a list of stop words, no knowledge of the language.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from math import log2

import regex

from processors.enricher.terms import CHINESE, runs, stop_words
from schemas.events import Keyword

_LONGEST_CHARACTERS = 6
"""Of a Chinese term."""
_LONGEST_WORDS = 3
"""Of any other."""
_ENDINGS = (1, 2)
"""Letters by which two forms of one word may differ ("segment", "segments")."""
_HAN_OR_HANGUL = regex.compile(r"[\p{Han}\p{Hangul}\p{Katakana}]")

Term = tuple[str, ...]


def keywords(sentences: Iterable[str], language: str, most: int) -> tuple[Keyword, ...]:
    """At most `most` terms, the best first; equally good ones in the order of the text.

    language: BCP 47. Scores are in 0 to 1, the best term's is 1. A term of several words stands there at
    least twice, or is a name: a single remark is no topic.
    """
    chinese = language.split("-", 1)[0].lower() in CHINESE
    found = [run for sentence in sentences for run in runs(sentence, language)]
    roots = _roots({word.casefold() for run in found for word in run})
    longest = _LONGEST_CHARACTERS if chinese else _LONGEST_WORDS
    counts: Counter[Term] = Counter()
    spellings: defaultdict[Term, Counter[str]] = defaultdict(Counter)
    for run in found:
        keys = [roots[word.casefold()] for word in run]
        for first in range(len(run)):
            for end in range(first + 1, min(first + longest, len(run)) + 1):
                term = tuple(keys[first:end])
                counts[term] += 1
                spellings[term][("" if chinese else " ").join(run[first:end])] += 1
    candidates = [term for term in counts if _may_be_term(term, counts[term], spellings[term], chinese)]
    scores = _c_values(candidates, counts, chinese)
    best = sorted(candidates, key=lambda term: -scores[term])  # stable: ties keep the text's order
    kept = [term for term in best if scores[term] > 0][:most]
    top = scores[kept[0]] if kept else 1.0
    return tuple(
        Keyword(text=spellings[term].most_common(1)[0][0], score=round(scores[term] / top, 4))
        for term in kept
    )


def _roots(vocabulary: set[str]) -> dict[str, str]:
    """Every word with the shorter form of it that also stands in the text, or itself."""
    roots: dict[str, str] = {}
    for word in sorted(vocabulary, key=len):
        least = 2 if _HAN_OR_HANGUL.match(word) else 4
        shorter = (word[:-n] for n in _ENDINGS if len(word) - n >= least)
        root = next((form for form in shorter if form in roots), word)
        roots[word] = roots.get(root, root)
    return roots


def _may_be_term(term: Term, count: int, spellings: Counter[str], chinese: bool) -> bool:
    if chinese:
        return count > 1 and len(term) > 1 and "".join(term) not in stop_words("zh")
    if len(term) > 1:
        return count > 1 or all(_is_name(word) for spelling in spellings for word in spelling.split())
    return len(term[0]) > 3 or bool(_HAN_OR_HANGUL.match(term[0])) or any(map(_is_acronym, spellings))


def _is_name(word: str) -> bool:
    return word[0].isupper()


def _is_acronym(word: str) -> bool:
    return len(word) > 1 and word.isupper()


def _c_values(candidates: list[Term], counts: Counter[Term], chinese: bool) -> dict[Term, float]:
    """The C-value of each candidate: log2 of its length, times how often it stands there on its own.

    A word counts as long as 1 plus a little for each letter: the longer a word, the more it tells
    (Piantadosi et al. 2011); single words would else be worth nothing.
    """
    within: defaultdict[Term, list[int]] = defaultdict(list)
    for term in candidates:
        inner = {
            term[a:b] for a in range(len(term)) for b in range(a + 1, len(term) + 1) if b - a < len(term)
        }
        for part in inner:
            within[part].append(counts[term])
    values = {}
    for term in candidates:
        longer = within[term]
        alone = counts[term] - (sum(longer) / len(longer) if longer else 0)
        length = len(term) if chinese else len(term) + min(sum(map(len, term)), 30) / 20
        values[term] = round(log2(1 + length) * alone, 6)
    return values
