"""What every programme has in common: what it asks, how its conditions make an outcome, and what goes with the result."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from policy_kb.rules.engine import (
    Change,
    Condition,
    Decision,
    Fact,
    Group,
    Node,
    Outcome,
    all_of,
    remedies,
    undecided,
)
from policy_kb.rules.inputs import Given, InputError, InputField, InvalidInput, read
from policy_kb.rules.parameters import Rules, rulebooks, rules_on
from policy_kb.wording import Citation


class Programme(ABC):
    """One entitlement or obligation. Its docstring quotes the law; `decide` reads like the clause.

    `audience` says whom it is for; `office` who decides or where to ask; `open_points` what the text never settles;
    `version` goes up when the code changes what comes out.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    audience: ClassVar[str]
    clauses: ClassVar[tuple[str, ...]]
    version: ClassVar[int] = 1
    fields: ClassVar[tuple[InputField, ...]]
    conditions: ClassVar[tuple[Condition, ...]]
    office: ClassVar[str]
    open_points: ClassVar[tuple[str, ...]] = ()

    def assess(self, inputs: Any, on: date) -> Decision:
        """The decision for `inputs` by the rules of `on`. Raises InvalidInput and NotInForce."""
        given = read({field.name: field for field in self.fields}, inputs)
        errors = list(self.contradictions(given))
        if errors:
            raise InvalidInput(errors)
        return self.decide(given, rules_on(self.id, self.version, on))

    def contradictions(self, given: Given) -> list[InputError]:
        """Answers that cannot be true together."""
        return []

    @abstractmethod
    def decide(self, given: Given, rules: Rules) -> Decision:
        """The decision for checked answers."""

    def settle(
        self,
        given: Given,
        rules: Rules,
        *,
        scope: tuple[Node, ...] = (),
        conditions: tuple[Node, ...],
        headlines: Mapping[Outcome, str],
        facts: tuple[Fact, ...] = (),
        open_points: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
        also: tuple[Citation, ...] = (),
    ) -> Decision:
        """Not applicable outside `scope`; otherwise met when all `conditions` are."""
        outcome = outcome_of(scope, conditions)
        nodes = (*scope, *conditions)
        return Decision(
            programme=self.id,
            title=self.title,
            outcome=outcome,
            headline=headlines.get(outcome, "现在还不能下结论。"),
            on=rules.on,
            rule_version=rules.version,
            amount=None,
            amount_possible=None,
            criteria=scope if outcome == "not_applicable" else nodes,
            people=(),
            facts=() if outcome == "not_applicable" else facts,
            open_points=self.open_points if outcome == "not_applicable" else (*open_points, *self.open_points),
            changes=self.changes(scope, conditions),
            office=self.office,
            notes=(*notes, *rules.notes),
            also=also,
            inputs=given.values,
            next_input=self.next_input(given, rules, scope, conditions) if outcome == "unknown" else None,
        )

    def changes(self, scope: tuple[Node, ...], conditions: tuple[Node, ...]) -> tuple[Change, ...]:
        """What to do so that no condition is unmet, if that can be done."""
        failed = remedies((*scope, *conditions))
        return (Change(";".join(c.fix or "" for c in failed) + "。", None, len(failed)),) if failed else ()

    def next_input(
        self, given: Given, rules: Rules, scope: tuple[Node, ...], conditions: tuple[Node, ...]
    ) -> InputField | None:
        """What to ask next: the first missing input of an undecided criterion that was not answered 不知道."""
        roots = (Group("scope", "", "all", scope), Group("conditions", "", "all", conditions))
        by_name = {field.name: field for field in self.fields}
        for criterion in undecided(roots):
            for name in criterion.missing:
                if name not in given.answered:
                    return by_name[name].filled(rules.texts())
        return None

    def schema(self) -> dict[str, Any]:
        """The inputs as a draft-07 JSON schema."""
        numbers = rulebooks()[self.id].newest(self.version).texts()
        return {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$id": self.id,
            "title": self.title,
            "description": f"{self.audience}没有问过的项不写,不知道的项写 null。",
            "type": "object",
            "properties": {field.name: field.filled(numbers).schema() for field in self.fields},
            "additionalProperties": False,
        }


def outcome_of(scope: tuple[Node, ...], conditions: tuple[Node, ...]) -> Outcome:
    """Not applicable when something in `scope` is not met, otherwise the state of all of them together."""
    within = all_of(node.state for node in scope)
    if within == "not_met":
        return "not_applicable"
    return all_of([within, *(node.state for node in conditions)]) if within == "met" else "unknown"
