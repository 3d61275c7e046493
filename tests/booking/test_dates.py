"""What people say about when they want to come, and the hours it means in Asia/Shanghai."""

import calendar
from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.dates import HORIZON_DAYS, Window, holiday, when
from booking.models import SHANGHAI

SATURDAY = datetime(2026, 11, 21, 14, 0, tzinfo=SHANGHAI)
WEDNESDAY = datetime(2026, 11, 25, 15, 0, tzinfo=SHANGHAI)
NEW_YEARS_EVE = datetime(2026, 12, 31, 10, 0, tzinfo=SHANGHAI)


def shown(window: Window | None) -> str:
    """The intervals in local time: 11-25 12~11-25 18."""
    assert window is not None

    def hour(moment: datetime) -> str:
        local = moment.astimezone(SHANGHAI)
        return f"{local:%m-%d %H}" + (f":{local:%M}" if local.minute else "")

    return " ".join(f"{hour(i.start)}~{hour(i.end)}" for i in window.intervals)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("今天", "11-21 14~11-22 00"),
        ("明天", "11-22 00~11-23 00"),
        ("后天", "11-23 00~11-24 00"),
        ("大后天", "11-24 00~11-25 00"),
        ("明早", "11-22 06~11-22 12"),
        ("今晚", "11-21 18~11-22 00"),
        ("明后天", "11-22 00~11-24 00"),
        ("今明两天", "11-21 14~11-23 00"),
        ("我想约下周三的数控实训", "11-25 00~11-26 00"),
        ("下周三下午", "11-25 12~11-25 18"),
        ("下下周一", "11-30 00~12-01 00"),
        ("下个星期三", "11-25 00~11-26 00"),
        ("周五晚上", "11-27 18~11-28 00"),
        ("星期天", "11-22 00~11-23 00"),
        ("这周末", "11-21 14~11-23 00"),
        ("周末", "11-21 14~11-23 00"),
        ("双休日", "11-21 14~11-23 00"),
        ("周六周日", "11-21 14~11-23 00"),
        ("下周末", "11-28 00~11-30 00"),
        ("下周", "11-23 00~11-30 00"),
        ("本周", "11-21 14~11-23 00"),
        ("下周一到周五", "11-23 00~11-28 00"),
        ("下周二和周四", "11-24 00~11-25 00 11-26 00~11-27 00"),
        ("周二和周四下午", "11-24 12~11-24 18 11-26 12~11-26 18"),
        ("周二下午或者周四上午", "11-24 12~11-24 18 11-26 06~11-26 12"),
        ("这个月", "11-21 14~12-01 00"),
        ("下个月", "12-01 00~01-01 00"),
        ("下下个月", "01-01 00~02-01 00"),
        ("这个月的周末", "11-21 14~11-23 00 11-28 00~11-30 00"),
        ("12月的周末", "12-05 00~12-07 00 12-12 00~12-14 00 12-19 00~12-21 00 12-26 00~12-28 00"),
        ("下个月的周三", "12-02 00~12-03 00 12-09 00~12-10 00 12-16 00~12-17 00 12-23 00~12-24 00 12-30 00~12-31 00"),
        ("每周六", "11-21 14~11-22 00 11-28 00~11-29 00 12-05 00~12-06 00 12-12 00~12-13 00 12-19 00~12-20 00"),
        ("月底", "11-25 00~12-01 00"),
        ("月底前", "11-21 14~12-01 00"),
        ("下个月初", "12-01 00~12-08 00"),
        ("月初", "12-01 00~12-08 00"),
        ("12月上旬", "12-01 00~12-11 00"),
        ("年底前", "11-21 14~01-01 00"),
        ("12月3号", "12-03 00~12-04 00"),
        ("12月3号上午9点", "12-03 09~12-03 10"),
        ("十二月三号上午九点", "12-03 09~12-03 10"),
        ("12月3日9:00-11:00", "12-03 09~12-03 11"),
        ("12/3下午", "12-03 12~12-03 18"),
        ("12.3号", "12-03 00~12-04 00"),
        ("2026-12-03", "12-03 00~12-04 00"),
        ("12月3号到5号", "12-03 00~12-06 00"),
        ("12月3-5号", "12-03 00~12-06 00"),
        ("12月28号到1月3号", "12-28 00~01-04 00"),
        ("30号", "11-30 00~12-01 00"),
        ("31号", "12-31 00~01-01 00"),
        ("三天内", "11-21 14~11-25 00"),
        ("未来两周", "11-21 14~12-06 00"),
        ("半个月内", "11-21 14~12-07 00"),
        ("三天后", "11-24 00~11-25 00"),
        ("一周后", "11-28 00~12-05 00"),
        ("过几天", "11-24 00~11-29 00"),
        ("周三前", "11-21 14~11-25 00"),
        ("月底前的周末", "11-21 14~11-23 00 11-28 00~11-30 00"),
        ("元旦", "01-01 00~01-02 00"),
        ("元旦后", "01-02 00~02-01 00"),
        ("春节前", "11-21 14~02-05 00"),
        ("年前", "11-21 14~02-05 00"),
        ("国庆前后", "09-28 00~10-11 00"),
    ],
)
def test_days_are_understood(text: str, hours: str) -> None:
    assert shown(when(text, SATURDAY)) == hours


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("明天上午", "06~12"),
        ("明天中午", "11~14"),
        ("明天下午", "12~18"),
        ("明天晚上", "18~00"),
        ("明天下班后", "18~00"),
        ("明天上午和下午", "06~18"),
        ("明天9点", "09~10"),
        ("明天9点半", "09:30~10:30"),
        ("明天下午3点半", "15:30~16:30"),
        ("明天三点", "15~16"),
        ("明天晚上7点", "19~20"),
        ("明晚八点", "20~21"),
        ("明天中午12点", "12~13"),
        ("明天14:00", "14~15"),
        ("明天9点左右", "08~10"),
        ("明天14点以后", "14~00"),
        ("明天9点前", "00~09"),
        ("明天上午10点以后", "10~12"),
        ("明天晚上8点之前", "18~20"),
        ("明天9点到11点", "09~11"),
        ("明天9-11点", "09~11"),
        ("明天9点到3点", "09~15"),
        ("明天下午3点到5点", "15~17"),
        ("明天下午3点到晚上8点", "15~20"),
        ("下午,明天", "12~18"),
    ],
)
def test_times_of_day_are_understood(text: str, hours: str) -> None:
    first, last = hours.split("~")
    end = "11-23 00" if last == "00" else f"11-22 {last}"
    assert shown(when(text, SATURDAY)) == f"11-22 {first}~{end}"


def test_seven_o_clock_may_be_in_the_morning_or_in_the_evening() -> None:
    assert shown(when("明天7点", SATURDAY)) == "11-22 07~11-22 08 11-22 19~11-22 20"


@pytest.mark.parametrize("text", ["上午", "下午", "晚上", "9点到11点", "早上8点", "工作日晚上", "每天晚上"])
def test_a_time_alone_means_any_day_near(text: str) -> None:
    window = when(text, SATURDAY)
    assert window is not None and 20 <= len(window.intervals) <= HORIZON_DAYS + 1
    days = [interval.start.astimezone(SHANGHAI).date() for interval in window.intervals]
    assert days[-1] <= SATURDAY.date() + timedelta(days=HORIZON_DAYS)
    assert text != "工作日晚上" or all(day.weekday() < 5 for day in days)


@pytest.mark.parametrize(
    "text", ["随便哪天", "都行", "什么时候都可以", "哪天都成", "无所谓", "随时", "看着安排", "尽快"]
)
def test_no_wish_means_the_whole_time_ahead_and_says_how_far(text: str) -> None:
    window = when(text, SATURDAY)
    assert shown(window) == "11-21 14~12-22 00"
    assert window is not None and "12月21日" in window.label


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("下週三下午", "下周三下午"),
        ("下禮拜三下午", "下周三下午"),
        ("後天上午九點", "后天上午9点"),
        ("隨便哪天", "随便哪天"),
        ("國慶後", "国庆后"),
        ("12月3號", "12月3号"),
        ("下礼拜三", "下周三"),
        ("下星期3", "下周三"),
        ("下周3", "下周三"),
        ("礼拜天", "周日"),
        ("下周未", "下周末"),
        ("名天下午", "明天下午"),
        ("里拜五", "周五"),
        ("１２月３号", "12月3号"),
        ("月未", "月末"),
    ],
)
def test_traditional_characters_other_words_and_typos_mean_the_same(said: str, meant: str) -> None:
    assert shown(when(said, SATURDAY)) == shown(when(meant, SATURDAY)) != ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "数控",
        "3个人",
        "我要两个名额",
        "13800138000",
        "一周三次",
        "便宜一点",
        "两点要求",
        "五一路12号楼",
        "小店区3号楼",
        "声明天下",
        "初级工",
        "第3号文件",
        "13月5号",
        "以后再说",
        "有时候",
        "三年级",
    ],
)
def test_other_things_are_no_time(text: str) -> None:
    assert when(text, SATURDAY) is None


# --- Weeks, month ends and year ends ---------------------------------------------------------------------------------


@pytest.mark.parametrize("days", range(7))
def test_next_wednesday_is_in_the_next_calendar_week_whatever_the_day(days: int) -> None:
    monday = datetime(2026, 11, 16, 9, 0, tzinfo=SHANGHAI)
    assert shown(when("下周三", monday + timedelta(days=days))) == "11-25 00~11-26 00"


def test_on_sunday_next_monday_is_tomorrow() -> None:
    sunday = datetime(2026, 11, 22, 23, 30, tzinfo=SHANGHAI)
    assert shown(when("下周一", sunday)) == shown(when("明天", sunday)) == "11-23 00~11-24 00"
    assert shown(when("这周末", sunday)) == "11-22 23:30~11-23 00"
    assert shown(when("下周日", sunday)) == "11-29 00~11-30 00"


def test_a_weekday_that_has_passed_is_said_and_the_next_one_taken() -> None:
    window = when("这周三", SATURDAY)
    assert shown(window) == "11-25 00~11-26 00"
    assert window is not None and window.note == "这周三已经过了,按11月25日(周三)来找"
    later_today = when("周三上午", WEDNESDAY)
    assert shown(later_today) == "12-02 06~12-02 12"
    assert shown(when("周三下午", WEDNESDAY)) == "11-25 15~11-25 18"
    today = when("今天上午9点", WEDNESDAY)
    assert shown(today) == "11-26 09~11-26 10" and today is not None and "已经过了" in today.note


@pytest.mark.parametrize(
    "text", ["昨天", "上周三", "去年", "上个月", "11月21号上午", "2025年3月1日", "今天之前", "这个月3号"]
)
def test_what_cannot_come_again_is_said_to_have_passed(text: str) -> None:
    window = when(text, SATURDAY)
    assert window is not None and window.intervals == () and window.note == f"{text}已经过了"


@pytest.mark.parametrize(
    ("text", "hours", "day"),
    [
        ("明天", "01-01 00~01-02 00", "明天2027年1月1日(周五)"),
        ("下周三", "01-06 00~01-07 00", "2027年1月6日(周三)"),
        ("下个月", "01-01 00~02-01 00", "2027年1月31日"),
        ("这周末", "01-02 00~01-04 00", "2027年1月3日(周日)"),
        ("本周日", "01-03 00~01-04 00", "2027年1月3日(周日)"),
        ("月底前", "12-31 10~01-01 00", "今天12月31日(周四)"),
        ("这个月", "12-31 10~01-01 00", "今天12月31日(周四)"),
        ("1号", "01-01 00~01-02 00", "2027年1月1日"),
        ("31号", "12-31 10~01-01 00", "今天12月31日(周四)"),
        ("1月", "01-01 00~02-01 00", "2027年1月1日"),
        ("下下个月", "02-01 00~03-01 00", "2027年2月28日"),
        ("三天内", "12-31 10~01-04 00", "2027年1月3日"),
        ("一个月后", "01-31 00~03-02 00", "2027年1月31日"),
        ("元旦后", "01-02 00~02-01 00", "2027年1月31日"),
    ],
)
def test_the_year_end_is_crossed(text: str, hours: str, day: str) -> None:
    window = when(text, NEW_YEARS_EVE)
    assert shown(window) == hours
    assert window is not None and day in window.label


def test_a_month_later_than_the_31st_of_january_is_the_end_of_february() -> None:
    assert shown(when("一个月后", datetime(2027, 1, 31, 9, tzinfo=SHANGHAI))).startswith("02-28 00~")


def test_29_february_is_there_in_a_leap_year_and_said_to_be_missing_in_others() -> None:
    assert shown(when("2月29日", datetime(2028, 2, 1, 9, tzinfo=SHANGHAI))) == "02-29 00~03-01 00"
    assert shown(when("明天", datetime(2028, 2, 28, 9, tzinfo=SHANGHAI))) == "02-29 00~03-01 00"
    assert shown(when("月底前", datetime(2028, 2, 28, 9, tzinfo=SHANGHAI))) == "02-28 09~03-01 00"
    missing = when("2月29日", datetime(2026, 2, 27, 9, tzinfo=SHANGHAI))
    assert missing is not None and missing.intervals == () and missing.note == "2026年2月没有29日"
    assert shown(when("29号", datetime(2026, 2, 27, 9, tzinfo=SHANGHAI))) == "03-29 00~03-30 00"


@pytest.mark.parametrize("text", ["2月30号", "4月31日", "11月31号"])
def test_a_day_that_no_calendar_has_is_said_to_be_missing(text: str) -> None:
    window = when(text, SATURDAY)
    assert window is not None and window.intervals == () and "没有" in window.note


# --- Holidays --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        ((2026, 9, 20), "10-08 00~11-07 00"),
        ((2026, 10, 3), "10-08 00~11-07 00"),
        ((2026, 10, 9), "10-09 09~11-07 00"),  # just after it: this year's, not next year's
        ((2026, 11, 21), "10-08 00~11-07 00"),
    ],
)
def test_after_national_day_is_from_8_october_to_a_stated_horizon(now: tuple[int, int, int], hours: str) -> None:
    moment = datetime(*now, 9, tzinfo=SHANGHAI)
    window = when("国庆后", moment)
    assert shown(window) == hours
    assert window is not None and "11月6日" in window.label


def test_a_weekday_narrows_the_time_after_a_holiday() -> None:
    assert shown(when("国庆后的周三下午", datetime(2026, 9, 20, 9, tzinfo=SHANGHAI))).startswith(
        "10-14 12~10-14 18 10-21 12~"
    )


def test_lunar_holidays_are_known_for_the_years_in_the_table_only() -> None:
    assert holiday("春节", 2027) == (date(2027, 2, 5), date(2027, 2, 12))
    assert holiday("端午", 2026) == (date(2026, 6, 19), date(2026, 6, 19))
    assert holiday("清明", 2026) == (date(2026, 4, 5), date(2026, 4, 5))
    assert holiday("中秋", 2050) is None
    assert when("春节后", datetime(2050, 1, 1, tzinfo=SHANGHAI)) is None


# --- Corrections and exclusions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("明天,不对,后天", "后天"),
        ("把周三的改到下周五", "下周五"),
        ("不是周三,是周四", "周四"),
        ("明天没空,后天可以", "后天"),
        ("这两天不行,下周再说", "下周"),
    ],
)
def test_the_last_word_counts(text: str, meant: str) -> None:
    assert shown(when(text, SATURDAY.replace(day=16))) == shown(when(meant, SATURDAY.replace(day=16)))


@pytest.mark.parametrize(
    ("text", "out", "still_in"),
    [
        ("周三不行", "11-25 10", "11-24 10"),
        ("周三不行", "12-02 10", "12-03 10"),
        ("除了周三都行", "11-25 10", "11-24 10"),
        ("下周除了周三都行", "11-25 10", "11-26 10"),
        ("周三周四都不方便", "11-26 10", "11-27 10"),
        ("不要早上", "11-24 10", "11-24 14"),
        ("周四上午不行", "11-26 10", "11-26 14"),
    ],
)
def test_what_does_not_suit_is_left_out(text: str, out: str, still_in: str) -> None:
    window = when(text, SATURDAY)
    assert window is not None and "不含" in window.label
    unwanted, wanted = (datetime.strptime(f"2026-{m}+0800", "%Y-%m-%d %H%z") for m in (out, still_in))
    assert unwanted not in window and wanted in window


# --- Properties ------------------------------------------------------------------------------------------------------

MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2034, 12, 31, 23, 59), timezones=st.just(timezone.utc))
DAY_WORDS = [
    "",
    "今天",
    "明天",
    "后天",
    "下周三",
    "这周末",
    "周五",
    "下个月",
    "月底",
    "31号",
    "2月29日",
    "国庆",
    "春节",
    "三天内",
    "每周六",
]
MODIFIERS = ["", "后", "前", "起", "前后", "的周末", "不行"]
TIMES = ["", "上午", "下午3点", "晚上", "9点到11点", "7点"]
SAID = st.builds("{}{}{}".format, st.sampled_from(DAY_WORDS), st.sampled_from(MODIFIERS), st.sampled_from(TIMES))


def assert_sound(window: Window | None, now: datetime) -> None:
    """Nothing before now, intervals in order and apart, whole reasons."""
    if window is None:
        return
    assert window.label
    assert window.intervals or window.note
    for interval in window.intervals:
        assert now <= interval.start < interval.end
        assert interval.start.tzinfo is interval.end.tzinfo is timezone.utc
    assert all(a.end < b.start for a, b in zip(window.intervals, window.intervals[1:]))


@given(SAID, MOMENTS)
def test_a_window_never_lies_before_now(text: str, now: datetime) -> None:
    assert_sound(when(text, now), now)


@given(st.text("今明后天下上周末一二三四五六日月号点半前到和不年国庆0123456789:-./早晚午,没空", max_size=20), MOMENTS)
def test_any_text_is_read_without_failing(text: str, now: datetime) -> None:
    assert_sound(when(text, now), now)


@given(MOMENTS)
def test_tomorrow_and_the_next_months_follow_the_calendar(now: datetime) -> None:
    today = now.astimezone(SHANGHAI).date()

    def days(text: str) -> tuple[date, date]:
        window = when(text, now)
        assert window is not None and len(window.intervals) == 1
        (start, end) = window.intervals[0]
        return start.astimezone(SHANGHAI).date(), (end - timedelta(minutes=1)).astimezone(SHANGHAI).date()

    assert days("明天") == (today + timedelta(days=1),) * 2
    year, month = (today.year + today.month // 12, today.month % 12 + 1)
    assert days("下个月") == (date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]))
    assert days("这个月") == (today, date(today.year, today.month, calendar.monthrange(today.year, today.month)[1]))
    monday = today - timedelta(days=today.weekday())
    assert days("下周") == (monday + timedelta(days=7), monday + timedelta(days=13))
    assert days("下周三") == (monday + timedelta(days=9),) * 2
    first, last = days("31号")
    assert first == last and first.day == 31 and 0 <= (first - today).days <= 61


@given(MOMENTS, st.sampled_from(["周一", "周三", "周日"]))
def test_a_bare_weekday_is_within_the_coming_seven_days(now: datetime, text: str) -> None:
    window = when(text, now)
    assert window is not None
    assert timedelta(0) <= window.intervals[0].start - now < timedelta(days=7)
