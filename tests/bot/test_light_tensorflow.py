"""Rasa without TensorFlow: everything the server imports loads, nothing of TensorFlow does, and using it is refused."""

import json
import subprocess
import sys
from types import ModuleType

import pytest
import rasa

from bot import light_tensorflow
from tests.conftest import ROOT, environment

# Runs in a process of its own, because what is imported stays imported.
PROBE = """
import json, sys
from bot import light_tensorflow

light_tensorflow.install()
light_tensorflow.install()
import rasa.core.agent
import rasa.engine.recipes.default_components
import rasa.model_training
import tensorflow as tf
import tensorflow.keras.layers
from rasa.nlu.classifiers.diet_classifier import DIET
from rasa.utils.tensorflow.models import RasaModel
from tensorflow.python.keras import backend


class Layer(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()


@tf.function
def bare(x):
    return x + 1


@tf.function(autograph=False)
def given_options(x):
    return x + 1


def refused(use):
    try:
        use()
    except light_tensorflow.TensorFlowNotLoaded:
        return True
    return False


print(json.dumps({
    "finders": sum(isinstance(finder, light_tensorflow._Finder) for finder in sys.meta_path),
    "real": sorted(
        name for name, module in sys.modules.items()
        if name.split(".")[0] in light_tensorflow.STANDS_FOR and getattr(module, "__file__", None)
    ),
    "stand-in": type(tf).__name__,
    "decorated": [bare(1), given_options(1)],
    "refused": [refused(use) for use in (Layer, DIET, RasaModel, lambda: RasaModel(name="m"))],
    "instance": isinstance(1, tf.Tensor) or isinstance([], (tf.Tensor, tf.SparseTensor)),
}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a fresh process saw."""
    run = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=ROOT,
        env=environment(tmp_path_factory.mktemp("var")),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, object] = json.loads(run.stdout.splitlines()[-1])
    return found


def test_rasa_is_the_version_that_the_stand_in_was_written_for() -> None:
    assert rasa.__version__ == "3.6.21", (
        "Rasa has changed: check light_tensorflow.py, in_process_actions.py and tracker_store.py in bot/ against it"
    )


def test_what_the_server_imports_of_rasa_loads_no_tensorflow(seen: dict[str, object]) -> None:
    assert seen["real"] == []
    assert seen["stand-in"] == "_AbsentModule"


def test_installing_twice_is_installing_once(seen: dict[str, object]) -> None:
    assert seen["finders"] == 1


def test_what_tensorflow_decorates_stays_as_it_is(seen: dict[str, object]) -> None:
    assert seen["decorated"] == [2, 2]


def test_real_use_is_refused(seen: dict[str, object]) -> None:
    assert seen["refused"] == [True, True, True, True]


def test_nothing_is_an_instance_of_what_is_not_there(seen: dict[str, object]) -> None:
    assert seen["instance"] is False


def test_a_tensorflow_that_is_already_loaded_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    others = [finder for finder in sys.meta_path if not isinstance(finder, light_tensorflow._Finder)]
    monkeypatch.setattr(sys, "meta_path", list(others))
    monkeypatch.setitem(sys.modules, "tensorflow", ModuleType("tensorflow"))
    light_tensorflow.install()
    assert sys.meta_path == others


def test_other_packages_are_found_as_always() -> None:
    finder = light_tensorflow._Finder()
    assert finder.find_spec("rasa.utils.tensorflow", None) is None
    assert finder.find_spec("tensorflow_estimator", None) is None
    assert finder.find_spec("tensorflow.keras", None) is not None
