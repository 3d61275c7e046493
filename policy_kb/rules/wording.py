"""How a decision is said: the result first, then the reasons with their clauses, then what to change, whom to ask, and the caveats."""

from collections.abc import Iterable

from policy_kb.rules.engine import Criterion, Decision, Node, PersonDecision
from policy_kb.rules.inputs import plain
from policy_kb.wording import AUTHORITY_DECIDES, Citation

MARKS = {"met": "√", "not_met": "×", "unknown": "?"}
MOST_PEOPLE_SHOWN = 10
MOST_CHANGES_SHOWN = 3


def explain(decision: Decision) -> str:
    """The decision in Chinese, for a chat: a first line with the result, then why, what would change it, and whom to ask."""
    lines = [decision.headline, *(f"{fact}。" for fact in decision.facts if fact.value and not decision.people)]
    of_firm = [c for c in _telling(decision.criteria) if c.state != "unknown" or not decision.settled]
    of_all = list(dict.fromkeys((*of_firm, *_alike(decision.people))))
    lines += [_criterion(c) for c in of_all]
    told = {c.id for c in of_all}
    for person in decision.people[:MOST_PEOPLE_SHOWN]:
        lines += _person(person, told)
    if len(decision.people) > MOST_PEOPLE_SHOWN:
        lines.append(f"还有 {len(decision.people) - MOST_PEOPLE_SHOWN} 项没有在这里列出。")
    if decision.changes:
        lines += ["怎样能改变结果:", *(f"· {change.text}" for change in decision.changes[:MOST_CHANGES_SHOWN])]
    if decision.open_points:
        lines += ["文件没有写清楚的:", *(f"· {point}" for point in decision.open_points)]
    lines += [f"问哪里:{decision.office}", "".join(decision.notes) + AUTHORITY_DECIDES]
    return "\n".join(lines)


def citations(decision: Decision) -> list[tuple[str, str]]:
    """The clauses a decision rests on as (article id, quote), each once, in the order they are used."""
    nodes: list[Node] = [*decision.criteria, *(node for person in decision.people for node in person.criteria)]
    used: list[Citation] = [*(c.citation for c in _telling(nodes)), *decision.also]
    return list(dict.fromkeys((c.article, c.quote) for c in used))


def _telling(nodes: Iterable[Node]) -> list[Criterion]:
    """The criteria that explain the state: in a settled group the unknown ones say nothing."""
    telling: list[Criterion] = []
    for node in nodes:
        if isinstance(node, Criterion):
            telling.append(node)
            continue
        members = _telling(node.members)
        telling += members if node.state == "unknown" else [m for m in members if m.state != "unknown"]
    return telling


def _alike(people: tuple[PersonDecision, ...]) -> tuple[Criterion, ...]:
    """The criteria that came out the same for everybody, so that they need saying only once."""
    of_each = [_reasons(person) for person in people]
    return tuple(c for c in of_each[0] if all(c in reasons for reasons in of_each)) if of_each else ()


def _reasons(person: PersonDecision) -> list[Criterion]:
    """Why this person brings what they bring; the second allowance's only while the first can be due."""
    first, second = person.criteria
    return _telling((first,) if first.state == "not_met" else (first, second))


def _criterion(criterion: Criterion) -> str:
    """'√ 劳动合同期限:12 个月(要求:6 个月以上,高出 6 个月)〔晋政办发〔2018〕38号（十六）〕'."""
    value = criterion.value or {"met": "符合", "not_met": "不符合", "unknown": "还不知道"}[criterion.state]
    against = ",".join(
        part for part in (f"要求:{criterion.threshold}" if criterion.threshold else None, criterion.margin) if part
    )
    clause = criterion.citation.label.rpartition(" ")[0]
    said = f"{MARKS[criterion.state]} {criterion.label}:{value}{f'({against})' if against else ''}〔{clause}〕"
    return f"{said} {criterion.note}" if criterion.note else said


def _person(person: PersonDecision, told: set[str]) -> list[str]:
    """One person's amount and the reasons; what was said for the firm is not said again."""
    each = "每人 " if person.count != 1 else ""
    if person.amount == person.amount_possible:
        due = f"{each}{plain(person.amount)} 元"
    else:
        due = f"{each}确定 {plain(person.amount)} 元,最多 {plain(person.amount_possible)} 元"
    return [f"{person.who}:{due}", *(f"  {_criterion(c)}" for c in _reasons(person) if c.id not in told)]
