"""A linear support vector machine over policy_kb's features and jieba's words, with calibrated confidences.

Chosen by measurement against DIET and logistic regression (benchmarks/RESULTS.md, "intent classifier"). The model is stored as
plain arrays, so loading it runs no code.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.constants import TOKENS_NAMES
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from policy_kb.features import Featurizer, Vectorizer, flat
from policy_kb.normalise import clean

_WORD = 3 << 50  # tag of a word's 48-bit hash, beside policy_kb.features' tags of characters, syllables and concepts


@lru_cache(maxsize=50_000)
def _word_number(word: str) -> int:
    return _WORD | int.from_bytes(hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=6).digest(), "big")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LinearSvmIntentClassifier(IntentClassifier, GraphComponent):
    """One-versus-rest linear SVM; confidences are a softmax of the margins with a temperature fitted by cross-validation."""

    @classmethod
    def required_components(cls) -> list[type]:
        return [Tokenizer]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"C": 4.0, "ranking_length": 5}

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self.config = {**self.get_default_config(), **config}
        self._model_storage, self._resource = model_storage, resource
        self.featurizer = Featurizer.load()
        self.vectorizer = Vectorizer(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))
        self.classes: list[str] = []
        self.weights = np.zeros((0, 0), dtype=np.float32)
        self.bias = np.zeros(0, dtype=np.float32)
        self.temperature = 1.0

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LinearSvmIntentClassifier:
        return cls(config, model_storage, resource)

    def _numbers(self, message: Message) -> np.ndarray:
        """Feature numbers of one message's text."""
        words = [_word_number(token.text) for token in message.get(TOKENS_NAMES[TEXT])]
        return np.concatenate([self.featurizer.numbers(clean(message.get(TEXT))), np.array(words, dtype=np.int64)])

    def train(self, training_data: TrainingData) -> Resource:
        examples = [e for e in training_data.intent_examples if e.get(INTENT) and e.get(TEXT)]
        documents = [self._numbers(e) for e in examples]
        self.vectorizer, features = Vectorizer.fit(len(documents), flat(documents), min_documents=1)
        labels = np.array([e.get(INTENT) for e in examples])
        model = LinearSVC(C=self.config["C"], class_weight="balanced", random_state=0).fit(features, labels)
        self.classes = [str(c) for c in model.classes_]
        self.weights = np.ascontiguousarray(model.coef_.T, dtype=np.float32)
        self.bias = model.intercept_.astype(np.float32)
        self.temperature = self._fit_temperature(features, labels)
        self._persist()
        return self._resource

    def _fit_temperature(self, features: sp.csr_matrix, labels: np.ndarray) -> float:
        """The temperature with the least log loss on margins of examples the fold's model has not seen."""
        margins = np.zeros((len(labels), len(self.classes)))
        for seen, unseen in StratifiedKFold(3, shuffle=True, random_state=0).split(features, labels):
            fold = LinearSVC(C=self.config["C"], class_weight="balanced", random_state=0).fit(
                features[seen], labels[seen]
            )
            margins[unseen] = fold.decision_function(features[unseen])
        gold = np.searchsorted(self.classes, labels)

        def log_loss(temperature: float) -> float:
            scaled = margins / temperature
            scaled -= scaled.max(axis=1, keepdims=True)
            return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(gold)), gold]))

        return min((0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0), key=log_loss)

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            columns, values = self.vectorizer.row(self._numbers(message))
            margins = values @ self.weights[columns] + self.bias
            scaled = np.exp((margins - margins.max()) / self.temperature)
            confidences = scaled / scaled.sum()
            order = np.argsort(-confidences)[: self.config["ranking_length"]]
            ranking = [{"name": self.classes[i], "confidence": float(confidences[i])} for i in order]
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set("intent_ranking", ranking, add_to_output=True)
        return messages

    def _persist(self) -> None:
        with self._model_storage.write_to(self._resource) as folder:
            np.savez(
                folder / "svm.npz",
                weights=self.weights,
                bias=self.bias,
                known=self.vectorizer.known,
                idf=self.vectorizer.idf,
            )
            (folder / "svm.json").write_text(
                json.dumps({"classes": self.classes, "temperature": self.temperature}, ensure_ascii=False)
            )

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> LinearSvmIntentClassifier:
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            arrays = np.load(folder / "svm.npz", allow_pickle=False)
            component.weights, component.bias = arrays["weights"], arrays["bias"]
            component.vectorizer = Vectorizer(arrays["known"], arrays["idf"])
            meta = json.loads((folder / "svm.json").read_text())
            component.classes, component.temperature = meta["classes"], meta["temperature"]
        return component
