"""The three-valued logic: what follows from what, what is still worth asking, and what would have to change."""

import itertools
from datetime import date

import pytest

from policy_kb.rules import PROGRAMMES, Decision, InvalidInput, UnknownProgramme, assess, citations, explain, schema
from policy_kb.rules.engine import STATES, Criterion, Group, Node, State, all_of, any_of, remedies, undecided
from policy_kb.rules.inputs import InputField, plain
from policy_kb.rules.periods import last_day_of_term, last_day_within, length, months_of_term
from policy_kb.wording import Citation

DAY = date(2024, 6, 1)
CITED = Citation("sx-2018-38#16", "label", "quote", "url")


def leaf(
    id: str, state: State, *, ask: bool = True, fix: str | None = None, can_be: tuple[State, ...] = STATES
) -> Criterion:
    missing = (id,) if ask and state == "unknown" else ()
    return Criterion(id, id, state, None, None, None, CITED, None, (id,), missing, fix, "p", DAY, can_be)


def both(*members: Node) -> Group:
    return Group("g", "", "all", members)


def either(*members: Node) -> Group:
    return Group("g", "", "any", members)


def asked(node: Node) -> list[str]:
    return [criterion.id for criterion in undecided((node,))]


@pytest.mark.parametrize(("first", "second"), itertools.product(STATES, STATES))
def test_all_and_any_follow_three_valued_logic(first: State, second: State) -> None:
    order = ("not_met", "unknown", "met")
    assert all_of((first, second)) == min((first, second), key=order.index)
    assert any_of((first, second)) == max((first, second), key=order.index)


def test_what_is_unknown_in_an_open_group_is_asked_in_order() -> None:
    assert asked(both(leaf("a", "unknown"), leaf("b", "met"), leaf("c", "unknown"))) == ["a", "c"]


def test_nothing_is_asked_once_a_group_is_settled() -> None:
    assert asked(both(leaf("a", "unknown"), leaf("b", "not_met"))) == []
    assert asked(either(leaf("a", "unknown"), leaf("b", "met"))) == []


def test_an_alternative_that_is_settled_hides_its_own_unknowns_only() -> None:
    assert asked(both(either(leaf("a", "unknown"), leaf("b", "met")), leaf("c", "unknown"))) == ["c"]


def test_an_open_point_is_never_asked() -> None:
    assert asked(both(leaf("a", "unknown", ask=False))) == []


def test_beside_an_open_point_only_what_can_still_rule_it_out_is_asked() -> None:
    open_point = leaf("open", "unknown", ask=False)
    assert asked(both(open_point, leaf("a", "unknown"))) == ["a"]
    assert asked(both(open_point, leaf("a", "unknown", can_be=("met", "unknown")))) == []
    assert asked(either(open_point, leaf("a", "unknown", can_be=("not_met", "unknown")))) == []


def test_the_fewest_changes_are_found_and_what_cannot_change_is_none() -> None:
    short, long = leaf("short", "not_met", fix="x"), both(leaf("b", "not_met", fix="y"), leaf("c", "not_met", fix="z"))
    assert [c.id for c in remedies((either(long, short),)) or ()] == ["short"]
    assert [c.id for c in remedies((both(long, short),)) or ()] == ["b", "c", "short"]
    assert remedies((leaf("never", "not_met"),)) is None
    assert [c.id for c in remedies((either(leaf("never", "not_met"), short),)) or ()] == ["short"]


@pytest.mark.parametrize(
    ("start", "months", "last"),
    [
        (date(2023, 3, 1), 6, date(2023, 8, 31)),
        (date(2023, 8, 31), 6, date(2024, 2, 29)),
        (date(2022, 8, 31), 6, date(2023, 2, 28)),
        (date(2022, 8, 29), 6, date(2023, 2, 28)),
        (date(2022, 8, 28), 6, date(2023, 2, 27)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2023, 12, 1), 1, date(2023, 12, 31)),
        (date(2023, 1, 1), 12, date(2023, 12, 31)),
    ],
)
def test_the_last_day_of_a_term(start: date, months: int, last: date) -> None:
    assert last_day_of_term(start, months) == last
    assert months_of_term(start, last) == months


@pytest.mark.parametrize(
    ("start", "months", "last"),
    [
        (date(2023, 3, 1), 12, date(2024, 3, 1)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2023, 2, 28), 12, date(2024, 2, 28)),
        (date(2023, 8, 31), 6, date(2024, 2, 29)),
    ],
)
def test_the_last_day_of_a_time_limit_is_the_corresponding_day(start: date, months: int, last: date) -> None:
    assert last_day_within(start, months) == last


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (date(2023, 3, 1), date(2023, 8, 31), "6 个月"),
        (date(2023, 3, 1), date(2023, 8, 27), "5 个月零 27 天"),
        (date(2023, 3, 1), date(2023, 3, 4), "4 天"),
    ],
)
def test_the_length_of_a_term_in_words(start: date, end: date, words: str) -> None:
    assert length(start, end) == words


def headcount(**more: object) -> Decision:
    return assess("training-allowance", {"is_sme": True, "headcount": 8, **more}, DAY)


def test_an_explanation_opens_with_the_result_and_ends_with_who_decides() -> None:
    decision = headcount(
        new_hire=True, trained_with_school=True, contract_months=12, qualified_count=3, qualified_within_year=True
    )
    lines = explain(decision).split("\n")
    assert lines[0] == "按文件,可以领 3300 元:8 人各 300 元,其中 3 人再各 300 元。津贴是给企业的。"
    assert lines[-1].endswith("现在怎么执行,以主管部门的答复为准。") and "2018年" in lines[-1]
    assert any(line.startswith("问哪里:") and "12333" in line for line in lines)
    assert "3 人:每人 600 元" in lines and "5 人:每人 300 元" in lines
    assert sum("劳动合同期限" in line for line in lines) == 1


def test_the_explanation_of_a_result_that_does_not_apply_shows_no_shortfall() -> None:
    text = explain(
        assess("internship-posts", {"designated_size": "below", "technical_posts": 50, "intern_posts": 0}, DAY)
    )
    assert text.startswith("不适用") and "还差" not in text and "怎样能改变结果" not in text


def test_an_explanation_names_every_clause_to_the_item() -> None:
    inputs = {"applicant": "city_government", "field": "local", "standards": True, "siting": True, "built": True}
    text = explain(assess("base-application", inputs, DAY))
    assert "√ 申报路径:已建成,经评选后可直接授牌〔晋发改科教发〔2021〕453号 四（二）〕" in text
    assert text.count("依据2021年") == 1


def test_a_settled_result_is_not_explained_with_what_nobody_asked() -> None:
    text = explain(assess("base-fees", {"project": "staff_training"}, DAY))
    assert text.startswith("要收费") and "还不知道" not in text


def test_citations_name_each_clause_once_with_its_words() -> None:
    decision = headcount()
    cited = citations(decision)
    assert len(cited) == len(set(cited)) == 3
    assert {article for article, _ in cited} == {"sx-2018-38#16"}


def test_a_long_roster_is_explained_with_the_first_people_only() -> None:
    people = [{"name": f"员工{i}", "new_hire": i % 2 == 0} for i in range(40)]
    text = explain(assess("training-allowance", {"is_sme": True, "people": people}, DAY))
    assert "还有 30 项没有在这里列出。" in text and "员工9" in text and "员工10:" not in text


def test_an_unknown_programme_is_refused() -> None:
    with pytest.raises(UnknownProgramme, match="没有这项测算:pension"):
        assess("pension", {}, DAY)
    with pytest.raises(UnknownProgramme):
        schema("pension")


def test_every_mistake_is_reported_with_its_place() -> None:
    people = [{"new_hire": "yes"}, {"contract_start": "soon", "bonus": 1}]
    with pytest.raises(InvalidInput) as refused:
        assess("training-allowance", {"is_sme": 1, "people": people}, DAY)
    assert [error.field for error in refused.value.errors] == [
        "is_sme",
        "people[0].new_hire",
        "people[1].contract_start",
        "people[1].bonus",
    ]


@pytest.mark.parametrize("raw", [None, [], "x", 3])
@pytest.mark.parametrize("programme", PROGRAMMES)
def test_what_is_no_mapping_is_refused(programme: str, raw: object) -> None:
    with pytest.raises(InvalidInput, match="JSON 对象"):
        assess(programme, raw, DAY)  # type: ignore[arg-type]


def test_five_thousand_people_are_taken_and_one_more_is_refused() -> None:
    assert len(assess("training-allowance", {"is_sme": True, "people": [{}] * 5000}, DAY).people) == 5000
    with pytest.raises(InvalidInput, match="一次最多算 5000 人,现在有 5001 项"):
        assess("training-allowance", {"is_sme": True, "people": [{}] * 5001}, DAY)
    with pytest.raises(InvalidInput, match="现在一共 5001 人"):
        assess("training-allowance", {"is_sme": True, "people": [{"count": 5000}, {}]}, DAY)


@pytest.mark.parametrize("programme", PROGRAMMES)
def test_the_schema_names_every_input_in_chinese_and_no_other(programme: str) -> None:
    described = schema(programme)
    assert described["$schema"].startswith("http://json-schema.org/draft-07")
    assert described["additionalProperties"] is False
    names = {field.name for field in PROGRAMMES[programme].fields}
    assert set(described["properties"]) - {"people"} == names
    for shown in described["properties"].values():
        assert shown["title"] and "{" not in shown["description"]


def test_questions_carry_the_number_of_the_rule_they_ask_about() -> None:
    decision = headcount(new_hire=True, trained_with_school=True, contract_months=6, qualified_count=3)
    assert decision.next_input is not None
    assert "1 年内" in decision.next_input.question and "{" not in decision.next_input.question


@pytest.mark.parametrize("programme", PROGRAMMES)
def test_every_programme_says_what_law_it_is_and_whom_it_is_for(programme: str) -> None:
    known = PROGRAMMES[programme]
    assert "号" in (type(known).__doc__ or "") and known.audience and known.title and known.version >= 1
    assert all(field.question and field.label for field in known.fields)
    fields = {field.name for field in known.fields}
    if programme != "training-allowance":  # its people have fields of their own
        assert all(set(condition.inputs) <= fields for condition in known.conditions)


@pytest.mark.parametrize(
    ("kind", "raw", "says"),
    [
        ("boolean", 1, "是(true)或否(false)"),
        ("count", "8", "整数"),
        ("count", True, "整数"),
        ("amount", True, "数字"),
        ("amount", "NaN", "数字"),
        ("amount", "9" * 40, "数字"),
        ("amount", "0.001", "两位小数"),
        ("date", 20240301, "日期"),
        ("date", "1066-10-14", "1950 年到 2100 年"),
        ("choice", ["a"], "只能从这些里选"),
    ],
)
def test_an_answer_that_cannot_be_used_is_refused_by_the_name_of_its_field(kind: str, raw: object, says: str) -> None:
    field = InputField("x", kind, "这一项", "?")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="这一项") as refused:
        field.parse(raw)
    assert says in str(refused.value)


def test_amounts_are_written_plainly() -> None:
    field = InputField("x", "amount", "这一项", "?")
    assert [plain(field.parse(raw)) for raw in (3300, "3300.50", 0.1, "1E3")] == ["3300", "3300.5", "0.1", "1000"]
