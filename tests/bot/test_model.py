"""The model archive: trained once, put in its place whole, and refused when it is not the one that was trained."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot import doctor, model


class Training:
    """In the place of Rasa's: writes an archive in two parts, as a slow disk does."""

    def __init__(self) -> None:
        self.times, self.code = 0, 0
        self.seen: Callable[[], object] = lambda: None

    def __call__(self, domain: str, config: str, data: list[str], output: str, fixed_model_name: str) -> Any:
        self.times += 1
        with open(Path(output) / f"{fixed_model_name}.tar.gz", "wb") as file:
            file.write(b"first half, ")
            file.flush()
            self.seen()
            file.write(b"second half %d" % time.monotonic_ns())
        return SimpleNamespace(code=self.code)


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Training:
    made = Training()
    monkeypatch.setattr(model, "MODELS", tmp_path)
    monkeypatch.setattr("rasa.model_training.train", made)
    return made


def archives(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))


def test_a_model_is_trained_once_and_used_from_then_on(training: Training, tmp_path: Path) -> None:
    path = model.ensure_model(lambda text: None)
    assert model.ensure_model(lambda text: None) == path == model.model_path() and training.times == 1
    assert archives(tmp_path) == [path.name, f"{path.name}.sha256"]


def test_nobody_sees_half_a_model(training: Training, tmp_path: Path) -> None:
    there: list[list[str]] = []
    training.seen = lambda: there.append(archives(tmp_path))
    model.ensure_model(lambda text: None)
    assert there == [[]]


def test_two_who_want_to_train_train_once(training: Training) -> None:
    begun, found = threading.Barrier(4), []

    def start() -> None:
        begun.wait()
        found.append(model.ensure_model(lambda text: None))

    starts = [threading.Thread(target=start) for _ in range(4)]
    for each in starts:
        each.start()
    for each in starts:
        each.join()
    assert training.times == 1 and len(found) == 4 and model.is_intact(found[0])


def test_a_model_that_was_changed_is_refused_in_one_line(training: Training) -> None:
    path = model.ensure_model(lambda text: None)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(model.ModelError) as refused:
        model.ensure_model(lambda text: None)
    assert str(path) in str(refused.value) and "校验值" in str(refused.value) and "\n" not in str(refused.value)
    assert training.times == 1  # nothing is trained over what somebody should look at
    assert [each.level for each in doctor._models() if "对话模型" in str(each)] == ["bad"]


def test_a_model_from_elsewhere_is_made_anew(training: Training, tmp_path: Path) -> None:
    model.model_path().write_bytes(b"who knows")
    assert model.is_intact(model.ensure_model(lambda text: None)) and training.times == 1


def test_training_that_fails_leaves_nothing_and_takes_nothing_away(training: Training, tmp_path: Path) -> None:
    old = tmp_path / "chanjiaotong-old.tar.gz"
    old.write_bytes(b"old")
    training.code = 1
    with pytest.raises(model.ModelError):
        model.ensure_model(lambda text: None)
    assert archives(tmp_path) == [old.name]
    training.code = 0
    path = model.ensure_model(lambda text: None)
    assert archives(tmp_path) == [path.name, f"{path.name}.sha256"]
