"""The roster of the training allowance as a spreadsheet: the template to fill in, a filled one read and assessed, and given back annotated.

A row with a mistake counts neither as due nor as lost: it is listed with row, column and what to write instead, and the rest counts.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any, Literal

from policy_kb.rules.cells import as_shown, fold, is_blank, is_unknown, read_count, read_day, read_term, read_yes_no
from policy_kb.rules.engine import (
    Criterion,
    Decision,
    Node,
    Outcome,
    PersonDecision,
    State,
    leaves,
    remedies,
    undecided,
)
from policy_kb.rules.inputs import InvalidInput, plain
from policy_kb.rules.parameters import Rules, rulebooks, rules_on
from policy_kb.rules.periods import chinese_date
from policy_kb.rules.programmes.training_allowance import MOST_ENTRIES, PERSON_FIELDS, SUMMARY_FIELDS, TrainingAllowance
from policy_kb.rules.spreadsheet import (
    Block,
    Cell,
    Formula,
    Look,
    NewSheet,
    Row,
    Sheet,
    SpreadsheetError,
    Value,
    Workbook,
    column_letters,
    read,
    write,
)
from policy_kb.wording import AUTHORITY_DECIDES

PROGRAMME = TrainingAllowance()
HEADER_WITHIN = 30  # rows with something in them, at the top of a sheet
LONGEST_HEADER, LONGEST_ANSWER, LONGEST_NAME = 60, 100, 100  # characters
ADDED = ("结果", "金额(元)", "原因与条款", "还缺什么", "错误")
HIDDEN_NUMBER = "〔号码没有读取〕"
FORMULA_MARK = "〔公式〕"  # before the text of a formula in an annotated workbook
EXAMPLE_MARK = "示例"

# Columns of numbers that name a person, and such numbers wherever they stand: mobile phones, ID and bank card numbers.
_PRIVATE_HEADER = re.compile(r"身份证|证件号|手机|电话|联系方式|微信|银行|卡号|账号|社保号|社会保障号")
_PRIVATE = re.compile(r"(?<!\d)(1[3-9]\d[ -]?\d{4}[ -]?\d{4}|\d{17}[\dXx]|\d{15,19})(?!\d)")
_FOOTER = re.compile(r"(合计|总计|小计|共计|填表|制表|审核|经办|负责人|备注|说明|注)($|[:：人\d])")
Kind = Literal["name", "count", "yes_no", "day", "term", "qualification", "obtained"]


@dataclass(frozen=True)
class Column:
    """A column that is understood: the field of a person it fills, what its header may be called, and how the template shows it."""

    field: str
    title: str
    kind: Kind
    called: re.Pattern[str]
    help: str = ""
    choices: tuple[str, ...] = ()
    width: float = 16
    in_template: bool = True


def _column(field: str, title: str, kind: Kind, called: str, **more: Any) -> Column:
    return Column(field, title, kind, re.compile(called), **more)


_YES_NO = ("是", "否")
_QUALIFICATIONS = {"证书": "certificate", "提升一级": "grade_up", "没有": "none"}
COLUMNS = (
    _column(
        "name",
        "姓名",
        "name",
        "(员工|职工|人员|学员|学徒|工人|劳动者|参训人员|培训人员|新招聘人员)?(姓名|名字)",
        help="可以不填,用来认出是谁。",
        width=14,
    ),
    _column("count", "人数", "count", "人数", in_template=False),
    _column(
        "new_hire",
        "是否新招聘",
        "yes_no",
        "(是否|是不是)?(属于|为)?新(招[聘用]?|录用|入职|聘|进)?(的)?(员工|人员|职工)?",
        choices=_YES_NO,
    ),
    _column(
        "trained_with_school",
        "是否与职业院校合作培训",
        "yes_no",
        "(是否|是不是)?(参加|接受)?(了)?[与和]?(职业院校|职业学校|职校|院校|学校|校企)(联合|合作)(开展)?(的)?(职业|岗前|新员工)?培训",
        choices=_YES_NO,
        width=24,
    ),
    _column("contract_start", "合同开始日期", "day", "(劳动)?合[同约](期限?)?(的)?(开始|起始|起|生效)(日期?|时间)?"),
    _column(
        "contract_end", "合同结束日期", "day", "(劳动)?合[同约](期限?)?(的)?(结束|终止|到期|截止|届满|止)(日期?|时间)?"
    ),
    _column(
        "contract_months",
        "合同期限(月)",
        "term",
        "(签订|签)?(的)?(劳动)?合[同约](签订)?(期限?|时长|月数|年限|年数|起止|起讫|期间)(日期|时间)?",
        help="写了开始、结束日期就不用填。",
    ),
    _column(
        "qualification",
        "取得证书或提升等级",
        "qualification",
        "(是否)?(取得|获得)?(职业)?(技能)?证书(或者?|/)?(提升|晋升)?(一个)?(职业)?(技能)?等级(的)?(情况)?",
        choices=tuple(_QUALIFICATIONS),
        width=22,
    ),
    _column(
        "certificate",
        "是否取得证书",
        "obtained",
        "(是否|有无)?(已)?(取得|获得|考取|持有)?(了)?(相应)?(的)?(职业)?(资格|技能)?(等级)?证书?(情况)?",
        in_template=False,
    ),
    _column(
        "grade_up",
        "是否提升等级",
        "obtained",
        "(是否)?(职业)?(技能)?(等级)?(是否)?(提升|晋升|晋级|升级)(了)?(一级|一个(技能)?等级|(技能)?等级)?",
        in_template=False,
    ),
    _column(
        "qualified_on",
        "取得日期",
        "day",
        "(证书|等级)?(取得|获得|取证|发证|领证|获证|颁发|核发|提升|晋升|升级|晋级)(证书|等级|证书或者?提升等级)?(的)?(日期|时间)|证书日期",
    ),
    _column(
        "performing_since",
        "开始履行合同日期",
        "day",
        "(开始)?(履行|执行)(劳动)?(合[同约])?(开始|起始)?(的)?(日期|时间)|(实际)?(上岗|到岗|入职|用工|报到)(日期|时间)",
        width=20,
    ),
    _column(
        "qualified_within_year",
        "是否1年内取得",
        "yes_no",
        "(是否|是不是)?(在)?(履行)?(劳动)?(合同)?(后)?[1一]年(以|之)?内(取得|取证|获得|提升).*",
        in_template=False,
    ),
)
EXAMPLE: Mapping[str, Value] = {
    "name": f"{EXAMPLE_MARK}:王小明",
    "new_hire": "是",
    "trained_with_school": "是",
    "contract_start": date(2026, 3, 1),
    "contract_end": date(2027, 2, 28),
    "qualification": "证书",
    "qualified_on": date(2026, 9, 10),
    "performing_since": date(2026, 3, 1),
}


# A column that is understood, its place, its header as written, and the unit in brackets (月, 年 or nothing).
Found = tuple[Column, int, str, str]


@dataclass(frozen=True)
class RosterRow:
    """A row that is about a person: its number in the sheet, the engine's input, and what could not be read. No person, if anything."""

    number: int
    person: Mapping[str, Any]
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Roster:
    """A roster as it was read. `sheet` holds its own cells, without numbers that name a person; `notes` is what the user should know."""

    sheet: Sheet
    header: int
    rows: tuple[RosterRow, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class RowResult:
    """What came out for a row. `amount` in yuan: what is certain for its people; None where the row was not counted or does not apply."""

    number: int
    name: str | None
    outcome: Outcome | None
    amount: Decimal | None
    reasons: str
    missing: str
    errors: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "row": self.number,
            "name": self.name,
            "outcome": self.outcome,
            "amount": None if self.amount is None else plain(self.amount),
            "reasons": self.reasons,
            "missing": self.missing,
            "errors": list(self.errors),
        }


@dataclass(frozen=True)
class RosterResult:
    """A whole roster assessed. `decision` is None when no row could be counted; `total` in yuan: what is certain."""

    decision: Decision | None
    rows: tuple[RowResult, ...]
    total: Decimal
    rules: Rules
    notes: tuple[str, ...]

    @property
    def not_counted(self) -> tuple[int, ...]:
        """The numbers of the rows with a mistake."""
        return tuple(row.number for row in self.rows if row.errors)

    @property
    def headline(self) -> str:
        """The sum in a sentence, and how many rows are not in it."""
        said = self.decision.headline if self.decision else "没有一行能算。"
        left = self.not_counted
        return f"{said}有 {len(left)} 行有错误,没有算进去:{_numbers(left)}。" if left else said

    def as_dict(self) -> dict[str, Any]:
        """For JSON. The decision is without its list of people: they are in `rows`."""
        decision = None if self.decision is None else replace(self.decision, people=()).as_dict()
        return {
            "headline": self.headline,
            "total": plain(self.total),
            "counted": len(self.rows) - len(self.not_counted),
            "not_counted": list(self.not_counted),
            "rows": [row.as_dict() for row in self.rows],
            "notes": list(self.notes),
            "decision": decision,
        }


# -- reading -------------------------------------------------------------------------------------------------------


def read_roster(data: bytes, filename: str) -> Roster:
    """The roster in an .xlsx or .csv file. Raises SpreadsheetError, besides those of `spreadsheet.read`: no_header, no_people, too_many_rows."""
    workbook = read(data, filename)
    sheet, header = _find_header(workbook)
    sheet = _without_added(sheet, header)
    sheet, masked = _without_private(sheet, header)
    columns, notes = _columns(sheet, header)
    notes = [*workbook.notes, *notes]
    if masked:
        notes.append("名单里的手机号、身份证号、银行卡号没有读取,也不会留下。算津贴用不到,下次可以先删掉。")
    others = [other.name for other in workbook.sheets if other.name != sheet.name and _best_header(other) is not None]
    if others:
        notes.append(f"只读了工作表“{sheet.name}”,没有读:{'、'.join(others[:5])}。")
    rows = tuple(_rows(sheet, header, columns, notes))
    if not rows:
        raise SpreadsheetError("no_people", "名单里还没有人:表头下面没有填内容(示例那一行不算)。")
    if len(rows) > MOST_ENTRIES:
        raise SpreadsheetError(
            "too_many_rows", f"人数太多:一次最多 {MOST_ENTRIES:,} 行,这份有 {len(rows):,} 行。请分成几个文件。"
        )
    hidden = [row.number for row in rows if row.number in sheet.hidden_rows]
    if hidden:
        notes.append(f"隐藏的行也算进去了:{_numbers(hidden)}。")
    if any(_is_formula(value) for row in sheet.rows.values() for value in row.values()):
        notes.append("公式没有计算,结果文件里只保留公式的文字。")
    notes.extend(_namesakes(rows))
    return Roster(sheet, header, rows, tuple(notes))


def _find_header(workbook: Workbook) -> tuple[Sheet, int]:
    for sheet in workbook.sheets:
        header = _best_header(sheet)
        if header is not None:
            return sheet, header
    if not any(sheet.rows for sheet in workbook.sheets):
        raise SpreadsheetError("no_people", "表格是空的,没有任何内容。")
    wanted = "、".join(f"“{column.title}”" for column in COLUMNS if column.in_template)
    raise SpreadsheetError("no_header", f"没有找到表头。请下载模板填写,或者在第一行写上这些列名(不用全写):{wanted}。")


def _best_header(sheet: Sheet) -> int | None:
    """The row with most headers that are understood, at least two; the first of equals, and of merged rows the last."""
    best, most = None, 1
    for number in list(sheet.rows)[:HEADER_WITHIN]:
        found = list(_understood(sheet, number))
        fields = len({column.field for column, *_ in found})
        if fields > most:
            blocks = [sheet.block_of[number, place] for _, place, *_ in found if (number, place) in sheet.block_of]
            best, most = max([number, *(block.bottom for block in blocks)]), fields
    return best


def _understood(sheet: Sheet, header: int) -> Iterator[Found]:
    """The columns that a header row names.

    A header may stand in two rows, 合同 across two columns above 开始日期 and 结束日期.
    """
    for place in range(sheet.width):
        value = sheet.value(header, place)
        if not isinstance(value, str) or len(value) > LONGEST_HEADER:
            continue
        above = sheet.block_of.get((header - 1, place))
        over = (
            sheet.value(header - 1, place)
            if above and above.left < above.right and above.bottom == header - 1
            else None
        )
        for title in (f"{over}{value}", value) if isinstance(over, str) else (value,):
            text, unit = _header_text(title)
            column = next((c for c in COLUMNS if c.called.fullmatch(text)), None)
            if column is not None:
                yield column, place, value, unit
                break


def _header_text(title: str) -> tuple[str, str]:
    text = fold(title)
    unit = re.search(r"[(（\[](?:单位[:：]?)?个?(月|年)[)）\]]|(月|年)数|(年)限", text)
    bare = re.sub(r"[(（\[【].*?[)）\]】]|[*:：_、,。.\"“”‘’?？-]|必填|选填", "", text)
    return bare, next((part for part in unit.groups() if part), "") if unit else ""


def _columns(sheet: Sheet, header: int) -> tuple[list[Found], list[str]]:
    """The columns to read, one for a field; of several the one with the template's title, otherwise the first."""
    notes = []
    chosen: dict[str, Found] = {}
    for found in _understood(sheet, header):
        column, _, title, _ = found
        other = chosen.get(column.field)
        if other is None:
            chosen[column.field] = found
            continue
        keep, leave = (found, other) if title == column.title != other[2] else (other, found)
        chosen[column.field] = keep
        notes.append(
            f"“{leave[2]}”({column_letters(leave[1])} 列)没有用,“{column.title}”用的是 {column_letters(keep[1])} 列。"
        )
    return list(chosen.values()), notes


def _without_added(sheet: Sheet, header: int) -> Sheet:
    """The sheet without the columns that `annotated` added to it before, so that a corrected workbook can be uploaded again."""
    titles = sheet.rows.get(header, {})
    first = next((c for c in titles if tuple(titles.get(c + i) for i in range(len(ADDED))) == ADDED), None)
    if first is None:
        return sheet
    added = range(first, first + len(ADDED))
    return replace(sheet, rows={n: {c: v for c, v in row.items() if c not in added} for n, row in sheet.rows.items()})


def _without_private(sheet: Sheet, header: int) -> tuple[Sheet, bool]:
    """The sheet without numbers that name a person, and whether there were any."""
    titles = {column: sheet.value(header, column) for column in range(sheet.width)}
    private = {column for column, title in titles.items() if title is not None and _PRIVATE_HEADER.search(fold(title))}
    rows, masked = dict(sheet.rows), False
    for number, row in sheet.rows.items():
        hidden = {c: HIDDEN_NUMBER for c, v in row.items() if (c in private and number > header) or _holds_number(v)}
        if hidden:
            rows[number], masked = row | hidden, True
    return replace(sheet, rows=rows), masked


def _holds_number(value: Value) -> bool:
    if isinstance(value, str | Formula):
        text = as_shown(value)
        return len(text) >= 11 and bool(_PRIVATE.search(text.translate(_PLAIN_DIGITS)))
    return isinstance(value, int | float) and abs(value) >= 10**10 and bool(_PRIVATE.search(as_shown(value)))


_PLAIN_DIGITS = str.maketrans("０１２３４５６７８９", "0123456789")


def _rows(sheet: Sheet, header: int, columns: Sequence[Found], notes: list[str]) -> Iterator[RosterRow]:
    """The rows about people; what was passed over goes into `notes`.

    A row that has something of its own in none of these columns is about nobody, even where a merged block reaches into it.
    """
    examples, others = [], []
    for number, own in sheet.rows.items():
        if number <= header:
            continue
        written = [value for value in own.values() if not is_blank(value)]
        if not any(place in own and not is_blank(own[place]) for _, place, *_ in columns) or _FOOTER.match(
            fold(written[0])
        ):
            if any(isinstance(value, str) for value in written):
                others.append(number)
            continue
        row = _person(sheet, number, columns)
        if EXAMPLE_MARK in row.person.get("name", ""):
            if row.person == _example():
                examples.append(number)
                continue
            still = f"第 {number} 行还写着“{EXAMPLE_MARK}”:是真人就把这两个字删掉,不是就删掉这一行。"
            row = replace(row, errors=(still, *row.errors))
        yield row
    if examples:
        notes.append(f"{_numbers(examples)}是示例,没有算。")
    if others:
        notes.append(f"{_numbers(others)}不像是人员,没有算。")


@lru_cache(maxsize=1)
def _example() -> Mapping[str, Any]:
    """What the template's example is read as."""
    row = {place: EXAMPLE[column.field] for place, column in enumerate(COLUMNS) if column.field in EXAMPLE}
    return _person(
        Sheet("", {1: row}), 1, [(column, place, column.title, "") for place, column in enumerate(COLUMNS)]
    ).person


def _person(sheet: Sheet, number: int, columns: Sequence[Found]) -> RosterRow:
    """One row. An empty cell is a question not answered yet, 不知道 an answer; neither is replaced by a default."""
    person: dict[str, Any] = {}
    errors: list[str] = []
    for column, place, title, unit in columns:
        value = sheet.value(number, place)
        if value is None or is_blank(value):
            continue
        where = f"第 {number} 行“{_short(title)}”"
        wrong = _merged(sheet.block_of.get((number, place)), column, columns)
        if wrong:
            errors.append(f"{where}{wrong}")
        elif _is_formula(value):
            errors.append(f"{where}是公式,它的结果不能用,请复制后“选择性粘贴”为数值。")
        elif column.kind != "name" and is_unknown(value):
            person[column.field] = None
        else:
            try:
                person |= _read_cell(column, value, unit, sheet)
            except ValueError as error:
                errors.append(f"{where}:看不懂“{_short(as_shown(value))}”,{error}。")
    try:
        _settle_qualification(person)
    except ValueError as error:
        errors.append(f"第 {number} 行:{error}。")
    return RosterRow(number, person, tuple(errors))


def _is_formula(value: Value) -> bool:
    return isinstance(value, Formula) or (isinstance(value, str) and value.startswith(FORMULA_MARK))


def _merged(block: Block | None, column: Column, columns: Sequence[Found]) -> str:
    """What is wrong with a merged block in a person's row. One value for several rows is fine, unless it is the name."""
    if block is None:
        return ""
    if sum(block.left <= place <= block.right for _, place, *_ in columns) > 1:
        return "和旁边的列合并成了一格,请取消合并,分开填。"
    if column.kind == "name" and block.bottom > block.top:
        return f"是第 {block.top}—{block.bottom} 行合并的一格。一行只写一个人,请取消合并。"
    return ""


def _read_cell(column: Column, value: Value, unit: str, sheet: Sheet) -> dict[str, Any]:
    """The fields that a cell fills. Raises ValueError with what to write instead."""
    if column.kind == "name":
        return {"name": as_shown(value).strip().removeprefix("'")[:LONGEST_NAME]}
    if len(as_shown(value)) > LONGEST_ANSWER:
        raise ValueError("字太多了")
    if column.kind == "count":
        return {"count": read_count(value)}
    if column.kind == "yes_no":
        return {column.field: read_yes_no(value)}
    if column.kind == "term":
        term = read_term(value, unit)
        return (
            {"contract_months": term} if isinstance(term, int) else dict(zip(("contract_start", "contract_end"), term))
        )
    if column.kind == "qualification":
        return {"qualification": _qualification(value)}
    if column.kind == "obtained":
        return {column.field: _obtained(column.field, value)}
    if column.field == "qualified_on" and fold(value) in _NONE:
        return {}
    return {column.field: read_day(value, sheet)}


_NONE = {
    "无",
    "否",
    "没有",
    "暂无",
    "都没有",
    "未取得",
    "没取得",
    "没有取得",
    "无证书",
    "没有证书",
    "未取得证书",
    "未提升",
    "×",
    "✗",
    "✘",
}
_NOT_YET = re.compile(r"[无没未不否待拟将准计×]|打算|正在|报名|在考")
_CERTIFICATE = re.compile(r"[^,;。]{0,24}(证|证书)")
_GRADE_UP = re.compile(r"已?经?(职业)?(技能)?(等级)?(提升|晋升|升|晋)了?(一|1|一个|1个)(职业)?(技能)?(级|等级)")


def _qualification(value: Value) -> str:
    """certificate, grade_up or none. A bare 是 does not say which, where one column asks for both."""
    word = fold(value)
    if word in _QUALIFICATIONS:
        return _QUALIFICATIONS[word]
    if word in _NONE:
        return "none"
    if not _NOT_YET.search(word):
        if _CERTIFICATE.fullmatch(word):
            return "certificate"
        if _GRADE_UP.fullmatch(word):
            return "grade_up"
    raise ValueError("请写“证书”“提升一级”或“没有”")


def _obtained(field: str, value: Value) -> bool:
    """Whether there is the one thing that a column asks for: 是 or 否, or its name."""
    try:
        return read_yes_no(value)
    except ValueError:
        found = _qualification(value)
        if found not in (field, "none"):
            raise
        return found == field


def _settle_qualification(person: dict[str, Any]) -> None:
    """One answer from the columns that ask for certificate and grade apart: none only where both say so."""
    asked = {field: person.pop(field) for field in ("certificate", "grade_up") if field in person}
    has = next((field for field, answer in asked.items() if answer), None)
    if has is None and list(asked.values()) == [False, False]:
        has = "none"
    if has is None:
        return
    if person.get("qualification") not in (None, has):
        raise ValueError("证书和等级的几列互相矛盾")
    person["qualification"] = has


def _namesakes(rows: Iterable[RosterRow]) -> Iterator[str]:
    """People of the same name, which is not said: perhaps one person in two rows."""
    by_name: dict[str, list[int]] = {}
    for row in rows:
        if row.person.get("name"):
            by_name.setdefault(row.person["name"], []).append(row.number)
    repeated = [(name, numbers) for name, numbers in by_name.items() if len(numbers) > 1]
    for _, numbers in repeated[:5]:
        yield f"{_numbers(numbers)}的姓名一样:如果是同一个人,请只留一行。"
    if len(repeated) > 5:
        yield f"另外还有 {len(repeated) - 5} 个姓名出现了不止一次。"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 20 else f"{text[:20]}…"


def _numbers(rows: Sequence[int]) -> str:
    """第 3、5—9 行; of very many stretches the first."""
    stretches: list[list[int]] = []
    for number in rows:
        if stretches and stretches[-1][-1] == number - 1:
            stretches[-1].append(number)
        else:
            stretches.append([number])
    said = "、".join(str(s[0]) if len(s) == 1 else f"{s[0]}—{s[-1]}" for s in stretches[:20])
    return f"第 {said} 行" if len(stretches) <= 20 else f"第 {said} 等 {len(rows)} 行"


# -- assessing -----------------------------------------------------------------------------------------------------


def assess_roster(roster: Roster, is_sme: bool | None, on: date) -> RosterResult:
    """The people of the rows without a mistake, assessed together. `is_sme` is None while nobody has said. Raises NotInForce."""
    rules = rules_on(PROGRAMME.id, PROGRAMME.version, on)
    firm = {} if is_sme is None else {"is_sme": is_sme}
    errors = {row.number: row.errors for row in roster.rows if row.errors}
    decision = None
    while counted := [row for row in roster.rows if row.number not in errors]:
        try:
            decision = PROGRAMME.assess({**firm, "people": [row.person for row in counted]}, on)
            break
        except InvalidInput as error:
            errors |= _contradictions(error, counted)
    people = dict(zip((row.number for row in counted), decision.people)) if decision else {}
    results = (_result(row, errors.get(row.number, ()), people.get(row.number), decision) for row in roster.rows)
    total = Decimal(0) if decision is None else decision.amount or Decimal(0)
    return RosterResult(decision, tuple(results), total, rules, roster.notes)


def _contradictions(error: InvalidInput, rows: Sequence[RosterRow]) -> dict[int, tuple[str, ...]]:
    """What the engine found wrong, by row. Raises `error` again when it is about something else than a person."""
    found: dict[int, tuple[str, ...]] = {}
    for one in error.errors:
        match = re.match(r"people\[(\d+)\]", one.field)
        if match is None:
            raise error
        row = rows[int(match[1])]
        said = one.message.removeprefix(f"{row.person.get('name') or match[0]}:")
        found[row.number] = (*found.get(row.number, ()), f"第 {row.number} 行:{said}")
    return found


def _result(
    row: RosterRow, errors: tuple[str, ...], person: PersonDecision | None, decision: Decision | None
) -> RowResult:
    name = row.person.get("name")
    if errors or decision is None:
        return RowResult(row.number, name, None, None, "", "", errors)
    if person is None:
        return RowResult(row.number, name, decision.outcome, None, decision.headline, "", ())
    amount = person.amount * (person.count or 0)
    return RowResult(row.number, name, person.outcome, amount, _reasons(person), _missing(person), ())


def _reasons(person: PersonDecision) -> str:
    """Each allowance with what speaks against it, and the clauses."""
    first, second = person.criteria
    said = [_judged(first)]
    if first.state == "not_met":
        said.append(f"{second.label}:要先符合第一笔")
    elif first.state == "unknown" and second.state == "met":
        said.append(f"{second.label}:还要看第一笔")
    else:
        said.append(_judged(second))
    clauses = dict.fromkeys(criterion.citation.label for criterion in leaves(person.criteria))
    return f"{';'.join(said)}。依据:{'、'.join(clauses)}"


def _judged(node: Node) -> str:
    against = "、".join(_against(criterion) for criterion in leaves((node,)) if criterion.state == "not_met")
    return f"{node.label}:{_STATES[node.state]}{f'({against})' if against else ''}"


def _against(criterion: Criterion) -> str:
    details = ",".join(part for part in (criterion.value, criterion.margin) if part)
    return f"{criterion.label}——{details}" if details else criterion.label


def _missing(person: PersonDecision) -> str:
    """What is to be filled in, and what could still be done."""
    first, second = person.criteria
    relevant = (first,) if first.state == "not_met" else (first, second)
    wanted = dict.fromkeys(_wanted(criterion) for criterion in undecided(relevant))
    steps = remedies((first if first.state == "not_met" else second,)) or ()
    said = [f"要补:{'、'.join(wanted)}"] if wanted else []
    said += [f"还可以:{';'.join(step.fix or '' for step in steps)}"] if steps else []
    return "。".join(said)


def _wanted(criterion: Criterion) -> str:
    """The columns to fill in: two dates, or the template's column that will do instead of them."""
    short = [name for name in criterion.missing if name in ("contract_months", "qualified_within_year")]
    others = [name for name in criterion.missing if name not in short]
    if not others:
        return "、".join(map(_title, short))
    instead = [f"(或{_title(name)})" for name in short if name in _IN_TEMPLATE]
    return "和".join(map(_title, others)) + "".join(instead)


def _title(field: str) -> str:
    return _TITLES.get(field) or SUMMARY_FIELDS[field].label


_TITLES = {column.field: column.title for column in COLUMNS}
_IN_TEMPLATE = {column.field for column in COLUMNS if column.in_template}
_STATES: Mapping[State, str] = {"met": "符合", "not_met": "不符合", "unknown": "还不能确定"}
_OUTCOMES: Mapping[Outcome, str] = {
    "met": "两笔都符合",
    "partial": "只符合第一笔",
    "not_met": "不符合",
    "unknown": "还不能确定",
    "not_applicable": "不适用",
}


# -- writing -------------------------------------------------------------------------------------------------------


def annotated(roster: Roster, result: RosterResult) -> bytes:
    """The roster as an .xlsx file, each row at its place, with what came out beside it, and a sheet with the sum and its grounds."""
    return write([_annotated_rows(roster, result), _summary(result)])


def _annotated_rows(roster: Roster, result: RosterResult) -> NewSheet:
    sheet, first = roster.sheet, roster.sheet.width
    by_row = {row.number: row for row in result.rows}

    def rows() -> Iterator[tuple[int, Row]]:
        for number in sorted(sheet.rows.keys() | {roster.header}):
            own = {column: _kept(value) for column, value in sheet.rows.get(number, {}).items()}
            if number == roster.header:
                titles = {column: Cell(value, Look.HEADER) for column, value in own.items()}
                yield number, titles | {first + i: Cell(title, Look.RESULT_HEADER) for i, title in enumerate(ADDED)}
            elif number in by_row:
                yield number, own | {first + i: value for i, value in enumerate(_added(by_row[number])) if value != ""}
            else:
                yield number, own

    widths = {column: _width(roster, column) for column in range(first)}
    added = dict(zip(range(first, first + len(ADDED)), (14, 10, 50, 40, 50)))
    frozen = roster.header if roster.header <= 6 else 0
    return NewSheet("名单和结果", rows(), widths | added, sheet.blocks, frozen)


def _kept(value: Value) -> Value:
    return f"{FORMULA_MARK}{value.text}" if isinstance(value, Formula) else value


def _added(row: RowResult) -> tuple[Value | Cell, ...]:
    outcome = "没有算" if row.outcome is None else _OUTCOMES[row.outcome]
    amount = "" if row.amount is None else row.amount
    return (outcome, amount, row.reasons, row.missing, " ".join(row.errors))


def _width(roster: Roster, column: int) -> float:
    """Wide enough for the header and the first rows below it, a Chinese character counting two."""
    rows = (row for number, row in roster.sheet.rows.items() if number >= roster.header)
    shown = (as_shown(row[column])[:40] for row in islice(rows, 60) if column in row)
    longest = max((sum(2 if ord(c) > 0x2E7F else 1 for c in text) for text in shown), default=0)
    return min(max(longest + 2, 8), 40)


def _summary(result: RosterResult) -> NewSheet:
    decision, rules = result.decision, result.rules
    lines: list[tuple[Value | Cell | None, ...]] = [(Cell(f"{PROGRAMME.title}:名单核算结果", Look.TITLE),), ()]

    def section(title: str, texts: Iterable[str]) -> None:
        for i, text in enumerate(texts):
            lines.append((Cell(title, Look.HEADER) if i == 0 else None, Cell(text, Look.WRAPPED)))

    lines.append((Cell("合计(元)", Look.HEADER), Cell(result.total, Look.MONEY)))
    if decision and decision.amount_possible not in (None, result.total):
        lines.append((Cell("最多可能(元)", Look.HEADER), Cell(decision.amount_possible, Look.MONEY)))
    section("结论", [result.headline])
    section("核算日期", [chinese_date(rules.on)])
    section("规则版本", [rules.version])
    if decision:
        section("人数", map(str, decision.facts))
        section("企业", (f"{c.label}:{c.value or '没有填'}" for c in leaves(decision.criteria)))
        section("怎么改变结果", (change.text for change in decision.changes))
    section("条件", (f"{condition.label}:{condition.about}" for condition in PROGRAMME.conditions))
    section("条款原文", _quotes(rules))
    known = (*decision.notes, *decision.open_points) if decision else (*rules.notes, *PROGRAMME.open_points)
    section("说明", [*result.notes, *known, PROGRAMME.office])
    section("提醒", [AUTHORITY_DECIDES])
    return NewSheet("汇总", ((n, dict(enumerate(line))) for n, line in enumerate(lines, 1)), {0: 18, 1: 100})


def _quotes(rules: Rules) -> Iterator[str]:
    """Every clause that counts, with its words."""
    citations = (rule.value.citation for rule in rules.by_id.values())
    return (f"{label}:“{quote}”" for label, quote in dict.fromkeys((c.label, c.quote) for c in citations))


def template() -> bytes:
    """The roster to fill in: headers, drop-downs, an example that is not counted, and a sheet that explains each column."""
    columns = [column for column in COLUMNS if column.in_template]
    header = {i: Cell(column.title, Look.HEADER) for i, column in enumerate(columns)}
    example = {i: Cell(EXAMPLE.get(column.field), Look.FAINT) for i, column in enumerate(columns)}
    notice = f"一行写一个人,不知道的空着。不要写身份证号、手机号。第 3 行是示例,不会算进去,可以删掉。最多 {MOST_ENTRIES} 人。"
    sheet = NewSheet(
        "名单",
        [(1, {0: Cell(notice, Look.FAINT)}), (2, header), (3, example)],
        {i: column.width for i, column in enumerate(columns)},
        frozen_rows=2,
        choices={i: column.choices for i, column in enumerate(columns) if column.choices},
        choices_from=3,
        choices_to=MOST_ENTRIES + 3,
    )
    return write([sheet, _explanation(columns)])


_HOW: Mapping[Kind, str] = {
    "yes_no": "选“是”或“否”。",
    "day": "写成 2026-03-01 或 2026年3月1日。",
    "term": "写几个月,比如 12。",
    "qualification": "选“证书”“提升一级”或“没有”。",
}


def _explanation(columns: Sequence[Column]) -> NewSheet:
    rules = rulebooks()[PROGRAMME.id].newest(PROGRAMME.version)
    lines = [
        [Cell(f"{PROGRAMME.title}:填写说明", Look.TITLE)],
        [],
        [Cell(title, Look.HEADER) for title in ("列名", "什么意思,怎么填")],
    ]
    for column in columns:
        asked = PERSON_FIELDS[column.field].filled(rules.texts()) if column.field in PERSON_FIELDS else None
        meaning = f"{asked.question}{asked.help}" if asked else ""
        lines.append(
            [Cell(column.title, Look.WRAPPED), Cell(f"{meaning}{_HOW.get(column.kind, '')}{column.help}", Look.WRAPPED)]
        )
    lines.append([])
    lines += [[Cell("条款原文", Look.WRAPPED), Cell(quote, Look.WRAPPED)] for quote in _quotes(rules)]
    lines += [
        [Cell("提醒", Look.WRAPPED), Cell(text, Look.WRAPPED)]
        for text in (*rules.notes, PROGRAMME.office, AUTHORITY_DECIDES)
    ]
    return NewSheet("填写说明", ((n, dict(enumerate(line))) for n, line in enumerate(lines, 1)), {0: 24, 1: 100})
