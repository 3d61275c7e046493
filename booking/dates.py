"""When people want to come: words such as 下周三下午 or 国庆后 become UTC intervals with a label in plain Chinese.

Weeks begin on Monday, and 下周三 is the Wednesday of the next calendar week whatever day it is said on. A day without a year
is the next such day. Words without an end (国庆后, 随便哪天) reach HORIZON_DAYS ahead, and the label says how far.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone
from typing import NamedTuple

from opencc import OpenCC

from booking.models import SHANGHAI

HORIZON_DAYS = 30
_DAY_MINUTES = 24 * 60
_HORIZON = timedelta(days=HORIZON_DAYS)


class Interval(NamedTuple):
    """From `start` on, up to but without `end`; both aware, UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Window:
    """When somebody wants to come: disjoint intervals in their order, none before the moment of speaking.

    `label` says it in Chinese with dates. `note` says what had to be read differently (这周三已经过了,按下周三找).
    Without intervals no such time lies ahead, and `note` says why.
    """

    intervals: tuple[Interval, ...]
    label: str
    note: str = ""

    def __contains__(self, moment: datetime) -> bool:
        return any(interval.start <= moment < interval.end for interval in self.intervals)


# --- What is said of days --------------------------------------------------------------------------------------------


_EVERY_DAY, _WORKDAYS, _WEEKEND = frozenset(range(7)), frozenset(range(5)), frozenset({5, 6})


@dataclass(frozen=True)
class _Days:
    """Days from `first` to `last`, both included, or those of them that fall on `weekdays` (Monday is 0).

    `comes_again` is after how many days the words mean another day (这周三: 7); 0 for never.
    `problem` says why there is no such day. `whole_before`: 月底前 includes the days themselves.
    """

    first: date
    last: date
    weekdays: frozenset[int] = _EVERY_DAY
    comes_again: int = 0
    week: date | None = None  # the Monday that a weekday named next belongs to: 下周二和周四
    whole_before: bool = False
    problem: str = ""

    def days(self) -> list[date]:
        span = (self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))
        return [day for day in span if day.weekday() in self.weekdays]


@dataclass(frozen=True)
class _Weekdays:
    """Weekdays by name: of this week or another one (`weeks` from now), every week's, or just the next."""

    days: frozenset[int]
    weeks: int | None
    every: bool


@dataclass(frozen=True)
class _Times:
    """Parts of a day in minutes since midnight, and how they are said."""

    ranges: tuple[tuple[int, int], ...]
    said: str


@dataclass(frozen=True)
class _Token:
    start: int
    end: int
    value: _Days | _Weekdays | _Times


@dataclass
class _Phrase:
    """Days, the parts of them that are meant, and where in the text this is said. Without days: times only."""

    days: _Days | None
    times: list[_Times]
    start: int
    end: int
    excluded: bool = False


@dataclass(frozen=True)
class _Said:
    """Days and the parts of them that somebody wants, or does not want, in his own words."""

    days: _Days
    times: tuple[_Times, ...]
    words: str = ""
    excluded: bool = False


_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "俩": 2, "几": 3, "元": 1}
_CN = "[一二两三四五六七八九十]"
_NUMBER = rf"(?:\d{{1,3}}|{_CN}{{1,3}}|[半几俩])"
_MONTH_NUMBER = r"(?:\d{1,2}|十[一二]?|[一二三四五六七八九元])"
_DAY_NUMBER = r"(?:\d{1,2}|二十[一二三四五六七八九]?|三十一?|十[一二三四五六七八九]?|[一二三四五六七八九])"
_NOT_A_DAY = "(?!楼|线|院|门|车|机|店|厂|教室|文|基地|馆|码|员|工位|柜|令|公[告寓]|仓|站|口)"


def _number(text: str) -> int:
    """二十三 -> 23, 几 -> 3; 0 for what is no numeral."""
    if text.isdecimal():
        return int(text)
    tens, ten, ones = text.partition("十")
    if ten:
        return _DIGITS.get(tens, 1) * 10 + _DIGITS.get(ones, 0)
    return _DIGITS.get(text, 0)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _month_later(year: int, month: int, months: int) -> tuple[int, int]:
    years, month0 = divmod(month - 1 + months, 12)
    return year + years, month0 + 1


_PARTS_OF_MONTH = {"初": (1, 7), "上旬": (1, 10), "中": (11, 20), "中旬": (11, 20), "下旬": (21, 31), "底": (25, 31)}


def _month(year: int, month: int, part: str = "") -> _Days:
    """A month or a part of it: 初 is its first seven days, 底 begins on the 25th."""
    first, last = _PARTS_OF_MONTH.get(part.replace("末", "底"), (1, 31))
    days = date(year, month, first), date(year, month, min(last, monthrange(year, month)[1]))
    return _Days(*days, whole_before=part in ("底", "末"))


_IN_DAYS = {"大前": -3, "前": -2, "昨": -1, "今": 0, "明": 1, "后": 2, "大后": 3}
_RELATIVE = re.compile(
    r"(?P<both>今明|明后)[两二]?[天日]|(?P<day>大前|大后|昨|今|(?<![声证透说])明|(?<![之然])前|(?<![之然])后)(?:[天日]|儿个?(?!子)|(?=[早晚]))"
)


def _relative(match: re.Match[str], today: date) -> _Days:
    if match["both"]:
        first = today + timedelta(days=_IN_DAYS[match["both"][0]])
        return _Days(first, first + timedelta(days=1))
    day = today + timedelta(days=_IN_DAYS[match["day"]])
    return _Days(day, day, comes_again=1 if day == today else 0)


_WEEKS = {"上上": -2, "上": -1, "这": 0, "本": 0, "下": 1, "下下": 2}
_WEEKDAY_NAMES = {c: i for i, c in enumerate("一二三四五六日")} | {"天": 6} | {str(i): i - 1 for i in range(1, 8)}
_WEEK = re.compile(
    r"(?:(?P<every>每)个?|(?P<weeks>上上|(?<![早晚马路手])上|这|本|下下|下)一?个?|(?<![一二两三四五六七八九十几\d半])|(?<=[周期拜][一二三四五六1-6]))"
    r"(?:周|星期|礼拜)"
    r"(?P<day>六[和、]?日|[一二三四五六日天末](?![次节回趟遍])|[1-7](?!\d|[点次节回趟号月:.个]))?"
)
_DAY_KINDS = re.compile(r"(?P<work>工作日|平日|平时(?!间)|周内)|双休日?|每[天日](?P<daily>)")


def _week(match: re.Match[str], today: date) -> _Days | _Weekdays | None:
    weeks = _WEEKS[match["weeks"]] if match["weeks"] else None
    if match["day"]:
        name = match["day"]
        days = _WEEKEND if name == "末" or len(name) > 1 else frozenset({_WEEKDAY_NAMES[name]})
        return _Weekdays(days, weeks, bool(match["every"]))
    if weeks is None:
        return None
    monday = _monday(today) + timedelta(weeks=weeks)
    return _Days(monday, monday + timedelta(days=6), week=monday)


def _day_kinds(match: re.Match[str], today: date) -> _Weekdays:
    if match["daily"] is not None:
        return _Weekdays(_EVERY_DAY, None, every=True)
    return _Weekdays(_WORKDAYS, None, every=True) if match["work"] else _Weekdays(_WEEKEND, None, every=False)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


_YEARS = {"去": -1, "今": 0, "明": 1, "后": 2}
_YEAR = r"(?:(?P<year>20\d\d)\s?年|(?<![声证透说以之])(?P<year_word>[去今明后])年)"
_CALENDAR = re.compile(
    rf"(?:{_YEAR}的?\s?)?(?<![\d第.])(?:(?P<month>{_MONTH_NUMBER})\s?月份?|(?P<months>下下个?|下个?|这个?|本|当|上个?)月)的?\s?"
    rf"(?:(?P<day>{_DAY_NUMBER})\s?(?:[号日]{_NOT_A_DAY}|(?=\s?[-~到至、]\s?\d)|(?=[上中下早晚,。!?\s]|$))"
    r"|(?P<part>[上中下]旬|月?初(?![级中])|月?[底末]|中(?![心旬级]))?)"
)
_DAY_OF_MONTH = re.compile(
    rf"(?<![\d第.月])(?P<day>{_DAY_NUMBER})(?:\s?号{_NOT_A_DAY}|(?<=\d)\s?日|(?<=\d)(?=\s?(?:[-~到至])\s?\d{{1,2}}[号日]))"
)
_PART_OF_MONTH = re.compile(r"(?<![\d个年])月(?P<part>初|中旬?|[底末])|(?<![月\d])(?P<ten>[上中下]旬)")
_NUMERIC = re.compile(
    r"(?<![\d./-])(?:(?P<year>20\d\d)(?P<sep>[-/.])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})(?![\d./-])"
    r"|(?P<m>\d{1,2})(?:/(?P<d>\d{1,2})|\.(?P<dd>\d{1,2})(?=[号日上下早晚,。!?\s到至]|$))(?![\d./%]))"
)
_YEAR_ALONE = re.compile(
    rf"{_YEAR}(?P<part>年?[初底末])?(?![级度])|(?<![\d今明去前后一二两三几半多])年(?P<bare>[底末])"
)


def _year_of(match: re.Match[str], today: date) -> int | None:
    if match["year"]:
        return int(match["year"])
    return today.year + _YEARS[match["year_word"]] if match["year_word"] else None


def _calendar(match: re.Match[str], today: date) -> _Days | None:
    year, part = _year_of(match, today), (match["part"] or "").removeprefix("月")
    if match["months"]:
        word = match["months"].rstrip("个")
        year, month = _month_later(year or today.year, today.month, {"上": -1, "下": 1, "下下": 2}.get(word, 0))
    else:
        month = _number(match["month"])
        if not 1 <= month <= 12:
            return None
    if match["day"]:
        return _calendar_day(year, month, _number(match["day"]), today)
    if year is None:
        year = today.year + (_month(today.year, month, part).last < today)
    return _month(year, month, part)


def _calendar_day(year: int | None, month: int, day: int, today: date) -> _Days | None:
    """A day of a year, or the next such day. What the calendar lacks (2月30日) is said, not guessed."""
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    if year is None:
        year = today.year
        year += (month, day) < (today.month, today.day)
    found = _date(year, month, day)
    if found is None:
        return _Days(today, today, problem=f"{year}年{month}月没有{day}日")
    return _Days(found, found)


def _day_of_month(match: re.Match[str], today: date) -> _Days | None:
    """The next day with this number; a month that lacks it is passed over."""
    return _next_day_numbered(_number(match["day"]), today)


def _next_day_numbered(number: int, today: date) -> _Days | None:
    for months in range(3):
        found = _date(*_month_later(today.year, today.month, months), number)
        if found and found >= today:
            return _Days(found, found)
    return None


def _part_of_month(match: re.Match[str], today: date) -> _Days:
    part = match["part"] or match["ten"]
    days = _month(today.year, today.month, part)
    return days if days.last >= today else _month(*_month_later(today.year, today.month, 1), part)


def _numeric(match: re.Match[str], today: date) -> _Days | None:
    if match["year"]:
        return _calendar_day(int(match["year"]), int(match["month"]), int(match["day"]), today)
    return _calendar_day(None, int(match["m"]), int(match["d"] or match["dd"]), today)


def _year_alone(match: re.Match[str], today: date) -> _Days:
    year, part = _year_of(match, today) or today.year, match["part"] or match["bare"] or ""
    if part.endswith(("底", "末")):
        return replace(_month(year, 12), whole_before=True)
    return _month(year, 1) if part else _Days(date(year, 1, 1), date(year, 12, 31))


# 春节, 端午, 中秋 by year, from the published calendar; years beyond it are not resolved.
_LUNAR = {
    2024: ("02-10", "06-10", "09-17"),
    2025: ("01-29", "05-31", "10-06"),
    2026: ("02-17", "06-19", "09-25"),
    2027: ("02-06", "06-09", "09-15"),
    2028: ("01-26", "05-28", "10-03"),
    2029: ("02-13", "06-16", "09-22"),
    2030: ("02-03", "06-05", "09-12"),
    2031: ("01-23", "06-24", "10-01"),
    2032: ("02-11", "06-12", "09-19"),
    2033: ("01-31", "06-01", "09-08"),
    2034: ("02-19", "06-20", "09-27"),
    2035: ("02-08", "06-10", "09-16"),
}
_HOLIDAY = re.compile(
    rf"(?:{_YEAR}的?)?(?:(?P<name>国庆|元旦|五一(?!路|广场|大[道街]|村)|劳动节|清明(?!上河)|端午|中秋|春节|过年(?!龄)|暑假|除夕"
    r"|(?<![\d一二两三几半多今明去前后\s])年(?=[前后](?![两几三]))"
    r"|(?<![\d第二三四五六七八九])十一(?=假|长假|期间|前|后|放假|黄金周))节?(?:[小长]?假期?|期间|放假|黄金周)?|过完年(?P<after_new_year>))"
)


def holiday(name: str, year: int) -> tuple[date, date] | None:
    """First and last day of a holiday as it usually falls; the State Council announces each year's exact days.

    None for one whose lunar date of that year is not in the table.
    """
    solar = {"国庆": (10, 1, 7), "十一": (10, 1, 7), "元旦": (1, 1, 1), "五一": (5, 1, 5), "劳动节": (5, 1, 5)}
    if name in solar:
        month, first, last = solar[name]
        return date(year, month, first), date(year, month, last)
    if name == "暑假":
        return date(year, 7, 1), date(year, 8, 31)
    if name == "清明":
        # The solar term in this century: 4.81 plus 0.2422 days a year, less the leap days.
        day = date(year, 4, int((year - 2000) * 0.2422 + 4.81) - (year - 2000) // 4)
        return day, day
    if year not in _LUNAR:
        return None
    spring, dragon_boat, mid_autumn = (date.fromisoformat(f"{year}-{day}") for day in _LUNAR[year])
    if name in ("端午", "中秋"):
        day = dragon_boat if name == "端午" else mid_autumn
        return day, day
    eve = spring - timedelta(days=1)
    return (eve, eve) if name == "除夕" else (eve, spring + timedelta(days=6))


def _holiday(match: re.Match[str], today: date) -> _Days | None:
    name, year = match["name"] or "过年", _year_of(match, today)
    span = holiday(name, year or today.year)
    # After a holiday, 国庆后 still means this year's for as long as it reaches.
    after = match["after_new_year"] is not None or _AFTER.match(match.string, match.end())
    if year is None and span and span[1] + (_HORIZON if after else timedelta(0)) < today:
        span = holiday(name, today.year + 1)
    if not span:
        return None
    return _after(_Days(*span)) if match["after_new_year"] is not None else _Days(*span)


_UNIT = r"(?:天|日|个?(?:工作日)|周|个?星期|个?礼拜|个?月|个?(?:小时|钟头))"
_WITHIN = re.compile(
    rf"(?<![第每满])(?P<n>{_NUMBER})\s?(?P<unit>{_UNIT})(?:之内|以内|内|里)"
    rf"|(?:未来|接下来|往后|今后|这|最近|近)(?P<m>{_NUMBER})\s?(?P<unit2>{_UNIT})(?!前)"
)
_LATER = re.compile(
    rf"(?<![第每满训学工])(?P<n>{_NUMBER})\s?(?P<unit>{_UNIT})[之以]?后(?![续期])|(?:再?过|隔)(?P<m>{_NUMBER})\s?(?P<unit2>{_UNIT})(?:[之以]?后)?"
)


def _reach(number: str, unit: str, today: date) -> date | None:
    """The day that is so much later: 两周 -> in 14 days, 半个月 -> in 15; None beyond a year."""
    count, half = _number(number), number == "半"
    if "月" in unit:
        if half:
            return today + timedelta(days=15)
        if not 1 <= count <= 12:
            return None
        year, month = _month_later(today.year, today.month, count)
        return date(year, month, min(today.day, monthrange(year, month)[1]))
    if "小时" in unit or "钟头" in unit:
        return today + timedelta(days=count // 24)
    days = (4 if half else 7 * count) if unit.endswith(("周", "星期", "礼拜")) else count
    return today + timedelta(days=days) if 1 <= days <= 366 else None


def _within(match: re.Match[str], today: date) -> _Days | None:
    number, unit = match["n"] or match["m"], match["unit"] or match["unit2"]
    last = _reach(number, unit, today)
    return _Days(today, last) if last else None


def _later(match: re.Match[str], today: date) -> _Days | None:
    number, unit = match["n"] or match["m"], match["unit"] or match["unit2"]
    first = _reach(number, unit, today)
    if first is None:
        return None
    # The vaguer the words, the wider they are taken: 过几天 some days, 一周后 a week, 一个月后 a month.
    width = (
        4 if number == "几" else 6 if "周" in unit or "星期" in unit or "礼拜" in unit else 29 if "月" in unit else 0
    )
    return _Days(first, first + timedelta(days=width))


_VAGUE = re.compile(
    r"这几天|这两天|(?P<recent>最近|近期|近来|这段时间|这阵子)|(?P<soon>尽快|尽早|越[快早]越好|马上|立刻|最早|最快)"
)


def _vague(match: re.Match[str], today: date) -> _Days:
    days = HORIZON_DAYS if match["soon"] else 14 if match["recent"] else 3
    return _Days(today, today + timedelta(days=days))


# --- What is said of the time of day ---------------------------------------------------------------------------------

_PARTS = {
    "凌晨": (0, 6),
    "早": (6, 12),
    "上午": (6, 12),
    "中午": (11, 14),
    "下午": (12, 18),
    "傍晚": (17, 20),
    "晚": (18, 24),
    "白天": (6, 18),
}
_PART_NAMES = {
    "早上": "早",
    "早晨": "早",
    "清早": "早",
    "清晨": "早",
    "一早": "早",
    "午前": "上午",
    "正午": "中午",
    "午间": "中午",
    "晌午": "中午",
    "午后": "下午",
    "后晌": "下午",
    "晚上": "晚",
    "晚间": "晚",
    "夜里": "晚",
    "夜间": "晚",
    "夜晚": "晚",
    "半夜": "晚",
} | {name: name for name in _PARTS}
_PART = (
    r"(?:早[上晨]|清[早晨]|一早|上午|午前|正午|中午|午间|晌午|下午|午后|后晌|傍晚|晚[上间]|夜[里间晚]|半夜|白天|凌晨|(?:下班|放学|下课)(?:[之以]?后)?"
    r"|(?<=[今明后天日一二三四五六末])[早晚](?!点|些|一点)|[早晚](?=\s?(?:\d|[二两三四五六七八九十]\s?点)))"
)
_HOUR = r"(?:\d{1,2}|十[一二]?|[一二两三四五六七八九])"
_MINUTE = r"(?:半|[一三]刻|(?:\d{1,2}|[二三四五]?十[一二三四五六七八九]?|零[一二三四五六七八九])分?)"


def _clock(n: str) -> str:
    return rf"(?P<h{n}>{_HOUR})\s?(?:(?:点|时(?![间候长段期代常刻节装]))钟?(?P<m{n}>{_MINUTE})?整?|:(?P<c{n}>[0-5]\d))"


_TO = r"\s?(?:到|至|[-~])\s?"
_TIME = re.compile(
    rf"(?P<part>{_PART})?的?\s?(?<![\d.:第有差]){_clock('1')}(?:{_TO}(?P<part2>{_PART})?{_clock('2')})?"
    r"(?P<about>左右|前后|[之以]?后|[之以]?前|开始|起)?"
    rf"|(?P<part3>{_PART})?(?<![\d.:第])(?P<h3>{_HOUR}){_TO}(?P<part4>{_PART})?{_clock('4')}"
    rf"|(?P<part5>{_PART})"
)


def _minutes(hour: str, minute: str | None, colon: str | None) -> int | None:
    found = _number(hour) * 60
    if colon:
        found += int(colon)
    elif minute:
        plain = minute.rstrip("分")
        found += {"半": 30, "一刻": 15, "三刻": 45}.get(plain, _number(plain.lstrip("零")))
    return found if found <= _DAY_MINUTES else None


def _part_name(said: str) -> str:
    """The part of the day that a word means; 下班后 is the evening."""
    return _PART_NAMES.get(said, "晚")


def _afternoon(minute: int, part: str | None) -> int:
    """3点 is 15:00 in 下午, 傍晚, 晚上, and alone: nobody trains before six."""
    if minute >= 13 * 60:
        return minute
    if part in ("下午", "傍晚", "晚"):
        return minute + 12 * 60 if minute < 12 * 60 or part == "晚" else minute
    if part == "中午":
        return minute + 12 * 60 if minute < 10 * 60 else minute
    return minute + 12 * 60 if part is None and minute < 6 * 60 else minute


def _time(match: re.Match[str], today: date) -> _Times | None:
    if match["part5"]:
        name = _part_name(match["part5"])
        first, last = _PARTS[name]
        return _Times(((first * 60, last * 60),), {"早": "上午", "晚": "晚上"}.get(name, name))
    said = match["part"] or match["part3"]
    part = _part_name(said) if said else None
    if match["h1"] in ("一", "两") and part is None and not match["m1"] and not match["about"] and "钟" not in match[0]:
        return None  # 便宜一点, 两点要求
    start = _minutes(match["h1"] or match["h3"], match["m1"], match["c1"])
    if start is None:
        return None
    if match["h2"] or match["h4"]:
        end = _minutes(match["h2"] or match["h4"], match["m2"] or match["m4"], match["c2"] or match["c4"])
        said_end = match["part2"] or match["part4"]
        if end is None:
            return None
        end = _afternoon(end, _part_name(said_end) if said_end else part)
        start = _afternoon(start, part if said or start < end - 12 * 60 or not said_end else "上午")
        if end <= start and end + 12 * 60 <= _DAY_MINUTES:
            end += 12 * 60  # 9点到3点
        return _Times(((start, end),), f"{_hhmm(start)}到{_hhmm(end)}") if start < end else None
    evening = start + 12 * 60 if part is None and 6 * 60 <= start < 8 * 60 and not match["c1"] else None
    moments = [_afternoon(start, part)] + ([evening] if evening else [])  # 7点 may be either
    bounds = tuple(60 * hour for hour in _PARTS[part]) if part else (0, _DAY_MINUTES)
    ranges = [_around(moment, match["about"] or "", bounds) for moment in moments]
    kept = tuple((a, b) for a, b in ranges if a < b)
    return _Times(kept, "、".join(map(_hhmm, moments)) + (match["about"] or "").lstrip("之以")) if kept else None


def _around(minute: int, about: str, bounds: Sequence[int]) -> tuple[int, int]:
    """The times that 9点, 9点左右, 9点后, 9点前 mean: a slot that begins within the hour is at 9点."""
    if about in ("左右", "前后"):
        return max(0, minute - 60), min(_DAY_MINUTES, minute + 60)
    if about.endswith("前"):
        return bounds[0], minute
    if about:
        return minute, max(bounds[1], minute)
    return minute, min(_DAY_MINUTES, minute + 60)


def _hhmm(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02}"


# --- Reading a whole text --------------------------------------------------------------------------------------------

_Finder = Callable[["re.Match[str]", date], "_Days | _Weekdays | _Times | None"]
_FINDERS: tuple[tuple[re.Pattern[str], _Finder], ...] = (
    (_NUMERIC, _numeric),
    (_CALENDAR, _calendar),
    (_DAY_OF_MONTH, _day_of_month),
    (_PART_OF_MONTH, _part_of_month),
    (_YEAR_ALONE, _year_alone),
    (_WITHIN, _within),
    (_LATER, _later),
    (_VAGUE, _vague),
    (_RELATIVE, _relative),
    (_WEEK, _week),
    (_DAY_KINDS, _day_kinds),
    (_HOLIDAY, _holiday),
    (_TIME, _time),
)
_ANY_TIME = re.compile(
    r"随便|随时|都[行可好成能]|任何|任意|无所谓|不限|哪天|什么时候|啥时候|看着[安排约]|你们?(?:来?定|安排)|没要求|没有要求|不挑"
)
_AFTER = re.compile(r"(?:假期|放假|结束|完)?(?:[之以]?后(?![天日续期悔])|过后|往后|后面)")
_BEFORE = re.compile(r"[之以]?前(?![台天往后去来])")
_FROM_ON = re.compile(r"(?:开始|起(?!来)|以来)")
_NEARBY = re.compile(r"前后|左右|上下")
_NOT = re.compile(
    r"(?:的?(?:话|时候))?[,\s]?(?:都|就|我|是|实在|真|可能|那天|也)*"
    r"(?:不行(?!不)|不方便|没空|没时间|没有?空|有事|有课|要上班|来不了|去不了|除外|[之以]外|不可以|不能(?!不)|不想|不去|不约|不要|不合适)"
)
_EXCEPT = re.compile(r"(?:除了?|不要|不想要?|避开|不是|别约?|别安排在?)$")
_CORRECTED = re.compile(r"不对|错了|说错|改[成到约为在]|换[成到]|挪到|推[迟后]?到|调整?到|提前到|延[期后]?到")
_JOINED = re.compile(r"\s*(?:和|跟|、|及|与|或者?|还是|以及)\s*")
_UP_TO = re.compile(rf"的?{_TO}")
_NARROWS = re.compile(r"\s*(?:[的里内]|期间|随便|任意|任何|哪个|某个|一个)*\s*")
_TYPOS = {"名天": "明天", "今夭": "今天", "明夭": "明天", "候天": "后天", "礼败": "礼拜", "里拜": "礼拜", "星其": "星期", "星斯": "星期",
          "下洲": "下周", "这洲": "这周", "周未": "周末", "月未": "月末", "年未": "年末", "晚尚": "晚上", "下五": "下午", "点种": "点钟"}  # fmt: skip
_TYPO = re.compile("|".join(_TYPOS))
_to_simplified = OpenCC("t2s")


def fold(text: str) -> str:
    """`text` in simplified, half-width, lower-case characters, with common slips in words of time put right; its first 500."""
    folded = str(_to_simplified.convert(unicodedata.normalize("NFKC", text[:500]))).lower()
    return _TYPO.sub(lambda m: _TYPOS[m[0]], folded).replace("—", "-").replace("–", "-")


def _tokens(text: str, today: date) -> list[_Token]:
    """What is said of days and times, the longest reading of each stretch, in its order."""
    found: list[tuple[int, int, _Days | _Weekdays | _Times | None]] = []
    for pattern, read in _FINDERS:
        found += [(m.start(), m.end(), read(m, today)) for m in pattern.finditer(text) if m.end() > m.start()]
    chosen: list[_Token] = []
    for start, end, value in sorted(found, key=lambda f: (f[0] - f[1], f[0])):
        if value is not None and all(end <= t.start or t.end <= start for t in chosen):
            chosen.append(_Token(start, end, value))
    return sorted(chosen, key=lambda t: t.start)


def _after(days: _Days) -> _Days:
    first = days.last + timedelta(days=1)
    return _Days(first, first + _HORIZON - timedelta(days=1))


def _modified(text: str, end: int, days: _Days, today: date) -> tuple[_Days, int]:
    """`days` as the words behind them change them (后, 前, 起, 前后), and where those words end."""
    if days.problem:
        return days, end
    if match := _NEARBY.match(text, end):
        return replace(days, first=days.first - timedelta(days=3), last=days.last + timedelta(days=3)), match.end()
    if match := _AFTER.match(text, end):
        return _after(days), match.end()
    if match := _BEFORE.match(text, end):
        last = days.last if days.whole_before else days.first - timedelta(days=1)
        return _Days(today, last), match.end()
    if match := _FROM_ON.match(text, end):
        return _Days(days.first, max(days.last, days.first + _HORIZON - timedelta(days=1))), match.end()
    return days, end


def _of_week(weekdays: _Weekdays, today: date, week: date | None) -> _Days:
    """The days that are meant: of the week that is named, or of the one named before, or else the next ones."""
    if weekdays.every:
        return _Days(today, today + _HORIZON, weekdays.days)
    if weekdays.weeks is not None:
        week = _monday(today) + timedelta(weeks=weekdays.weeks)
    first, last = (timedelta(days=pick(weekdays.days)) for pick in (min, max))
    monday = week or _monday(today)
    if week is None and monday + last < today:
        monday += timedelta(weeks=1)
    again = 0 if weekdays.weeks not in (None, 0) else 7
    return _Days(monday + first, monday + last, weekdays.days, comes_again=again, week=week)


def _phrases(text: str, today: date) -> list[_Said]:
    """The days that are spoken of, each with its times, the unwanted ones marked; times alone stand for any day near."""
    phrases: list[_Phrase] = []
    for token in _tokens(text, today):
        last = phrases[-1] if phrases else None
        gap = text[last.end if last else 0 : token.start]
        if _CORRECTED.search(gap):
            phrases, last = [], None
        if isinstance(token.value, _Times):
            if last and not last.excluded:
                last.times.append(token.value)
                last.end = token.end
            else:
                phrases.append(_Phrase(None, [token.value], token.start, token.end))
        elif last and isinstance(token.value, _Weekdays) and (narrowed := _narrowed(last, token.value, gap)):
            last.days, last.end = narrowed, token.end
        else:
            days = token.value
            if isinstance(days, _Weekdays):
                days = _of_week(days, today, last.days.week if last and last.days else None)
            days, end = _modified(text, token.end, days, today)
            up_to = last and last.days and not last.excluded and _UP_TO.fullmatch(gap) and last.days.first <= days.last
            if last and last.days and up_to:
                last.days = _Days(last.days.first, days.last, problem=last.days.problem or days.problem)
                last.end = end
            else:
                phrases.append(_Phrase(days, [], token.start, end))
        phrases[-1].excluded |= bool(_EXCEPT.search(text[: phrases[-1].start]) or _NOT.match(text, phrases[-1].end))
    for earlier, later in zip(phrases[-2::-1], phrases[::-1]):
        between = text[earlier.end : later.start]
        if _JOINED.fullmatch(between) or not between:
            earlier.times = earlier.times or later.times  # 周二和周四下午
            earlier.excluded = later.excluded = earlier.excluded or later.excluded  # 周三周四都不行
    return _placed(phrases, text, today)


def _placed(phrases: list[_Phrase], text: str, today: date) -> list[_Said]:
    """Times that were said of no day go to the days that were said without times, or stand for any day near."""
    dated = any(phrase.days and not phrase.excluded for phrase in phrases)
    timeless = [phrase for phrase in phrases if phrase.days is None and not phrase.excluded] if dated else []
    loose = [said for phrase in timeless for said in phrase.times]
    return [
        _Said(
            _wide(phrase, today),
            tuple(phrase.times or ([] if phrase.excluded else loose)),
            text[phrase.start : phrase.end],
            phrase.excluded,
        )
        for phrase in phrases
        if phrase not in timeless
    ]


def _wide(phrase: _Phrase, today: date) -> _Days:
    """The days of a phrase: any day for times alone, and all Wednesdays near for 周三不行."""
    if phrase.days is None:
        return _any_day(today)
    every = phrase.excluded and phrase.days.weekdays != _EVERY_DAY and phrase.days.week is None
    return replace(_any_day(today), weekdays=phrase.days.weekdays) if every else phrase.days


def _any_day(today: date) -> _Days:
    return _Days(today, today + _HORIZON)


def _narrowed(last: _Phrase, weekdays: _Weekdays, gap: str) -> _Days | None:
    """The days of the span just named that a weekday picks: 下个月的周三, 国庆后每个周末; None when it picks none."""
    span = last.days
    if span is None or last.times or weekdays.weeks is not None or span.last - span.first < timedelta(days=6):
        return None
    if span.weekdays != _EVERY_DAY and _JOINED.fullmatch(gap):
        return replace(span, weekdays=span.weekdays | weekdays.days)
    return replace(span, weekdays=weekdays.days) if _NARROWS.fullmatch(gap) else None


def when(text: str, now: datetime) -> Window | None:
    """When `text` says that somebody wants to come, as said at `now` (aware); None when it says nothing of it."""
    local = now.astimezone(SHANGHAI)
    folded = fold(text)
    phrases = _phrases(folded, local.date())
    if not phrases and not _ANY_TIME.search(folded):
        return None
    wanted = [said for said in phrases if not said.excluded] or [_Said(_any_day(local.date()), ())]
    unwanted = [said for said in phrases if said.excluded]
    readings = [_read_ahead(said, local) for said in wanted]
    intervals = [interval for window in readings for interval in window.intervals]
    for said in unwanted:
        intervals = _without(intervals, _clipped(said, local))
    label = "或".join(dict.fromkeys(window.label for window in readings))
    if unwanted:
        label += ",不含" + "、".join(said.words for said in unwanted)
    note = ";".join(dict.fromkeys(window.note for window in readings if window.note))
    return Window(_merged(intervals), label, note)


def on_days(first: date, last: date, now: datetime) -> Window:
    """The window from `first` to `last`, both included, as far as it lies ahead of `now`."""
    local = now.astimezone(SHANGHAI)
    words = say_day(first, local.date()) + (f"到{say_day(last, local.date())}" if last != first else "")
    return _read_ahead(_Said(_Days(first, last), (), words), local)


def _read_ahead(said: _Said, local: datetime) -> Window:
    """What lies ahead of it; when all of it has passed, the next time that the words come round, and a note."""
    if said.days.problem:
        return Window((), said.words, said.days.problem)
    if intervals := _clipped(said, local):
        return Window(tuple(intervals), _label(said, local))
    again = timedelta(days=said.days.comes_again)
    if not again:
        return Window((), said.words, f"{said.words}已经过了")
    days = replace(said.days, first=said.days.first + again, last=said.days.last + again)
    later = replace(said, days=days)
    label = _label(later, local)
    return Window(tuple(_clipped(later, local)), label, f"{said.words}已经过了,按{label}来找")


def _clipped(said: _Said, local: datetime) -> list[Interval]:
    """The intervals of those days that lie ahead of `local`."""
    if said.days.problem:
        return []
    ranges = [r for times in said.times for r in times.ranges] or [(0, _DAY_MINUTES)]
    now = local.astimezone(timezone.utc)
    found = []
    for day in said.days.days():
        midnight = datetime.combine(day, time(), SHANGHAI).astimezone(timezone.utc)
        for first, last in ranges:
            start, end = midnight + timedelta(minutes=first), midnight + timedelta(minutes=last)
            if end > now:
                found.append(Interval(max(start, now), end))
    return found


def _merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    merged: list[Interval] = []
    for interval in sorted(intervals):
        if merged and interval.start <= merged[-1].end:
            merged[-1] = Interval(merged[-1].start, max(merged[-1].end, interval.end))
        else:
            merged.append(interval)
    return tuple(merged)


def _without(intervals: Iterable[Interval], holes: Iterable[Interval]) -> list[Interval]:
    kept = list(intervals)
    for hole in holes:
        parts = [
            part
            for one in kept
            for part in ((one.start, min(one.end, hole.start)), (max(one.start, hole.end), one.end))
        ]
        kept = [Interval(start, end) for start, end in parts if start < end]
    return kept


# --- Saying it -------------------------------------------------------------------------------------------------------

_WEEKDAY_LABELS = "一二三四五六日"


def say_day(day: date, today: date) -> str:
    """11月25日(周三), with the year when it is not this one, and 今天, 明天, 后天 before the next days."""
    near = {0: "今天", 1: "明天", 2: "后天"}.get((day - today).days, "")
    year = f"{day.year}年" if day.year != today.year else ""
    return f"{near}{year}{day.month}月{day.day}日(周{_WEEKDAY_LABELS[day.weekday()]})"


def _label(said: _Said, local: datetime) -> str:
    today = local.date()
    times = "、".join(dict.fromkeys(t.said for t in said.times))
    found = said.days.days()
    ahead = [day for day in found if day >= today] or found
    if not ahead:
        return said.words
    if len(ahead) == 1:
        return say_day(ahead[0], today) + times
    if len(found) == 2 or (len(ahead) == 2 and said.days.weekdays != _EVERY_DAY):
        return "、".join(say_day(day, today) for day in ahead) + (f"的{times}" if times else "")
    names = {_WEEKEND: "周末", _WORKDAYS: "周一到周五", _EVERY_DAY: ""}
    weekdays = "、".join(f"周{_WEEKDAY_LABELS[day]}" for day in sorted(said.days.weekdays))
    kind = names.get(said.days.weekdays, weekdays)
    return f"{say_day(ahead[0], today)}到{say_day(ahead[-1], today)}" + (f"的{kind}{times}" if kind or times else "")
