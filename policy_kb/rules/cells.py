"""What people write in the cells of a form: dates, lengths of time, yes and no, in all the ways that are usual in Chinese.

A reader raises ValueError with what to write instead, as the end of a Chinese sentence. It never guesses: '26/3/1' is refused.
"""

import re
from datetime import date, datetime
from decimal import Decimal
from unicodedata import normalize

from policy_kb.normalise import same_length
from policy_kb.numbers import chinese_to_int
from policy_kb.rules.inputs import FIRST_DAY, LAST_DAY, MOST_MONTHS
from policy_kb.rules.spreadsheet import Formula, Sheet, Value

AS_DAY = "请写成 2026-03-01 这样"
AS_YES_NO = "请写“是”或“否”"
AS_MONTHS = "请写成“12 个月”这样"
AS_TERM = "请写成“12 个月”或“2026-03-01 至 2027-02-28”这样"
AS_COUNT = "请写成整数,比如 8"

_INVISIBLE = re.compile(r"[\s\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe0e\ufe0f\ufeff]+")
_EDGES = " \t\r\n\u00a0\u3000\u200b\u200c\u200d\u2060\ufeff'"
_BLANK = {"", "/", "\\", "-", "--", "—", "——", "–", "_", "空"}
_UNKNOWN = {"?", "??", "???", "不知道", "不清楚", "不详", "不确定", "未知", "待定", "待补", "待补充", "n/a", "na"}
# √ and ticks, × and crosses; 1 and 0 as in a list of marks.
_YES = set("是有对√✓✔☑✅yt1") | {"是的", "yes", "true", "已", "已是", "为是", "属于", "参加", "已参加"}
_NO = set("否无×✗✘☒❌❎xnf0✕✖不非") | {"不是", "没有", "没", "no", "false", "未", "不属于", "未参加", "没参加"}

_MARK = "[-/.。·、_\\\\—–]"
_DIGITS = "[〇零○一二三四五六七八九]"
_SMALL = "[一二三四五六七八九十]{1,3}"
_DAY = (
    rf"(?:\d{{4}}{_MARK}\d{{1,2}}{_MARK}\d{{1,2}}|\d{{4}}年\d{{1,2}}月\d{{1,2}}[日号]?|\d{{2}}年\d{{1,2}}月\d{{1,2}}[日号]?"
    rf"|\d{{8}}|{_DIGITS}{{4}}年{_SMALL}月{_SMALL}[日号])"
)
_PARTS = re.compile(rf"(\d{{4}}|\d{{2}}(?=年)|{_DIGITS}{{4}})\D*?(\d{{1,2}}|{_SMALL})\D*?(\d{{1,2}}|{_SMALL})[日号]?")
_TIME = re.compile(
    r"(?<=\d)[t\s]+\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(z|[+-]\d{2}:?\d{2})?$|[(]?(星期|周|礼拜)[一二三四五六日天][)]?$"
)
_FROM_TO = re.compile(rf"从?({_DAY})起?(?:至|到|~|-|—|–)+({_DAY})止?")
_NUMBER = r"(?:\d+(?:\.\d+)?|[一二两三四五六七八九十百]+)"
_LENGTH = re.compile(
    rf"(?:(?P<years>{_NUMBER})年(?P<half>半)?|(?P<only_half>半年))?[零又加]?(?:(?P<months>{_NUMBER})个?月)?期?"
)


def fold(value: Value) -> str:
    """The text of a cell for comparing: Simplified, half-width, lower case, without spaces and a leading apostrophe."""
    return _INVISIBLE.sub("", same_length(as_shown(value))).removeprefix("'")


def as_shown(value: Value) -> str:
    """A cell's content as text."""
    if isinstance(value, Formula):
        return value.text
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return str(value)


def is_blank(value: Value | None) -> bool:
    """Nothing, or a dash that stands for nothing."""
    if not isinstance(value, str):
        return value is None
    text = value.strip(_EDGES)
    return len(text) <= 2 and normalize("NFKC", text) in _BLANK


def is_unknown(value: Value) -> bool:
    """不知道 and what else says that nobody knows."""
    return isinstance(value, str) and len(value) < 12 and fold(value) in _UNKNOWN


def read_yes_no(value: Value) -> bool:
    word = fold(value)
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError(AS_YES_NO)


def read_count(value: Value) -> int:
    match = re.fullmatch(r"(\d{1,6}|[一二两三四五六七八九十百千]+)[个名人]?人?", fold(value))
    number = _quantity(match[1]) if match else None
    if not number:
        raise ValueError(AS_COUNT)
    return int(number)


def read_day(value: Value, sheet: Sheet) -> date:
    """A date: one that Excel keeps, as a number of days too, or one in writing. The time of day is dropped."""
    if isinstance(value, datetime):
        return _likely(value.date())
    if isinstance(value, date):
        return _likely(value)
    text = same_length(as_shown(value)).strip().removeprefix("'")
    text = _INVISIBLE.sub("", _TIME.sub("", text)).rstrip("起止")
    if re.fullmatch(r"\d{5}(\.\d+)?", text):
        moment = sheet.moment(float(text))
        if moment is not None:
            return _likely(moment.date())
    if re.fullmatch(_DAY, text) is None:
        if re.fullmatch(r"\d{4}[-/.年]?\d{1,2}月?", text):
            raise ValueError(f"少了哪一天,{AS_DAY}")
        raise ValueError(AS_DAY)
    return _written_day(text)


def read_term(value: Value, unit: str) -> tuple[date, date] | int:
    """A term as first and last day, or its length in months. `unit` is what a bare number counts: 月, 年 or nothing."""
    text = fold(value)
    match = _FROM_TO.fullmatch(text)
    if match:
        return _written_day(match[1]), _written_day(match[2])
    if text in ("没有", "无", "未签", "没签", "未签订", "没有签", "没有合同", "0"):
        return 0
    if re.fullmatch(r"\d+(\.\d+)?", text):
        if not unit:
            raise ValueError(f"没有写是月还是年,{AS_MONTHS}")
        text += {"月": "个月", "年": "年"}[unit]
    if re.search(r"天|日|周|星期", text):
        raise ValueError("按天数不能算成月,请写合同的开始日期和结束日期")
    if "固定" in text or "任务" in text or "长期" in text:
        raise ValueError("文件没有写这种合同算多长;知道结束日期就写结束日期,不知道就空着")
    return _months(text)


def _months(text: str) -> int:
    match = _LENGTH.fullmatch(text)
    if not text or match is None or not any(match.groupdict().values()):
        raise ValueError(AS_TERM)
    years, months = (_quantity(match[part] or "0") for part in ("years", "months"))
    if years is None or months is None:
        raise ValueError(AS_TERM)
    total = years * 12 + months + (6 if match["half"] or match["only_half"] else 0)
    if total != int(total) or total > MOST_MONTHS:
        raise ValueError(AS_TERM)
    return int(total)


def _quantity(text: str) -> Decimal | None:
    """12, 1.5, 十二; None for 七八, which is seven or eight."""
    if text[0].isascii():
        return Decimal(text)
    number = None if len(text) > 1 and not re.search("[十百千]", text) else chinese_to_int(text)
    return None if number is None else Decimal(number)


def _written_day(text: str) -> date:
    """A date that matches _DAY. Raises ValueError for the 30th of February."""
    if text.isdecimal():
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    match = _PARTS.fullmatch(text.replace("○", "〇"))
    year, month, day = (_part(part) for part in match.groups()) if match else (0, 0, 0)
    try:
        found = date(year + 2000 if year < 100 else year, month, day)
    except ValueError as error:
        raise ValueError(f"没有这一天,{AS_DAY}") from error
    return _likely(found)


def _part(text: str) -> int:
    """2026, 二〇二六 or 十二 as a number; 0, which no date has, for what is none."""
    return int(text) if text.isdecimal() else chinese_to_int(text) or 0


def _likely(day: date) -> date:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"日期要在 {FIRST_DAY.year} 年到 {LAST_DAY.year} 年之间")
    return day
