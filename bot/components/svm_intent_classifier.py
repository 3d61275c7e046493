"""A linear support vector machine over Rasa's sparse features, with calibrated confidences.

Chosen by measurement against DIET and logistic regression (benchmarks/RESULTS.md, "intent classifier"). The model is stored as
plain arrays, so loading it runs no code.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import scipy.sparse as sp
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.featurizers.featurizer import Featurizer
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LinearSvmIntentClassifier(IntentClassifier, GraphComponent):
    """One-versus-rest linear SVM; confidences are a softmax of the margins with a temperature fitted by cross-validation."""

    @classmethod
    def required_components(cls) -> list[type]:
        return [Featurizer]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"C": 0.5, "ranking_length": 5}

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self.config = {**self.get_default_config(), **config}
        self._model_storage, self._resource = model_storage, resource
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

    @staticmethod
    def _features(messages: list[Message]) -> sp.csr_matrix:
        """One L2-normalised row of sentence features per message, shape (messages, features)."""
        rows = [message.get_sparse_features(TEXT)[1].features for message in messages]
        return normalize(sp.vstack(rows).tocsr().astype(np.float32))

    @staticmethod
    def _sentence_features(message: Message) -> tuple[np.ndarray, np.ndarray]:
        """Columns and counts of one message, as `get_sparse_features` would stack them, without building its matrices (1 ms)."""
        columns, counts, width = [], [], 0
        for feature in message.features:
            if feature.is_sparse() and feature.attribute == TEXT and feature.type == FEATURE_TYPE_SENTENCE:
                row = feature.features.tocoo()
                columns.append(row.col + width)
                counts.append(row.data.astype(np.float32))
                width += row.shape[1]
        return np.concatenate(columns), np.concatenate(counts)

    def train(self, training_data: TrainingData) -> Resource:
        examples = [e for e in training_data.intent_examples if e.get(INTENT) and e.get(TEXT)]
        features, labels = self._features(examples), np.array([e.get(INTENT) for e in examples])
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
            columns, counts = self._sentence_features(message)
            values = counts / max(1e-9, float(np.sqrt((counts * counts).sum())))
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
            np.savez(folder / "svm.npz", weights=self.weights, bias=self.bias)
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
            meta = json.loads((folder / "svm.json").read_text())
            component.classes, component.temperature = meta["classes"], meta["temperature"]
        return component
