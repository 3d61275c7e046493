"""The Rasa model: trained when its inputs have changed, kept otherwise."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from bot.settings import ROOT

MODELS = ROOT / "models"
DOMAIN, CONFIG, DATA = ROOT / "bot" / "domain", ROOT / "config.yml", ROOT / "data"
_INPUTS = [
    CONFIG,
    DOMAIN,
    DATA,
    ROOT / "bot" / "components",
    ROOT / "policy_kb" / "lexicon",
    ROOT / "policy_kb" / "features.py",
    ROOT / "policy_kb" / "normalise.py",
]


class ModelError(Exception):
    """The model cannot be trained or is missing; `str()` is one Chinese line."""


def inputs_fingerprint() -> str:
    """A hash of everything that the trained model depends on, the installed packages included."""
    digest = hashlib.sha256((ROOT / "requirements.lock").read_bytes())
    for root in _INPUTS:
        files = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file() and p.suffix != ".pyc")
        for file in files:
            digest.update(str(file.relative_to(ROOT)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def model_path() -> Path:
    """Where the model for the present inputs is or will be."""
    return MODELS / f"chanjiaotong-{inputs_fingerprint()}.tar.gz"


def ensure_model(say: Callable[[str], None] = print) -> Path:
    """The path of a model for the present inputs, training it first if there is none. Raises ModelError."""
    path = model_path()
    if path.exists():
        return path
    say("训练对话模型(输入有变化,约一分钟)……")
    import logging

    from rasa.model_training import train
    from rasa.utils.log_utils import configure_structlog

    configure_structlog(logging.ERROR)

    result = train(
        str(DOMAIN), str(CONFIG), [str(DATA)], output=str(MODELS), fixed_model_name=path.name.removesuffix(".tar.gz")
    )
    if result.code != 0 or not path.exists():
        raise ModelError("对话模型训练失败,请检查 config.yml、bot/domain 和 data 目录")
    for old in MODELS.glob("chanjiaotong-*.tar.gz"):
        if old != path:
            old.unlink()
    return path
