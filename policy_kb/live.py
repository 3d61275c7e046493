"""The knowledge in use: loaded once, replaced in one step when a newer trained model lies in the data folder."""

import os
from collections.abc import Callable
from pathlib import Path

from policy_kb import model as topic_model
from policy_kb.corpus import load_corpus
from policy_kb.knowledge import ROOT, load_knowledge
from policy_kb.pipeline import Pipeline

_pipeline: Pipeline | None = None
_loaded: Path | None = None


def folder() -> Path:
    """Where trained models are kept."""
    return Path(os.environ.get("VAR_DIR") or ROOT.parent / "var").resolve() / "knowledge"


def _path() -> Path:
    return folder() / f"{topic_model.fingerprint()}.npz"


def ensure_trained(say: Callable[[str], None] = lambda text: None) -> Path:
    """The trained model for the present knowledge files, training it first when they changed. Raises DataError."""
    path = _path()
    if not path.exists():
        knowledge = load_knowledge(load_corpus())
        say("训练政策问答(知识有变化,十几秒)……")
        topic_model.save(topic_model.train(knowledge, say), path)
        for old in folder().glob("*.npz"):
            if old != path:
                old.unlink(missing_ok=True)
    return path


def current() -> Pipeline:
    """The pipeline in use, loaded at first use."""
    global _pipeline, _loaded
    if _pipeline is None:
        path = ensure_trained()
        try:
            model = topic_model.load(path)
        except (OSError, ValueError, KeyError):  # half a file, or one that older code wrote
            path.unlink(missing_ok=True)
            model = topic_model.load(ensure_trained())
        _pipeline, _loaded = Pipeline(load_knowledge(load_corpus()), model), path
    return _pipeline


def reload_if_changed() -> bool:
    """Take up a newer trained model if one is there. The old one serves until the new one is whole."""
    global _pipeline, _loaded
    newest = max(folder().glob("*.npz"), key=lambda p: p.stat().st_mtime, default=None)
    if newest is None or newest == _loaded or newest != _path():
        return False
    _pipeline, _loaded = Pipeline(load_knowledge(load_corpus()), topic_model.load(newest)), newest
    return True
