"""`python -m policy_kb.calibrate`: set the threshold between answering and saying "the documents do not state this".

The margins of a question that the model has trained on say nothing, so every collected question is judged by a model that has seen
neither it nor its paraphrases, and a logistic regression over those margins gives the log odds that a question is answerable.
Run it after adding many questions; it writes calibration.json, takes a minute, and prints what it found.
"""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from policy_kb import details
from policy_kb import model as topic_model
from policy_kb.corpus import load_corpus
from policy_kb.features import Array, Featurizer, Vectorizer, flat
from policy_kb.knowledge import GAP, OUT, Knowledge, Question, load_knowledge
from policy_kb.model import BEST_ARTICLE, EVIDENCE
from policy_kb.normalise import clean, focus

CALIBRATION = Path(__file__).parent / "calibration.json"
FOLDS = 3
# Of questions that the documents do not settle, the share that must not be answered. Questions that are judged here are harder than
# new ones, for all that were written in their words are left out: this makes 0.93 of the held-out ones.
REFUSED = 0.905
# A false answer costs more than a missed one.
REFUSAL_COST = 6.0


def sources(paraphrases: list[Question], collected: list[Question]) -> Array:
    """For every paraphrase the number of the collected question on the same article that it is most like, taken for its source."""
    featurizer = Featurizer.load()
    documents = [featurizer.numbers(focus(clean(q.text))) for q in (*collected, *paraphrases)]
    _, rows = Vectorizer.fit(len(documents), flat(documents), 2)
    about = np.array([q.article for q in (*collected, *paraphrases)])
    found = np.zeros(len(paraphrases), dtype=np.int64)
    for article in set(about):
        ours = np.flatnonzero(about == article)
        first, second = ours[ours < len(collected)], ours[ours >= len(collected)]
        if len(first) and len(second):
            found[second - len(collected)] = first[(rows[second] @ rows[first].T).toarray().argmax(axis=1)]
    return found


def folds(knowledge: Knowledge) -> Iterator[tuple[list[Question], Knowledge]]:
    """Some collected questions and the knowledge without them and all that were written in their words, until each has been left out."""
    judged = [q for q in knowledge.questions if q.weight == 1.0]
    paraphrases = [q for q in knowledge.questions if q.origin == "paraphrased"]
    others = [q for q in knowledge.questions if q.weight < 1.0 and q.origin != "paraphrased"]
    source = sources(paraphrases, judged)
    fold = np.random.default_rng(0).integers(0, FOLDS, len(judged))
    for k in range(FOLDS):
        seen = [q for q, f in zip(judged, fold) if f != k] + [q for q, f in zip(paraphrases, fold[source]) if f != k]
        left_out = [q for q, f in zip(judged, fold) if f == k]
        yield left_out, dataclasses.replace(knowledge, questions=(*seen, *others))


def main() -> None:
    knowledge = load_knowledge(load_corpus())
    stated = {a.id: details.stated(a.text) for a in knowledge.corpus.articles.values()}
    found, settled = [], []
    for judged, known in folds(knowledge):
        model = topic_model.train(known)
        for question in judged:
            text = focus(clean(question.text))
            seen = model.understand(text)
            article = model.articles[int(seen.articles.argmax())]
            found.append((*seen.evidence, *details.evidence(text, stated[article], seen.evidence[BEST_ARTICLE])))
            settled.append(question.article not in (GAP, OUT))
    evidence, answerable = np.array(found), np.array(settled)
    regression = LogisticRegression(max_iter=5000).fit(
        evidence, answerable, sample_weight=np.where(answerable, 1.0, REFUSAL_COST)
    )
    odds = regression.decision_function(evidence)
    threshold = float(np.quantile(odds[~answerable], REFUSED))
    print(
        f"拒答 {np.mean(odds[~answerable] < threshold):.3f},回答 {np.mean(odds[answerable] >= threshold):.3f}(交叉验证)"
    )
    values = {
        "evidence": [*EVIDENCE, *details.EVIDENCE],
        "weights": [round(float(w), 3) for w in regression.coef_[0]],
        "bias": round(float(regression.intercept_[0]), 3),
        "answerable_above": round(threshold, 2),
    }
    CALIBRATION.write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
