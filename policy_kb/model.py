"""The trained part of understanding a policy question: which article, in scope or not, and which known phrasings are nearest.

Trained from the knowledge files alone in seconds, stored as plain arrays (loading runs no code), replaced as one object.
"""

import hashlib
import io
import json
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.svm import LinearSVC

from policy_kb.features import THESAURUS, Array, Featurizer, Flat, Vectorizer, beside
from policy_kb.knowledge import GAP, OUT, ROOT, Knowledge
from policy_kb.normalise import clean, clean_all, focus

# Measured in benchmarks/RESULTS.md, "which article", by cross-validation on the training questions.
TOPIC_C, SCOPE_C, MIN_DOCUMENTS, PAIR_DOCUMENTS = 1.5, 0.5, 2, 4
# Beside the article's support vector machine, all standardised: its likelihood by pairs, and the centroid of its nearest fact.
PAIR_WEIGHT, FACT_WEIGHT = 0.75, 0.4
SMOOTHING = 0.003  # of a pair's weight in a class, for the pairs that the class has not
REFUSAL_WEIGHT = 0.3  # of gap and out-of-scope questions as counter-examples of articles
_TRAINED_BY = [Path(__file__), ROOT / "features.py", ROOT / "normalise.py", ROOT / "knowledge.py", THESAURUS]


@dataclass(frozen=True)
class Understanding:
    """What the model sees in a question.

    articles: score of every article, mean 0 and standard deviation 1; similarity: cosine to every known phrasing; facts: cosine to
    the centroid of every fact's phrasings; evidence: what tells whether the documents settle it (see EVIDENCE).
    """

    articles: Array
    similarity: Array
    facts: Array
    evidence: Array


# Margin of being settled, and (of what is not) of being out of scope rather than a gap; best article's margin and log likelihood
# ratio; mean similarity of the three nearest phrasings that are answered, a gap, out of scope.
EVIDENCE = ("settled", "outside", "best article", "likeliest article", "near answer", "near gap", "near out")
SETTLED, OUTSIDE, BEST_ARTICLE = range(3)
_NEAR = 3
_SHARES_ALMOST_NOTHING = 0.05
COMMON = 2000  # phrasings
# An article's counter-examples: this share of them that is most like its questions, and of the others a share at random, which then
# count for those left out. All of them: three times the time.
ALIKE, OTHERS = 0.10, 0.04
OTHERS_WEIGHT = 7.5
_GAP_ROW, _OUT_ROW = -1, -2  # in place of a fact's number


class TopicModel:
    """Article and scope classifiers, and the matrix of known phrasings (rows in the knowledge's order).

    weights, bias: one linear SVM per article over single features, then settled and outside over single features and pairs; by_pair: per
    article the log likelihood ratio (naive Bayes against all other articles) of every pair, which an SVM would need a minute to
    learn as well, then the weights of settled and outside.
    """

    def __init__(
        self,
        featurizer: Featurizer,
        vectorizer: Vectorizer,
        pairs: Vectorizer,
        articles: list[str],
        weights: Array,
        bias: Array,
        by_pair: Array,
        phrasings: sp.csc_matrix,
        fact_of: Array,
        article_of_fact: Array,
        phrasing_weight: Array,
        fact_length: Array,
    ) -> None:
        self.featurizer, self.vectorizer, self.articles = featurizer, vectorizer, articles
        self.pairs, self.by_pair = pairs, by_pair
        self.weights, self.bias, self.phrasings = weights, bias, phrasings
        self.fact_of, self.article_of_fact = fact_of, article_of_fact
        self.phrasing_weight, self.fact_length = phrasing_weight, fact_length
        self._kind = np.minimum(fact_of, 0)
        self._phrasings_with = phrasings.T  # by feature, sharing the arrays
        asks = np.flatnonzero(fact_of >= 0)
        shares = phrasing_weight[asks] / fact_length[fact_of[asks]]
        self._centroids = sp.csr_matrix((shares, (fact_of[asks], asks)), shape=(len(fact_length), len(fact_of)))
        self._by_article = np.argsort(article_of_fact, kind="stable")  # facts
        self._with_facts, self._first_fact = np.unique(article_of_fact[self._by_article], return_index=True)

    def understand(self, cleaned: str) -> Understanding:
        """What `cleaned` (see normalise.clean) means."""
        columns, values = self.vectorizer.row(self.featurizer.numbers(cleaned))
        margins = values @ self.weights[columns].astype(np.float32) + self.bias
        pairs, weights = self.pairs.row(self.featurizer.pairs(cleaned))
        by_pair = weights @ self.by_pair[pairs].astype(np.float32)
        similarity = self._similarity(columns, values)
        facts = self._centroids @ similarity
        count = len(self.articles)
        articles = (
            _standardised(margins[:count])
            + PAIR_WEIGHT * _standardised(by_pair[:count])
            + FACT_WEIGHT * _standardised(self._nearest_fact(facts))
        )
        means = [float(found[-_NEAR:].sum()) / _NEAR for found in self._nearest(similarity)]
        best = margins[:count].max(), by_pair[:count].max()
        evidence = np.array([*(margins[count:] + by_pair[count:]), *best, *means], dtype=np.float32)
        return Understanding(_standardised(articles), similarity, facts, evidence)

    def _nearest(self, similarity: Array) -> list[Array]:
        """Ascending similarities to the phrasings that are answered, a gap, out of scope, without those that share almost nothing."""
        rows = np.flatnonzero(similarity > _SHARES_ALMOST_NOTHING)
        kinds, values = self._kind[rows], similarity[rows]
        return [np.sort(values[kinds == kind]) for kind in (0, _GAP_ROW, _OUT_ROW)]

    def _nearest_fact(self, facts: Array) -> Array:
        """For every article the cosine of the question to the centroid of its nearest fact, shape (articles,)."""
        best = np.full(len(self.articles), -1.0)
        best[self._with_facts] = np.maximum.reduceat(facts[self._by_article], self._first_fact)
        return best

    def _similarity(self, columns: Array, values: Array) -> Array:
        """Cosine similarity of one question to every phrasing, shape (phrasings,)."""
        found: Array = self._phrasings_with[columns].T @ values
        return found


def _standardised(scores: Array) -> Array:
    # By sums and a dot product: numpy's own mean and std take five times as long.
    apart = scores - scores.sum() / len(scores)
    scaled: Array = apart / (np.sqrt(apart @ apart / len(scores)) + 1e-9)
    return scaled


def fingerprint(root: Path = ROOT) -> str:
    """A hash of everything that training depends on: knowledge files, thesaurus and the code that reads them."""
    digest = hashlib.sha256()
    files = [
        p for folder in ("documents", "answers", "gaps", "questions") for p in sorted((root / folder).rglob("*.*"))
    ]
    for file in [*files, *_TRAINED_BY]:
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def train(knowledge: Knowledge, say: Callable[[str], None] = lambda text: None) -> TopicModel:
    """Learn from the knowledge's questions; answers' own texts and the articles' sentences count as phrasings of articles too."""
    featurizer = Featurizer.load()
    texts, targets, weights = _lessons(knowledge)
    asked = len(knowledge.questions)
    say(f"学习 {asked} 个问法")
    articles = sorted(knowledge.corpus.articles)
    number_of = {name: i for i, name in enumerate(articles)}
    topic_of = np.array([number_of.get(target, -1) for target in targets])
    concepts = featurizer.thesaurus.find_all(texts)
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        of_singles = pool.submit(_learn_singles, texts, concepts, topic_of, len(articles))
        pair_vectorizer, pair_rows, ratios = _learn_pairs(texts, concepts, topic_of, len(articles), weights)
        vectorizer, matrix, telling = of_singles.result()

    refused = topic_of < 0
    examples = matrix.astype(np.float64)  # which liblinear wants, changed once and not for every task
    topic_weights = np.where(refused, weights * REFUSAL_WEIGHT, weights)
    tasks = [_Task(examples, topic_of == i, topic_weights * telling[i], TOPIC_C) for i in range(len(articles))]
    both = beside(matrix[:asked], pair_rows[:asked])
    refused, outside = refused[:asked], np.array(targets[:asked]) == OUT
    tasks.append(_Task(both, ~refused, np.where(refused, 2.0, 1.0), SCOPE_C))
    tasks.append(_Task(both, outside, np.where(refused, 1.0, 0.0), SCOPE_C))
    machines = _one_versus_rest(tasks)
    single = len(vectorizer.known)
    by_pair = [*ratios, *(coefficients[single:] for coefficients, _ in machines[len(articles) :])]
    return TopicModel(
        featurizer,
        vectorizer,
        pair_vectorizer,
        articles,
        np.stack([coefficients[:single] for coefficients, _ in machines], axis=1),
        np.array([bias for _, bias in machines], dtype=np.float32),
        np.stack(by_pair, axis=1),
        *_phrasings(knowledge, number_of, matrix[:asked], weights[:asked]),
    )


def _lessons(knowledge: Knowledge) -> tuple[list[str], list[str], Array]:
    """The cleaned texts to learn from, the knowledge's questions first; what they are about; and how much each counts."""
    texts = [focus(text) for text in clean_all([question.text for question in knowledge.questions])]
    targets = [question.article for question in knowledge.questions]
    for answer in knowledge.answers.values():
        texts.append(clean(f"{answer.fact} {answer.text}"))
        targets.append(answer.article)
    for article in knowledge.corpus.articles.values():
        sentences = clean_all(article.sentences())
        texts += sentences
        targets += [article.id] * len(sentences)
    weights = np.ones(len(texts))
    weights[: len(knowledge.questions)] = [question.weight for question in knowledge.questions]
    return texts, targets, weights


def _phrasings(
    knowledge: Knowledge, number_of: dict[str, int], rows: sp.csr_matrix, weights: Array
) -> tuple[sp.csc_matrix, Array, Array, Array, Array]:
    """The last five arguments of TopicModel, from the rows of the knowledge's questions and how much each counts."""
    names = [q.article if q.article in (GAP, OUT) else q.target or q.article for q in knowledge.questions]
    facts = sorted({*names} - {GAP, OUT})
    number = {name: i for i, name in enumerate(facts)} | {GAP: _GAP_ROW, OUT: _OUT_ROW}
    fact_of = np.array([number[name] for name in names], dtype=np.int32)
    article_of = [knowledge.answers[fact].article if fact in knowledge.answers else fact for fact in facts]
    sums = _sums(rows, fact_of, len(facts), weights)
    lengths = np.sqrt(np.asarray(sums.multiply(sums).sum(axis=1))).ravel()
    return (
        _without_common(rows.tocsc()),
        fact_of,
        np.array([number_of[article] for article in article_of], dtype=np.int32),
        weights.astype(np.float32),
        np.maximum(lengths, 1e-9),
    )


def _learn_singles(
    texts: list[str], concepts: Flat, class_of: Array, classes: int
) -> tuple[Vectorizer, sp.csr_matrix, Array]:
    """The single features to know, the rows of them, and how much each row counts in learning a class, shape (classes, texts)."""
    vectorizer, rows = Vectorizer.fit(len(texts), Featurizer.numbers_of_all(texts, concepts), MIN_DOCUMENTS)
    likeness = (rows @ _sums(rows, class_of, classes, np.ones(len(texts))).toarray().T).T
    telling = [_telling(likeness[i], class_of == i, i) for i in range(classes)]
    return vectorizer, rows, np.array(telling, dtype=np.float32)


def _learn_pairs(
    texts: list[str], concepts: Flat, class_of: Array, classes: int, weights: Array
) -> tuple[Vectorizer, sp.csr_matrix, Array]:
    """The pairs to know, the rows of pairs, and what every pair says for a class, shape (classes, pairs)."""
    pairs = Featurizer.pairs_in_all(texts, concepts)
    vectorizer, rows = Vectorizer.fit_pairs(len(texts), pairs, PAIR_DOCUMENTS)
    return vectorizer, rows, _log_ratios(rows, class_of, classes, weights)


def _log_ratios(rows: sp.csr_matrix, class_of: Array, classes: int, weights: Array) -> Array:
    """How much likelier every feature is in a class than in all others, as logarithms, shape (classes, features).

    `class_of` is each row's class; rows of a class below 0 take no part.
    """
    sums = _sums(rows, class_of, classes, weights).toarray()
    total = sums.sum(axis=0)
    ratios = np.empty(sums.shape, dtype=np.float16)
    for ratio, ours in zip(ratios, sums, strict=True):
        others = total - ours
        np.maximum(others, 0.0, out=others)  # what rounding leaves of nothing
        ours += SMOOTHING
        others += SMOOTHING
        ratio[:] = np.log(ours / others) - np.log(ours.sum() / others.sum())
    return ratios


def _sums(rows: sp.csr_matrix, class_of: Array, classes: int, weights: Array) -> sp.csr_matrix:
    """The weighted sum of every class's rows, shape (classes, features); rows of a class below 0 take no part."""
    part = np.flatnonzero(class_of >= 0)
    cells = weights[part].astype(np.float32), (class_of[part], part)
    return sp.csr_matrix(cells, shape=(classes, len(class_of))) @ rows


def _without_common(phrasings: sp.csc_matrix) -> sp.csc_matrix:
    """`phrasings` without the features that too many of them share: 3 % of a question's length, four fifths of the search's work."""
    common = np.diff(phrasings.indptr) > COMMON
    phrasings.data[np.repeat(common, np.diff(phrasings.indptr))] = 0.0
    phrasings.eliminate_zeros()
    return phrasings


@dataclass(frozen=True)
class _Task:
    """One linear SVM: the examples, which are positive, and how much each counts (those of weight 0 are left out)."""

    examples: sp.csr_matrix
    positive: Array
    weights: Array
    c: float


_tasks: list[_Task] = []


def _fit_task(number: int) -> tuple[Array, float]:
    task = _tasks[number]
    used = np.flatnonzero(task.weights)
    examples = task.examples if len(used) == len(task.weights) else task.examples[used]
    # tol=1 stops early: measured, no loss of accuracy and a third of the time.
    machine = LinearSVC(C=task.c, tol=1.0, random_state=0)
    machine.fit(examples, task.positive[used], sample_weight=task.weights[used])
    return machine.coef_[0].astype(np.float16), float(machine.intercept_[0])


def _telling(likeness: Array, positive: Array, seed: int) -> Array:
    """How much each example counts in telling the positive ones from the others, shape (examples,): 0 for most that are unlike them."""
    alike = likeness >= np.quantile(likeness[~positive], 1 - ALIKE)
    drawn = np.random.default_rng(seed).random(len(positive)) < OTHERS
    weights: Array = np.where(positive | alike, 1.0, np.where(drawn, OTHERS_WEIGHT, 0.0))
    return weights


def _one_versus_rest(tasks: list[_Task]) -> list[tuple[Array, float]]:
    """Weights (features,), float16, and bias of one linear SVM per task, spread over the machine's cores, the largest first."""
    global _tasks
    _tasks = tasks
    order = sorted(range(len(tasks)), key=lambda n: tasks[n].examples.nnz, reverse=True)
    try:
        with ProcessPoolExecutor(mp_context=get_context("fork")) as pool:
            fitted = dict(zip(order, pool.map(_fit_task, order)))
    finally:
        _tasks = []
    return [fitted[n] for n in range(len(tasks))]


_ARRAYS = ("weights", "bias", "by_pair", "fact_of", "article_of_fact", "phrasing_weight", "fact_length")


def save(model: TopicModel, path: Path) -> None:
    """Write `model` to `path` in one step: a reader sees the old file or the new one."""
    buffer = io.BytesIO()
    np.savez(
        buffer,
        meta=np.array(json.dumps({"articles": model.articles})),
        known=model.vectorizer.known,
        idf=model.vectorizer.idf,
        known_pairs=model.pairs.known,
        pair_idf=model.pairs.idf,
        data=model.phrasings.data,
        indices=model.phrasings.indices,
        indptr=model.phrasings.indptr,
        shape=np.array(model.phrasings.shape),
        **{name: getattr(model, name) for name in _ARRAYS},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_bytes(buffer.getvalue())
    temporary.replace(path)


def load(path: Path) -> TopicModel:
    """The model stored at `path`. Raises OSError or ValueError when it is missing or broken."""
    arrays = np.load(path, allow_pickle=False)
    shape = tuple(int(n) for n in arrays["shape"])
    return TopicModel(
        Featurizer.load(),
        Vectorizer(arrays["known"], arrays["idf"]),
        Vectorizer(arrays["known_pairs"], arrays["pair_idf"]),
        json.loads(str(arrays["meta"]))["articles"],
        phrasings=sp.csc_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=shape),
        **{name: arrays[name] for name in _ARRAYS},
    )
