"""Calendar months and years as the Civil Code counts them (民法典 第二百零一、二百零二条).

A *term* is a stretch that counts its first day, like a contract: 1 March to 31 August is six months. A *time limit* does not count
the day it starts on, and its last day is the corresponding day: one year from 1 March still includes 1 March of the next year.
Where a month has no corresponding day, its last day takes its place: six months from 31 August end on 28 (29) February.
Article 203 (a last day on a public holiday moves on) is not computed: there is no calendar of holidays here.
"""

from calendar import isleap
from datetime import date, timedelta

ONE_DAY = timedelta(days=1)
DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def last_day_within(start: date, months: int) -> date:
    """The last day of a time limit of `months` that starts on `start`: the corresponding day, or that month's last one."""
    year, month = _month_after(start, months)
    return date(year, month, min(start.day, _days(year, month)))


def last_day_of_term(start: date, months: int) -> date:
    """The last day of a term of `months` whose first day is `start`; the day before `start` for a term of none."""
    year, month = _month_after(start, months)
    days = _days(year, month)
    return date(year, month, days) if start.day > days else date(year, month, start.day) - ONE_DAY


def months_of_term(start: date, end: date) -> int:
    """How many whole months a term from `start` to `end` lasts, both days included."""
    months = (end.year - start.year) * 12 + end.month - start.month + 1
    while months > 0 and last_day_of_term(start, months) > end:
        months -= 1
    return max(months, 0)


def length(start: date, end: date) -> str:
    """The length of a term in words: '6 个月', '5 个月零 27 天', '4 天'."""
    months = months_of_term(start, end)
    days = (end - last_day_of_term(start, months)).days
    if months and days:
        return f"{months} 个月零 {days} 天"
    return f"{months} 个月" if months else f"{days} 天"


def chinese_date(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _days(year: int, month: int) -> int:
    return 29 if month == 2 and isleap(year) else DAYS[month - 1]


def _month_after(start: date, months: int) -> tuple[int, int]:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return year, month + 1
