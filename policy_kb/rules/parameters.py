"""Dated parameters: what a clause fixes, since when, and the words that say so. One YAML file a programme in `parameters/`.

A value holds from its start date until the next one; `null` means repealed. The unit `clause` marks what a clause says without a
number (value `true`). Nothing is known about the time before the first date: `Rulebook.on` refuses it.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from policy_kb.corpus import Corpus, load_corpus
from policy_kb.numbers import numbers_in
from policy_kb.rules.periods import chinese_date
from policy_kb.wording import SUMMARY_NOTE, Citation, cite, source_line
from policy_kb.yaml_lines import LINE, DataError, load_yaml, take

PARAMETERS = Path(__file__).parent / "parameters"
# How a unit is written after its number; a clause has none.
UNITS = {"clause": "", "months": " 个月", "years": " 年", "yuan": " 元", "percent": "%", "year": "年"}


class NotInForce(Exception):
    """The rule does not hold, or is not known to hold, on the date asked for. `str()` is one Chinese sentence."""


@dataclass(frozen=True)
class Value:
    """What a parameter is from `since` on, and the clause that says so. `number` is None for a clause; `repealed` ends it."""

    since: date
    number: Decimal | None
    repealed: bool
    citation: Citation


@dataclass(frozen=True)
class Parameter:
    """`last_confirmed_on` is the last day somebody confirmed that it still applies; None when nobody has."""

    id: str
    description: str
    unit: str
    last_confirmed_on: date | None
    values: tuple[Value, ...]

    def on(self, day: date) -> "Rule":
        """The rule in force on `day`. Raises NotInForce before the first value and after a repeal."""
        place = bisect_right([value.since for value in self.values], day)
        if not place:
            raise NotInForce(
                f"“{self.description}”这条规定从{chinese_date(self.values[0].since)}才有,{chinese_date(day)}的情况不能用它来算。"
            )
        value = self.values[place - 1]
        if value.repealed:
            raise NotInForce(f"“{self.description}”这条规定从{chinese_date(value.since)}起不再适用。")
        return Rule(self, value)


@dataclass(frozen=True)
class Rule:
    """A parameter with the value it has on a certain day."""

    parameter: Parameter
    value: Value

    @property
    def number(self) -> Decimal:
        """Its number. Raises TypeError for a clause without one: a mistake in a programme."""
        if self.value.number is None:
            raise TypeError(f"{self.parameter.id} has no number")
        return self.value.number

    def __str__(self) -> str:
        return f"{self.number:f}{UNITS[self.parameter.unit]}"


@dataclass(frozen=True)
class Rules:
    """A programme's rules in force on a day, with what must be said about where they come from."""

    on: date
    version: str
    notes: tuple[str, ...]
    by_id: Mapping[str, Rule] = field(repr=False)

    def __getitem__(self, parameter_id: str) -> Rule:
        return self.by_id[parameter_id]

    def number(self, parameter_id: str) -> Decimal:
        return self.by_id[parameter_id].number

    def texts(self) -> dict[str, str]:
        """Every number as it is written, to fill the questions with."""
        return {id: str(rule) for id, rule in self.by_id.items() if rule.value.number is not None}


@dataclass(frozen=True)
class Rulebook:
    """The parameters of one programme. `digest` changes with every change of their file."""

    programme: str
    parameters: tuple[Parameter, ...]
    digest: str
    corpus: Corpus = field(repr=False)

    def on(self, day: date, version: int) -> Rules:
        """All rules in force on `day`. Raises NotInForce when one of them is not."""
        rules = {p.id: p.on(day) for p in self.parameters}
        return Rules(day, f"{version}-{self.digest}", self._notes(list(rules.values()), day), rules)

    def newest(self, version: int = 0) -> Rules:
        """The rules as they stand last in the file, for schemas and pages, which are asked for without a date."""
        return self.on(max(value.since for p in self.parameters for value in p.values), version)

    def _notes(self, rules: list[Rule], day: date) -> tuple[str, ...]:
        """Source with its year, when it was last confirmed, passed target years, summaries: one line each."""
        articles = dict.fromkeys(rule.value.citation.article for rule in rules)
        documents = {self.corpus.document_of(a).slug: self.corpus.document_of(a) for a in articles}
        notes = []
        for document in documents.values():
            first, *others = (self.corpus.articles[a] for a in articles if self.corpus.document_of(a) is document)
            more = [a.label.removeprefix(document.number or f"《{document.title}》").strip() for a in others]
            notes.append("、".join([source_line(document, first), *more]) + "。")
            if document.status == "superseded":
                notes.append(f"注意:《{document.title}》已被取代,这里按它当时的规定算。")
        confirmed = [rule.parameter.last_confirmed_on for rule in rules]
        if None in confirmed:
            since = chinese_date(max(rule.value.since for rule in rules))
            notes.append(f"这些规定从{since}起算,之后是否仍然有效还没有人确认过。")
        elif day > (last := min(c for c in confirmed if c)):
            notes.append(f"这些规定最近一次确认有效是{chinese_date(last)},之后有没有变化没有确认。")
        for rule in rules:
            if rule.parameter.unit == "year" and day.year > rule.number:
                notes.append(f"到{rule}的目标是当时定的,期限已过。")
        if any(document.kind == "summary" for document in documents.values()):
            notes.append(SUMMARY_NOTE)
        return tuple(notes)


def load_rulebooks(corpus: Corpus, folder: Path = PARAMETERS) -> dict[str, Rulebook]:
    """Every file under `folder`, by programme id (the file's name). Raises DataError on the first mistake."""
    return {path.stem: load_rulebook(corpus, path) for path in sorted(folder.glob("*.yml"))}


def load_rulebook(corpus: Corpus, path: Path) -> Rulebook:
    """One programme's parameters. Raises DataError with file and line for anything that is not as the module says."""
    listed = take(load_yaml(path), path, {"parameters": list}, {})["parameters"]
    parameters = tuple(_parameter(corpus, path, raw) for raw in listed)
    if not parameters:
        raise DataError(path, 1, "文件里没有任何参数")
    if len({p.id for p in parameters}) < len(parameters):
        raise DataError(path, 1, "参数编号重复")
    return Rulebook(path.stem, parameters, hashlib.sha256(path.read_bytes()).hexdigest()[:8], corpus)


def _parameter(corpus: Corpus, path: Path, raw: dict[str, Any]) -> Parameter:
    required: dict[str, type | tuple[type, ...]] = {"id": str, "description": str, "unit": str, "values": dict}
    given = take(raw, path, required | {"last_confirmed_on": (date, type(None))}, {})
    line = raw[LINE]
    if given["unit"] not in UNITS:
        raise DataError(path, line, f"unit 只能是 {'、'.join(UNITS)}")
    dated = {day: value for day, value in given["values"].items() if day != LINE}
    if not dated or not all(type(day) is date for day in dated):
        raise DataError(path, line, "values 应按开始日期写,比如 2018-04-20")
    values = tuple(_value(corpus, path, given["unit"], day, dated[day]) for day in sorted(dated))
    if values[0].repealed:
        raise DataError(path, line, "第一个值不能是 null(废止)")
    return Parameter(given["id"], given["description"], given["unit"], given["last_confirmed_on"], values)


def _value(corpus: Corpus, path: Path, unit: str, since: date, raw: dict[str, Any]) -> Value:
    given = take(raw, path, {"value": (int, float, bool, type(None)), "reference": dict}, {})
    reference = take(given["reference"], path, {"article": str, "quote": str}, {})
    line, article = given["reference"][LINE], corpus.articles.get(reference["article"])
    if article is None:
        raise DataError(path, line, f"没有这个条目:{reference['article']}")
    if not reference["quote"] or reference["quote"] not in article.text:
        raise DataError(path, line, f"{article.id} 的原文里没有这句话:{reference['quote'][:40]}")
    if since.isoformat() < corpus.document_of(article.id).dated:
        raise DataError(path, raw[LINE], f"开始日期早于文件日期 {corpus.document_of(article.id).dated}")
    value, citation = given["value"], cite(corpus, article.id, reference["quote"])
    if value is None:
        return Value(since, None, True, citation)
    if (unit == "clause") != (value is True) or value is False:
        raise DataError(path, raw[LINE], "unit 为 clause 时(且仅在此时)value 写 true")
    if value is True:
        return Value(since, None, False, citation)
    number = Decimal(str(value))
    if f"{number.normalize():f}" not in numbers_in(reference["quote"]):
        raise DataError(path, raw[LINE], f"引文里没有数字 {number:f}:{reference['quote'][:40]}")
    return Value(since, number, False, citation)


@lru_cache(maxsize=1)
def rulebooks() -> dict[str, Rulebook]:
    """The parameters that come with the code, loaded once."""
    return load_rulebooks(load_corpus())


@lru_cache(maxsize=512)
def rules_on(programme: str, version: int, day: date) -> Rules:
    """A programme's rules on `day`, worked out once a day and not once a person. Raises NotInForce."""
    return rulebooks()[programme].on(day, version)
