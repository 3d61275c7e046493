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

from policy_kb.features import THESAURUS, Featurizer, Thesaurus, Vectorizer
from policy_kb.knowledge import GAP, OUT, ROOT, SMALLTALK, Knowledge
from policy_kb.normalise import clean, focus

IN = "in"
# Measured in benchmarks/RESULTS.md, "which article": C and class weights by cross-validation on the training questions.
TOPIC_C, SCOPE_C, MIN_DOCUMENTS = 1.5, 0.5, 2
_TRAINED_BY = [Path(__file__), ROOT / "features.py", ROOT / "normalise.py", ROOT / "knowledge.py", THESAURUS]


@dataclass(frozen=True)
class Understanding:
    """What the model sees in a question. Scores of all articles (any scale), margins of in/gap/out, similarities to phrasings."""

    topics: np.ndarray
    in_scope: float
    gap: float
    out: float
    similarity: np.ndarray


class TopicModel:
    """Article and scope classifiers over one vectorizer, and the matrix of known phrasings (rows in the knowledge's order)."""

    def __init__(
        self,
        featurizer: Featurizer,
        vectorizer: Vectorizer,
        articles: list[str],
        topic_weights: np.ndarray,
        topic_bias: np.ndarray,
        scope_weights: np.ndarray,
        scope_bias: np.ndarray,
        phrasings: sp.csc_matrix,
    ) -> None:
        self.featurizer, self.vectorizer, self.articles = featurizer, vectorizer, articles
        self.topic_weights, self.topic_bias = topic_weights, topic_bias
        self.scope_weights, self.scope_bias = scope_weights, scope_bias
        self.phrasings = phrasings

    def understand(self, cleaned: str) -> Understanding:
        """What `cleaned` (see normalise.clean) means."""
        columns, values = self.vectorizer.row(self.featurizer.numbers(cleaned))
        topics = values @ self.topic_weights[columns].astype(np.float32) + self.topic_bias
        gap, within, out = (float(m) for m in values @ self.scope_weights[columns] + self.scope_bias)
        return Understanding(topics, within, gap, out, self._similarity(columns, values))

    def _similarity(self, columns: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Cosine similarity of one question to every phrasing, shape (phrasings,)."""
        starts, rows, weights = self.phrasings.indptr, self.phrasings.indices, self.phrasings.data
        spans = [slice(starts[c], starts[c + 1]) for c in columns]
        if not spans:
            return np.zeros(self.phrasings.shape[0], dtype=np.float32)
        postings = np.concatenate([rows[span] for span in spans])
        products = np.concatenate([weights[span] * value for span, value in zip(spans, values)])
        return np.bincount(postings, products, self.phrasings.shape[0]).astype(np.float32)


def fingerprint(root: Path = ROOT) -> str:
    """A hash of everything that training depends on: knowledge files, thesaurus and the code that reads them."""
    digest = hashlib.sha256()
    files = [p for folder in ("documents", "answers", "gaps", "questions") for p in sorted((root / folder).rglob("*.*"))]
    for file in [*files, *_TRAINED_BY]:
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def train(knowledge: Knowledge, say: Callable[[str], None] = lambda text: None) -> TopicModel:
    """Learn from the knowledge's questions; answers' own texts and the articles' sentences count as phrasings too."""
    featurizer = Featurizer(Thesaurus.load())
    documents = [featurizer.numbers(focus(clean(q.text))) for q in knowledge.questions]
    targets = [q.article for q in knowledge.questions]
    extra = [(a.article, f"{a.fact} {a.text}") for a in knowledge.answers.values()]
    extra += [(a.id, s) for a in knowledge.corpus.articles.values() for s in a.sentences()]
    documents += [featurizer.numbers(clean(text)) for _, text in extra]
    targets += [article for article, _ in extra]

    vectorizer = Vectorizer.fit(documents, MIN_DOCUMENTS)
    matrix = vectorizer.matrix(documents)
    labels = np.array(targets)
    within = np.array([t not in (GAP, OUT, SMALLTALK) for t in targets])
    articles = sorted(knowledge.corpus.articles)
    say(f"学习 {len(knowledge.questions)} 个问法")
    weights = np.array([q.weight for q in knowledge.questions] + [1.0] * len(extra))
    topic_weights, topic_bias = _one_versus_rest(matrix[within], labels[within], articles, TOPIC_C, weights[within])
    asked = labels[: len(knowledge.questions)]
    scope = np.where(np.isin(asked, [GAP, OUT]), asked, IN)
    scoped = asked != SMALLTALK
    scope_weights, scope_bias = _one_versus_rest(
        matrix[: len(asked)][scoped], scope[scoped], [GAP, IN, OUT], SCOPE_C, np.where(scope[scoped] == IN, 1.0, 2.0)
    )
    return TopicModel(
        featurizer,
        vectorizer,
        articles,
        topic_weights.astype(np.float16),
        topic_bias,
        scope_weights,
        scope_bias,
        matrix[: len(asked)].tocsc(),
    )


_shared: tuple[sp.csr_matrix, np.ndarray, float, np.ndarray] | None = None


def _fit_classes(classes: list[str]) -> list[tuple[np.ndarray, float]]:
    assert _shared is not None  # noqa: S101 - set just before the fork
    matrix, labels, c, weights = _shared
    fitted = []
    for name in classes:
        # tol=1 stops early: measured, no loss of accuracy and a third of the time.
        machine = LinearSVC(C=c, tol=1.0, random_state=0).fit(matrix, labels == name, sample_weight=weights)
        fitted.append((machine.coef_[0].astype(np.float32), float(machine.intercept_[0])))
    return fitted


def _one_versus_rest(
    matrix: sp.csr_matrix, labels: np.ndarray, classes: list[str], c: float, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (features, classes) and bias (classes,) of one linear SVM per class, spread over the machine's cores."""
    global _shared
    _shared = (matrix, labels, c, weights)
    workers = min(len(classes), os.cpu_count() or 1)
    shares = [classes[i::workers] for i in range(workers)]
    if workers == 1:
        results = [_fit_classes(shares[0])]
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
            results = list(pool.map(_fit_classes, shares))
    _shared = None
    by_class = {name: machine for share, result in zip(shares, results) for name, machine in zip(share, result)}
    columns = np.stack([by_class[name][0] for name in classes], axis=1)
    return np.ascontiguousarray(columns), np.array([by_class[name][1] for name in classes], dtype=np.float32)


def save(model: TopicModel, path: Path) -> None:
    """Write `model` to `path` in one step: a reader sees the old file or the new one."""
    meta = json.dumps({"articles": model.articles})
    buffer = io.BytesIO()
    np.savez(
        buffer,
        meta=np.array(meta),
        known=model.vectorizer.known,
        idf=model.vectorizer.idf,
        topic_weights=model.topic_weights,
        topic_bias=model.topic_bias,
        scope_weights=model.scope_weights,
        scope_bias=model.scope_bias,
        data=model.phrasings.data,
        indices=model.phrasings.indices,
        indptr=model.phrasings.indptr,
        shape=np.array(model.phrasings.shape),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_bytes(buffer.getvalue())
    temporary.replace(path)


def load(path: Path) -> TopicModel:
    """The model stored at `path`. Raises OSError or ValueError when it is missing or broken."""
    arrays = np.load(path, allow_pickle=False)
    meta = json.loads(str(arrays["meta"]))
    phrasings = sp.csc_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=tuple(arrays["shape"]))
    return TopicModel(
        Featurizer(Thesaurus.load()),
        Vectorizer(arrays["known"], arrays["idf"]),
        meta["articles"],
        arrays["topic_weights"],
        arrays["topic_bias"],
        arrays["scope_weights"],
        arrays["scope_bias"],
        phrasings,
    )
