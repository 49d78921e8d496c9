"""A summary made of the transcript's own sentences.

LexRank (Erkan, Radev 2004) with continuous weights: a sentence matters as much as those matter that are
similar to it, similarity being the cosine of TF-IDF vectors. The matrix of similarities is never made:
multiplying by the sentences' vectors twice gives the same in time and memory linear in the text.
Sentences that repeat a chosen one are left out (Carbonell, Goldstein 1998: maximal marginal relevance).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from processors.aggregator.texts.terms import terms
from processors.aggregator.texts.transcript import Sentence, Transcript

FEWEST_TERMS = 6
MOST_TERMS = 60
"""A sentence with fewer terms says too little, one with more has no punctuation."""
A_SENTENCE_EACH_S = 90.0
FEWEST, MOST = 3, 10
_DAMPING = 0.85
_ROUNDS = 50
_NOTHING = 1e-9
_REPEATED = 0.5
"""Cosine from which on a sentence repeats another."""


@dataclass(frozen=True, slots=True)
class _Vectors:
    """TF-IDF vectors of unit length, one for each sentence, as a sparse matrix: for each entry its row,
    its column and its value."""

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    sentences: int
    terms: int

    def times(self, by_term: np.ndarray) -> np.ndarray:
        return np.bincount(self.rows, self.values * by_term[self.columns], minlength=self.sentences)

    def transposed_times(self, by_sentence: np.ndarray) -> np.ndarray:
        return np.bincount(self.columns, self.values * by_sentence[self.rows], minlength=self.terms)

    def row(self, sentence: int) -> np.ndarray:
        dense = np.zeros(self.terms)
        entries = self.rows == sentence
        dense[self.columns[entries]] = self.values[entries]
        return dense


def summary(transcript: Transcript) -> tuple[Sentence, ...]:
    """The sentences that say most of what is said, in their order: one for each minute and a half,
    three to ten; none where there is little to choose from."""
    counted = [(sentence, terms(sentence.text)) for sentence in transcript.sentences]
    eligible = [(s, c) for s, c in counted if FEWEST_TERMS <= c.total() <= MOST_TERMS]
    if len(eligible) <= FEWEST:
        return ()
    spoken_s = sum(sentence.end_s - sentence.start_s for sentence in transcript.sentences)
    wanted = min(max(round(spoken_s / A_SENTENCE_EACH_S), FEWEST), MOST)
    vectors = _vectors([count for _, count in eligible])
    chosen = _chosen(vectors, _ranks(vectors), wanted)
    return tuple(eligible[n][0] for n in sorted(chosen))


def _vectors(counts: Sequence[Counter[str]]) -> _Vectors:
    columns: dict[str, int] = {}
    for count in counts:
        for term in count:
            columns.setdefault(term, len(columns))
    rows = np.repeat(np.arange(len(counts)), [len(count) for count in counts])
    entry_columns = np.array([columns[term] for count in counts for term in count])
    frequency = np.array([n for count in counts for n in count.values()], dtype=float)
    spread = np.bincount(entry_columns, minlength=len(columns))
    values = frequency * np.log(len(counts) / spread)[entry_columns]
    length = np.sqrt(np.bincount(rows, values**2, minlength=len(counts)))
    values /= np.where(length > 0, length, 1.0)[rows]
    return _Vectors(rows, entry_columns, values, len(counts), len(columns))


def _ranks(vectors: _Vectors) -> np.ndarray:
    """The stationary distribution of a walk between similar sentences, to nine decimals."""
    everywhere = np.full(vectors.sentences, 1 / vectors.sentences)
    to_others = _similar_to_others(vectors, np.ones(vectors.sentences))
    leaving = np.where(to_others > _NOTHING, to_others, np.inf)  # what resembles nothing leads nowhere
    ranks = everywhere
    for _ in range(_ROUNDS):
        walked = _similar_to_others(vectors, ranks / leaving)
        ranks = (1 - _DAMPING) * everywhere + _DAMPING * walked
    return np.round(ranks * vectors.sentences, 9)


def _similar_to_others(vectors: _Vectors, weights: np.ndarray) -> np.ndarray:
    """For each sentence: the weighted sum of its similarities to all others. Its similarity to itself
    would make a sentence that resembles no other one as good as the average."""
    similar: np.ndarray = vectors.times(vectors.transposed_times(weights)) - weights
    return similar


def _chosen(vectors: _Vectors, ranks: np.ndarray, wanted: int) -> list[int]:
    """The best sentences of which none repeats another; of equal ones the earlier."""
    chosen: list[int] = []
    free = np.ones(vectors.sentences, dtype=bool)
    for n in np.argsort(-ranks, kind="stable"):
        if len(chosen) == wanted:
            break
        if free[n]:
            chosen.append(int(n))
            free &= vectors.times(vectors.row(n)) < _REPEATED
    return chosen
