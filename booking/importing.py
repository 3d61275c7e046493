"""Bases, courses and slots from an Excel workbook or CSV files: all of it or, when anything is wrong, nothing.

Rows are found again by their numbers (基地编号, 课程编号, 时段编号), so that the same file can be read any number of times.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font

from booking.database import transact
from booking.desk import Desk
from booking.models import FEE_KINDS, FUNCTIONS, LEVELS, MODES, SERVICES, SHANGHAI, Base, Course, Slot, SlotRule
from booking.recurring import generate_slots

MOST_BYTES, MOST_UNPACKED, MOST_ROWS, MOST_COLUMNS = 10 * 2**20, 200 * 2**20, 20_000, 40
LONGEST_RECURRENCE = timedelta(days=366)
ADDED, CHANGED, SAME, PAST = "新增", "更新", "不变", "已过去,未导入"


@dataclass(frozen=True)
class Problem:
    """What is wrong in a row, or in the file when `row` is 0."""

    sheet: str
    row: int
    column: str
    message: str

    def __str__(self) -> str:
        where = [self.sheet, f"第{self.row}行" if self.row else "", f"“{self.column}”" if self.column else ""]
        return f"{' '.join(part for part in where if part)}:{self.message}"


class Unreadable(Exception):
    """A file that cannot be read as a table; `str()` is a Chinese sentence."""


@dataclass
class Report:
    """How many rows of each sheet were added, changed, left, and what is wrong. With problems nothing was written."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    made_slots: int = 0  # of recurring slots
    closed_days: int = 0  # recurring slots left out because the base is closed

    def count(self, sheet: str, what: str) -> None:
        self.counts.setdefault(sheet, Counter())[what] += 1

    def lines(self) -> list[str]:
        """The report in Chinese, a line each."""
        lines = [str(problem) for problem in self.problems]
        for sheet, counts in self.counts.items():
            said = "、".join(f"{what} {counts[what]}" for what in (ADDED, CHANGED, SAME, PAST) if counts[what])
            wrong = len({problem.row for problem in self.problems if problem.sheet == sheet})
            lines.append(f"{sheet}:{said or '没有可导入的行'}" + (f"、错误 {wrong}" if wrong else ""))
        if self.made_slots or self.closed_days:
            closed = f",另有 {self.closed_days} 天基地不开放,没有排" if self.closed_days else ""
            lines.append(f"重复时段:排出 {self.made_slots} 场{closed}")
        return lines


# --- Columns ---------------------------------------------------------------------------------------------------------


class _Wrong(Exception):
    """A cell that cannot be used; `str()` says why."""


@dataclass(frozen=True)
class Column:
    """A column by its Chinese header. `read` makes a value of a filled cell or raises; an empty cell gives `default`."""

    header: str
    read: Callable[[Any], Any]
    required: bool = True
    default: Any = None
    hint: str = ""


def _text(longest: int) -> Callable[[Any], str]:
    def read(cell: Any) -> str:
        if isinstance(cell, float) and cell.is_integer():
            cell = int(cell)  # Excel's number for a number-like text
        text = " ".join(str(cell).split())
        if len(text) > longest:
            raise _Wrong(f"太长,最多{longest}个字")
        return text

    return read


def _one_of(words: Sequence[str]) -> Callable[[Any], str]:
    def read(cell: Any) -> str:
        text = str(cell).strip()
        if text not in words:
            raise _Wrong(f"“{text}”不在可填的词里,可以填:{'、'.join(words)}")
        return text

    return read


def _some_of(words: Sequence[str]) -> Callable[[Any], list[str]]:
    one = _one_of(words)

    def read(cell: Any) -> list[str]:
        return list(dict.fromkeys(one(part) for part in re.split(r"[、,，;；/\n]", str(cell)) if part.strip()))

    return read


def _whole(least: int, most: int) -> Callable[[Any], int]:
    def read(cell: Any) -> int:
        text = str(cell).strip()
        if not re.fullmatch(r"\d{1,9}(\.0+)?", text) or not least <= int(float(text)) <= most:
            raise _Wrong(f"“{text}”应是{least}到{most}之间的整数")
        return int(float(text))

    return read


def _number(least: float, most: float) -> Callable[[Any], float]:
    def read(cell: Any) -> float:
        text = str(cell).strip()
        if not re.fullmatch(r"-?\d{1,6}(\.\d{1,12})?", text) or not least <= float(text) <= most:
            raise _Wrong(f"“{text}”应是{least:g}到{most:g}之间的数")
        return float(text)

    return read


def _date(cell: Any) -> date:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    parts = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?: 0{1,2}:00(?::00)?)?", str(cell).strip())
    try:
        return date(*map(int, parts.groups())) if parts else _raise(f"“{cell}”不是日期,请写成2026-12-03的样子")
    except ValueError:
        raise _Wrong(f"没有“{cell}”这一天") from None


def _time(cell: Any) -> time:
    if isinstance(cell, datetime):
        return cell.time().replace(microsecond=0)
    if isinstance(cell, time):
        return cell.replace(microsecond=0)
    parts = re.fullmatch(r"(\d{1,2})[:：](\d{2})(?:[:：]00)?", str(cell).strip())
    if not parts or int(parts[1]) > 23 or int(parts[2]) > 59:
        raise _Wrong(f"“{cell}”不是时间,请写成9:00的样子")
    return time(int(parts[1]), int(parts[2]))


_DAYS = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "日": 7, "天": 7} | {str(n): n for n in range(1, 8)}


def _weekdays(cell: Any) -> list[int]:
    """每周一、三、五; 周一至周五; 工作日; 每天."""
    text = re.sub(r"每周|周|星期|礼拜|每|\s", "", str(cell))
    text = text.replace("工作日", "一至五").replace("末", "六、日")
    if str(cell).strip() in ("每天", "每日"):
        return list(range(1, 8))
    days: set[int] = set()
    for part in re.split(r"[、,，和]", text):
        ends = re.fullmatch(r"([一二三四五六日天1-7])(?:[至到\-~—]([一二三四五六日天1-7]))?", part)
        if not ends:
            raise _Wrong(f"“{cell}”看不懂,请写成“每周三”“每周一、三、五”或“周一至周五”的样子")
        days |= set(range(_DAYS[ends[1]], _DAYS[ends[2] or ends[1]] + 1))
    return sorted(days)


def _opening(cell: Any) -> list[dict[str, Any]]:
    """周一至周五 8:30-17:30;周六 9:00-12:00, as `Base.opening` wants it."""
    rules = []
    for part in filter(None, (p.strip() for p in re.split(r"[;；\n]", str(cell)))):
        said = re.fullmatch(r"(.+?)\s*(\d{1,2}[:：]\d{2})\s*[-~至到—]\s*(\d{1,2}[:：]\d{2})", part)
        if not said:
            raise _Wrong(f"“{part}”看不懂,请写成“周一至周五 8:30-17:30;周六 9:00-12:00”的样子")
        opens, closes = _time(said[2]), _time(said[3])
        if opens >= closes:
            raise _Wrong(f"“{part}”的结束时间应晚于开始时间")
        rules += [
            {"weekday": day, "opens": f"{opens:%H:%M}", "closes": f"{closes:%H:%M}"} for day in _weekdays(said[1])
        ]
    return rules


def _raise(message: str) -> Any:
    raise _Wrong(message)


_HOURS = _number(0, 24 * 60)
SHEETS: dict[str, tuple[Column, ...]] = {
    "基地": (
        Column("基地编号", _text(64), hint="自己定,不要重复,以后靠它找到这一行,比如A01"),
        Column("基地名称", _text(120), hint="全称"),
        Column("级别", _one_of(LEVELS), hint="、".join(LEVELS)),
        Column("建设模式", _one_of(MODES), hint="、".join(MODES)),
        Column("功能", _some_of(tuple(FUNCTIONS)), False, (), "、".join(FUNCTIONS)),
        Column("服务项目", _some_of(SERVICES), hint="、".join(SERVICES)),
        Column("城市", _text(32), hint="比如太原市"),
        Column("地址", _text(200)),
        Column("纬度", _number(-90, 90), False, hint="WGS 84,和经度一起填"),
        Column("经度", _number(-180, 180), False),
        Column("电话", _text(40), False, "", "基地公开的电话"),
        Column("开放时间", _opening, False, (), "周一至周五 8:30-17:30;周六 9:00-12:00"),
    ),
    "课程": (
        Column("基地编号", _text(64), hint="“基地”表里的编号"),
        Column("课程编号", _text(64), hint="同一个基地里不要重复,比如K01"),
        Column("课程名称", _text(120), hint="比如数控车床入门实训"),
        Column("服务项目", _one_of(SERVICES), hint="基地的服务项目之一"),
        Column("领域", _text(40), hint="比如数控加工"),
        Column("课程级别", _text(24), False, "", "比如入门、中级工"),
        Column("适合对象", _text(120), False, "", "空着就是谁都可以"),
        Column("收费方式", _one_of(FEE_KINDS), hint="、".join(FEE_KINDS)),
        Column("收费说明", _text(80), False),
        Column("时长(分钟)", _whole(1, 24 * 60), hint="比如120"),
        Column("最少人数", _whole(1, 10_000), False, 1, "一次预约最少几人,空着是1"),
        Column("最多人数", _whole(1, 10_000), False, 1, "一次预约最多几人,空着是1"),
    ),
    "时段": (
        Column("基地编号", _text(64), hint="“基地”表里的编号"),
        Column("课程编号", _text(64), hint="“课程”表里的编号"),
        Column("时段编号", _text(64), False, hint="空着就按日期和时间编"),
        Column("日期", _date, hint="这一场的日期;重复的写从哪一天开始,比如2027-03-03"),
        Column("重复", _weekdays, False, (), "每周三、周一至周五、每天;空着就只有一场;节假日不会自动去掉"),
        Column("重复到", _date, False, hint="最后一天(含)"),
        Column("开始时间", _time, hint="北京时间,比如9:00"),
        Column("结束时间", _time, False, hint="空着就按课程时长算"),
        Column("名额", _whole(1, 10_000)),
        Column("教师", _text(60), False, ""),
        Column("预约截止(提前小时)", _HOURS, False, 0.0, "空着是0,开始前都能约"),
        Column("取消截止(提前小时)", _HOURS, False, 24.0, "空着是24"),
    ),
}


# --- Files -----------------------------------------------------------------------------------------------------------

Cells = Mapping[str, Any]  # by header


@dataclass(frozen=True)
class Row:
    """A row as it stands in a sheet; `number` counts from 1, the header's row included."""

    number: int
    cells: Cells


Tables = dict[str, list[Row]]


def read_files(paths: Iterable[Path]) -> tuple[Tables, list[Problem]]:
    """The rows of the sheets in one workbook or several CSV files, and what is wrong with the sheets. Raises Unreadable."""
    tables: Tables = {}
    problems: list[Problem] = []
    for path in paths:
        if not path.is_file():
            raise Unreadable(f"没有这个文件:{path}")
        if path.stat().st_size > MOST_BYTES:
            raise Unreadable(f"{path.name}太大,最多{MOST_BYTES // 2**20} MB")
        read = {".xlsx": _workbook, ".csv": _csv}.get(path.suffix.lower())
        if read is None:
            raise Unreadable(f"{path.name}不是表格,请用.xlsx或.csv文件(老的.xls请另存为.xlsx)")
        for name, lines in read(path):
            sheet, rows = _table(name, lines, problems)
            if sheet:
                tables.setdefault(sheet, []).extend(rows)
    if not tables and not problems:
        raise Unreadable(f"没有找到要导入的表,表名应是:{'、'.join(SHEETS)}")
    return tables, problems


def _workbook(path: Path) -> Iterator[tuple[str, Iterator[Sequence[Any]]]]:
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MOST_UNPACKED:
                raise Unreadable(f"{path.name}展开后太大")
        book = load_workbook(path, read_only=True, keep_links=False)  # parsed with defusedxml
    except Unreadable:
        raise
    except Exception as error:  # openpyxl raises all sorts of errors for broken files
        raise Unreadable(f"{path.name}打不开,可能不是Excel文件或已损坏") from error
    try:
        for name in book.sheetnames:
            if name.strip() in SHEETS:
                sheet = book[name]
                sheet.reset_dimensions()  # what a file says of its own size is not to be relied on
                yield name.strip(), sheet.iter_rows(max_col=MOST_COLUMNS, max_row=MOST_ROWS + 2, values_only=True)
    finally:
        book.close()


def _csv(path: Path) -> Iterator[tuple[str, Iterator[Sequence[Any]]]]:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030", errors="replace")  # Excel's CSV on a Chinese Windows
    lines = csv.reader(io.StringIO(text, newline=""))
    header = next(csv.reader(io.StringIO(text, newline="")), [])
    likeness = {
        sheet: len({c.header for c in columns} & {_plain(h) for h in header}) for sheet, columns in SHEETS.items()
    }
    best = max(likeness, key=lambda sheet: likeness[sheet])
    if likeness[best] < 3:
        raise Unreadable(f"{path.name}的表头不认识,第一行应是列名,可以用“python -m booking template”写出模板")
    yield best, lines


def _plain(header: Any) -> str:
    return re.sub(r"[\s*]", "", str(header or "")).replace("（", "(").replace("）", ")")


def _table(sheet: str, lines: Iterator[Sequence[Any]], problems: list[Problem]) -> tuple[str, list[Row]]:
    header = [_plain(cell) for cell in next(lines, ())]
    missing = [column.header for column in SHEETS[sheet] if column.required and column.header not in header]
    if missing:
        problems.append(Problem(sheet, 1, "", f"缺少这些列:{'、'.join(missing)}"))
        return "", []
    rows: list[Row] = []
    for number, line in enumerate(lines, start=2):
        if number > MOST_ROWS + 1:
            problems.append(Problem(sheet, 0, "", f"行数太多,一次最多{MOST_ROWS}行,请分成几个文件"))
            break
        if any(cell not in (None, "") and str(cell).strip() for cell in line):
            rows.append(Row(number, dict(zip(header, line))))
    return sheet, rows


def _values(sheet: str, row: Row, problems: list[Problem]) -> dict[str, Any] | None:
    """The values of a row by header, or None with its problems noted."""
    found: dict[str, Any] = {}
    before = len(problems)
    for column in SHEETS[sheet]:
        cell = row.cells.get(column.header)
        if isinstance(cell, str) and cell.startswith("="):
            problems.append(Problem(sheet, row.number, column.header, "是公式,请改成具体的值"))
        elif cell is None or not str(cell).strip():
            if column.required:
                problems.append(Problem(sheet, row.number, column.header, "不能空着"))
            found[column.header] = list(column.default) if column.default == () else column.default
        else:
            try:
                found[column.header] = column.read(cell)
            except _Wrong as wrong:
                problems.append(Problem(sheet, row.number, column.header, str(wrong)))
    return found if len(problems) == before else None


# --- Writing ---------------------------------------------------------------------------------------------------------


class _Undo(Exception):
    """Rolls the transaction back; nothing is to be written."""


def import_tables(desk: Desk, tables: Tables, now: datetime, dry_run: bool = False) -> Report:
    """Write the rows, or only tell what would be written. With any problem nothing is written."""
    report, rules = Report(), list[tuple[int, date]]()

    def work(connection: Any) -> None:
        report.counts.clear()
        report.problems.clear()
        rules.clear()
        writer = _Writer(connection, now, report, rules)
        for sheet in SHEETS:
            writer.sheet(sheet, tables.get(sheet, []))
        if report.problems or dry_run:
            raise _Undo

    try:
        transact(desk.engine, work)
    except _Undo:
        return report
    for rule, last_day in rules:
        generated = generate_slots(desk, rule, last_day, now=now)
        report.made_slots += generated.made
        report.closed_days += len(generated.left_out)
    return report


class _Writer:
    """Writes rows into the tables within one transaction, and keeps account."""

    def __init__(self, connection: Any, now: datetime, report: Report, rules: list[tuple[int, date]]) -> None:
        self._connection, self._now, self._report, self._rules = connection, now, report, rules
        self._seen: set[tuple[str, ...]] = set()

    def sheet(self, name: str, rows: Iterable[Row]) -> None:
        write = {"基地": self._base, "课程": self._course, "时段": self._slot}[name]
        for row in rows:
            values = _values(name, row, self._report.problems)
            if values is None:
                self._report.counts.setdefault(name, Counter())
                continue
            try:
                self._report.count(name, write(values))
            except _Misfit as misfit:
                self._report.problems.append(Problem(name, row.number, misfit.column, str(misfit)))

    def _once(self, column: str, *key: str) -> None:
        if key in self._seen:
            raise _Misfit(column, "和前面的一行重复了")
        self._seen.add(key)

    def _base(self, row: Mapping[str, Any]) -> str:
        self._once("基地编号", "base", row["基地编号"])
        if (row["纬度"] is None) != (row["经度"] is None):
            raise _Misfit("纬度", "纬度和经度要么都填,要么都不填")
        values = {
            "name": row["基地名称"],
            "level": row["级别"],
            "mode": row["建设模式"],
            "functions": row["功能"],
            "services": row["服务项目"],
            "city": row["城市"],
            "address": row["地址"],
            "latitude": row["纬度"],
            "longitude": row["经度"],
            "phone": row["电话"],
            "opening": row["开放时间"],
        }
        return self._put(Base, {"reference": row["基地编号"]}, values)[1]

    def _course(self, row: Mapping[str, Any]) -> str:
        self._once("课程编号", "course", row["基地编号"], row["课程编号"])
        base = self._find(Base, reference=row["基地编号"])
        if base is None:
            raise _Misfit("基地编号", f"没有编号为“{row['基地编号']}”的基地,请先在“基地”表里写上")
        if row["服务项目"] not in base.services:
            raise _Misfit("服务项目", f"这个基地的服务项目里没有“{row['服务项目']}”,它有:{'、'.join(base.services)}")
        if row["最少人数"] > row["最多人数"]:
            raise _Misfit("最少人数", "最少人数不能大于最多人数")
        values = {
            "title": row["课程名称"],
            "service": row["服务项目"],
            "field": row["领域"],
            "level": row["课程级别"],
            "audience": row["适合对象"],
            "fee_kind": row["收费方式"],
            "price": row["收费说明"],
            "minutes": row["时长(分钟)"],
            "min_party": row["最少人数"],
            "max_party": row["最多人数"],
        }
        return self._put(Course, {"base_id": base.id, "reference": row["课程编号"]}, values)[1]

    def _slot(self, row: Mapping[str, Any]) -> str:
        base = self._find(Base, reference=row["基地编号"])
        course = base and self._find(Course, base_id=base.id, reference=row["课程编号"])
        if course is None:
            raise _Misfit("课程编号", f"基地“{row['基地编号']}”没有编号为“{row['课程编号']}”的课程")
        if row["名额"] < course.min_party:
            raise _Misfit("名额", f"名额不能少于这门课的最少人数{course.min_party}")
        if row["重复"]:
            return self._recurring(row, course)
        if row["重复到"]:
            raise _Misfit("重复", "写了“重复到”,也要写“重复”,比如“每周三”")
        starts_at = datetime.combine(row["日期"], row["开始时间"], SHANGHAI)
        ends_at = starts_at + timedelta(minutes=course.minutes)
        if row["结束时间"]:
            ends_at = datetime.combine(row["日期"], row["结束时间"], SHANGHAI)
        if ends_at <= starts_at:
            raise _Misfit("结束时间", "结束时间应晚于开始时间")
        reference = row["时段编号"] or f"{starts_at:%Y-%m-%d %H:%M}"
        self._once("时段编号", "slot", str(course.id), reference)
        there = self._find(Slot, course_id=course.id, reference=reference)
        if starts_at <= self._now and (there is None or there.starts_at <= self._now):
            return PAST if there is None else SAME
        values = {"starts_at": starts_at, "ends_at": ends_at, **_places(row)}
        values |= _deadlines(starts_at, row)
        key = {"course_id": course.id, "reference": reference}
        if there is None:
            return self._put(Slot, key, {"base_id": base.id, **values})[1]
        return self._change_slot(there, values)

    def _recurring(self, row: Mapping[str, Any], course: Any) -> str:
        if not row["重复到"]:
            raise _Misfit("重复到", "重复的时段要写重复到哪一天")
        if not row["日期"] <= row["重复到"] <= row["日期"] + LONGEST_RECURRENCE:
            raise _Misfit("重复到", f"应在“日期”之后{LONGEST_RECURRENCE.days}天以内")
        ends = datetime.combine(row["日期"], row["开始时间"]) + timedelta(minutes=course.minutes)
        if row["结束时间"] and ends != datetime.combine(row["日期"], row["结束时间"]):
            raise _Misfit("结束时间", f"重复的时段按课程时长({course.minutes}分钟)算,应是{ends:%H:%M},也可以空着")
        days = "".join(map(str, row["重复"]))
        reference = row["时段编号"] or f"每周{days} {row['开始时间']:%H:%M}"
        self._once("时段编号", "rule", str(course.id), reference)
        values = {
            "weekdays": row["重复"],
            "starts": row["开始时间"],
            "first_day": row["日期"],
            "last_day": row["重复到"],
            "booking_closes_minutes": round(row["预约截止(提前小时)"] * 60),
            "cancellation_closes_minutes": round(row["取消截止(提前小时)"] * 60),
            **_places(row),
        }
        rule, what = self._put(SlotRule, {"course_id": course.id, "reference": reference}, values)
        self._rules.append((rule, row["重复到"]))
        if what == CHANGED:
            self._change_slots_of(course, reference, row)
        return what

    def _change_slots_of(self, course: Any, reference: str, row: Mapping[str, Any]) -> None:
        """Carry a changed rule over to its slots ahead that were made before."""
        query = sa.select(Slot.__table__).where(
            Slot.course_id == course.id,
            Slot.reference.startswith(f"{reference}@", autoescape=True),
            Slot.starts_at > self._now,
        )
        for slot in self._connection.execute(query).all():
            day = slot.starts_at.astimezone(SHANGHAI).date()
            starts_at = datetime.combine(day, row["开始时间"], SHANGHAI)
            times = {"starts_at": starts_at, "ends_at": starts_at + timedelta(minutes=course.minutes)}
            self._change_slot(slot, {**times, **_places(row), **_deadlines(starts_at, row)})

    def _change_slot(self, slot: Any, values: dict[str, Any]) -> str:
        """Change a slot without taking a place, or the time, from anybody who has booked it."""
        if all(getattr(slot, name) == value for name, value in values.items()):
            return SAME
        taken = slot.booked + slot.reserved
        when = f"{slot.starts_at.astimezone(SHANGHAI):%m-%d %H:%M}这一场"
        if taken and (slot.starts_at, slot.ends_at) != (values["starts_at"], values["ends_at"]):
            raise _Misfit("开始时间", f"{when}已经有人预约({taken}人),不能改时间;请另加一场,再取消这一场")
        guarded = sa.update(Slot).where(Slot.id == slot.id, Slot.booked + Slot.reserved <= values["capacity"])
        if self._connection.execute(guarded.values(**values)).rowcount != 1:
            raise _Misfit("名额", f"{when}已经约了{taken}人,名额不能少于{taken}")
        return CHANGED

    def _find(self, table: Any, **key: Any) -> Any:
        return self._connection.execute(sa.select(table.__table__).filter_by(**key)).first()

    def _put(self, table: Any, key: dict[str, Any], values: dict[str, Any]) -> tuple[int, str]:
        """Insert the row, or update it where it differs; its id and what was done."""
        there = self._find(table, **key)
        if there is None:
            made = self._connection.execute(sa.insert(table).values(**key, **values))
            return int(made.inserted_primary_key[0]), ADDED
        if all(getattr(there, name) == value for name, value in values.items()):
            return int(there.id), SAME
        self._connection.execute(sa.update(table).where(table.id == there.id).values(**values))
        return int(there.id), CHANGED


class _Misfit(Exception):
    """A row that does not fit with the others or with the database; `column` is where."""

    def __init__(self, column: str, message: str) -> None:
        self.column = column
        super().__init__(message)


def _places(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"capacity": row["名额"], "trainer": row["教师"]}


def _deadlines(starts_at: datetime, row: Mapping[str, Any]) -> dict[str, datetime]:
    return {
        "booking_deadline": starts_at - timedelta(hours=row["预约截止(提前小时)"]),
        "cancellation_deadline": starts_at - timedelta(hours=row["取消截止(提前小时)"]),
    }


# --- The template ----------------------------------------------------------------------------------------------------


def write_template(path: Path) -> None:
    """A workbook with the three sheets, headers only (* and bold where a value is required), and what may stand in them."""
    book = Workbook()
    notes = book.active
    notes.title = "说明"
    notes.append(["表", "列", "必填", "怎么填"])
    for name, columns in SHEETS.items():
        sheet = book.create_sheet(name)
        sheet.append([column.header + ("*" if column.required else "") for column in columns])
        for cell, column in zip(sheet[1], columns):
            cell.font = Font(bold=column.required)
            sheet.column_dimensions[cell.column_letter].width = max(12, 2 * len(column.header) + 2)
            notes.append([name, column.header, "是" if column.required else "", column.hint])
    for letter, width in zip("ABCD", (8, 22, 6, 90)):
        notes.column_dimensions[letter].width = width
    book.save(path)
