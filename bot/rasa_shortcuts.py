"""What Rasa does again for every message although nothing has changed or nobody looks: done once, or not.

tests/bot/test_rasa_shortcuts.py fails when Rasa 3.6.21's part of it changes.
"""

from functools import cache
from types import SimpleNamespace
from typing import Any

import rasa.core.policies.rule_policy
import rasa.core.processor
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event

_resolve_by_type = Event.resolve_by_type


@cache
def event_class(name: str, default: type[Event] | None = None) -> type[Event] | None:
    """The class of an event's name. Rasa looks through all subclasses for every single event (0.14 ms each)."""
    found: type[Event] | None = _resolve_by_type(name, default)
    return found


def take() -> None:
    """Take the shortcuts, in this process.

    Rasa copies an action's events and the conversation's states deeply, to log them where nobody logs (0.3 ms a turn); it is given
    the originals.
    """
    Event.resolve_by_type = staticmethod(event_class)
    for module in (rasa.core.processor, rasa.core.policies.rule_policy):
        vars(module)["copy"] = SimpleNamespace(deepcopy=_itself)


def _itself(value: Any) -> Any:
    return value


def say_not_empty(domain: Domain) -> None:
    """Let a loaded domain know that it is not empty: for every message it makes an empty one to compare itself with (0.25 ms)."""
    if not domain.is_empty():
        vars(domain)["is_empty"] = lambda: False
