"""Bases, courses and slots from Excel and CSV, the command line, and the example data."""

import csv
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from openpyxl import Workbook, load_workbook

from booking.__main__ import main
from booking.desk import Desk
from booking.examples import load_examples
from booking.importing import ADDED, CHANGED, PAST, SAME, SHEETS, Report, Unreadable, import_tables, read_files
from booking.models import SHANGHAI, Base, Course, Slot, SlotRule

NOW = datetime(2026, 11, 21, 14, 0, tzinfo=SHANGHAI)
BASE: dict[str, Any] = {
    "基地编号": "A01",
    "基地名称": "测试基地",
    "级别": "省级",
    "建设模式": "院校主导",
    "功能": "实训功能、评价功能",
    "服务项目": "技能实习实训、职业安全教育",
    "城市": "太原市",
    "地址": "测试路1号",
    "电话": "0351-0000000",
    "开放时间": "周一至周五 8:30-17:30;周六 9:00-12:00",
}
COURSE: dict[str, Any] = {
    "基地编号": "A01",
    "课程编号": "K01",
    "课程名称": "数控车床入门",
    "服务项目": "技能实习实训",
    "领域": "数控加工",
    "收费方式": "公益",
    "时长(分钟)": 120,
    "最多人数": 5,
}
SLOT: dict[str, Any] = {
    "基地编号": "A01",
    "课程编号": "K01",
    "日期": date(2026, 12, 3),
    "开始时间": time(9, 0),
    "名额": 20,
    "预约截止(提前小时)": 1.5,
}
RECURRING = SLOT | {"日期": "2026-12-01", "重复": "每周三、六", "重复到": "2026-12-31", "开始时间": "9:00"}


def workbook(folder: Path, slots: list[dict[str, Any]], base: Any = BASE, course: Any = COURSE) -> Path:
    book = Workbook()
    book.remove(book.active)
    for name, rows in (("基地", [base]), ("课程", [course]), ("时段", slots)):
        sheet = book.create_sheet(name)
        header = [column.header for column in SHEETS[name]]
        sheet.append([f"{title}*" for title in header])
        for row in rows:
            sheet.append([row.get(title) for title in header])
    path = folder / "bases.xlsx"
    book.save(path)
    return path


def run(desk: Desk, *paths: Path, dry_run: bool = False, now: datetime = NOW) -> Report:
    tables, problems = read_files(paths)
    assert not problems
    return import_tables(desk, tables, now, dry_run)


def rows(desk: Desk, table: Any) -> list[Any]:
    with desk.engine.connect() as connection:
        return list(connection.execute(sa.select(table.__table__).order_by(table.id)))


def counted(report: Report) -> dict[str, dict[str, int]]:
    return {sheet: dict(counts) for sheet, counts in report.counts.items()}


# --- What is written -------------------------------------------------------------------------------------------------


def test_a_workbook_is_read_into_bases_courses_and_slots(desk: Desk, tmp_path: Path) -> None:
    report = run(desk, workbook(tmp_path, [SLOT]))
    assert report.problems == [] and counted(report) == {s: {ADDED: 1} for s in ("基地", "课程", "时段")}
    (base,), (course,), (slot,) = rows(desk, Base), rows(desk, Course), rows(desk, Slot)
    assert base.functions == ["实训功能", "评价功能"] and not base.is_example
    assert {"weekday": 6, "opens": "09:00", "closes": "12:00"} in base.opening and len(base.opening) == 6
    assert (course.fee_clause, course.min_party, course.max_party) == ("sx-2021-453#4.4", 1, 5)
    starts = datetime(2026, 12, 3, 9, tzinfo=SHANGHAI)
    assert (slot.starts_at, slot.ends_at) == (starts, starts + timedelta(hours=2))
    assert slot.booking_deadline == starts - timedelta(hours=1.5)
    assert slot.cancellation_deadline == starts - timedelta(hours=24)


def test_reading_it_again_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    path = workbook(tmp_path, [SLOT, RECURRING])
    run(desk, path)
    before = [rows(desk, table) for table in (Base, Course, Slot, SlotRule)]
    report = run(desk, path)
    assert counted(report) == {"基地": {SAME: 1}, "课程": {SAME: 1}, "时段": {SAME: 2}} and report.made_slots == 0
    assert [rows(desk, table) for table in (Base, Course, Slot, SlotRule)] == before


def test_changes_are_made_in_place(desk: Desk, tmp_path: Path) -> None:
    run(desk, workbook(tmp_path, [SLOT]))
    report = run(desk, workbook(tmp_path, [SLOT | {"名额": 25}], BASE | {"电话": "0351-1111111"}))
    assert counted(report) == {"基地": {CHANGED: 1}, "课程": {SAME: 1}, "时段": {CHANGED: 1}}
    assert rows(desk, Base)[0].phone == "0351-1111111" and rows(desk, Slot)[0].capacity == 25


def test_a_dry_run_tells_and_writes_nothing(desk: Desk, tmp_path: Path) -> None:
    report = run(desk, workbook(tmp_path, [SLOT, RECURRING]), dry_run=True)
    assert counted(report)["时段"] == {ADDED: 2}
    assert all(rows(desk, table) == [] for table in (Base, Course, Slot, SlotRule))


def test_recurring_slots_come_on_their_weekdays_when_the_base_is_open(desk: Desk, tmp_path: Path) -> None:
    report = run(desk, workbook(tmp_path, [RECURRING | {"开始时间": "11:00"}]))
    days = [slot.starts_at.astimezone(SHANGHAI) for slot in rows(desk, Slot)]
    assert [day.day for day in days] == [2, 9, 16, 23, 30]  # Saturdays would end after 12:00
    assert (report.made_slots, report.closed_days) == (5, 4)
    assert any("排出 5 场" in line and "4 天" in line for line in report.lines())


def test_a_changed_rule_changes_its_slots_ahead(desk: Desk, tmp_path: Path) -> None:
    named = RECURRING | {"时段编号": "S1"}
    run(desk, workbook(tmp_path, [named]))
    before = len(rows(desk, Slot))
    report = run(desk, workbook(tmp_path, [named | {"名额": 8, "开始时间": "9:30"}]))
    assert counted(report)["时段"] == {CHANGED: 1} and len(rows(desk, Slot)) == before
    starts = {slot.starts_at.astimezone(SHANGHAI).time() for slot in rows(desk, Slot)}
    assert starts == {time(9, 30)} and {slot.capacity for slot in rows(desk, Slot)} == {8}


@pytest.mark.parametrize("row", [SLOT, RECURRING | {"时段编号": "S1"}])
def test_places_are_never_taken_from_those_who_booked(desk: Desk, tmp_path: Path, row: dict[str, Any]) -> None:
    run(desk, workbook(tmp_path, [row]))
    with desk.engine.begin() as connection:
        connection.execute(sa.update(Slot).values(booked=6, reserved=1))
    before = rows(desk, Slot)
    fewer = run(desk, workbook(tmp_path, [row | {"名额": 6}], BASE | {"电话": "1"}))
    assert [(p.sheet, p.row, p.column) for p in fewer.problems] == [("时段", 2, "名额")]
    assert "不能少于7" in str(fewer.problems[0])
    later = run(
        desk, workbook(tmp_path, [(row | {"开始时间": time(9, 30), "时段编号": before[0].reference.split("@")[0]})])
    )
    assert "不能改时间" in str(later.problems[0])
    assert rows(desk, Slot) == before and rows(desk, Base)[0].phone == BASE["电话"]
    assert run(desk, workbook(tmp_path, [row | {"名额": 7}])).problems == []


def test_a_slot_in_the_past_is_not_made(desk: Desk, tmp_path: Path) -> None:
    assert counted(run(desk, workbook(tmp_path, [SLOT | {"日期": "2026-11-20"}])))["时段"] == {PAST: 1}
    path = workbook(tmp_path, [SLOT])
    run(desk, path)
    assert counted(run(desk, path, now=NOW + timedelta(days=30)))["时段"] == {SAME: 1}


# --- What is wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sheet", "column", "value", "says"),
    [
        ("基地", "级别", "国家级", "省级、市级、县级"),
        ("基地", "建设模式", "政府主导", "院校主导、企业主导、园区主导"),
        ("基地", "功能", "实训功能、吃饭", "大赛功能"),
        ("基地", "服务项目", "技能实习实训、理发", "师资培养培训"),
        ("基地", "服务项目", None, "不能空着"),
        ("基地", "开放时间", "随时", "周一至周五 8:30-17:30"),
        ("基地", "开放时间", "周一 17:30-8:30", "应晚于"),
        ("基地", "纬度", 37.8, "都填"),
        ("基地", "基地名称", "长" * 121, "最多120个字"),
        ("基地", "城市", "=A1", "公式"),
        ("课程", "基地编号", "A99", "没有编号为“A99”的基地"),
        ("课程", "服务项目", "技能竞赛", "技能实习实训、职业安全教育"),
        ("课程", "收费方式", "免费", "公益、有偿"),
        ("课程", "时长(分钟)", "两小时", "整数"),
        ("课程", "最少人数", 9, "不能大于"),
        ("时段", "课程编号", "K99", "没有编号为“K99”的课程"),
        ("时段", "日期", "2026-02-30", "没有“2026-02-30”这一天"),
        ("时段", "日期", "下周三", "2026-12-03"),
        ("时段", "开始时间", "25:00", "9:00"),
        ("时段", "结束时间", "8:00", "应晚于"),
        ("时段", "名额", 0, "1到10000"),
        ("时段", "名额", "-1", "1到10000"),
        ("时段", "重复", "每周八", "每周三"),
        ("时段", "重复", "每周三", "重复到哪一天"),
        ("时段", "重复到", "2026-12-31", "也要写"),
        ("时段", "取消截止(提前小时)", "一天", "之间的数"),
    ],
)
def test_a_mistake_is_named_with_sheet_row_and_column_and_nothing_is_written(
    desk: Desk, tmp_path: Path, sheet: str, column: str, value: Any, says: str
) -> None:
    given = {"基地": dict(BASE), "课程": dict(COURSE), "时段": dict(SLOT)}
    given[sheet][column] = value
    report = run(desk, workbook(tmp_path, [given["时段"]], given["基地"], given["课程"]))
    problem = report.problems[0]
    assert (problem.sheet, problem.row) == (sheet, 2) and says in problem.message
    assert problem.column == column or column in ("重复", "重复到")
    assert str(problem).startswith(f"{sheet} 第2行 “")
    assert rows(desk, Base) == [] and rows(desk, Slot) == []


def test_a_row_that_comes_twice_is_a_mistake(desk: Desk, tmp_path: Path) -> None:
    report = run(desk, workbook(tmp_path, [SLOT, SLOT]))
    assert [(p.row, p.column) for p in report.problems] == [(3, "时段编号")]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "课程.csv"
    path.write_text("基地编号,课程编号,课程名称\nA01,K01,数控\n", encoding="utf-8")
    tables, problems = read_files([path])
    assert tables == {} and "服务项目" in problems[0].message


@pytest.mark.parametrize("name", ["a.xls", "a.txt", "broken.xlsx", "other.csv", "missing.xlsx", "big.csv"])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name != "missing.xlsx":
        path.write_bytes(b"a,b\n" * (3_000_000 if name == "big.csv" else 1))
    with pytest.raises(Unreadable):
        read_files([path])


def test_an_xml_bomb_in_a_workbook_is_refused(tmp_path: Path) -> None:
    good, bad = workbook(tmp_path, [SLOT]), tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as target:
        for entry in source.infolist():
            data = source.read(entry)
            if entry.filename == "xl/workbook.xml":
                data = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + data
            target.writestr(entry, data)
    with pytest.raises(Unreadable):
        read_files([bad])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_three_csv_files_are_read_like_a_workbook(desk: Desk, tmp_path: Path, encoding: str) -> None:
    paths = []
    for row in (BASE, COURSE, SLOT | {"日期": "2026/12/3", "开始时间": "9:00"}):
        paths.append(tmp_path / f"{len(paths)}.csv")
        with paths[-1].open("w", encoding=encoding, newline="") as file:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerow(row)
    report = run(desk, *paths)
    assert report.problems == [] and len(rows(desk, Slot)) == 1


# --- The command line ------------------------------------------------------------------------------------------------


@pytest.fixture
def command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'booking.db'}")
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    monkeypatch.setenv("SECRET_KEY", "a secret for tests")
    return tmp_path


def test_the_commands_work_one_after_the_other(command_line: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day = datetime.now(SHANGHAI).date() + timedelta(days=3)
    path = workbook(command_line, [SLOT | {"日期": day}], BASE | {"开放时间": None})
    assert main(["migrate"]) == 0
    assert main(["import", str(path), "--dry-run"]) == 0
    assert "没有写入" in capsys.readouterr().out
    assert main(["import", str(path)]) == 0
    assert "基地:新增 1" in capsys.readouterr().out
    assert main(["slots", "数控", "太原"]) == 0
    assert "余20/20" in capsys.readouterr().out
    assert main(["rotate-keys"]) == 0


def test_mistakes_end_with_1_and_a_chinese_line(
    command_line: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook(command_line, [SLOT | {"名额": "很多"}])
    assert main(["import", str(path)]) == 1
    assert "时段 第2行 “名额”" in capsys.readouterr().err
    assert main(["import", str(command_line / "none.xlsx")]) == 1
    assert "没有这个文件" in capsys.readouterr().err
    assert main(["template", str(path)]) == 1
    monkeypatch.delenv("SECRET_KEY")
    assert main(["rotate-keys"]) == 1
    assert "SECRET_KEY" in capsys.readouterr().err


def test_the_template_has_the_sheets_and_says_what_may_stand_in_them(command_line: Path) -> None:
    path = command_line / "template.xlsx"
    assert main(["template", str(path)]) == 0
    book = load_workbook(path)
    assert book.sheetnames == ["说明", *SHEETS]
    notes = {(row[0], row[1]): row[3] for row in book["说明"].iter_rows(values_only=True)}
    assert notes["基地", "级别"] == "省级、市级、县级" and "公益" in str(notes["课程", "收费方式"])
    assert main(["import", str(path)]) == 0  # nothing in it yet


# --- Examples --------------------------------------------------------------------------------------------------------


def test_examples_fill_an_empty_database_once_and_are_marked(desk: Desk) -> None:
    made = load_examples(desk.engine, NOW)
    slots, bases = rows(desk, Slot), rows(desk, Base)
    assert made == len(slots) > 100
    assert all(base.is_example and "示例" in base.name and base.address == "示例地址" for base in bases)
    assert {base.mode for base in bases} == {"院校主导", "企业主导", "园区主导"}
    assert all(NOW < slot.starts_at <= NOW + timedelta(weeks=4, days=1) for slot in slots)
    assert load_examples(desk.engine, NOW) == 0 and rows(desk, Slot) == slots
    assert load_examples(desk.engine, NOW + timedelta(weeks=1)) > 0  # the week that has come up


def test_each_example_course_offers_a_service_of_its_base(desk: Desk) -> None:
    load_examples(desk.engine, NOW)
    services = {base.id: base.services for base in rows(desk, Base)}
    assert all(course.service in services[course.base_id] for course in rows(desk, Course))


def test_a_database_with_a_real_base_gets_no_examples(desk: Desk, tmp_path: Path) -> None:
    run(desk, workbook(tmp_path, [SLOT]))
    assert load_examples(desk.engine, NOW) == 0
    assert len(rows(desk, Base)) == 1
