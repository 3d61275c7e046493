"""What is done once instead of for every message: Rasa must still mean by it what it did when that was decided."""

import ast
import inspect
from types import ModuleType

import pytest
import rasa.core.policies.rule_policy
import rasa.core.processor
from rasa.core.processor import MessageProcessor
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event
from rasa.shared.utils.common import all_subclasses

from bot.rasa_shortcuts import event_class, say_not_empty


@pytest.mark.parametrize("module", [rasa.core.processor, rasa.core.policies.rule_policy])
def test_rasa_copies_for_its_debug_log_only(module: ModuleType) -> None:
    tree = ast.parse(inspect.getsource(module))
    logged = [
        used
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "structlogger.debug"
        for used in ast.walk(call)
    ]
    copies = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "copy"]
    assert copies and all(node in logged for node in copies)


def test_every_event_is_found_by_its_name() -> None:
    names = {kind.type_name: kind for kind in reversed(all_subclasses(Event))}
    assert len(names) > 20
    assert {name: event_class(name) for name in names} == names
    with pytest.raises(ValueError, match="nothing"):
        event_class("nothing")


def test_a_loaded_domain_says_that_it_is_not_empty(processor: MessageProcessor) -> None:
    assert not processor.domain.is_empty() and not Domain.is_empty(processor.domain)
    empty = Domain.empty()
    say_not_empty(empty)
    assert empty.is_empty()
