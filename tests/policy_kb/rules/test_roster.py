"""A roster from upload to annotated workbook: real files in, and what the person who sent them gets back."""

import io
import json
import re
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import product

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_kb.corpus import load_corpus
from policy_kb.numbers import unsupported_numbers
from policy_kb.rules import NotInForce, assess
from policy_kb.rules.roster import ADDED, HIDDEN_NUMBER, Roster, annotated, assess_roster, read_roster, template
from policy_kb.rules.spreadsheet import SpreadsheetError
from tests.policy_kb.rules.test_spreadsheet import FORMULAS, made_by_excel

TODAY = date(2026, 11, 21)
HEADER = [
    "姓名",
    "是否新招聘",
    "是否与职业院校合作培训",
    "合同开始日期",
    "合同结束日期",
    "合同期限(月)",
    "取得证书或提升等级",
    "取得日期",
    "开始履行合同日期",
]
START, END = date(2026, 3, 1), date(2027, 2, 28)
BOTH = ["张三", "是", "是", START, END, None, "证书", date(2026, 9, 1), START]
FIRST = ["李四", "是", "是", START, END, None, "没有", None, START]
NONE = ["王五", "是", "否", START, END, None, "没有", None, START]
OPEN = ["赵六", "是", "是", None, None, None, None, None, None]
BAD = ["钱七", "是", "是", "去年春天", END, None, "没有", None, START]

Change = Callable[[openpyxl.Workbook], None]


def uploaded(*rows: Sequence[object], header: Sequence[object] = HEADER, change: Change | None = None) -> Roster:
    return read_roster(made_by_excel([header, *rows], change), "名单.xlsx")


def people(roster: Roster) -> list[dict[str, object]]:
    return [dict(row.person) for row in roster.rows]


def errors(roster: Roster) -> list[str]:
    return [error for row in roster.rows for error in row.errors]


def returned(roster: Roster, is_sme: bool | None = True) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(annotated(roster, assess_roster(roster, is_sme, TODAY))))


class TestResult:
    def test_the_sum_counts_what_is_certain_row_by_row(self) -> None:
        result = assess_roster(uploaded(BOTH, FIRST, NONE, OPEN), True, TODAY)
        assert [(row.number, row.outcome, row.amount) for row in result.rows] == [
            (2, "met", Decimal(600)),
            (3, "partial", Decimal(300)),
            (4, "not_met", Decimal(0)),
            (5, "unknown", Decimal(0)),
        ]
        assert result.total == Decimal(900)
        assert result.decision is not None and result.decision.amount_possible == Decimal(1500)

    def test_a_row_with_a_mistake_is_neither_due_nor_lost_and_the_sum_says_so(self) -> None:
        result = assess_roster(uploaded(BOTH, BAD, FIRST), True, TODAY)
        assert result.total == Decimal(900) and result.not_counted == (3,)
        assert "有 1 行有错误,没有算进去:第 3 行" in result.headline
        assert result.rows[1].errors == ("第 3 行“合同开始日期”:看不懂“去年春天”,请写成 2026-03-01 这样。",)
        assert result.rows[1].outcome is None and result.rows[1].amount is None

    def test_a_roster_with_nothing_but_mistakes_has_no_decision(self) -> None:
        roster = uploaded(BAD)
        result = assess_roster(roster, True, TODAY)
        assert result.decision is None and result.total == 0 and "没有一行能算" in result.headline
        assert annotated(roster, result)

    def test_answers_that_contradict_each_other_are_the_rows_mistake(self) -> None:
        backwards = [*BOTH[:3], END, START, *BOTH[5:]]
        two_lengths = [*BOTH[:5], 6, *BOTH[6:]]
        none_but_dated = [*FIRST[:7], START, START]
        result = assess_roster(uploaded(BOTH, backwards, FIRST, two_lengths, none_but_dated), True, TODAY)
        assert result.not_counted == (3, 5, 6) and result.total == Decimal(900)
        said = [error for row in result.rows for error in row.errors]
        assert [error[: error.index(":")] for error in said] == ["第 3 行", "第 5 行", "第 6 行"]
        assert "早于开始日期" in said[0] and "不一致" in said[1] and "没有证书" in said[2]
        assert not any("people[" in error or "张三" in error for error in said)

    @pytest.mark.parametrize(("is_sme", "outcome"), [(None, "unknown"), (False, "not_applicable"), (True, "met")])
    def test_the_size_of_the_firm_decides_for_all(self, is_sme: bool | None, outcome: str) -> None:
        roster = uploaded(BOTH)
        result = assess_roster(roster, is_sme, TODAY)
        assert result.rows[0].outcome == outcome
        assert returned(roster, is_sme)["名单和结果"]["J1"].value == "结果"

    def test_what_is_missing_is_named_by_the_columns_to_fill_in(self) -> None:
        row = assess_roster(uploaded(OPEN), None, TODAY).rows[0]
        for wanted in (
            "是不是中小微企业",
            "合同开始日期和合同结束日期(或合同期限(月))",
            "取得证书或提升等级",
            "开始履行合同日期",
        ):
            assert wanted in row.missing

    def test_who_can_still_qualify_is_told_until_when(self) -> None:
        assert "在2027年3月1日以前取得相应职业技能证书" in assess_roster(uploaded(FIRST), True, TODAY).rows[0].missing

    def test_the_reasons_name_what_speaks_against_it_and_the_clause(self) -> None:
        reasons = assess_roster(uploaded(NONE), True, TODAY).rows[0].reasons
        assert "第一笔津贴:不符合(和职业院校合作培训——否);第二笔津贴:要先符合第一笔" in reasons
        assert "晋政办发〔2018〕38号（十六）" in reasons

    def test_a_day_before_the_rule_began_is_refused(self) -> None:
        with pytest.raises(NotInForce):
            assess_roster(uploaded(BOTH), True, date(2018, 4, 19))

    def test_the_result_is_json_and_its_decision_can_be_made_again(self) -> None:
        told = json.loads(json.dumps(assess_roster(uploaded(BOTH, BAD), True, TODAY).as_dict()))
        assert told["total"] == "600" and told["counted"] == 1 and told["not_counted"] == [3]
        assert assess("training-allowance", told["decision"]["inputs"], TODAY).amount == Decimal(600)

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.integers(0, 4), min_size=1, max_size=12))
    def test_the_whole_is_the_sum_of_its_rows_in_any_order(self, picked: list[int]) -> None:
        kinds = [(BOTH, 600), (FIRST, 300), (NONE, 0), (OPEN, 0), (BAD, 0)]
        roster = uploaded(*(kinds[i][0] for i in picked))
        assert assess_roster(roster, True, TODAY).total == sum(kinds[i][1] for i in picked)


class TestHeader:
    @pytest.mark.parametrize(
        "header",
        [
            [
                "員工姓名",
                "是否新招聘人員",
                "是否參加校企合作培訓",
                "勞動合同開始日期",
                "勞動合同結束日期",
                "勞動合同期限（月）",
                "取得證書或提升等級",
                "取得證書日期",
                "上崗日期",
            ],
            [
                "姓 名*",
                "新员工(是/否)",
                "与职业院校合作开展培训",
                "合同起始日",
                "合同到期日",
                "合同月数",
                "取得证书或提升技能等级",
                "发证时间",
                "入职时间",
            ],
            [
                "姓　名（必填）",
                "是否新招聘?",
                "是否与职业院校合作培训:",
                "合同起始时间(必填)",
                "合同终止日期",
                "合同期(个月)",
                "取得职业技能证书或者提升一个技能等级",
                "取证日期",
                "履行合同日期",
            ],
            [
                "学员姓名",
                "是否属于新招聘",
                "校企合作培训",
                "合约开始日期",
                "合约终止时间",
                "签订劳动合同期限(月)",
                "取得证书或提升等级情况",
                "证书取得日期",
                "实际上岗日期",
            ],
        ],
    )
    def test_columns_are_found_by_many_names(self, header: list[str]) -> None:
        roster = uploaded(BOTH, header=header)
        assert people(roster) == people(uploaded(BOTH))
        assert assess_roster(roster, True, TODAY).total == Decimal(600)

    def test_order_is_free_and_other_columns_stay(self) -> None:
        header = ["序号", *reversed(HEADER), "备注"]
        roster = uploaded([1, *reversed(BOTH), "夜班"], header=header)
        assert people(roster) == people(uploaded(BOTH))
        assert [c.value for c in returned(roster)["名单和结果"][2]][:11:10] == [1, "夜班"]

    def test_title_lines_above_are_passed_over_and_rows_keep_their_numbers(self) -> None:
        title = [["2026 年培训津贴名单"], ["单位:某某厂", None, "联系电话:13800138000"], []]

        def merge(book: openpyxl.Workbook) -> None:
            book.active.merge_cells("A1:I1")

        roster = read_roster(made_by_excel([*title, HEADER, BAD, BOTH], merge), "a.xlsx")
        assert [row.number for row in roster.rows] == [5, 6] and errors(roster)[0].startswith("第 5 行")
        page = returned(roster)["名单和结果"]
        assert (page["A1"].value, page["A6"].value, page["J6"].value) == ("2026 年培训津贴名单", "张三", "两笔都符合")
        assert "A1:I1" in [str(m) for m in page.merged_cells.ranges] and page["C2"].value == HIDDEN_NUMBER

    def test_a_header_in_two_rows_is_understood(self) -> None:
        first = [
            "姓名",
            "是否新招聘",
            "是否与职业院校合作培训",
            "劳动合同",
            None,
            None,
            "取得证书或提升等级",
            "取得日期",
            "开始履行合同日期",
        ]
        second = [None, None, None, "开始日期", "结束日期", "期限(月)"]

        def merge(book: openpyxl.Workbook) -> None:
            book.active.merge_cells("D1:F1")
            for column in "ABCGHI":
                book.active.merge_cells(f"{column}1:{column}2")

        roster = read_roster(made_by_excel([first, second, BOTH], merge), "a.xlsx")
        assert roster.header == 2 and people(roster) == people(uploaded(BOTH))
        assert people(read_roster(annotated(roster, assess_roster(roster, True, TODAY)), "b.xlsx")) == people(roster)

    def test_a_file_without_a_header_is_told_which_ones_are_expected(self) -> None:
        with pytest.raises(SpreadsheetError, match="“姓名”、“是否新招聘”") as caught:
            read_roster(made_by_excel([["甲", "乙"], [1, 2]]), "a.xlsx")
        assert caught.value.code == "no_header"

    @pytest.mark.parametrize("rows", [[], [HEADER], [HEADER, [None, " ", "\u3000"], ["—"]]])
    def test_an_empty_roster_is_told_to_be_empty(self, rows: list[list[object]]) -> None:
        with pytest.raises(SpreadsheetError) as caught:
            read_roster(made_by_excel(rows), "a.xlsx")
        assert caught.value.code == "no_people"

    def test_of_two_columns_for_the_same_thing_the_one_that_is_not_used_is_named(self) -> None:
        roster = uploaded([*BOTH, date(2020, 1, 1)], header=[*HEADER, "入职日期"])
        assert people(roster) == people(uploaded(BOTH))
        assert any("“入职日期”(J 列)没有用" in note for note in roster.notes)

    def test_the_first_sheet_with_a_header_is_read_and_the_others_named(self) -> None:
        def more(book: openpyxl.Workbook) -> None:
            book.create_sheet("说明", 0).append(["怎么填"])
            book.create_sheet("二车间").append(HEADER)

        roster = uploaded(BOTH, change=more)
        assert len(roster.rows) == 1 and any("没有读:二车间" in note for note in roster.notes)


class TestRows:
    def test_totals_signatures_and_numbered_empty_rows_are_nobody(self) -> None:
        header = ["序号", *HEADER]
        roster = uploaded(
            [1, *BOTH], [2], [3], ["合计", "1 人"], [None, "填表人:王会计"], ["备注:以上属实"], header=header
        )
        assert [row.number for row in roster.rows] == [2]
        assert any("第 5—7 行不像是人员" in note for note in roster.notes)

    @pytest.mark.parametrize(
        ("column", "value", "said"),
        [
            (1, "可能吧", "第 2 行“是否新招聘”:看不懂“可能吧”,请写“是”或“否”。"),
            (4, "2026年2月30日", "第 2 行“合同结束日期”:看不懂“2026年2月30日”,没有这一天,请写成 2026-03-01 这样。"),
            (5, "180天", "第 2 行“合同期限(月)”:看不懂“180天”,按天数不能算成月,请写合同的开始日期和结束日期。"),
            (6, "正在考证", "第 2 行“取得证书或提升等级”:看不懂“正在考证”,请写“证书”“提升一级”或“没有”。"),
            (6, "是", "第 2 行“取得证书或提升等级”:看不懂“是”,请写“证书”“提升一级”或“没有”。"),
            (7, "x" * 500, "字太多了"),
            (8, "=TODAY()", "第 2 行“开始履行合同日期”是公式,它的结果不能用,请复制后“选择性粘贴”为数值。"),
            (0, '=HYPERLINK("http://127.0.0.1","张三")', "第 2 行“姓名”是公式"),
        ],
    )
    def test_a_mistake_names_row_and_column_and_what_to_write(self, column: int, value: str, said: str) -> None:
        row = [*BOTH]
        row[column] = value
        roster = uploaded(row, FIRST)
        assert len(errors(roster)) == 1 and said in errors(roster)[0]
        assert assess_roster(roster, True, TODAY).total == Decimal(300)

    def test_several_mistakes_in_a_row_are_told_at_once(self) -> None:
        assert len(errors(uploaded(["张三", "?吧", "嗯", "昨天", END, None, "没有", None, START]))) == 3

    def test_an_empty_cell_is_not_asked_yet_and_not_knowing_is_an_answer(self) -> None:
        person = people(uploaded(["张三", "不知道", None, "/", "—", None, None, None, None]))[0]
        assert person == {"name": "张三", "new_hire": None}

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("证书", "certificate"),
            ("電工證", "certificate"),
            ("已取得中级焊工证书", "certificate"),
            ("提升一级", "grade_up"),
            ("技能等级提升一级", "grade_up"),
            ("没有", "none"),
            ("无", "none"),
            ("×", "none"),
            ("未取得证书", "none"),
        ],
    )
    def test_certificate_and_grade_are_told_apart(self, written: str, meant: str) -> None:
        assert people(uploaded([*FIRST[:6], written, None, START]))[0]["qualification"] == meant

    @pytest.mark.parametrize(
        ("certificate", "grade", "meant"),
        [
            ("是", "否", "certificate"),
            ("否", "√", "grade_up"),
            ("否", "无", "none"),
            ("否", None, None),
            (None, None, None),
            ("电工证", None, "certificate"),
        ],
    )
    def test_two_columns_say_none_only_together(
        self, certificate: str | None, grade: str | None, meant: str | None
    ) -> None:
        header = ["姓名", "是否新招聘", "是否取得证书", "是否提升等级"]
        assert people(uploaded(["张三", "是", certificate, grade], header=header))[0].get("qualification") == meant

    def test_a_term_in_one_cell_gives_both_dates_or_months(self) -> None:
        header = ["姓名", "是否新招聘", "合同期限"]
        roster = uploaded(
            ["张三", "是", "2026.3.1-2027.2.28"], ["李四", "是", "一年半"], ["王五", "是", 12], header=header
        )
        assert people(roster)[0] | {"name": 0, "new_hire": 0} == {
            "name": 0,
            "new_hire": 0,
            "contract_start": START,
            "contract_end": END,
        }
        assert people(roster)[1]["contract_months"] == 18
        assert "没有写是月还是年" in errors(roster)[0]

    def test_a_group_of_people_in_one_row_counts_as_many(self) -> None:
        roster = uploaded(["三车间", 8, *BOTH[1:]], header=["姓名", "人数", *HEADER[1:]])
        assert assess_roster(roster, True, TODAY).rows[0].amount == Decimal(4800)

    def test_one_value_for_several_rows_holds_for_all_but_a_name_does_not(self) -> None:
        def merge(book: openpyxl.Workbook) -> None:
            book.active.merge_cells("B2:B4")
            book.active.merge_cells("A3:A4")

        roster = uploaded(BOTH, [*FIRST[:1], None, *FIRST[2:]], [None, None, *FIRST[2:]], change=merge)
        assert [row.person["new_hire"] for row in roster.rows] == [True, True, True]
        assert [row.number for row in roster.rows if row.errors] == [3, 4]
        assert "第 3—4 行合并的一格" in errors(roster)[0]

    def test_a_block_across_columns_is_a_mistake(self) -> None:
        roster = uploaded(BOTH, change=lambda book: book.active.merge_cells("D2:E2"))
        assert "和旁边的列合并成了一格" in errors(roster)[0]

    def test_a_block_that_reaches_below_the_list_makes_nobody(self) -> None:
        roster = uploaded(BOTH, [None] * 9 + ["x"], change=lambda book: book.active.merge_cells("B2:B9"))
        assert [row.number for row in roster.rows] == [2]

    def test_people_of_the_same_name_are_pointed_out(self) -> None:
        assert any("第 2、4 行的姓名一样" in note for note in uploaded(BOTH, FIRST, BOTH).notes)

    def test_hidden_rows_count_and_are_named(self) -> None:
        def hide(book: openpyxl.Workbook) -> None:
            book.active.row_dimensions[3].hidden = True

        roster = uploaded(BOTH, FIRST, change=hide)
        assert len(roster.rows) == 2 and any("隐藏的行也算进去了:第 3 行" in note for note in roster.notes)

    def test_no_more_than_5000_people_at_once(self) -> None:
        line = "张三,是,是\n"
        assert len(read_roster(("姓名,是否新招聘,校企合作培训\n" + line * 5_000).encode(), "a.csv").rows) == 5_000
        with pytest.raises(SpreadsheetError, match=r"最多 5,000 行,这份有 5,001 行"):
            read_roster(("姓名,是否新招聘,校企合作培训\n" + line * 5_001).encode(), "a.csv")

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
    def test_a_text_file_gives_the_same_people(self, encoding: str) -> None:
        lines = [",".join("" if cell is None else str(cell) for cell in row) for row in (HEADER, BOTH, FIRST, OPEN)]
        assert people(read_roster("\r\n".join(lines).encode(encoding), "名单.csv")) == people(
            uploaded(BOTH, FIRST, OPEN)
        )


class TestPrivacy:
    @pytest.mark.parametrize(
        ("header", "value"),
        [
            ("身份证号", "14010119900101123X"),
            ("身份证号码", 140101199001011234),
            ("手机号", 13800138000),
            ("联系电话", "0351-1234567"),
            ("备注", "电话 138-0013-8000"),
            ("备注", "１３８００１３８０００"),
            ("开户行及账号", "62220000"),
            ("备注", "6222021234567890123"),
        ],
    )
    def test_numbers_that_name_a_person_are_neither_kept_nor_given_back(self, header: str, value: object) -> None:
        roster = uploaded([*BOTH, value], header=[*HEADER, header])
        page = returned(roster)["名单和结果"]
        assert page["J2"].value == HIDDEN_NUMBER and page["J1"].value == header
        assert str(value) not in repr(roster) and any("没有读取" in note for note in roster.notes)
        assert assess_roster(roster, True, TODAY).total == Decimal(600)

    def test_ordinary_numbers_and_dates_are_kept(self) -> None:
        roster = uploaded([*BOTH, 20260301, "2026030120260831", 4500.5], header=[*HEADER, "工号", "班次", "工资"])
        assert [c.value for c in returned(roster)["名单和结果"][2]][9:12:2] == [20260301, 4500.5]


class TestTemplate:
    def test_an_unchanged_template_holds_nobody(self) -> None:
        with pytest.raises(SpreadsheetError) as caught:
            read_roster(template(), "模板.xlsx")
        assert caught.value.code == "no_people"

    def test_a_filled_template_is_read_without_its_example(self) -> None:
        book = openpyxl.load_workbook(io.BytesIO(template()))
        for column, value in enumerate(BOTH, 1):
            book["名单"].cell(4, column, value)
        filled = io.BytesIO()
        book.save(filled)
        roster = read_roster(filled.getvalue(), "a.xlsx")
        assert people(roster) == people(uploaded(BOTH)) and any("第 3 行是示例" in note for note in roster.notes)

    def test_an_example_that_was_written_over_is_asked_about(self) -> None:
        book = openpyxl.load_workbook(io.BytesIO(template()))
        book["名单"]["B3"] = "否"
        changed = io.BytesIO()
        book.save(changed)
        assert "还写着“示例”" in errors(read_roster(changed.getvalue(), "a.xlsx"))[0]

    def test_it_has_every_column_with_drop_downs_and_an_explanation_with_the_clause(self) -> None:
        book = openpyxl.load_workbook(io.BytesIO(template()))
        page, explained = book["名单"], book["填写说明"]
        assert [c.value for c in page[2]] == HEADER
        lists = {str(v.sqref).partition(":")[0]: v.formula1 for v in page.data_validations.dataValidation}
        assert lists == {"B3": '"是,否"', "C3": '"是,否"', "G3": '"证书,提升一级,没有"'}
        text = "\n".join(str(c.value) for row in explained for c in row if c.value)
        assert all(title in text for title in HEADER)
        assert "按每人300元给予企业职业培训津贴" in text and "晋政办发〔2018〕38号" in text

    def test_every_choice_it_offers_is_understood(self) -> None:
        book = openpyxl.load_workbook(io.BytesIO(template()))
        options = {
            str(v.sqref)[0]: v.formula1.strip('"').split(",") for v in book["名单"].data_validations.dataValidation
        }
        for new, trained, obtained in product(options["B"], options["C"], options["G"]):
            assert not errors(uploaded(["张三", new, trained, START, END, None, obtained, None, START]))


class TestAnnotated:
    def test_every_row_comes_back_at_its_place_with_its_result(self) -> None:
        book = returned(uploaded(BOTH, BAD, OPEN, ["合计"]))
        rows = [[c.value for c in row] for row in book["名单和结果"]]
        assert rows[0] == [*HEADER, *ADDED]
        assert rows[1][0] == "张三" and rows[1][9:11] == ["两笔都符合", 600]
        assert rows[2][3] == "去年春天" and rows[2][9] == "没有算" and rows[2][10] is None and "看不懂" in rows[2][13]
        assert rows[3][9] == "还不能确定" and rows[3][12].startswith("要补:")
        assert rows[4][0] == "合计" and rows[4][9:] == [None] * 5
        assert book["名单和结果"]["D2"].is_date and book["名单和结果"]["K2"].data_type == "n"

    def test_the_summary_has_sum_conditions_clauses_day_version_and_who_decides(self) -> None:
        text = "\n".join(
            str(c.value) for row in returned(uploaded(BOTH, BAD))["汇总"] for c in row if c.value is not None
        )
        for part in (
            "合计(元)\n600",
            "有 1 行有错误",
            "2026年11月21日",
            "规则版本",
            "劳动合同期限",
            "以主管部门的答复为准",
            "没有写是哪个部门",
        ):
            assert part in text
        assert "“培训人员与企业签订6个月以上劳动合同的,政府部门按每人300元给予企业职业培训津贴”" in text

    def test_every_number_of_the_reasons_comes_from_the_clause_or_the_row(self) -> None:
        clause = load_corpus().articles["sx-2018-38#16"].text
        for row in assess_roster(uploaded(BOTH, FIRST, NONE, OPEN), True, TODAY).rows:
            said = re.sub(r"\d+年\d+月\d+日|晋政办发〔2018〕38号（十六）", "", row.reasons + row.missing)
            assert unsupported_numbers(said, [clause, "12 个月"]) == set()

    @pytest.mark.parametrize("text", FORMULAS)
    def test_what_looks_like_a_formula_comes_back_as_text(self, text: str) -> None:
        def as_text(book: openpyxl.Workbook) -> None:
            for place in ("A2", "J2", "J1"):
                cell = book.active[place]
                cell.value = "x"
                cell._value = text.replace("\x00", "")  # openpyxl itself would make a formula of it

        book = returned(uploaded([*BOTH, "x"], header=[*HEADER, "备注"], change=as_text))
        for page in book:
            for row in page:
                for cell in row:
                    assert cell.data_type != "f"
                    assert not str(cell.value).lstrip().startswith(("=", "+", "@", "＝", "＋", "＠", "－"))

    def test_formulas_of_other_columns_come_back_as_text_and_do_no_harm(self) -> None:
        roster = uploaded([*BOTH, "=ROW()-1"], header=[*HEADER, "序号"])
        assert assess_roster(roster, True, TODAY).total == Decimal(600)
        assert returned(roster)["名单和结果"]["J2"].value == "〔公式〕=ROW()-1"
        assert any("公式没有计算" in note for note in roster.notes)

    def test_a_corrected_workbook_can_be_sent_again(self) -> None:
        book = returned(uploaded(BOTH, BAD))
        book["名单和结果"]["D3"] = START
        corrected = io.BytesIO()
        book.save(corrected)
        roster = read_roster(corrected.getvalue(), "a.xlsx")
        assert assess_roster(roster, True, TODAY).total == Decimal(900) and not errors(roster)
        assert [c.value for c in returned(roster)["名单和结果"][1]] == [*HEADER, *ADDED]

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.lists(
                st.one_of(
                    st.none(),
                    st.sampled_from(
                        ["是", "否", "不知道", "证书", "没有", "合计", "示例", "=1", "13800138000", "—", "去年"]
                    ),
                    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
                    st.integers(-5, 60_000),
                    st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=8),
                ),
                min_size=9,
                max_size=11,
            ),
            min_size=1,
            max_size=6,
        )
    )
    def test_any_roster_is_read_the_same_once_it_came_back(self, rows: list[list[object]]) -> None:
        try:
            roster = uploaded(*rows)
        except SpreadsheetError as error:
            assert error.code == "no_people"
            return
        result = assess_roster(roster, True, TODAY)
        again = assess_roster(read_roster(annotated(roster, result), "a.xlsx"), True, TODAY)
        assert [(r.number, r.outcome, r.amount) for r in again.rows] == [
            (r.number, r.outcome, r.amount) for r in result.rows
        ]
        assert again.total == result.total


def test_5000_rows_take_less_than_5_seconds() -> None:
    """Read, assessed and annotated; processor time, so that a busy machine does not matter."""
    rows = []
    for i in range(5_000):
        start = START + timedelta(days=i % 300)
        rows.append(
            [
                f"员工{i}",
                "是" if i % 7 else "否",
                "√",
                start if i % 2 else f"{start:%Y.%m.%d}",
                start + timedelta(days=364),
                None,
                ["证书", "没有", "提升一级"][i % 3],
                None,
                start,
                f"备注{i}",
            ]
        )
    data = made_by_excel([[*HEADER, "备注"], *rows])
    began = time.process_time()
    roster = read_roster(data, "a.xlsx")
    result = assess_roster(roster, True, TODAY)
    workbook = annotated(roster, result)
    assert time.process_time() - began < 5
    assert len(result.rows) == 5_000 and not result.not_counted and len(workbook) < 2_000_000
