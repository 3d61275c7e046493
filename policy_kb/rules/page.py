"""What the page /policies/rules/ shows: every programme, its conditions in words, and its parameters by date with their clauses."""

from dataclasses import dataclass

from policy_kb.rules.parameters import Parameter, rulebooks
from policy_kb.rules.programmes import PROGRAMMES


@dataclass(frozen=True)
class ShownCondition:
    """A condition in words. `clause` is the label of the clause it comes from, `number` its number as it stands now."""

    id: str
    label: str
    about: str
    number: str | None
    clause: str


@dataclass(frozen=True)
class ShownProgramme:
    id: str
    title: str
    audience: str
    version: str
    clauses: tuple[str, ...]
    conditions: tuple[ShownCondition, ...]
    parameters: tuple[Parameter, ...]
    open_points: tuple[str, ...]
    office: str
    notes: tuple[str, ...]


def rules_page() -> list[ShownProgramme]:
    """All programmes, by the rules as they stand last in the files."""
    return [_shown(programme_id) for programme_id in PROGRAMMES]


def _shown(programme_id: str) -> ShownProgramme:
    programme, book = PROGRAMMES[programme_id], rulebooks()[programme_id]
    newest = book.newest(programme.version)
    conditions = []
    for condition in programme.conditions:
        rule = newest[condition.parameter]
        number = None if rule.value.number is None else str(rule)
        conditions.append(
            ShownCondition(condition.id, condition.label, condition.about, number, rule.value.citation.label)
        )
    return ShownProgramme(
        programme.id,
        programme.title,
        programme.audience,
        newest.version,
        programme.clauses,
        tuple(conditions),
        book.parameters,
        programme.open_points,
        programme.office,
        newest.notes,
    )
