"""The Rasa model: trained when its inputs have changed, kept otherwise, and used only as it left our own training."""

import fcntl
import hashlib
import io
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
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
    """The model cannot be trained, or is not the one that was; `str()` is one Chinese line."""


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
    """The path of a model for the present inputs, training it first if there is none. Raises ModelError.

    Rasa unpacks and runs what it is given (CVE-2024-49375): a model without the hash that training noted beside it is made anew, and
    one that does not fit it is refused.
    """
    path = model_path()
    if not _there(path):
        _train(path, say)
    if not is_intact(path):
        raise ModelError(
            f"对话模型 {path} 和训练时记下的校验值不符,可能损坏或被换过,不能用。请删掉它,再运行 make train"
        )
    return path


def is_intact(path: Path) -> bool:
    """Whether the model at `path` is, byte by byte, the one that was trained."""
    return _there(path) and hashlib.sha256(path.read_bytes()).hexdigest() == _note(path).read_text().strip()


def _there(path: Path) -> bool:
    return path.exists() and _note(path).exists()


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _train(path: Path, say: Callable[[str], None]) -> None:
    """Train into a folder of its own, and put the whole model in its place. Of several who want to train, one does."""
    MODELS.mkdir(exist_ok=True)
    with open(MODELS / ".training", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _there(path):
            return
        say("训练对话模型(输入有变化,约一分钟)……")
        with tempfile.TemporaryDirectory(dir=MODELS, prefix=".training-") as folder:
            made = Path(folder) / path.name
            heard = io.StringIO()
            with redirect_stdout(heard), redirect_stderr(heard):
                code = _training_code(folder, path.name.removesuffix(".tar.gz"))
            if code != 0 or not made.exists():
                sys.stderr.write(heard.getvalue())
                raise ModelError("对话模型训练失败,请检查 config.yml、bot/domain 和 data 目录")
            _note(made).write_text(hashlib.sha256(made.read_bytes()).hexdigest())
            os.replace(_note(made), _note(path))
            os.replace(made, path)
        for old in MODELS.glob("chanjiaotong-*.tar.gz"):
            if old != path:
                old.unlink()
                _note(old).unlink(missing_ok=True)


def _training_code(folder: str, name: str) -> int:
    """0 when Rasa has put a model into `folder`."""
    os.environ["TQDM_DISABLE"] = "1"
    import jieba
    from rasa.model_training import train
    from rasa.utils.log_utils import configure_structlog

    configure_structlog(logging.ERROR)
    jieba.setLogLevel(logging.ERROR)
    return int(train(str(DOMAIN), str(CONFIG), [str(DATA)], output=folder, fixed_model_name=name).code)
