"""Every case in `cases/`, and that they reach every state and every boundary of every criterion."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from policy_kb.rules import PROGRAMMES, Criterion, Decision, InvalidInput, NotInForce, assess, citations, explain
from policy_kb.rules.engine import EXACTLY, leaves
from tests.policy_kb.rules.cases import Case, load_cases

CASES = load_cases()
AT_THE_BOUNDARY = {EXACTLY, "正好是 0 元"}


def criterion(decision: Decision, key: str) -> Criterion:
    """'contract_term' is the firm's or the first person's criterion, '1.contract_term' the second person's."""
    number, _, name = key.rpartition(".")
    nodes = decision.people[int(number)].criteria if number else decision.criteria
    found = [c for c in leaves(nodes) if c.id == name]
    if not found and not number and decision.people:
        found = [c for c in leaves(decision.people[0].criteria) if c.id == name]
    assert found, f"no criterion {key}"
    return found[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.programme}: {case.name}")
def test_case(case: Case) -> None:
    if case.error is not None:
        with pytest.raises((InvalidInput, NotInForce)) as refused:
            assess(case.programme, case.inputs, case.on)
        assert case.error in str(refused.value)
        return
    decision = assess(case.programme, case.inputs, case.on)
    expect: dict[str, Any] = case.expect
    assert decision.outcome == expect["outcome"], explain(decision)
    if "amount" in expect:
        assert decision.amount == (None if expect["amount"] is None else Decimal(expect["amount"]))
    if "possible" in expect:
        assert decision.amount_possible == (None if expect["possible"] is None else Decimal(expect["possible"]))
    if "next" in expect:
        assert (decision.next_input.name if decision.next_input else None) == expect["next"]
    if "question" in expect:
        assert decision.next_input is not None and expect["question"] in decision.next_input.question
    for key, state in expect.get("states", {}).items():
        assert criterion(decision, str(key)).state == state, key
    for key, margin in expect.get("margins", {}).items():
        assert criterion(decision, str(key)).margin == margin, key
    for key, value in expect.get("values", {}).items():
        assert value in (criterion(decision, key).value or ""), key
    if expect.get("facts") == {}:
        assert decision.facts == ()
    for key, value in expect.get("facts", {}).items():
        fact = decision.fact(key)
        assert fact == (Decimal(value) if isinstance(fact, Decimal) else value), key
    for text in expect.get("open", []):
        assert text in "".join(decision.open_points)
    for text in expect.get("notes", []):
        assert text in "".join(decision.notes)
    for text in expect.get("not_notes", []):
        assert text not in "".join(decision.notes)
    if "changes" in expect:
        assert len(decision.changes) == len(expect["changes"])
        for change, text in zip(decision.changes, expect["changes"], strict=True):
            assert text in change.text
    if "also" in expect:
        assert len(decision.also) == expect["also"]
    assert explain(decision).startswith(decision.headline) and decision.headline
    assert citations(decision)


def test_there_are_at_least_130_cases_and_every_programme_has_some() -> None:
    assert len(CASES) >= 130
    assert {case.programme for case in CASES} == set(PROGRAMMES)
    assert len({(case.programme, case.name) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("programme", PROGRAMMES)
def test_every_criterion_has_a_case_for_each_state_and_for_its_exact_boundary(programme: str) -> None:
    states: dict[str, set[str]] = defaultdict(set)
    boundaries: set[str] = set()
    for case in CASES:
        if case.programme == programme:
            for key, state in case.expect.get("states", {}).items():
                states[str(key).rpartition(".")[2]].add(state)
            for key, margin in case.expect.get("margins", {}).items():
                if margin in AT_THE_BOUNDARY:
                    boundaries.add(str(key).rpartition(".")[2])
    for condition in PROGRAMMES[programme].conditions:
        assert states[condition.id] == set(condition.states), f"{condition.id}: no case for some state"
        assert not condition.exact or condition.id in boundaries, f"{condition.id}: no case at the exact boundary"


@pytest.mark.parametrize("case", [case for case in CASES if case.error is None], ids=lambda case: case.name)
def test_a_case_uses_only_declared_criteria_in_declared_states(case: Case) -> None:
    decision = assess(case.programme, case.inputs, case.on)
    declared = {condition.id: condition.states for condition in PROGRAMMES[case.programme].conditions}
    nodes = [*decision.criteria, *(node for person in decision.people for node in person.criteria)]
    for found in leaves(nodes):
        assert found.state in declared[found.id]
        assert set(found.inputs) and (found.state == "unknown") >= bool(found.missing)
