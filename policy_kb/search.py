"""Full-text search over articles and their sentences: BM25 on characters, character pairs and thesaurus concepts.

Used for questions that no curated answer and no phrasing covers, and by itself on other corpora (benchmarks/search_stard.py).

A question is searched in two steps. First, posting lists (term -> articles) choose CANDIDATES articles: rarest term first, and
no further than POSTINGS entries. Then only those articles and their sentences are scored, on every term of the question. The cost
of a question is therefore bounded, whatever the size of the corpus, apart from passes over one number an article. Where all the
lists fit, the candidates are exactly the articles with the highest scores of their own; where they do not, the commonest terms
have no say in choosing them.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from policy_kb.features import Thesaurus
from policy_kb.normalise import clean

# BM25. A long article covers more matters, and a question is about one of them: an article's length counts in full.
K1, ARTICLE_B, SENTENCE_B = 1.2, 1.0, 0.75
# Share of the best sentence's score beside its article's: terms that stand together in one sentence belong together.
SENTENCE_WEIGHT = 0.3
# A concept of the question, where a character or pair weighs 1: a lay word can stand for several concepts, so it is less sure.
CONCEPT_WEIGHT = 0.5
# Articles scored in full (more if more are asked for), and posting list entries read to choose them.
CANDIDATES, POSTINGS = 100, 20_000

_WORD = re.compile(r"[0-9a-z\u3400-\u9fff%]+")
# A character or pair is itself, a thesaurus concept is its number.
_Term = str | int


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


def _ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The numbers start, start + 1, ... of each range, one range after the other."""
    return np.arange(lengths.sum()) + np.repeat(starts - _offsets(lengths), lengths)


def _offsets(lengths: np.ndarray) -> np.ndarray:
    """Where each of several pieces begins when they are put one after the other."""
    return np.cumsum(lengths) - lengths


class _Weights:
    """BM25 weights of the terms in one kind of unit (articles or sentences), readable by unit and by term."""

    def __init__(self, unit_of: np.ndarray, term_of: np.ndarray, units: int, vocabulary: int, b: float) -> None:
        """From the unit number and the term number of every occurrence."""
        pairs, counts = np.unique(unit_of * vocabulary + term_of, return_counts=True)
        unit, self._term = np.divmod(pairs, max(1, vocabulary))
        having = np.bincount(self._term, minlength=vocabulary)
        idf = np.log(1 + (units - having + 0.5) / (having + 0.5))
        lengths = np.bincount(unit_of, minlength=units) / max(1.0, len(unit_of) / max(1, units))
        norm = K1 * (1 - b + b * lengths[unit])
        self._weight = (idf[self._term] * counts * (K1 + 1) / (counts + norm)).astype(np.float32)
        self._unit_lengths = np.bincount(unit, minlength=units)
        self._unit_starts = _offsets(self._unit_lengths)
        order = np.argsort(self._term, kind="stable")
        self._posted_unit, self._posted_weight = unit[order], self._weight[order]
        self._term_lengths, self._term_starts = having, _offsets(having)

    def scores(self, units: np.ndarray, query: np.ndarray) -> np.ndarray:
        """BM25 of `units` for a weight per vocabulary term, shape (len(units),)."""
        lengths = self._unit_lengths[units]
        entries = _ranges(self._unit_starts[units], lengths)
        scores, filled = np.zeros(len(units), dtype=np.float32), lengths > 0  # a sentence can be nothing but marks
        if len(entries):
            values = self._weight[entries] * query[self._term[entries]]
            scores[filled] = np.add.reduceat(values, _offsets(lengths)[filled])
        return scores

    def best(self, wanted: np.ndarray, weights: np.ndarray, count: int) -> np.ndarray:
        """The `count` units, or all if fewer have a wanted term, with the highest BM25 as far as POSTINGS entries tell.

        In ascending order; of equal units at the edge, the first.
        """
        rarest = np.argsort(self._term_lengths[wanted], kind="stable")
        lengths = self._term_lengths[wanted[rarest]]
        rarest = rarest[: max(1, int(np.searchsorted(np.cumsum(lengths), POSTINGS, side="right")))]
        lengths = lengths[: len(rarest)]
        entries = _ranges(self._term_starts[wanted[rarest]], lengths)
        scores = np.bincount(self._posted_unit[entries], self._posted_weight[entries] * np.repeat(weights[rarest], lengths))
        found = np.flatnonzero(scores)
        if len(found) <= count:
            return found
        edge = np.partition(scores[found], -count)[-count]
        above, equal = found[scores[found] > edge], found[scores[found] == edge]
        return np.sort(np.concatenate([above, equal[: count - len(above)]]))


class SearchIndex:
    """Searches documents given as lists of sentences."""

    def __init__(self, documents: Sequence[Sequence[str]], thesaurus: Thesaurus | None = None) -> None:
        self._thesaurus = thesaurus
        self._vocabulary: dict[_Term, int] = {}
        number = self._vocabulary.setdefault
        sentences = [
            [number(term, len(self._vocabulary)) for term in (*terms(text), *self._concepts(text))]
            for text in (clean(sentence) for document in documents for sentence in document)
        ]
        term_of = np.array([term for sentence in sentences for term in sentence], dtype=np.int64)
        sentence_of = np.repeat(np.arange(len(sentences)), [len(sentence) for sentence in sentences])
        self._sizes = np.array([len(document) for document in documents], dtype=np.int64)
        self._first = _offsets(self._sizes)
        article_of = np.repeat(np.arange(len(documents)), self._sizes)[sentence_of]
        self._articles = _Weights(article_of, term_of, len(documents), len(self._vocabulary), ARTICLE_B)
        self._sentences = _Weights(sentence_of, term_of, len(sentences), len(self._vocabulary), SENTENCE_B)

    def search(self, text: str, limit: int = 10) -> list[Hit]:
        """The best `limit` documents for `text`, best first; none for a text that shares nothing with any of them."""
        query = self._query(clean(text))
        if not query or limit < 1:
            return []
        wanted, weights = np.array(list(query)), np.array(list(query.values()), dtype=np.float32)
        found = self._articles.best(wanted, weights, max(limit, CANDIDATES))
        by_term = np.zeros(len(self._vocabulary), dtype=np.float32)
        by_term[wanted] = weights
        sizes = self._sizes[found]
        own = _offsets(sizes)
        by_sentence = self._sentences.scores(_ranges(self._first[found], sizes), by_term)
        total = self._articles.scores(found, by_term) + SENTENCE_WEIGHT * np.maximum.reduceat(by_sentence, own)
        hits = []
        for i in np.argsort(-total, kind="stable")[:limit]:
            sentence = int(np.argmax(by_sentence[own[i] : own[i] + sizes[i]]))
            hits.append(Hit(int(found[i]), float(total[i]), sentence))
        return hits

    def _concepts(self, text: str) -> list[int]:
        return self._thesaurus.find(text) if self._thesaurus else []

    def _query(self, text: str) -> dict[int, float]:
        """Numbers of the known terms of cleaned `text`, with their weights.

        A repeated term weighs the square root of its count. A concept that the text does not call by name brings the terms of
        its name, each the less the longer the name is; a term of several such names counts for one of them.
        """
        weights: dict[_Term, float] = {term: count**0.5 for term, count in Counter(terms(text)).items()}
        brought: dict[_Term, float] = {}
        for concept in dict.fromkeys(self._concepts(text)):
            weights[concept] = CONCEPT_WEIGHT
            name = self._thesaurus.concepts[concept] if self._thesaurus else ""
            if name not in text:
                for term in terms(name):
                    brought[term] = max(brought.get(term, 0.0), len(name) ** -0.5)
        for term, weight in brought.items():
            weights[term] = weights.get(term, 0.0) + weight
        return {self._vocabulary[term]: weight for term, weight in weights.items() if term in self._vocabulary}
