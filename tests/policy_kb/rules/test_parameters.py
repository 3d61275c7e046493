"""The parameter files: every number is in the words it cites, and the words are in the article; dates, repeal and confirmation."""

import re
from datetime import date
from pathlib import Path

import pytest

from policy_kb.corpus import load_corpus
from policy_kb.numbers import numbers_in, unsupported_numbers
from policy_kb.rules import PROGRAMMES, NotInForce, assess, rules_page
from policy_kb.rules.parameters import PARAMETERS, Parameter, Rulebook, Value, load_rulebook, rulebooks
from policy_kb.rules.programmes.training_allowance import TrainingAllowance, read_roster
from policy_kb.yaml_lines import DataError

CORPUS = load_corpus()
ALL = [
    (book, parameter, value)
    for book in rulebooks().values()
    for parameter in book.parameters
    for value in parameter.values
]


def name(entry: object) -> str:
    return entry.programme if isinstance(entry, Rulebook) else entry.id if isinstance(entry, Parameter) else "value"


@pytest.mark.parametrize(("book", "parameter", "value"), ALL, ids=name)
def test_a_parameter_is_cited_and_its_number_stands_in_the_quote(
    book: Rulebook, parameter: Parameter, value: Value
) -> None:
    article = CORPUS.articles[value.citation.article]
    assert value.citation.quote in article.text
    assert article.id in PROGRAMMES[book.programme].clauses
    assert value.since.isoformat() >= CORPUS.document_of(article.id).dated
    if value.number is not None:
        assert re.search(rf"(?<![\d.]){value.number:f}(?![\d.])", value.citation.quote)


@pytest.mark.parametrize("programme", PROGRAMMES)
def test_every_programme_has_parameters_and_uses_them(programme: str) -> None:
    ids = {parameter.id for parameter in rulebooks()[programme].parameters}
    assert {condition.parameter for condition in PROGRAMMES[programme].conditions} <= ids
    assert set(PROGRAMMES[programme].clauses) <= set(CORPUS.articles)


def test_there_is_a_file_for_every_programme_and_no_other() -> None:
    assert set(rulebooks()) == set(PROGRAMMES)


@pytest.mark.parametrize("programme", PROGRAMMES)
def test_a_programmes_own_words_state_no_number_that_its_clauses_do_not(programme: str) -> None:
    shown = PROGRAMMES[programme]
    words = [shown.title, shown.audience, shown.office, *shown.open_points]
    words += [
        text for condition in shown.conditions for text in (condition.label, condition.about, condition.fix or "")
    ]
    said = re.sub(r"12333|12345|民法典第[^)]*条", "", "\n".join(words))
    sources = [CORPUS.articles[article].text for article in shown.clauses]
    assert unsupported_numbers(said, sources) <= {"0"}


@pytest.mark.parametrize("programme", PROGRAMMES)
def test_before_its_document_was_dated_a_programme_refuses(programme: str) -> None:
    begins = max(value.since for book, _, value in ALL if book.programme == programme)
    assert assess(programme, {}, begins).on == begins
    with pytest.raises(NotInForce, match="才有"):
        assess(programme, {}, date.fromordinal(begins.toordinal() - 1))


@pytest.mark.parametrize("programme", PROGRAMMES)
def test_that_nobody_confirmed_a_rule_is_said_once(programme: str) -> None:
    notes = assess(programme, {}, date(2026, 1, 1)).notes
    assert sum("还没有人确认过" in note for note in notes) == 1


def written(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """The file of the training allowance with some changes."""
    text = (PARAMETERS / "training-allowance.yml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "training-allowance.yml"
    path.write_text(text, encoding="utf-8")
    return path


CONTRACT = "    description: 劳动合同至少多长\n    unit: months\n    last_confirmed_on: null\n"
QUOTE = "培训人员与企业签订6个月以上劳动合同的,政府部门按每人300元给予企业职业培训津贴"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    unit: months\n", "    unit: moons\n", "unit 只能是"),
        ("    unit: months\n", "    unit: months\n    source: x\n", "不认识的键:source"),
        ("        value: 6\n", "        value: 9\n", "引文里没有数字 9"),
        ("        value: 6\n", "        value: true\n", "clause"),
        ("        value: 6\n", "        value: null\n", "第一个值不能是 null"),
        ("sx-2018-38#16", "sx-2018-38#99", "没有这个条目:sx-2018-38#99"),
        ("签订6个月以上劳动合同的,政府", "签订 6 个月以上劳动合同的,政府", "原文里没有这句话"),
        ("2018-04-20", "2018-04-19", "开始日期早于文件日期"),
        ("    last_confirmed_on: null\n", "", "last_confirmed_on"),
        ("  - id: contract_term\n", "  - id: enterprise\n", "参数编号重复"),
        ("      2018-04-20:\n        value: 6", "      later:\n        value: 6", "按开始日期写"),
        ("        value: 6\n        reference:", "        value: 6\n        see:", "不认识的键:see"),
    ],
)
def test_a_mistake_in_a_parameter_file_is_reported_with_file_and_line(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    path = written(tmp_path, (old, new))
    with pytest.raises(DataError, match=re.escape(says)) as refused:
        load_rulebook(CORPUS, path)
    assert refused.value.path == str(path) and refused.value.line > 0


def test_a_quote_that_names_no_number_supports_none() -> None:
    assert "6" not in numbers_in("鼓励中小微企业与职业院校合作")


def later(value: str) -> str:
    """A second value for the contract term, from 2020 on."""
    reference = f'{{article: "sx-2018-38#16", quote: "{QUOTE}"}}'
    return f"\n      2020-01-01:\n        value: {value}\n        reference: {reference}\n"


def with_later(tmp_path: Path, value: str) -> Rulebook:
    first = f'        value: 6\n        reference: {{article: "sx-2018-38#16", quote: "{QUOTE}"}}\n'
    return load_rulebook(CORPUS, written(tmp_path, (first, first.rstrip("\n") + later(value))))


def test_a_value_holds_from_its_date_until_the_next_one(tmp_path: Path) -> None:
    book = with_later(tmp_path, "300")
    assert book.on(date(2019, 12, 31), 1).number("contract_term") == 6
    assert book.on(date(2020, 1, 1), 1).number("contract_term") == 300
    inputs = {"is_sme": True, "headcount": 1, "new_hire": True, "trained_with_school": True, "contract_months": 12}
    programme = TrainingAllowance()
    before, after = (
        programme.decide_roster(read_roster(inputs), book.on(day, 1)) for day in (date(2019, 1, 1), date(2021, 1, 1))
    )
    assert (before.amount, after.amount) == (300, 0)
    assert before.rule_version == after.rule_version


def test_after_a_repeal_the_programme_refuses(tmp_path: Path) -> None:
    book = with_later(tmp_path, "null")
    assert book.on(date(2019, 12, 31), 1).number("contract_term") == 6
    with pytest.raises(NotInForce, match="2020年1月1日起不再适用"):
        book.on(date(2020, 1, 1), 1)


def test_a_result_after_the_last_confirmation_says_so_in_one_line(tmp_path: Path) -> None:
    book = load_rulebook(CORPUS, written(tmp_path, ("last_confirmed_on: null", "last_confirmed_on: 2025-03-01")))
    assert not [note for note in book.on(date(2025, 3, 1), 1).notes if "确认" in note]
    assert [note for note in book.on(date(2025, 3, 2), 1).notes if "确认" in note] == [
        "这些规定最近一次确认有效是2025年3月1日,之后有没有变化没有确认。"
    ]


def test_the_rule_version_changes_with_the_parameters(tmp_path: Path) -> None:
    changed = load_rulebook(CORPUS, written(tmp_path, ("last_confirmed_on: null", "last_confirmed_on: 2025-03-01")))
    assert changed.digest != rulebooks()["training-allowance"].digest


def test_the_rules_page_has_every_programme_with_its_criteria_and_parameters() -> None:
    shown = {programme.id: programme for programme in rules_page()}
    assert list(shown) == list(PROGRAMMES)
    allowance = shown["training-allowance"]
    assert {c.label: c.number for c in allowance.conditions}["劳动合同期限"] == "6 个月"
    assert all(p.values[0].citation.quote for programme in shown.values() for p in programme.parameters)
    assert all(programme.notes and programme.office and programme.conditions for programme in shown.values())
