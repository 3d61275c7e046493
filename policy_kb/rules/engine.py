"""Criteria, decisions, and the three-valued logic between them: what is met, not met or unknown, and what to ask next.

A criterion without an answer is `unknown`, never guessed. Unknown with `missing` inputs can still be settled by asking; unknown
without is an open point: the documents do not settle it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal

from policy_kb.rules.inputs import InputField, as_json, plain
from policy_kb.rules.parameters import Rules
from policy_kb.wording import Citation

State = Literal["met", "not_met", "unknown"]
Outcome = Literal["met", "partial", "not_met", "not_applicable", "unknown"]

STATES: Final[tuple[State, State, State]] = ("met", "not_met", "unknown")
# What the root becomes when a node is met, not met, unknown.
Context = tuple[State, State, State]
EXACTLY = "正好达到"


@dataclass(frozen=True)
class Criterion:
    """One condition, judged. `value`, `threshold` and `margin` ('还差 2 个月') are said in Chinese.

    `inputs` are the inputs it reads, `missing` those to ask for while it is unknown, first things first (none: an open point), and
    `can_be` what it can turn out as; `fix` says how to come to meet it, None where one cannot. `parameter` and `since` name the
    rule it was judged by.
    """

    id: str
    label: str
    state: State
    value: str | None
    threshold: str | None
    margin: str | None
    citation: Citation
    note: str | None
    inputs: tuple[str, ...]
    missing: tuple[str, ...]
    fix: str | None
    parameter: str
    since: date
    can_be: tuple[State, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "label": self.label,
            "state": self.state,
            "value": self.value,
            "threshold": self.threshold,
            "margin": self.margin,
            "citation": _citation(self.citation),
            "note": self.note,
            "inputs": list(self.inputs),
            "parameter": self.parameter,
            "since": self.since.isoformat(),
        }


@dataclass(frozen=True)
class Group:
    """Conditions that must `all` be met, or of which `any` one is enough. `state` follows from its members."""

    id: str
    label: str
    mode: Literal["all", "any"]
    members: tuple["Criterion | Group", ...]
    state: State = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", self.combine(member.state for member in self.members))

    def combine(self, states: Iterable[State]) -> State:
        return all_of(states) if self.mode == "all" else any_of(states)

    def as_dict(self) -> dict[str, Any]:
        members = [member.as_dict() for member in self.members]
        return {"id": self.id, "label": self.label, "state": self.state, "mode": self.mode, "members": members}


Node = Criterion | Group


def all_of(states: Iterable[State]) -> State:
    """Met when all are, not met when one is not, otherwise unknown."""
    states = list(states)
    if "not_met" in states:
        return "not_met"
    return "unknown" if "unknown" in states else "met"


def any_of(states: Iterable[State]) -> State:
    """Met when one is, not met when none can be, otherwise unknown."""
    states = list(states)
    if "met" in states:
        return "met"
    return "unknown" if "unknown" in states else "not_met"


def leaves(nodes: Iterable[Node]) -> Iterator[Criterion]:
    """Every criterion in `nodes`, in order."""
    for node in nodes:
        if isinstance(node, Group):
            yield from leaves(node.members)
        else:
            yield node


def undecided(roots: Iterable[Node]) -> Iterator[Criterion]:
    """The criteria to ask about: unknown, not open in the text, and still able to change the state of the root they belong to."""
    for root in roots:
        yield from _deciding((root,), all_of, {STATES})


def _deciding(
    members: tuple[Node, ...], combine: Callable[[Iterable[State]], State], contexts: set[Context]
) -> Iterator[Criterion]:
    """`contexts` are the ways in which the state of `members` together may still count for the root."""
    could_be = [_reachable(member) for member in members]
    for place, member in enumerate(members):
        if member.state != "unknown":
            continue
        others = _combinations(could_be[:place] + could_be[place + 1 :], combine)
        inner = {_through(context, combine, other) for context in contexts for other in others}
        if isinstance(member, Group):
            yield from _deciding(member.members, member.combine, inner)
        elif member.missing and any(len({context[STATES.index(s)] for s in member.can_be}) > 1 for context in inner):
            yield member


def _through(context: Context, combine: Callable[[Iterable[State]], State], other: State | None) -> Context:
    """What each state of one member makes of the root when its siblings come out as `other` (None: it has no siblings)."""
    if other is None:
        return context
    met, not_met, unknown = (context[STATES.index(combine((state, other)))] for state in STATES)
    return met, not_met, unknown


def _combinations(sets: list[set[State]], combine: Callable[[Iterable[State]], State]) -> set[State | None]:
    """Every state that members which can take the states in `sets` can have together."""
    found: set[State | None] = {None}
    for states in sets:
        found = {state if so_far is None else combine((so_far, state)) for so_far in found for state in states}
    return found


def _reachable(node: Node) -> set[State]:
    """The states `node` can still come to, whatever is answered."""
    if node.state != "unknown":
        return {node.state}
    if isinstance(node, Criterion):
        return set(node.can_be) if node.missing else {"unknown"}
    return {state for state in _combinations([_reachable(m) for m in node.members], node.combine) if state}


def remedies(nodes: Iterable[Node]) -> tuple[Criterion, ...] | None:
    """The fewest unmet criteria to turn so that none of `nodes` is unmet; None when one of them cannot be changed."""
    found: list[Criterion] = []
    for node in nodes:
        if node.state != "not_met":
            continue
        if isinstance(node, Criterion):
            if node.fix is None:
                return None
            found.append(node)
            continue
        if node.mode == "all":
            part = remedies(node.members)
        else:
            ways = [way for member in node.members if (way := remedies((member,))) is not None]
            part = min(ways, key=len) if ways else None
        if part is None:
            return None
        found.extend(part)
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Condition:
    """A condition as a programme declares it; `judge` and its siblings turn answers into a Criterion.

    `states` are those it can take: some conditions are open in the text and can never be 'not met', some never 'unknown'.
    `exact` marks a number or date with a boundary. `about` says in words what is looked at.
    """

    id: str
    label: str
    parameter: str
    inputs: tuple[str, ...]
    about: str
    fix: str | None = None
    exact: bool = False
    states: tuple[State, ...] = STATES

    def judge(
        self,
        rules: Rules,
        state: State,
        *,
        value: str | None = None,
        threshold: str | None = None,
        margin: str | None = None,
        note: str | None = None,
        missing: tuple[str, ...] = (),
        fix: str | None = None,
    ) -> Criterion:
        """This condition found in `state`. `fix` replaces the declared one; only an unmet criterion has any."""
        rule = rules[self.parameter]
        remedy = (fix or self.fix) if state == "not_met" else None
        citation, since = rule.value.citation, rule.value.since
        return Criterion(
            self.id,
            self.label,
            state,
            value,
            threshold,
            margin,
            citation,
            note,
            self.inputs,
            missing,
            remedy,
            rule.parameter.id,
            since,
            self.states,
        )

    def yes(self, rules: Rules, answer: bool | None, missing: tuple[str, ...] | None = None) -> Criterion:
        """Met by the answer 是."""
        if answer is None:
            return self.judge(rules, "unknown", missing=self.inputs if missing is None else missing)
        return self.judge(rules, "met" if answer else "not_met", value="是" if answer else "否")

    def one_of(self, rules: Rules, asked: InputField, answer: str | None, *accepted: str) -> Criterion:
        """Met by one of the `accepted` choices."""
        if answer is None:
            return self.judge(rules, "unknown", missing=(asked.name,))
        return self.judge(rules, "met" if answer in accepted else "not_met", value=asked.said(answer))


@dataclass(frozen=True)
class Fact:
    """A number or finding that the decision worked out: 'missing_posts', 缺少的岗位, 3, 个."""

    id: str
    label: str
    value: Decimal | int | str
    unit: str = ""

    def __str__(self) -> str:
        value = plain(self.value) if isinstance(self.value, Decimal) else self.value
        return f"{self.label}:{value}{f' {self.unit}' if self.unit else ''}"


@dataclass(frozen=True)
class Change:
    """What would change the result. `gain` is what it would bring in yuan, where that is money; `steps` how many things to change."""

    text: str
    gain: Decimal | None = None
    steps: int = 1


@dataclass(frozen=True)
class PersonDecision:
    """One person's part of a decision, or that of `count` people in the same situation (None: how many is not known).

    `amount` and `amount_possible` are yuan for one person: what is certain, and what it can still become.
    """

    name: str | None
    count: int | None
    outcome: Outcome
    amount: Decimal
    amount_possible: Decimal
    criteria: tuple[Node, ...]

    @property
    def who(self) -> str:
        people = f"{self.count} 人" if self.count is not None else "这些人"
        if self.name is None:
            return people
        return self.name if self.count == 1 else f"{self.name}({people})"

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "count": self.count,
            "outcome": self.outcome,
            "amount": plain(self.amount),
            "amount_possible": plain(self.amount_possible),
            "criteria": [node.as_dict() for node in self.criteria],
        }


@dataclass(frozen=True)
class Decision:
    """A programme's result for one set of inputs on one day.

    `amount` is in yuan: what is certain; `amount_possible` what it can still become (None: not a matter of money, or no limit known).
    `headline` is the result in a sentence. `also` are clauses that are quoted beside those of the criteria.
    """

    programme: str
    title: str
    outcome: Outcome
    headline: str
    on: date
    rule_version: str
    amount: Decimal | None
    amount_possible: Decimal | None
    criteria: tuple[Node, ...]
    people: tuple[PersonDecision, ...]
    facts: tuple[Fact, ...]
    open_points: tuple[str, ...]
    changes: tuple[Change, ...]
    office: str
    notes: tuple[str, ...]
    also: tuple[Citation, ...]
    inputs: Mapping[str, Any]
    next_input: InputField | None

    @property
    def settled(self) -> bool:
        """Whether no further answer can change the outcome or the amount."""
        return self.outcome != "unknown" and self.amount == self.amount_possible

    def fact(self, id: str) -> Decimal | int | str | None:
        return next((fact.value for fact in self.facts if fact.id == id), None)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: amounts as numerals in strings, dates in ISO form, always the same keys in the same order."""
        return {
            "programme": self.programme,
            "title": self.title,
            "outcome": self.outcome,
            "headline": self.headline,
            "settled": self.settled,
            "on": self.on.isoformat(),
            "rule_version": self.rule_version,
            "amount": as_json(self.amount),
            "amount_possible": as_json(self.amount_possible),
            "criteria": [node.as_dict() for node in self.criteria],
            "people": [person.as_dict() for person in self.people],
            "facts": [
                {"id": fact.id, "label": fact.label, "value": as_json(fact.value), "unit": fact.unit}
                for fact in self.facts
            ],
            "open_points": list(self.open_points),
            "changes": [{"text": change.text, "gain": as_json(change.gain)} for change in self.changes],
            "office": self.office,
            "notes": list(self.notes),
            "also": [_citation(citation) for citation in self.also],
            "inputs": as_json(self.inputs),
            "next_input": _field(self.next_input),
        }


def _citation(citation: Citation) -> dict[str, str]:
    return {"article": citation.article, "label": citation.label, "quote": citation.quote, "url": citation.url}


def _field(asked: InputField | None) -> dict[str, Any] | None:
    if asked is None:
        return None
    return {
        "name": asked.name,
        "kind": asked.kind,
        "label": asked.label,
        "question": asked.question,
        "help": asked.help,
        "options": [{"value": option.value, "label": option.label} for option in asked.options],
        "unit": asked.unit.strip(),
        "minimum": None if asked.minimum is None else plain(asked.minimum),
        "maximum": None if asked.maximum is None else plain(asked.maximum),
    }
