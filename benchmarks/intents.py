"""Rasa's intent layer with three classifiers behind the same tokenizer, each in a process of its own.

`python -m benchmarks.intents MODEL [--tensorflow]` is that process: it loads MODEL, parses the test messages and prints
JSON.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sklearn.metrics import f1_score

from benchmarks.messages import evaluation_questions, intent_cases
from benchmarks.results import table
from benchmarks.setups import WORK, environment, train
from bot.settings import ROOT

OURS, LOGISTIC, DIET = "linear SVM, calibrated (ours)", "logistic regression", "DIET"
RUNS = 3  # processes of each, by turns
DIET_EPOCHS = 10  # as in default_rasa/config.yml
CLASSIFIERS: dict[str, dict[str, Any] | None] = {
    OURS: None,
    LOGISTIC: {"name": "LogisticRegressionClassifier", "max_iter": 1000},
    DIET: {"name": "DIETClassifier", "epochs": DIET_EPOCHS, "entity_recognition": False},
}
# What the other two read; ours makes its own features.
FEATURES = [
    {"name": "CountVectorsFeaturizer"},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 3},
]
FALLBACK = "nlu_fallback"


def configuration(classifier: dict[str, Any] | None) -> dict[str, Any]:
    """config.yml without policies; `classifier` and the features it needs, if one is given, in place of ours."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "config.yml").read_text(encoding="utf-8"))
    del config["policies"]
    if classifier is not None:
        names = [part["name"].rpartition(".")[2] for part in config["pipeline"]]
        ours = names.index("LinearSvmIntentClassifier")
        config["pipeline"][ours : ours + 1] = [*FEATURES, classifier]
    return config


def trained(name: str) -> Path:
    """The NLU model of one of CLASSIFIERS, trained on data/nlu."""
    short = re.sub(r"\W+", "-", name).strip("-").lower()
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / f"intents-{short}.yml"
    path.write_text(yaml.safe_dump(configuration(CLASSIFIERS[name]), allow_unicode=True), encoding="utf-8")
    data, lexicon = ROOT / "data" / "nlu", ROOT / "policy_kb" / "lexicon" / "jieba"
    inputs = [path, data, ROOT / "bot" / "components", lexicon, ROOT / "policy_kb" / "normalise.py"]
    return train(["nlu", "--config", str(path), "--nlu", str(data)], f"intents-{short}", inputs)


def measure() -> str:
    """The section's tables."""
    cases, questions = intent_cases(), evaluation_questions()
    gold = [intent for _, intent in cases]
    models = {name: trained(name) for name in CLASSIFIERS}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in CLASSIFIERS}
    for _ in range(RUNS):
        for name, model in models.items():
            runs[name].append(_run(name, model))
    quality, cost = [], []
    for name, seen in runs.items():
        first, routed = seen[0]["first"][: len(cases)], seen[0]["routed"][: len(cases)]
        asked = seen[0]["routed"][len(cases) :]
        shares = (
            np.mean([a == b for a, b in zip(first, gold, strict=True)]),
            f1_score(gold, first, average="macro", zero_division=0),
            np.mean([a == b for a, b in zip(routed, gold, strict=True)]),
            np.mean([a == "ask_policy" for a in asked]),
        )
        quality.append((name, *(f"{share:.3f}" for share in shares)))
        times = np.median([run["parse_seconds"] for run in seen], axis=0) * 1000
        once = [np.median([run[key] for run in seen]) for key in ("import_seconds", "load_seconds", "rss_mb")]
        figures = (np.median(times), np.percentile(times, 95), *once)
        cost.append((name, *(f"{value:.{digits}f}" for value, digits in zip(figures, (1, 1, 1, 1, 0), strict=True))))
    header = (
        "intent classifier",
        "accuracy, first choice",
        "macro-F1, first choice",
        "accuracy as routed",
        "evaluation questions routed to ask_policy",
    )
    notes = (
        f"{len(cases)} messages of tests/data/intents.yml, {len(questions)} questions of tests/data/evaluation.yml; "
        "trained on data/nlu. As routed: a message below config.yml's fallback threshold goes to ask_policy. DIET: "
        f"{DIET_EPOCHS} epochs. Times and memory: medians of {RUNS} fresh processes each; a message's parse is the whole "
        "NLU pipeline; import and load run without TensorFlow where the classifier does not need it."
    )
    costs = table(("intent classifier", "parse p50 ms", "p95 ms", "import s", "model load s", "RSS MB"), cost)
    return f"{table(header, quality)}\n\n{costs}\n\n{notes}"


def _run(name: str, model: Path) -> dict[str, Any]:
    """What a fresh process says of `model`."""
    command, env = [sys.executable, "-m", "benchmarks.intents", str(model)], environment()
    if name == DIET:
        command.append("--tensorflow")
    else:
        env["OMP_NUM_THREADS"] = "1"  # as `python -m bot run` sets it
    with open(WORK / "intents.log", "wb") as log:
        ran = subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, stderr=log)
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def _child(model: str, tensorflow: bool) -> None:
    """Load and parse in this process; prints seconds, MB and the intents of all messages."""
    import asyncio
    import logging

    started = time.perf_counter()
    if not tensorflow:
        from bot import light_tensorflow

        light_tensorflow.install()
    from rasa.core.agent import Agent
    from rasa.utils.log_utils import configure_structlog

    configure_structlog(logging.ERROR)
    imported = time.perf_counter()
    agent = Agent.load(model)
    loaded = time.perf_counter()

    async def parse(texts: list[str]) -> tuple[list[dict[str, Any]], list[float]]:
        found, seconds = [], []
        for text in texts:
            began = time.perf_counter()
            found.append(await agent.parse_message(text))
            seconds.append(time.perf_counter() - began)
        return found, seconds

    texts = [text for text, _ in intent_cases()] + evaluation_questions()
    asyncio.run(parse(texts[:20]))  # dictionaries and first traces
    found, seconds = asyncio.run(parse(texts))
    status = Path(f"/proc/{os.getpid()}/status").read_text()
    rss = re.search(r"VmRSS:\s*(\d+) kB", status)
    first = [next(r["name"] for r in parsed["intent_ranking"] if r["name"] != FALLBACK) for parsed in found]
    routed = ["ask_policy" if p["intent"]["name"] == FALLBACK else p["intent"]["name"] for p in found]
    print(
        json.dumps(
            {
                "first": first,
                "routed": routed,
                "parse_seconds": seconds,
                "import_seconds": imported - started,
                "load_seconds": loaded - imported,
                "rss_mb": int(rss[1]) / 1024 if rss else 0.0,
            }
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--tensorflow", action="store_true", help="load TensorFlow, which only DIET needs")
    given = parser.parse_args()
    _child(given.model, given.tensorflow)
