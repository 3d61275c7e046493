"""Rules as code: what a clause means for one firm, school or person, with its reasons, its citations and what is still missing.

    assess(programme_id, inputs, on) -> Decision     Raises UnknownProgramme, InvalidInput, NotInForce (each `str()` is Chinese)
    schema(programme_id) -> dict                     the inputs as a draft-07 JSON schema with Chinese titles
    explain(decision) -> str                         the decision in Chinese for a chat; its first line is the result
    citations(decision) -> list[(article id, quote)] the clauses it rests on, for policy_kb.wording.cite
    rules_page() -> list[ShownProgramme]             everything the page /policies/rules/ shows
    PROGRAMMES: dict[str, Programme]                 id, title, audience, clauses, fields, conditions, version of each

`inputs` is a mapping as JSON gives it (amounts also as numerals in strings or Decimal, dates also as `date`). An input that is
absent has not been asked; `None` is the answer 不知道: it is not asked again, and nothing is assumed in its place.
`InvalidInput.errors` is a tuple of `InputError(field, message)`.

`Decision`: programme, title, outcome (met | partial | not_met | not_applicable | unknown), headline, on, rule_version, amount and
amount_possible (Decimal yuan or None), criteria (tree of Criterion and Group), people (PersonDecision), facts (Fact), open_points,
changes (Change), office, notes, also (Citation), inputs, next_input (InputField or None), settled; `.as_dict()` for JSON,
`.fact(id)` for a computed value. `InputField`: name, kind (boolean | choice | count | amount | percentage | date | months), label,
question, help, options (Choice: value, label), unit, minimum, maximum; `.parse(raw)` raises ValueError with a Chinese sentence.

`next_input` is what to ask now; None when the result is settled or what is open cannot be answered by asking.
Put the answer into `inputs` under `next_input.name` and assess again.

training-allowance takes the summary form (asked group-wise, `next_input` names its fields)

    {"is_sme": true, "headcount": 8, "new_hire": true, "trained_with_school": true, "contract_months": 12,
     "qualified_count": 3, "qualified_within_year": true}

or a list of people, an entry with `count` n standing for n in the same situation (`next_input.name` is then a path like
'people[3].contract_months'):

    {"is_sme": true, "people": [{"name": "张三", "count": 1, "new_hire": true, "trained_with_school": true,
     "contract_start": "2024-03-01", "contract_end": "2025-02-28", "contract_months": null,
     "qualification": "certificate" | "grade_up" | "none", "qualified_on": "2024-09-01", "performing_since": "2024-03-01",
     "qualified_within_year": null}]}
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from policy_kb.rules.engine import Change, Criterion, Decision, Fact, Group, Outcome, PersonDecision, State
from policy_kb.rules.inputs import Choice, InputError, InputField, InvalidInput
from policy_kb.rules.page import ShownCondition, ShownProgramme, rules_page
from policy_kb.rules.parameters import NotInForce
from policy_kb.rules.programme import Programme
from policy_kb.rules.programmes import PROGRAMMES
from policy_kb.rules.wording import citations, explain

__all__ = [
    "PROGRAMMES",
    "Change",
    "Choice",
    "Criterion",
    "Decision",
    "Fact",
    "Group",
    "InputError",
    "InputField",
    "InvalidInput",
    "NotInForce",
    "Outcome",
    "PersonDecision",
    "Programme",
    "ShownCondition",
    "ShownProgramme",
    "State",
    "UnknownProgramme",
    "assess",
    "citations",
    "explain",
    "rules_page",
    "schema",
]


class UnknownProgramme(LookupError):
    """There is no programme with this id."""


def assess(programme_id: str, inputs: Mapping[str, Any], on: date) -> Decision:
    """The decision of one programme by the rules of `on`. Raises UnknownProgramme, InvalidInput and NotInForce."""
    return _programme(programme_id).assess(inputs, on)


def schema(programme_id: str) -> dict[str, Any]:
    """What a programme takes. Raises UnknownProgramme."""
    return _programme(programme_id).schema()


def _programme(programme_id: str) -> Programme:
    if programme_id not in PROGRAMMES:
        raise UnknownProgramme(f"没有这项测算:{programme_id[:60]}。")
    return PROGRAMMES[programme_id]
