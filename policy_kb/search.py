"""Full-text search over sentences and articles: BM25 on character 1-2-grams with lay words expanded to official ones.

Used for questions that no curated answer and no phrasing covers, and by itself on other corpora (benchmarks/search_stard.py).
An inverted index in numpy: the cost of a query is the length of its terms' posting lists, not the size of the corpus.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from policy_kb.features import Thesaurus
from policy_kb.normalise import clean

K1, B = 1.2, 0.75
# Share of a sentence's own score beside its article's, and of a term that only the thesaurus brought in.
SENTENCE_WEIGHT, EXPANSION_WEIGHT = 0.3, 0.5
_WORD = re.compile(r"[0-9a-z\u3400-\u9fff%]+")


@dataclass(frozen=True)
class Hit:
    """A found document: its number in the order given to the index, the score, and its best sentence's number."""

    document: int
    score: float
    sentence: int


def terms(text: str) -> list[str]:
    """Character 1- and 2-grams of cleaned `text`, none across punctuation."""
    found: list[str] = []
    for run in _WORD.findall(text):
        found.extend(run)
        found.extend(run[i : i + 2] for i in range(len(run) - 1))
    return found


class _Postings:
    """BM25 weights of one kind of unit, by term."""

    def __init__(self, units: Sequence[list[str]], b: float) -> None:
        vocabulary: dict[str, int] = {}
        unit_of = np.repeat(np.arange(len(units)), [len(u) for u in units])
        term_of = np.array([vocabulary.setdefault(t, len(vocabulary)) for u in units for t in u], dtype=np.int64)
        lengths = np.array([len(u) for u in units], dtype=np.float64)
        pairs, counts = np.unique(term_of * max(1, len(units)) + unit_of, return_counts=True)
        term, unit = np.divmod(pairs, max(1, len(units)))
        frequency = np.bincount(term, minlength=len(vocabulary))
        self.idf = np.log(1 + (len(units) - frequency + 0.5) / (frequency + 0.5))
        norm = K1 * (1 - b + b * lengths[unit] / max(1e-9, lengths.mean() if len(units) else 1.0))
        self.vocabulary, self.unit = vocabulary, unit.astype(np.int32)
        self.weight = (self.idf[term] * counts * (K1 + 1) / (counts + norm)).astype(np.float32)
        self.starts = np.searchsorted(term, np.arange(len(vocabulary) + 1))
        self.size = len(units)

    def scores(self, query: dict[str, float]) -> np.ndarray:
        """BM25 of every unit for weighted query terms, shape (units,)."""
        total = np.zeros(self.size, dtype=np.float32)
        for term, weight in query.items():
            number = self.vocabulary.get(term)
            if number is not None:
                span = slice(self.starts[number], self.starts[number + 1])
                total[self.unit[span]] += weight * self.weight[span]  # a unit stands once in a posting list
        return total


class SearchIndex:
    """Searches documents given as lists of sentences."""

    def __init__(self, documents: Sequence[Sequence[str]], thesaurus: Thesaurus | None = None) -> None:
        cleaned = [[clean(s) for s in sentences] for sentences in documents]
        self._articles = _Postings([[t for s in sentences for t in terms(s)] for sentences in cleaned], B)
        self._sentences = _Postings([terms(s) for sentences in cleaned for s in sentences], 0.5)
        self._owner = np.repeat(np.arange(len(documents)), [len(s) for s in cleaned])
        self._first = np.searchsorted(self._owner, np.arange(len(documents)))
        self._thesaurus = thesaurus

    def search(self, text: str, limit: int = 10) -> list[Hit]:
        """The best `limit` documents for `text`, best first; none for a text that shares nothing with any of them."""
        query = self._query(clean(text))
        by_sentence = self._sentences.scores(query)
        total = self._articles.scores(query)
        if self._owner.size:
            total = total + SENTENCE_WEIGHT * np.maximum.reduceat(by_sentence, self._first)
        count = min(limit, len(total))
        best = np.argpartition(-total, count - 1)[:count] if count else np.zeros(0, dtype=np.int64)
        best = best[np.argsort(-total[best], kind="stable")]
        hits = []
        for number in best:
            if total[number] <= 0:
                break
            end = self._first[number + 1] if number + 1 < len(self._first) else len(by_sentence)
            sentence = int(np.argmax(by_sentence[self._first[number] : end]))
            hits.append(Hit(int(number), float(total[number]), sentence))
        return hits

    def _query(self, text: str) -> dict[str, float]:
        query: dict[str, float] = {}
        for term in terms(text):
            query[term] = query.get(term, 0.0) + 1.0
        if self._thesaurus:
            for number in set(self._thesaurus.find(text)):
                name = self._thesaurus.concepts[number]
                if name not in text:
                    for term in terms(name):
                        query[term] = max(query.get(term, 0.0), 0.0) + EXPANSION_WEIGHT
        return query
