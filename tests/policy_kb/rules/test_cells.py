"""Whatever way a date, a length of time or a yes is written in, it is understood as what it says, or refused with what to write."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_kb.rules.cells import is_blank, is_unknown, read_count, read_day, read_term, read_yes_no
from policy_kb.rules.spreadsheet import Sheet

SHEET = Sheet("名单", {})
FULL_WIDTH = str.maketrans("0123456789./-", "０１２３４５６７８９．／－")
DIGITS = "〇一二三四五六七八九"


def chinese(number: int) -> str:
    tens, ones = divmod(number, 10)
    return ("" if not tens else "十" if tens == 1 else f"{DIGITS[tens]}十") + (DIGITS[ones] if ones else "")


WAYS = {
    "ISO": lambda d: d.isoformat(),
    "ISO with time": lambda d: f"{d.isoformat()}T08:30:00+08:00",
    "as a database prints it": lambda d: f"{d.isoformat()} 00:00:00",
    "slashes": lambda d: f"{d.year}/{d.month}/{d.day}",
    "points": lambda d: f"{d.year}.{d.month:02}.{d.day:02}",
    "Chinese full stops": lambda d: f"{d.year}。{d.month}。{d.day}",
    "digits only": lambda d: f"{d:%Y%m%d}",
    "a number of eight digits": lambda d: int(f"{d:%Y%m%d}"),
    "年月日": lambda d: f"{d.year}年{d.month}月{d.day}日",
    "年月日 with spaces": lambda d: f" {d.year} 年 {d.month:02} 月 {d.day:02} 日 ",
    "年月号 with weekday": lambda d: f"{d.year}年{d.month}月{d.day}号(星期{'一二三四五六日'[d.weekday()]})",
    "full width": lambda d: f"{d.year}/{d.month}/{d.day}".translate(FULL_WIDTH),
    "full width 年月日": lambda d: f"{d.year}年{d.month}月{d.day}日".translate(FULL_WIDTH),
    "Chinese numerals": lambda d: (
        f"{''.join(DIGITS[int(c)] for c in str(d.year))}年{chinese(d.month)}月{chinese(d.day)}日"
    ),
    "Chinese numerals with a round zero": lambda d: (
        f"{''.join(DIGITS[int(c)] for c in str(d.year)).replace('〇', '○')}年{chinese(d.month)}月{chinese(d.day)}日"
    ),
    "Excel's number of days": lambda d: (d - date(1899, 12, 30)).days,
    "Excel's number of days with a time": lambda d: (d - date(1899, 12, 30)).days + 0.75,
    "Excel's number of days as text": lambda d: str((d - date(1899, 12, 30)).days),
    "an apostrophe in front": lambda d: f"'{d.isoformat()}",
    "a date": lambda d: d,
    "a moment": lambda d: datetime(d.year, d.month, d.day, 23, 59),
}


@given(st.dates(date(1950, 1, 1), date(2100, 12, 31)), st.sampled_from(sorted(WAYS)))
def test_any_day_is_read_in_any_way_of_writing_it(day: date, way: str) -> None:
    assert read_day(WAYS[way](day), SHEET) == day


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_a_year_of_two_digits_is_read_only_where_it_says_that_it_is_the_year(day: date) -> None:
    assert read_day(f"{day.year % 100:02}年{day.month}月{day.day}日", SHEET) == day


@given(
    st.dates(date(1950, 1, 1), date(2099, 12, 31)),
    st.integers(0, 366),
    st.sampled_from(["-", "—", "~", "～", "至", "到", " - "]),
)
def test_a_term_is_read_as_first_and_last_day(first: date, length: int, between: str) -> None:
    last = first + timedelta(days=length)
    for way in ("slashes", "points", "年月日", "digits only"):
        assert read_term(f"{WAYS[way](first)}{between}{WAYS[way](last)}", "") == (first, last)


@pytest.mark.parametrize(
    "written",
    [
        "去年春天",
        "2026年2月30日",
        "2026-13-01",
        "20260231",
        "26/3/1",
        "3/1/2026",
        "2026-03",
        "2026年3月",
        "12",
        "至今",
        "长期",
        "1900-01-12",
        12,
        3e9,
        -5,
    ],
)
def test_what_is_no_day_is_refused_with_what_to_write(written: object) -> None:
    with pytest.raises(ValueError, match=r"2026-03-01|1950 年到 2100 年"):
        read_day(written, SHEET)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "unit", "months"),
    [
        ("12个月", "", 12),
        ("１２個月", "", 12),
        ("十二个月", "", 12),
        ("1年", "", 12),
        ("一年", "", 12),
        ("一年期", "", 12),
        ("一年半", "", 18),
        ("1.5年", "", 18),
        ("半年", "", 6),
        ("两年零三个月", "", 27),
        ("1 年 6 个月", "", 18),
        (6, "月", 6),
        ("6", "月", 6),
        (6.0, "月", 6),
        (3, "年", 36),
        (0.5, "年", 6),
        ("没有", "", 0),
        (0, "月", 0),
    ],
)
def test_a_length_is_read_in_months(written: object, unit: str, months: int) -> None:
    assert read_term(written, unit) == months  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "unit", "said"),
    [
        (12, "", "是月还是年"),
        ("180天", "", "不能算成月"),
        ("26周", "", "不能算成月"),
        ("无固定期限", "", "没有写"),
        ("以完成一定工作任务为期限", "", "没有写"),
        ("6个月以上", "", "12 个月"),
        ("0.3年", "", "12 个月"),
        (6.5, "月", "12 个月"),
        ("两三年", "", "12 个月"),
        ("一千年", "", "12 个月"),
        ("2026-02-30至2027-01-01", "", "没有这一天"),
    ],
)
def test_a_length_that_says_no_number_of_months_is_refused(written: object, unit: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_term(written, unit)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "written", ["是", "有", "√", "✔", "☑", "Y", "yes", "Ｙ", "TRUE", 1, "对", " 是 ", "是的", "'是"]
)
def test_yes(written: object) -> None:
    assert read_yes_no(written) is True  # type: ignore[arg-type]


@pytest.mark.parametrize("written", ["否", "无", "×", "✗", "✘", "X", "n", "No", "FALSE", 0, "不是", "没有", "無", "未"])
def test_no(written: object) -> None:
    assert read_yes_no(written) is False  # type: ignore[arg-type]


@pytest.mark.parametrize("written", ["可能", "是否", "是不是", 2, "部分", "○"])
def test_what_is_neither_yes_nor_no_is_asked_back(written: object) -> None:
    with pytest.raises(ValueError, match="“是”或“否”"):
        read_yes_no(written)  # type: ignore[arg-type]


def test_nothing_and_a_dash_are_no_answer_but_not_knowing_is_one() -> None:
    assert all(map(is_blank, [None, "", "  ", "\u3000", "\u200b", "/", "-", "——", "－"]))
    assert not any(map(is_blank, ["无", "否", 0, "不知道", "0"]))
    assert all(map(is_unknown, ["不知道", "?", "？", "不详", "待定", "N/A"]))


@pytest.mark.parametrize(("written", "number"), [(8, 8), ("8人", 8), ("８", 8), ("十二", 12), ("12名", 12), (8.0, 8)])
def test_a_number_of_people(written: object, number: int) -> None:
    assert read_count(written) == number  # type: ignore[arg-type]


@pytest.mark.parametrize("written", [0, -3, 2.5, "几个", "七八个", "3-4人"])
def test_what_is_no_number_of_people(written: object) -> None:
    with pytest.raises(ValueError, match="整数"):
        read_count(written)  # type: ignore[arg-type]
