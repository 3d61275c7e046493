"""What holds for every input: answers only ever narrow a result down, questions matter, and sums are sums."""

import itertools
import json
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_kb.rules import PROGRAMMES, Decision, InputField, InvalidInput, assess, explain
from policy_kb.rules.engine import leaves
from policy_kb.rules.periods import last_day_of_term, months_of_term

DAY = date(2024, 6, 1)
Answers = frozenset[tuple[str, Any]]

# A few answers to every question, on both sides of every boundary.
NUMBERS = {
    "headcount": (0, 1, 3),
    "qualified_count": (0, 1),
    "contract_months": (5, 6),
    "technical_posts": (0, 10, 11, 30),
    "intern_posts": (0, 1, 2, 3),
    "staff": (10, 200, 201, 1000, 1010),
    "teacher_posts": (0, 1, 2, 6),
    "participants": (0, 5, 100, 101, 510),
    "fund": (10, 100, 110),
    "front_line": (0, 6, 70),
    "total_hours": (10, 11, 100, 110),
    "practice_hours": (0, 5, 6, 55),
    "net_income": (-1, 0, 100),
    "surcharge": (10, 100, 110),
    "vocational": (0, 3, 33),
    "pay": (0, 5, 10, 80, 300, 900),
    "post_wage": (5, 10, 100, 200, 1000, 2000),
    "lowest_grade": (1, 5, 10, 90, 300, 1000),
}


def candidates(field: InputField) -> tuple[Any, ...]:
    if field.kind == "boolean":
        return (True, False)
    return tuple(option.value for option in field.options) if field.kind == "choice" else NUMBERS[field.name]


def result(decision: Decision) -> tuple[Any, ...]:
    """What the person wanted to know: the outcome, the amount, and what was worked out, like how many posts are missing."""
    return decision.outcome, decision.amount, decision.facts


@cache
def complete(programme: str) -> dict[Answers, tuple[Any, ...]]:
    """The result of every full set of candidate answers that is free of contradictions."""
    fields = PROGRAMMES[programme].fields
    results = {}
    for values in itertools.product(*map(candidates, fields)):
        inputs = {field.name: value for field, value in zip(fields, values, strict=True)}
        try:
            results[frozenset(inputs.items())] = result(assess(programme, inputs, DAY))
        except InvalidInput:
            continue
    return results


def completions(programme: str, partial: Mapping[str, Any]) -> Iterator[tuple[Answers, tuple[Any, ...]]]:
    known = {(name, value) for name, value in partial.items() if value is not None}
    return ((answers, found) for answers, found in complete(programme).items() if known <= answers)


@st.composite
def partial_answers(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A programme, and some of a full set of answers; of the rest some absent and some 不知道."""
    programme = draw(st.sampled_from(list(PROGRAMMES)))
    answers = dict(draw(st.sampled_from(in_order(programme))))
    kept = {}
    for field in PROGRAMMES[programme].fields:
        shown = draw(st.sampled_from(("known", "known", "absent", "absent", "unknown")))
        if shown != "absent":
            kept[field.name] = answers[field.name] if shown == "known" else None
    return programme, kept


@cache
def in_order(programme: str) -> list[Answers]:
    """The full sets of answers in an order that is the same in every run."""
    return sorted(complete(programme), key=lambda answers: sorted(map(str, answers)))


@settings(max_examples=400, deadline=None)
@given(partial_answers())
def test_a_settled_result_never_changes_whatever_else_is_answered(drawn: tuple[str, dict[str, Any]]) -> None:
    programme, partial = drawn
    decision = assess(programme, partial, DAY)
    results = {found for _, found in completions(programme, partial)}
    if decision.settled:
        assert decision.next_input is None
        assert {found[:2] for found in results} <= {(decision.outcome, decision.amount)}
    if decision.outcome != "unknown":
        assert {found[0] for found in results} <= {decision.outcome}


@settings(max_examples=400, deadline=None)
@given(partial_answers())
def test_what_is_asked_next_can_change_the_result(drawn: tuple[str, dict[str, Any]]) -> None:
    programme, partial = drawn
    decision = assess(programme, partial, DAY)
    # Nothing of a whole that is not nothing is too little; it stays unknown all the same, to ask for the whole and say how much is missing.
    if decision.next_input is None or partial.get("front_line") == 0:
        return
    name = decision.next_input.name
    assert name not in partial
    by_the_rest: dict[Answers, set[tuple[Any, ...]]] = {}
    for answers, found in completions(programme, partial):
        rest = frozenset(answer for answer in answers if answer[0] != name)
        by_the_rest.setdefault(rest, set()).add(found)
    assert any(len(results) > 1 for results in by_the_rest.values()), name


@settings(max_examples=400, deadline=None)
@given(partial_answers())
def test_nothing_is_asked_only_when_no_answer_that_is_left_can_settle_it(drawn: tuple[str, dict[str, Any]]) -> None:
    programme, partial = drawn
    answered = {name: value for name, value in partial.items() if value is not None}
    decision = assess(programme, answered, DAY)
    if decision.next_input is None:
        assert {found[:2] for _, found in completions(programme, answered)} == {(decision.outcome, decision.amount)}
    if decision.next_input is None and not decision.settled:
        assert any(c.state == "unknown" and not c.missing for c in leaves(decision.criteria))


@pytest.mark.parametrize("programme", PROGRAMMES)
def test_answering_question_after_question_ends_with_a_result(programme: str) -> None:
    for answers in itertools.islice(complete(programme), 0, None, 7):
        wanted, inputs = dict(answers), {}
        for _ in range(len(wanted) + 1):
            decision = assess(programme, inputs, DAY)
            if decision.next_input is None:
                break
            assert decision.next_input.name not in inputs
            inputs[decision.next_input.name] = wanted[decision.next_input.name]
        assert decision.next_input is None
        assert result(decision)[:2] == complete(programme)[answers][:2]


@pytest.mark.parametrize("programme", PROGRAMMES)
def test_answering_不知道_to_everything_ends_too(programme: str) -> None:
    inputs: dict[str, Any] = {}
    while (asked := assess(programme, inputs, DAY).next_input) is not None:
        assert asked.name not in inputs
        inputs[asked.name] = None
    assert assess(programme, inputs, DAY).outcome == "unknown"


# -- the training allowance, person by person --------------------------------------------------------------------------

days = st.dates(date(2019, 1, 1), date(2024, 5, 1))
maybe = st.sampled_from((True, True, True, False, None))


@st.composite
def people(draw: st.DrawFn) -> dict[str, Any]:
    """One entry of `people`, free of contradictions."""
    person: dict[str, Any] = {
        "count": draw(st.integers(1, 5)),
        "new_hire": draw(maybe),
        "trained_with_school": draw(maybe),
    }
    start = draw(days)
    form = draw(st.sampled_from(("months", "dates", "nothing")))
    if form == "months":
        person["contract_months"] = draw(st.integers(0, 14))
    if form == "dates":
        person |= {"contract_start": start, "contract_end": start + timedelta(draw(st.integers(0, 400)))}
    person["qualification"] = draw(st.sampled_from(("certificate", "grade_up", "none", None)))
    if person["qualification"] != "none":
        within = draw(st.sampled_from(("yes", "no", "dates", "nothing")))
        if within == "dates":
            got = start + timedelta(draw(st.integers(0, 400)))
            person |= {"performing_since": start, "qualified_on": got}
        elif within != "nothing":
            person["qualified_within_year"] = within == "yes"
    return person


firms = st.tuples(st.sampled_from((True, True, False, None)), st.lists(people(), min_size=1, max_size=6))


def allowance(is_sme: bool | None, entries: list[dict[str, Any]]) -> Decision:
    return assess("training-allowance", {"is_sme": is_sme, "people": entries}, DAY)


@settings(max_examples=200, deadline=None)
@given(firms, st.integers(0, 5))
def test_adding_a_certificate_never_lowers_the_sum(firm: tuple[bool | None, list[dict[str, Any]]], place: int) -> None:
    is_sme, entries = firm
    place %= len(entries)
    without = {k: v for k, v in entries[place].items() if not k.startswith("qualifi")} | {"qualification": "none"}
    certified = without | {"qualification": "certificate", "qualified_within_year": True}
    before = allowance(is_sme, [*entries[:place], without, *entries[place + 1 :]])
    after = allowance(is_sme, [*entries[:place], certified, *entries[place + 1 :]])
    assert after.amount >= before.amount
    assert after.amount_possible >= before.amount_possible


@settings(max_examples=200, deadline=None)
@given(firms, st.randoms(use_true_random=False))
def test_the_order_of_people_does_not_matter(firm: tuple[bool | None, list[dict[str, Any]]], random: Any) -> None:
    is_sme, entries = firm
    shuffled = random.sample(entries, len(entries))
    first, second = allowance(is_sme, entries), allowance(is_sme, shuffled)
    assert (first.outcome, first.amount, first.amount_possible) == (
        second.outcome,
        second.amount,
        second.amount_possible,
    )
    assert sorted(c.text for c in first.changes) == sorted(c.text for c in second.changes)


@settings(max_examples=200, deadline=None)
@given(firms)
def test_a_batch_is_the_sum_of_its_people(firm: tuple[bool | None, list[dict[str, Any]]]) -> None:
    is_sme, entries = firm
    whole, singles = allowance(is_sme, entries), [allowance(is_sme, [entry]) for entry in entries]
    assert whole.amount == sum((single.amount or Decimal(0) for single in singles), Decimal(0))
    assert whole.amount_possible == sum((single.amount_possible or Decimal(0) for single in singles), Decimal(0))


@settings(max_examples=200, deadline=None)
@given(firms)
def test_a_group_of_n_is_worth_n_people(firm: tuple[bool | None, list[dict[str, Any]]]) -> None:
    is_sme, entries = firm
    apart = [entry | {"count": 1} for entry in entries for _ in range(entry["count"])]
    together = allowance(is_sme, entries)
    assert (together.outcome, together.amount) == (allowance(is_sme, apart).outcome, allowance(is_sme, apart).amount)


@settings(max_examples=200, deadline=None)
@given(firms)
def test_every_decision_can_be_written_as_json_explained_and_made_again(
    firm: tuple[bool | None, list[dict[str, Any]]],
) -> None:
    decision = allowance(*firm)
    written = json.loads(json.dumps(decision.as_dict(), ensure_ascii=False))
    assert assess("training-allowance", written["inputs"], DAY).as_dict() == decision.as_dict()
    assert explain(decision).startswith(decision.headline)


@settings(max_examples=300, deadline=None)
@given(days, st.integers(1, 24))
def test_a_term_lasts_as_many_months_as_its_last_day_was_worked_out_for(start: date, months: int) -> None:
    last = last_day_of_term(start, months)
    assert months_of_term(start, last) == months
    assert months_of_term(start, last - timedelta(1)) == months - 1
