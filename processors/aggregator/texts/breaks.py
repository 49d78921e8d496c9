"""Where text may be broken into lines and cues.

Both style guides that captions follow say the same: break after punctuation, before conjunctions and
prepositions, and never after a word that belongs to the next one, as an article does to its noun.
"""

from collections.abc import Sequence, Set
from functools import cache

import budoux
import regex

from processors.aggregator.texts.scripts import primary
from schemas.events import Word

# What it costs to break before a word.
AFTER_SENTENCE = 0.0
AFTER_CLAUSE = 1.0
BEFORE_CONNECTIVE = 2.0
ANYWHERE = 3.0
AFTER_DEPENDENT = 5.0
WITHIN_PHRASE = 7.0
BEFORE_MARK = 20.0
_A_PAUSE = -1.0
_PAUSE_S = 0.3

_CLAUSE_END = regex.compile(r"[,;:،؛、，；：·—–][\p{Pe}\p{Pf}\"']*\s*$")
_CLOSING_MARK = regex.compile(
    r"^\s*[\p{Pe}\p{Pf}.,!?;:。、，！？；：…ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ]"
)
_MARKS = regex.compile(r"[^\p{L}\p{M}'’]+")

_CONNECTIVES = {
    "en": "and but or so because that which who when where while if than though although since"
    " until after before with without for from in into on at to of by about as through between",
    "de": "und aber oder weil dass denn wenn als ob obwohl damit während bevor nachdem mit ohne für"
    " von in auf an zu bei nach aus über unter durch gegen um wie",
    "fr": "et mais ou donc car que qui quand lorsque si comme parce pour avec sans dans sur sous"
    " par de à chez vers entre depuis pendant",
    "es": "y e o u pero porque que quien cuando donde si como aunque para por con sin en sobre de"
    " desde hasta entre según",
    "it": "e ed o ma perché che chi quando dove se come anche per con senza in su di da tra fra"
    " verso dopo",
    "pt": "e ou mas porque que quem quando onde se como embora para por com sem em sobre de desde"
    " até entre",
    "nl": "en maar of want dat die wanneer als omdat terwijl hoewel met zonder voor van in op aan"
    " te bij naar uit over onder door tegen om",
}
_DEPENDENTS = {
    "en": "a an the my your his her its our their this these those no not very i you he she it we"
    " they is are was were be been am will would can could should may might must do does did"
    " have has had don't i'm it's that's we're they're you're mr mrs dr",
    "de": "der die das den dem des ein eine einen einem einer eines mein dein sein ihr unser kein"
    " nicht sehr ich du er sie es wir ist sind war hat haben wird werden kann zum zur im am",
    "fr": "le la les un une des du au aux mon ma mes ton ta tes son sa ses notre votre leur ce cet"
    " cette ces ne très je tu il elle on nous vous ils est sont a ont",
    "es": "el la los las un una unos unas mi tu su sus nuestro este esta estos no muy yo se lo le"
    " me te nos es son ha han del al",
    "it": "il lo la i gli le un uno una mio tuo suo questo questa non molto io si ci mi ti è sono"
    " ha hanno del della al alla nel nella",
    "pt": "o a os as um uma uns umas meu teu seu este esta não muito eu se me te nos é são tem do"
    " da no na ao",
    "nl": "de het een mijn jouw zijn haar ons hun dit deze niet heel ik je hij ze we is was heeft"
    " hebben zal",
}


def break_costs(words: Sequence[Word], sentence_ends: Set[int], language: str) -> list[float]:
    """What it costs to break before each word; the first one's cost means nothing.

    sentence_ends: indexes after the last words of sentences. language: BCP 47. Languages without a list
    of little words are broken by punctuation and pauses, Japanese, Chinese and Thai at the phrases that
    BudouX finds.
    """
    connectives, dependents = _little_words(primary(language))
    phrase_starts = _phrase_starts(words, language)
    costs = [ANYWHERE] * len(words)
    keys = [_MARKS.sub("", word.text).casefold().replace("’", "'") for word in words]
    for n in range(1, len(words)):
        before, word = words[n - 1], words[n]
        if _CLOSING_MARK.match(word.text):
            cost = BEFORE_MARK
        elif n in sentence_ends:
            cost = AFTER_SENTENCE
        elif _CLAUSE_END.search(before.text):
            cost = AFTER_CLAUSE
        elif phrase_starts is not None and n not in phrase_starts:
            cost = WITHIN_PHRASE
        elif keys[n - 1] in dependents or keys[n - 1] in connectives:
            cost = AFTER_DEPENDENT
        elif keys[n] in connectives:
            cost = BEFORE_CONNECTIVE
        else:
            cost = ANYWHERE
        costs[n] = max(0.0, cost + _A_PAUSE * (word.start_s - before.end_s >= _PAUSE_S))
    return costs


@cache
def _little_words(language: str) -> tuple[frozenset[str], frozenset[str]]:
    return (
        frozenset(_CONNECTIVES.get(language, "").split()),
        frozenset(_DEPENDENTS.get(language, "").split()),
    )


def _phrase_starts(words: Sequence[Word], language: str) -> frozenset[int] | None:
    """Indexes of the words that begin a phrase, in languages that put no spaces between them."""
    parser = _phrase_parser(language)
    if parser is None:
        return None
    boundaries = set()
    at = 0
    for phrase in parser.parse("".join(word.text for word in words)):
        boundaries.add(at)
        at += len(phrase)
    starts, at = set(), 0
    for n, word in enumerate(words):
        if at in boundaries:
            starts.add(n)
        at += len(word.text)
    return frozenset(starts)


@cache
def _phrase_parser(language: str) -> budoux.Parser | None:
    match primary(language):
        case "ja":
            return budoux.load_default_japanese_parser()
        case "zh" | "yue":
            traditional = regex.search(r"hant|-tw|-hk|-mo|^yue", language, regex.I)
            if traditional:
                return budoux.load_default_traditional_chinese_parser()
            return budoux.load_default_simplified_chinese_parser()
        case "th":
            return budoux.load_default_thai_parser()
    return None
