"""`python -m benchmarks.articles`: ways to tell which article a question is about, on questions not trained on.

All ways but the full-text search and ours, which has pairs besides, see the same features (policy_kb.features) of the same training
texts: the known questions, the answers' own texts and the articles' sentences. Only questions that an article answers
are counted here; benchmarks/evaluate.py measures whole answers and refusals.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence

import numpy as np
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB
from sklearn.svm import LinearSVC

from benchmarks.evaluate import any_same
from benchmarks.messages import DATA
from benchmarks.results import load, save, section, table
from policy_kb import model as topic_model
from policy_kb.corpus import load_corpus
from policy_kb.features import Vectorizer
from policy_kb.knowledge import Knowledge, load_knowledge
from policy_kb.model import MIN_DOCUMENTS, TOPIC_C, TopicModel
from policy_kb.normalise import clean, clean_all, focus
from policy_kb.search import SearchIndex

TITLE = "Which article"
NEAREST = 12  # known questions that vote
LOGISTIC_C, BAYES_ALPHA = 20.0, 0.1
# A question -> its articles, best first, three at least.
Ranker = Callable[[str], Sequence[str]]
Case = tuple[str, list[str]]


def heldout() -> list[Case]:
    """(question, right articles) of heldout.jsonl that an article answers."""
    lines = (DATA / "heldout.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    return [(c["question"], [c["article"], *c.get("also", [])]) for c in cases if c["article"] not in ("gap", "out")]


def evaluation() -> list[Case]:
    """Likewise of evaluation.yml, which was written apart from all training data."""
    personas = yaml.safe_load((DATA / "evaluation.yml").read_text(encoding="utf-8"))["personas"]
    cases = [case for persona in personas for case in persona["questions"] if case["expect"] == "answer"]
    return [(c["question"], c["articles"]) for c in cases]


def full_text(knowledge: Knowledge, ours: TopicModel) -> Ranker:
    """BM25 over the articles' sentences; no known question takes part."""
    articles = list(knowledge.corpus.articles)
    index = SearchIndex([knowledge.corpus.articles[a].sentences() for a in articles], ours.featurizer.thesaurus)
    return lambda text: [articles[hit.document] for hit in index.search(text, 3)]


class Training:
    """The texts that articles are learnt from: rows of the model's single features, each with article and weight."""

    def __init__(self, knowledge: Knowledge, ours: TopicModel) -> None:
        self.articles = ours.articles
        known = set(self.articles)
        questions = [q for q in knowledge.questions if q.article in known]
        said = clean_all([q.text for q in questions])
        asked = [(focus(text), q.article, q.weight) for text, q in zip(said, questions, strict=True)]
        written = [(clean(f"{a.fact} {a.text}"), a.article, 1.0) for a in knowledge.answers.values()]
        written += [(clean(s), a.id, 1.0) for a in knowledge.corpus.articles.values() for s in a.sentences()]
        texts, labels, weights = zip(*asked, *written, strict=True)
        self._featurizer = ours.featurizer
        features = self._featurizer.numbers_of_all(texts, self._featurizer.thesaurus.find_all(texts))
        self._vectorizer, self.matrix = Vectorizer.fit(len(texts), features, MIN_DOCUMENTS)
        self.labels, self.weights = np.array(labels), np.array(weights)
        self.questions = len(asked)

    def row(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Columns and values of one question."""
        return self._vectorizer.row(self._featurizer.numbers(text))


def nearest(training: Training) -> Ranker:
    """Each article gets the cubed similarities of its questions among the NEAREST nearest."""
    questions = training.matrix[: training.questions].tocsc()
    number = {a: i for i, a in enumerate(training.articles)}
    article_of = np.array([number[label] for label in training.labels[: training.questions]])

    def rank(text: str) -> list[str]:
        columns, values = training.row(text)
        similarity = questions[:, columns] @ values
        rows = np.argpartition(-similarity, NEAREST)[:NEAREST]
        votes = np.bincount(article_of[rows], similarity[rows] ** 3, len(training.articles))
        return [training.articles[i] for i in np.argsort(-votes)[:3]]

    return rank


def _linear(training: Training, classes: Sequence[str], weights: np.ndarray, bias: np.ndarray) -> Ranker:
    """Ranks by a linear score; `weights` has a row for each class."""
    by_feature = np.ascontiguousarray(weights.T, dtype=np.float32)

    def rank(text: str) -> list[str]:
        columns, values = training.row(text)
        return [classes[i] for i in np.argsort(-(values @ by_feature[columns] + bias))[:3]]

    return rank


def naive_bayes(training: Training) -> Ranker:
    fitted = ComplementNB(alpha=BAYES_ALPHA).fit(training.matrix, training.labels, sample_weight=training.weights)
    return _linear(training, fitted.classes_, fitted.feature_log_prob_, np.zeros(len(fitted.classes_)))


def logistic_regression(training: Training) -> Ranker:
    """One against the rest, as the support vector machines."""
    fitted = LogisticRegression(C=LOGISTIC_C, solver="liblinear", multi_class="ovr", tol=0.1, random_state=0)
    fitted.fit(training.matrix, training.labels, sample_weight=training.weights)
    return _linear(training, fitted.classes_, fitted.coef_, fitted.intercept_)


def support_vectors(training: Training) -> Ranker:
    fitted = LinearSVC(C=TOPIC_C, tol=1.0, random_state=0)
    fitted.fit(training.matrix, training.labels, sample_weight=training.weights)
    return _linear(training, fitted.classes_, fitted.coef_, fitted.intercept_)


def ours_ranks(ours: TopicModel) -> Ranker:
    def rank(text: str) -> list[str]:
        return [ours.articles[i] for i in np.argsort(-ours.understand(text).articles)[:3]]

    return rank


def measure() -> str:
    """The section's table."""
    knowledge = load_knowledge(load_corpus())
    started = _cpu_seconds()
    ours = topic_model.train(knowledge)
    seconds_ours = _cpu_seconds() - started
    started = _cpu_seconds()
    training = Training(knowledge, ours)
    seconds_features = _cpu_seconds() - started
    ways: dict[str, tuple[Callable[[], Ranker], float]] = {
        "full-text search, BM25 (policy_kb.search)": (lambda: full_text(knowledge, ours), 0.0),
        f"votes of the {NEAREST} nearest questions": (lambda: nearest(training), seconds_features),
        "complement naive Bayes": (lambda: naive_bayes(training), seconds_features),
        "logistic regression": (lambda: logistic_regression(training), seconds_features),
        "linear SVM": (lambda: support_vectors(training), seconds_features),
        "linear SVM + pairs + nearest fact (ours, policy_kb.model)": (lambda: ours_ranks(ours), seconds_ours),
    }
    rankers, trained = [], []
    for make, before in ways.values():
        started = _cpu_seconds()
        rankers.append(make())
        trained.append(_cpu_seconds() - started + before)

    sets = heldout(), evaluation()
    figures = [shares(rankers, cases) for cases in sets]
    rows = [
        (name, *(f"{share:.3f}" for f in figures for share in f[i][:2]), f"{trained[i]:.1f}", f"{figures[0][i][2]:.2f}")
        for i, name in enumerate(ways)
    ]
    header = (
        "which article",
        "held out: first",
        "among three",
        "evaluation: first",
        "among three",
        "train CPU s",
        "ms a question",
    )
    known = {q.text for q in knowledge.questions}
    seen = [sum(question in known for question, _ in cases) for cases in sets]
    note = (
        f"{len(sets[0])} questions of heldout.jsonl and {len(sets[1])} of evaluation.yml that an article answers "
        f"({seen[0]} and {seen[1]} of them also stand word for word among the {len(knowledge.questions):,} training "
        "questions); each as it is, without splitting or conversation. Training counts making the features; ours also "
        "learns to tell what the documents do not settle. Ms a question: median, features included. The SVMs' C was chosen by "
        f"cross-validation, logistic regression's ({LOGISTIC_C:g}) and naive Bayes's alpha ({BAYES_ALPHA:g}) were not."
    )
    return f"{table(header, rows)}\n\n{note}"


def shares(rankers: Sequence[Ranker], cases: list[Case]) -> list[tuple[float, float, float]]:
    """For each ranker: share of cases with a right article first, among the first three, and median ms a question."""
    counts, seconds = np.zeros((len(rankers), 2)), np.zeros((len(rankers), len(cases)))
    for n, (question, right) in enumerate(cases):
        text = focus(clean(question))
        for i, rank in enumerate(rankers):  # by turns, so that other load on the machine meets all of them
            started = time.perf_counter()
            found = rank(text)
            seconds[i, n] = time.perf_counter() - started
            counts[i] += any_same(found[:1], right), any_same(found[:3], right)
    milliseconds = np.median(seconds, axis=1) * 1000
    return [(*(count / len(cases)), ms) for count, ms in zip(counts, milliseconds, strict=True)]


def _cpu_seconds() -> float:
    """Processor time of this process and of its ended children."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help="update benchmarks/RESULTS.md")
    given = parser.parse_args()
    before = load()
    text = section("python -m benchmarks.articles --save", before, measure())
    print(f"## {TITLE}\n\n{text}")
    if given.save:
        save("articles", TITLE, text)


if __name__ == "__main__":
    main()
