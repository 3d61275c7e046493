"""Lets Rasa start without TensorFlow, which none of our graph components uses.

Rasa 3.6 imports TensorFlow at module level (`rasa.utils.train_utils`, the recipe's DIET and TED classes) whether or not the
configured pipeline needs it. Measured on the 2-core build machine: 12 s of 17 s of start-up and 350 MB of resident memory
(benchmarks/RESULTS.md, "start"). There is no documented switch, so the import is answered by a stand-in whose names can be
subclassed, used in annotations and as decorators, and refuse every real use. `rasa train` and `rasa run` from the command
line do not load this module and keep the real TensorFlow. tests/bot/test_light_tensorflow.py fails when Rasa changes.
"""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

STANDS_FOR = frozenset({"tensorflow", "tensorflow_hub", "tensorflow_text", "keras", "tensorflow_addons"})


class TensorFlowNotLoaded(RuntimeError):
    """Something tried to run TensorFlow code in a process that was started without it."""


class _AbsentType(type):
    """Metaclass of every stand-in name: attribute access gives another stand-in, decorating gives the function back."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _absent(f"{cls.__qualname__}.{name}")

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if not cls.__dict__.get("_stand_in"):
            raise TensorFlowNotLoaded(f"{cls.__qualname__} needs TensorFlow, which this process does not load")
        if len(args) == 1 and callable(args[0]) and not isinstance(args[0], type) and not kwargs:
            return args[0]  # used as a bare decorator
        return _decorator(cls.__qualname__)

    def __getitem__(cls, item: Any) -> Any:
        return cls

    def __instancecheck__(cls, instance: Any) -> bool:
        # Rasa asks `isinstance(component, tf.…)` nowhere on our path; nothing is an instance of what is not there.
        return type.__instancecheck__(cls, instance) if not cls.__dict__.get("_stand_in") else False


def _decorator(qualname: str) -> Any:
    """What `@tf.function(...)` needs: gives the function back. Anything else that is done with it is real use and refused."""

    class Decorator:
        def __call__(self, function: Any = None, *rest: Any, **more: Any) -> Any:
            if callable(function) and not rest and not more:
                return function
            raise TensorFlowNotLoaded(f"{qualname} needs TensorFlow, which this process does not load")

        def __getattr__(self, name: str) -> Any:
            raise TensorFlowNotLoaded(f"{qualname}().{name} needs TensorFlow, which this process does not load")

    return Decorator()


def _absent(qualname: str) -> type:
    return _AbsentType(qualname.rsplit(".", 1)[-1], (), {"_stand_in": True, "__qualname__": qualname})


class _AbsentModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = _absent(f"{self.__name__}.{name}")
        setattr(self, name, value)
        return value


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.split(".")[0] not in STANDS_FOR:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _AbsentModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run: every name is made when it is asked for."""


def install() -> None:
    """Answer imports of TensorFlow with the stand-in from now on. Does nothing when TensorFlow is already loaded."""
    if "tensorflow" in sys.modules or any(isinstance(f, _Finder) for f in sys.meta_path):
        return
    sys.meta_path.insert(0, _Finder())
