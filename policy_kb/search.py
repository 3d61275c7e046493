"""Full-text search over articles and their sentences: BM25 on characters, character pairs and thesaurus concepts.

Used for questions that no curated answer and no phrasing covers, and by itself on other corpora
(benchmarks/search_stard.py).

A question is searched in two steps. First, posting lists (term -> articles), rarest term first and no further than
POSTINGS entries, choose CANDIDATES articles. Then only these and their sentences are scored, on every term of the
question. However large the corpus, a question costs no more than that, a few passes over one number an article and
zeroing one flag a term. Where all its lists fit, the candidates are exactly the articles that score highest without
their sentences; where they do not, the commonest terms have no say in choosing them.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from policy_kb.features import Thesaurus
from policy_kb.normalise import clean

# BM25. A long article covers more matters, and a question is about one of them: an article's length counts in full.
K1, ARTICLE_B, SENTENCE_B = 1.2, 1.0, 0.75
# Share of the best sentence's score beside its article's: terms that stand in one sentence belong together.
SENTENCE_WEIGHT = 0.3
# A concept of the question, where a character or pair weighs 1. Less, as a lay word can stand for several concepts.
CONCEPT_WEIGHT = 0.5
# Articles scored in full (more if more are asked for), and posting list entries read to choose them (more only where
# the rarest term alone has more). Of 10,000 articles these find 99 in 100 of the first hits of an unlimited search.
CANDIDATES, POSTINGS = 50, 10_000

_WORD = re.compile(r"[0-9a-z\u3400-\u9fff%]+")
# A character or pair is itself, a thesaurus concept is its number.
_Term = str | int
_Ints = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]


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


def _offsets(lengths: _Ints) -> _Ints:
    """Where each of several pieces begins when they are put one after the other."""
    ends: _Ints = np.cumsum(lengths, dtype=np.int64)
    return ends - lengths


def _spans(starts: _Ints, lengths: _Ints) -> list[slice]:
    """Where in an array each of several pieces stands."""
    return list(map(slice, starts.tolist(), (starts + lengths).tolist()))


def _sums(places: _Ints, values: _Floats, size: int) -> _Floats:
    """The sum of the `values` of each of `size` places."""
    return np.bincount(places, values, minlength=size).astype(np.float64, copy=False)


def _saturated(count: _Floats, norm: _Floats) -> _Floats:
    """How much of a term's BM25 weight a unit has in which it stands `count` times."""
    share: _Floats = count * (K1 + 1) / (count + norm)
    return share


class _Weights:
    """How often each term stands in each unit (article or sentence) that has it, and what that weighs in BM25.

    The entries are in order of unit, then of term.
    """

    def __init__(self, unit_of: _Ints, term_of: _Ints, units: int, vocabulary: int, b: float) -> None:
        """From the unit and the term of every occurrence."""
        pairs, counts = np.unique(unit_of * vocabulary + term_of, return_counts=True)
        self.count = counts.astype(np.float64)
        self.unit, self.term = np.divmod(pairs, max(1, vocabulary))
        self.having = np.bincount(self.term, minlength=vocabulary)
        self.idf = np.log(1 + (units - self.having + 0.5) / (self.having + 0.5))
        lengths = np.bincount(unit_of, minlength=units) * units / max(1, len(unit_of))
        self.norm = K1 * (1 - b + b * lengths)
        self.weight = self.idf[self.term] * _saturated(self.count, self.norm[self.unit])


class SearchIndex:
    """Searches documents given as lists of sentences."""

    def __init__(self, documents: Sequence[Sequence[str]], thesaurus: Thesaurus | None = None) -> None:
        self._thesaurus = thesaurus
        self._vocabulary: dict[_Term, int] = {}
        sentences = [self._numbers(clean(sentence)) for document in documents for sentence in document]
        sizes = np.array([len(document) for document in documents], dtype=np.int64)
        term_of = np.array([term for sentence in sentences for term in sentence], dtype=np.int64)
        sentence_of = np.repeat(np.arange(len(sentences)), [len(sentence) for sentence in sentences])
        document_of_sentence = np.repeat(np.arange(len(documents)), sizes)
        document_of = document_of_sentence[sentence_of]
        vocabulary = len(self._vocabulary)
        self._sizes, self._first = sizes, _offsets(sizes)
        # By document, then by sentence: for scoring the candidates.
        self._sentences = _Weights(sentence_of, term_of, len(sentences), vocabulary, SENTENCE_B)
        self._entries = np.bincount(document_of_sentence[self._sentences.unit], minlength=len(documents))
        self._first_entry = _offsets(self._entries)
        # By term, then by document: for choosing them.
        self._documents = _Weights(document_of, term_of, len(documents), vocabulary, ARTICLE_B)
        by_term = np.argsort(self._documents.term, kind="stable")
        self._posted, self._posted_weight = self._documents.unit[by_term], self._documents.weight[by_term]
        self._first_posted = _offsets(self._documents.having)

    def search(self, text: str, limit: int = 10) -> list[Hit]:
        """The best `limit` documents for `text`, best first; none for a text that shares nothing with any of them."""
        query = self._query(clean(text))
        if not query or limit < 1:
            return []
        wanted = np.array(sorted(query))
        weights = np.array([query[term] for term in sorted(query)])
        found = self._candidates(wanted, weights, max(limit, CANDIDATES))
        total, by_sentence = self._scores(found, wanted, weights)
        sizes = self._sizes[found]
        own = _offsets(sizes)
        total += SENTENCE_WEIGHT * np.maximum.reduceat(by_sentence, own)
        hits = []
        for i in np.argsort(-total, kind="stable")[:limit]:
            sentence = int(by_sentence[own[i] : own[i] + sizes[i]].argmax())
            hits.append(Hit(int(found[i]), float(total[i]), sentence))
        return hits

    def _numbers(self, text: str) -> list[int]:
        """The terms of cleaned `text` by number, with repeats; new ones join the vocabulary."""
        found: list[_Term] = [*terms(text), *self._concepts(text)]
        return [self._vocabulary.setdefault(term, len(self._vocabulary)) for term in found]

    def _concepts(self, text: str) -> list[int]:
        return self._thesaurus.find(text) if self._thesaurus else []

    def _query(self, text: str) -> dict[int, float]:
        """The known terms of cleaned `text` by number, with their weights.

        A repeated term weighs the square root of its count. A concept that the text does not call by name brings the
        terms of its name, each the less the longer the name is; a term of several such names counts once.
        """
        weights: dict[_Term, float] = {term: count**0.5 for term, count in Counter(terms(text)).items()}
        brought: dict[str, float] = {}
        if self._thesaurus:
            for concept in dict.fromkeys(self._concepts(text)):
                weights[concept] = CONCEPT_WEIGHT
                name = self._thesaurus.concepts[concept]
                if name not in text:
                    for term in terms(name):
                        brought[term] = max(brought.get(term, 0.0), len(name) ** -0.5)
        for term, weight in brought.items():
            weights[term] = weights.get(term, 0.0) + weight
        return {self._vocabulary[known]: weights[known] for known in weights if known in self._vocabulary}

    def _candidates(self, wanted: _Ints, weights: _Floats, count: int) -> _Ints:
        """The `count` documents with the highest BM25 as far as POSTINGS entries tell, in ascending order.

        Fewer where fewer have a wanted term; of equal ones at the edge, the first.
        """
        order = np.argsort(self._documents.having[wanted], kind="stable")
        lengths = self._documents.having[wanted[order]]
        fitting = max(1, int(np.searchsorted(np.cumsum(lengths), POSTINGS, side="right")))
        order, lengths = order[:fitting], lengths[:fitting]
        spans = _spans(self._first_posted[wanted[order]], lengths)
        posted = np.concatenate([self._posted[span] for span in spans])
        parts = zip(spans, weights[order].tolist(), strict=True)
        scores = np.bincount(posted, np.concatenate([self._posted_weight[span] * weight for span, weight in parts]))
        found = np.flatnonzero(scores > 0)
        if len(found) <= count:
            return found
        scores = scores[found]
        edge = np.partition(scores, -count)[-count]
        above, equal = found[scores > edge], found[scores == edge]
        return np.sort(np.concatenate([above, equal[: count - len(above)]]))

    def _scores(self, found: _Ints, wanted: _Ints, weights: _Floats) -> tuple[_Floats, _Floats]:
        """BM25 of the documents `found` and of their sentences, document after document; `wanted` ascending."""
        is_wanted = np.zeros(len(self._vocabulary), dtype=np.bool_)
        is_wanted[wanted] = True
        lengths = self._entries[found]
        spans = _spans(self._first_entry[found], lengths)
        present = np.concatenate([self._sentences.term[span] for span in spans])
        matching = np.flatnonzero(is_wanted[present])
        at = np.searchsorted(wanted, present[matching])
        owner = np.searchsorted(np.cumsum(lengths), matching, side="right")
        entries = matching + (self._first_entry[found] - _offsets(lengths))[owner]
        sizes = self._sizes[found]
        sentence = self._sentences.unit[entries] + (_offsets(sizes) - self._first[found])[owner]
        by_sentence = _sums(sentence, weights[at] * self._sentences.weight[entries], int(sizes.sum()))
        cells = _sums(owner * len(wanted) + at, self._sentences.count[entries], len(found) * len(wanted))
        share = _saturated(cells.reshape(len(found), len(wanted)), self._documents.norm[found][:, None])
        total: _Floats = (share * (weights * self._documents.idf[wanted])).sum(axis=1)
        return total, by_sentence
