"""Amounts, dates, durations, counts, percentages, grades, places and document numbers in Chinese text, found by rules.

Nothing here imports Rasa. A rough or ranged quantity (十来个, 两三个月, 300到500元) has the value of its lower bound,
so that nobody is told of an entitlement he may miss.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal

from booking.dates import holiday
from policy_kb.normalise import same_length
from policy_kb.numbers import chinese_to_int


@dataclass(frozen=True)
class Entity:
    """A stretch of a text and what it says.

    `value` by `kind`: amount: yuan as a decimal string; percentage: per cent as a decimal string; count: int (`text`
    can say of what: 8个人, 3个证); date: an ISO date, or an ISO interval with both ends included; duration: ISO 8601
    (P1Y6M); grade, city: the full name; document_number: with 〔〕 around the year.
    `start` and `end` are offsets of the original text.
    """

    kind: str
    value: str | int
    start: int
    end: int
    text: str


# --- Numerals --------------------------------------------------------------------------------------------------------

_D = "零〇一二两三四五六七八九俩仨"
_NUMERAL = _D + "十百千万亿"
_ARABIC = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:\s?(?:[十百千万亿]{1,2}|[kw](?![a-z0-9]))(?:\d[百千]?(?!\d))?)?"
_CHINESE = rf"[{_D}十][{_NUMERAL}]*(?:点[{_D}]+[百千万亿]?)?"
_NUMBER = rf"(?:{_ARABIC}|{_CHINESE})"
# A number does not begin inside another one, after 第 (第三名), or after 几 and 数 (几十个: how many is not said).
_BEGIN = rf"(?<!\d[.,/])(?<![\da-z第几数{_NUMERAL}])"
_TO = r"(?:\s?[-~–—到至、]\s?)"
# 3-5, 三到五, 二十多, 十来, 十几万: the first number counts.
_ROUGH = rf"(?P<n>{_NUMBER})(?:{_TO}{_NUMBER})?\s?(?:[几多来余]\s?(?P<scale>[百千万亿])?)?"
_SCALE = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000, "k": 1000, "w": 10_000}
_SPOKEN = str.maketrans("俩仨", "两三")
_PAIR = re.compile(r"(?:一[二两]|二三|两三|三[四五]|四五|五六|六七|七八|八九)(?=[十百千万亿]|$)")
_COLLOQUIAL = re.compile(r"([百千万亿])([一二三四五六七八九])$")
_ARABIC_PARTS = re.compile(r"([\d,]+(?:\.\d+)?)\s?([十百千万亿kw]*)(?:(\d)([百千]?))?$")


def parse_number(text: str) -> Decimal | None:
    """1.5万 -> 15000, 三千五 -> 3500, 零点五 -> 0.5, 两三 -> 2; None when it is not a numeral, or absurdly long."""
    if len(text) > 20:
        return None
    if arabic := _ARABIC_PARTS.match(text):
        value = Decimal(arabic[1].replace(",", ""))
        scale = 1
        for sign in arabic[2]:
            scale *= _SCALE[sign]
        value *= scale
        if arabic[3]:
            value += int(arabic[3]) * (_SCALE[arabic[4]] if arabic[4] else scale // 10)
        return value
    text = text.translate(_SPOKEN)
    whole, point, fraction = text.partition("点")
    if point:
        scale = _SCALE.get(fraction[-1], 1)
        integer, digits = chinese_to_int(whole), [chinese_to_int(c) for c in fraction.rstrip("百千万亿")]
        return None if integer is None or None in digits else Decimal(f"{integer}.{''.join(map(str, digits))}") * scale
    text = _PAIR.sub(lambda m: m[0][0], text)
    if len(text) > 1 and not set(text) & set("十百千万亿"):
        return None  # digits read out, as in a year: 二〇一八
    text = _COLLOQUIAL.sub(lambda m: m[0] + str({"百": "十", "千": "百", "万": "千", "亿": "千万"}[m[1]]), text)
    integer = chinese_to_int(text)
    return None if integer is None else Decimal(integer)


def _rough(match: re.Match[str]) -> Decimal | None:
    """The lower bound of what `_ROUGH` matched."""
    value = parse_number(match["n"])
    return value * _SCALE[match["scale"]] if value is not None and match["scale"] else value


def _plain(value: Decimal) -> str:
    """A decimal without exponent or trailing zeros: 3E+4 -> 30000."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# 一个月多少, 一人给几百: a rate, not a quantity of one, unless a term is being stated (签一年多少).
_RATE = re.compile(
    r"\s?(?:政府|国家|企业|厂里|公司|到底|大概|一共|总共|能|可以|可|才|都|就|只|最多|该|得)*"
    rf"(?:给|发|补|领|挣|拿|收|交|多少|几|头|工资|开|[{_D}十\d])"
)
_STATED = re.compile(r"[签满干同训习限期用约招]了?$")


def _is_rate(match: re.Match[str]) -> bool:
    return bool(_RATE.match(match.string, match.end())) and not _STATED.search(match.string[: match.start()])


# --- Amounts ---------------------------------------------------------------------------------------------------------

_NOT_MONEY = "人个名位家次台亩吨户件套平米斤张本辆条只头株字里劳职学农工考岗企众分多余套座所册步"  # 3万人, 万亩
_AMOUNT = re.compile(
    rf"¥\s?(?P<sign>{_ARABIC})"
    rf"|{_BEGIN}{_ROUGH}(?:元(?!旦|素|件|宵|化|次|二次|一次|制|结构|论|老|首|宇宙|方程)|圆(?![形满桌])|人民币|rmb|yuan|kuai"
    r"|块(?![地牌内工业屏砖板石木铁田区儿分招]))(?:钱|整|人民币)?"
    r"(?:(?P<tenths>[一二三四五六七八九\d])毛?(?![\d十百千万个名位家年月天号块次]))?"
    rf"|{_BEGIN}(?P<large>(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?\s?[百千]?[万亿](?:\d[百千]?(?!\d))?"
    rf"|(?=[{_NUMERAL}点]*[{_D}十百千][万亿]){_CHINESE})[多来余]?(?![{_NOT_MONEY}{_NUMERAL}\d元块一])"
    rf"|{_BEGIN}(?P<about>{_NUMBER})[几多来余](?P<about_scale>[万亿])(?![{_NOT_MONEY}])"
    rf"|{_BEGIN}(?P<kilo>\d+(?:\.\d+)?[kw])(?![a-z0-9{_NOT_MONEY}]|视频|高清|电视|显示|大屏|超高清)"
)


def _amount(match: re.Match[str], today: date) -> str | None:
    if match[0] in ("一块", "两块", "1块"):
        return None  # 一块干: together
    if match["about"]:
        value = parse_number(match["about"] + match["about_scale"])
    elif match["n"]:
        value = _rough(match)
    else:
        value = parse_number(match["sign"] or match["large"] or match["kilo"])
    if value is None:
        return None
    tenths = parse_number(match["tenths"]) if match["tenths"] else None
    return _plain(value + tenths / 10 if tenths is not None else value)


# --- Percentages -----------------------------------------------------------------------------------------------------

_PERCENTAGE = re.compile(
    rf"(?P<per>[百千])分之(?P<of>{_NUMBER})"
    rf"|{_BEGIN}(?P<n>{_NUMBER})\s?%?(?:{_TO}{_NUMBER})?\s?(?:%|个百分点)"
    rf"|{_BEGIN}(?P<tenths>[一二两三四五六七八九1-9])[二三四五六七八九]?成(?P<half>半|[一二三四五六七八九](?=[,。?!\s多的吧吗]|以上|左右|$))?"
    r"(?![立本果长人为员绩功分效都交了天型品教材见套色年熟不像新团])"
)
_PROBABLY = re.compile(r"[八九]成$")  # 八成是骗人的: probably


def _percentage(match: re.Match[str], today: date) -> str | None:
    if match["tenths"]:
        if _PROBABLY.match(match[0]) and match.string[match.end() : match.end() + 1] in tuple("是会没要得就骗"):
            return None
        value = parse_number(match["tenths"])
        half = Decimal(5) if match["half"] == "半" else parse_number(match["half"] or "零")
        return None if value is None or half is None else _plain(value * 10 + half)
    value = parse_number(match["of"] or match["n"])
    return None if value is None else _plain(value / 10 if match["per"] == "千" else value)


# --- Head counts -----------------------------------------------------------------------------------------------------

# What 个 counts when it counts no people, firms or certificates; and numbers that are part of a slogan.
_NOT_COUNTED = (
    "区分|半|多?月|来月|星期|礼拜|钟|小时|点|学期|百分点|工作日|世纪|年头|季度|代表|自信|意识|维护|确立|全面|对接|面向|毫不|一百|"
    "方面|条件|问题|部门|阶段|步骤|地方|文件|模式|办法|目标|功能|环节|等级|档|层|意思|说法|字|原则|主体|城市|城镇|市|县|部分|机制|"
    "方案|项目|学时|课时|亿|通宵|维度|规定|省级|市级|县级|国家级|政策|选项|答案|例子|区|文号|条文|条款|数|时间|日期|头|臭|途径|渠道|方式|领域|产业|工程|专业|要素|要求|标准|名称|词|号"
)
_COUNT = re.compile(
    rf"(?!(?<=[咱们你我他她])[俩仨]){_BEGIN}{_ROUGH}"
    rf"(?:个(?!{_NOT_COUNTED})(?:人(?![才力均次])|证书?)?|名(?![义牌词单次])|位(?![一数居于置])|号人|口人"
    r"|人(?![才间份行组制力均]|成虎|计划|公司|有限|独资|企业)|家(?![庭里族长])|所(?![以有])|户(?!型)|[张本]证书?)"
    r"|(?<![咱们你我他她哥姐娘爷])(?P<pair>[俩仨])(?:证书?|(?=新|工|学徒|徒弟|员工|学生|娃|实习|焊|钳|电))"
)


def _count(match: re.Match[str], today: date) -> int | None:
    value = parse_number(match["pair"]) if match["pair"] else _rough(match)
    if not value or value != value.to_integral_value():
        return None
    before, after = match.string[: match.start()], match.string[match.end() : match.end() + 1]
    # 这三个 points at things named before; 前三名 is a rank.
    if match[0].endswith("个") and before.endswith(("这", "那", "哪")):
        return None
    if match[0].endswith(("名", "位")) and before.endswith("前") and not before.endswith(("之前", "以前", "目前")):
        return None
    if value == 1 and (_is_rate(match) or (match[0] == "一人" and after == "一")):
        return None
    # 一个, 一家, 一位 are articles.
    if value == 1 and match[0][0] == "一" and match[0] not in ("一个人", "一名", "一人", "一个证", "一个证书"):
        return None
    return int(value)


# --- Durations -------------------------------------------------------------------------------------------------------

_DURATION = re.compile(
    rf"(?<!每){_BEGIN}{_ROUGH}(?:"
    r"(?P<years>年)(?![级制代货龄终夜会轻底初]|一贯|一度|四季|到头)"
    rf"(?:(?P<half_year>半)|[零又加]?\s?(?P<and_months>{_NUMBER})\s?个月)?"
    rf"|(?P<months>个(?P<half_month>半)?[多来]?月|(?<=[两俩仨])月)(?:[零又加]?\s?(?P<and_days>{_NUMBER})\s?[天日](?!之?后|以后))?"
    r"|(?P<weeks>周(?![岁年边期转末一二三四五六日])|个?(?:星期|礼拜)(?![一二三四五六日天]))"
    r"|(?P<days>(?<!老二)天(?!两头|打鱼|花板|下|天)|日(?=之?内|以内))"
    r")|(?<![每上下第])(?P<half>半年(?!级)|半个[多来]?月)"
)


def _duration(match: re.Match[str], today: date) -> str | None:
    if match["half"]:
        return "P6M" if match["half"] == "半年" else "P15D"
    value = _rough(match)
    if not value or (match["years"] and value > 99) or (value == 1 and _is_rate(match)):
        return None
    if match["weeks"]:
        return f"P{int(value)}W"
    if match["days"]:
        return f"P{int(value)}D"
    whole, fraction = value.to_integral_value(ROUND_DOWN), value % 1
    years = months = days = Decimal(0)
    if match["years"]:
        years, months = whole, fraction * 12 + (6 if match["half_year"] else 0)
        months += parse_number(match["and_months"] or "零") or 0
    else:
        months, days = whole, fraction * 30 + (15 if match["half_month"] else 0)
        days += parse_number(match["and_days"] or "零") or 0
    return "P" + "".join(
        f"{int(number)}{sign}" for number, sign in ((years, "Y"), (months, "M"), (days, "D")) if number
    )


# --- Dates -----------------------------------------------------------------------------------------------------------

_YEAR = (
    r"(?:(?P<year>(?:19|20)\d\d)\s?年|(?P<year_cn>[一二][〇零o○一二三四五六七八九]{3})年"
    r"|(?P<year_short>[012]\d|[一二][零〇一二三四五六七八九]|三[零〇])年"
    r"|(?<!过)(?P<last>去年)|(?<![证说表声])(?P<next>明年)|(?P<this>今年)"
    r"|(?<![以之然往今])(?P<after_next>后年)|(?<![以之])(?P<before_last>前年))"
    r"(?![级纪龄轻代薪])"
)
_MONTH = r"(?P<month>\d{1,2}|十[一二]?|[一二三四五六七八九元])\s?月(?:份(?!额))?"
_MONTH_RELATIVE = r"(?P<month_relative>下下个?月|下个?月|上个?月|这个?月|本月|当月)"
_DAY_NUMBER = r"\d{1,2}|二十[一二三四五六七八九]?|三十一?|十[一二三四五六七八九]?|[一二三四五六七八九]"
_NOT_A_DAY = (
    "楼|线|文|院|门|车间|车床|店|厂|机床|机位|机器|机组|柜|窗|馆|宿舍|公寓|员|令|公告|通知|工位|教学楼|教室|实训[楼室车]|仓|桌|坑|铺|库|路|信|桶|"
    "选手|码|电池|油|钢|称|召|角|字|型|人|家|床|井|矿|炉|高炉|台|站|口|食堂|小区|地块|段|标|包|箱|棚|操场|球|考场|考点|平台|坑位|座"
)
_DAY = rf"(?P<day>{_DAY_NUMBER})\s?[号日](?!{_NOT_A_DAY})"
_CALENDAR = re.compile(
    rf"{_BEGIN}(?:{_YEAR}的?\s?)?(?:{_MONTH}|{_MONTH_RELATIVE}的?)"
    rf"(?:\s?{_DAY}|(?P<part>[上中下]旬|月?(?:初(?![步中一二三始级衷])|[底末])|中(?=[,。?!\s]|$))"
    r"|(?P<bare_day>二?十[一二三四五六七八九]?|[一二])(?=[去来有行能,。?\s]|$))?"
)
_DAYS = re.compile(
    rf"{_BEGIN}(?:{_YEAR}的?\s?)?(?:{_MONTH}|{_MONTH_RELATIVE}的?)?\s?(?P<day>{_DAY_NUMBER})\s?[号日]?{_TO}"
    rf"(?:(?P<to_month>{_DAY_NUMBER})\s?月)?(?P<to>{_DAY_NUMBER})\s?[号日](?!{_NOT_A_DAY}|之?内|以内)"
)
_DAY_ALONE = re.compile(
    rf"(?<![月编账工学型微牌门周期拜近-])(?<!未来){_BEGIN}(?P<day>{_DAY_NUMBER})\s?(?:号(?!{_NOT_A_DAY})|日(?!之?内|以内|[游间子常]))"
)
_YEAR_ALONE = re.compile(
    rf"{_BEGIN}{_YEAR}(?P<part>年?(?:初(?![步中一二三始级衷])|[底末])|[上下]半年|第?[一二三四1-4]季度)?"
)
_PART_ALONE = re.compile(
    r"(?<![\d一二三四五六七八九十个年])(?P<month_part>月[初中底末](?!旬))|(?<![\d今明去前后])(?P<year_part>年[初底末])|(?P<half>[上下]半年)"
)
_ISO = re.compile(r"(?<![\d.])(20\d\d|19\d\d)([-/.])(\d{1,2})\2(\d{1,2})(?![\d.])")
_RELATIVE_DAYS = {"大前": -3, "前": -2, "昨": -1, "今": 0, "明": 1, "后": 2, "大后": 3}
_RELATIVE_DAY = re.compile(
    r"(?P<day>大前|大后|昨|今|(?<![透声证])明|(?<![以之然])[前后])"
    r"(?:天(?!性|花板|形成|培养)|日(?!头条|期|程)|儿(?![子女])个?|晚|早(?!期|已|年))"
)
_NUMBER_OF_DAYS_LATER = re.compile(
    rf"(?<![满了完工训同签后过每]){_BEGIN}(?P<n>{_NUMBER})(?P<unit>天|周|个?星期|个?礼拜)[以之]?后(?!续|期|来)"
)
_WEEK = re.compile(
    r"(?:(?P<relative>上上|(?<![马早晚路手])上|这|本|下下|下)(?:一(?=个?[星礼])|个)?(?:周|星期|礼拜)(?![边转期围岁密刊])"
    r"|(?<![一二两俩仨三四五六七八九十每逢上下这本个几\d半])(?:周|星期|礼拜)(?=[一二三四五六日天末1-6]))"
    r"(?P<day>(?:一(?![样共直定般]|起[去来学做上参报约吃聚玩])|六日|[二三四五六末]|日(?![程常报期历])|天(?![气都然])|[1-6](?![\d点]))"
    r"(?![个名位次节回趟场块]))?"
)
_WEEKS = {"上上": -2, "上": -1, "这": 0, "本": 0, "下": 1, "下下": 2}
_WEEKDAYS = {c: i % 7 for i, c in enumerate("一二三四五六日")} | {"天": 6} | {str(i): i - 1 for i in range(1, 7)}
_HOLIDAY = re.compile(
    rf"(?:{_YEAR}的?)?(?P<holiday>(?<![张王李赵刘陈杨])国庆节?|元旦节?"
    rf"|(?<![\d{_NUMERAL}])(?:五一(?!路|广场|大道|街|大楼|商)|51(?=劳动|节|假|长假|放假|期间))(?:劳动节|节)?"
    r"|劳动节|清明节?(?!上河)|端午节?|中秋节?|春节|除夕"
    rf"|(?<![\d第{_NUMERAL}])十一(?=假|长假|期间|前|后|放假|黄金周))(?:假期|长假|期间|放假)?"
)
# 3月5号签的合同 lies behind us; any other day without a year is taken as the next one.
_PAST = re.compile(
    r"(?:就|才|刚)?(?:开始)?(?:签|招|入职|来|进厂|上班|毕业|拿|考|领|发|到岗|报到|参加|转正)[^,。?!]{0,4}?(?:的(?!话)|了|过)"
)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _interval(start: date, end: date) -> str:
    return f"{start}/{end}"


def _month_span(year: int, month: int, part: str | None = None) -> tuple[date, date]:
    """A month, or a stretch of it: 初 is its first seven days, 底 begins on the 25th."""
    last = monthrange(year, month)[1]
    spans = {
        "上旬": (1, 10),
        "中旬": (11, 20),
        "下旬": (21, last),
        "初": (1, 7),
        "中": (11, 20),
        "底": (25, last),
        "末": (25, last),
    }
    first, final = spans[part.removeprefix("月")] if part else (1, last)
    return date(year, month, first), date(year, month, final)


def _add_months(year: int, month: int, months: int) -> tuple[int, int]:
    years, index = divmod(month - 1 + months, 12)
    return year + years, index + 1


def _small(numeral: str) -> int:
    """A day's or a month's number: 十一 -> 11, 元 -> 1; 0 when it is none."""
    value = Decimal(1) if numeral == "元" else parse_number(numeral)
    return int(value) if value is not None else 0


def _year_of(match: re.Match[str], today: date) -> int | None:
    group = match.groupdict()
    if group["year"]:
        return int(group["year"])
    if group["year_cn"]:
        return chinese_to_int(group["year_cn"].replace("o", "〇").replace("○", "〇"))
    if group["year_short"]:
        return 2000 + (
            int(group["year_short"]) if group["year_short"].isdigit() else chinese_to_int(group["year_short"]) or 0
        )
    words = {"before_last": -2, "last": -1, "this": 0, "next": 1, "after_next": 2}
    return next((today.year + years for word, years in words.items() if group[word]), None)


def _nearest(month: int, day: int, today: date, past: bool) -> date | None:
    """The next such day (today included), or the last one when it is `past`; leap days may be years away."""
    years = range(today.year, today.year - 9, -1) if past else range(today.year, today.year + 9)
    days = (_day(year, month, day) for year in years)
    return next((d for d in days if d and (d <= today if past else d >= today)), None)


def _year_and_month(match: re.Match[str], today: date) -> tuple[int | None, int]:
    """What is said of them; the month is 0 when none is, or when there is no such month."""
    year = _year_of(match, today)
    if match["month_relative"]:
        steps = {"下下": 2, "下": 1, "上": -1}.get(match["month_relative"].rstrip("个月"), 0)
        return _add_months(today.year if year is None else year, today.month, steps)
    month = _small(match["month"] or "零")
    return year, month if month <= 12 else 0


def _start_day(match: re.Match[str], today: date) -> date | None:
    """The day that a match with the groups of `_YEAR`, `_MONTH` and `day` names."""
    year, month = _year_and_month(match, today)
    day_text = match["day"] or match.groupdict().get("bare_day") or ""
    day, past = _small(day_text), bool(_PAST.match(match.string, match.end()))
    if not month:
        return None if match["month"] else _day_of_month(day, today, past)
    return _nearest(month, day, today, past) if year is None else _day(year, month, day)


def _calendar(match: re.Match[str], today: date) -> str | None:
    if match["day"] or match["bare_day"]:
        found = _start_day(match, today)
        return str(found) if found else None
    (year, month), part = _year_and_month(match, today), match["part"]
    if not month or (match[0] == "一月" and _RATE.match(match.string, match.end())):
        return None  # 一月给多少: a month's pay
    if year is None:
        past = bool(_PAST.match(match.string, match.end()))
        start, end = _month_span(today.year, month, part)
        year = today.year + (end < today and not past) - (start > today and past)
    return _interval(*_month_span(year, month, part))


def _day_of_month(day: int, today: date, past: bool) -> date | None:
    """The next month's day with this number, this month's included; or the last one when it is `past`."""
    for step in range(12):
        year, month = _add_months(today.year, today.month, -step if past else step)
        found = _day(year, month, day)
        if found and (found <= today if past else found >= today):
            return found
    return None


def _day_alone(match: re.Match[str], today: date) -> str | None:
    if match["day"] == "一" and match[0].endswith("日"):
        return None  # 一日三餐
    found = _day_of_month(_small(match["day"]), today, bool(_PAST.match(match.string, match.end())))
    return str(found) if found else None


def _days(match: re.Match[str], today: date) -> str | None:
    start = _start_day(match, today)
    if start is None:
        return None
    if match["to_month"]:
        end = _nearest(_small(match["to_month"]), _small(match["to"]), start, past=False)
    else:
        end = _day_of_month(_small(match["to"]), start, past=False)
    return _interval(start, end) if end else None


_YEAR_CONTEXT = re.compile(r"的?(?:文件|方案|政策|通知|那|出台|印发|发布|发的|开始|春|秋|毕业|入学|招|签|届|实施)")


def _year_alone(match: re.Match[str], today: date) -> str | None:
    year, part, short = _year_of(match, today), match["part"], match["year_short"]
    if year is None:
        return None
    # 18年 is mostly how long, and 二三年 two or three of them, unless the words make it a year; 一八年 can only be one.
    may_be_long = short and not part and (short.isdigit() or _PAIR.fullmatch(short))
    if may_be_long and not _YEAR_CONTEXT.match(match.string, match.end()):
        return None
    if not part:
        return _interval(date(year, 1, 1), date(year, 12, 31))
    if part.endswith("半年"):
        return _half(year, part)
    if part.endswith("季度"):
        quarter = _small(part[-3])
        return _interval(date(year, quarter * 3 - 2, 1), _month_span(year, quarter * 3)[1])
    return _interval(*_month_span(year, 1 if part.endswith("初") else 12))


def _half(year: int, part: str) -> str:
    return (
        _interval(date(year, 1, 1), date(year, 6, 30))
        if part[0] == "上"
        else _interval(date(year, 7, 1), date(year, 12, 31))
    )


def _part_alone(match: re.Match[str], today: date) -> str | None:
    if match["half"]:
        return _half(today.year, match["half"])
    if match["year_part"]:
        return _interval(*_month_span(today.year, 1 if match["year_part"].endswith("初") else 12))
    start, end = _month_span(today.year, today.month, match["month_part"])
    if end < today:
        start, end = _month_span(*_add_months(today.year, today.month, 1), match["month_part"])
    return _interval(start, end)


def _iso(match: re.Match[str], today: date) -> str | None:
    found = _day(int(match[1]), int(match[3]), int(match[4]))
    return str(found) if found else None


def _relative_day(match: re.Match[str], today: date) -> str:
    return str(today + timedelta(days=_RELATIVE_DAYS[match["day"]]))


def _days_later(match: re.Match[str], today: date) -> str | None:
    value = parse_number(match["n"])
    if value is None or value > 1000:
        return None
    return str(today + timedelta(days=int(value) * (1 if match["unit"] == "天" else 7)))


def _week(match: re.Match[str], today: date) -> str | None:
    if not (match["relative"] or match["day"]):
        return None
    monday = today + timedelta(days=7 * _WEEKS.get(match["relative"] or "", 0) - today.weekday())
    if match["day"] in ("末", "六日"):
        return _interval(monday + timedelta(days=5), monday + timedelta(days=6))
    if not match["day"]:
        return _interval(monday, monday + timedelta(days=6))
    found = monday + timedelta(days=_WEEKDAYS[match["day"]])
    return str(found + timedelta(days=7) if not match["relative"] and found < today else found)


def _holiday(match: re.Match[str], today: date) -> str | None:
    year = _year_of(match, today)
    name = "五一" if match["holiday"].startswith("51") else match["holiday"].removesuffix("节")
    name = {"春": "春节", "劳动": "劳动节", "五一劳动": "五一"}.get(name, name)
    span = holiday(name, today.year if year is None else year)
    if year is None and span and span[1] < today:
        span = holiday(name, today.year + 1)
    if not span:
        return None
    return str(span[0]) if span[0] == span[1] else _interval(*span)


# --- Grades ----------------------------------------------------------------------------------------------------------

# The five grades of 职业技能等级 have a number and a name.
_LEVELS = {"五": "初级工", "四": "中级工", "三": "高级工", "二": "技师", "一": "高级技师"}
_LEVEL = "([一二三四五1-5])级"
_LEVEL_NAME = "初级工|中级工|高级工|高级技师|技师"
_TRADE = (
    "(?:维修|低压|高压|数控)?(?:电|焊|钳|车|铣|木|瓦|钢筋|架子|管|汽修|维修|养老护理|家政服务)工|电焊工|茶艺师|育婴[员师]|保育[员师]|"
    "养老护理员|护理员|家政服务员|面点师|厨师|评茶员|健康照护师|美容师|叉车司机"
)
_GRADE = re.compile(
    rf"(?P<both>{_LEVEL}\s?[/(、]?\s?(?:{_LEVEL_NAME})\)?|(?:{_LEVEL_NAME})\s?[/(]\s?{_LEVEL}\)?)"
    r"|(?P<high>特级技师|首席技师)|(?P<name>高级技师|技师|[初中高]级工|学徒工)(?!学院|学校|程|会|业|艺|作(?!室))"
    rf"|(?P<stage>[初中高])级(?=证|(?:职业)?技能(?:等级)?证|{_TRADE})(?:证书?)?"
    rf"|(?:{_TRADE}|等级)(?P<suffixed>{_LEVEL})|(?<!英语)(?<!计算机)(?P<level>{_LEVEL})(?:技能)?(?:工|证书?)(?![程业学会作])"
    r"|(?<!\d)(?P<year>[一二三四五六七八九1-9])年级"
    r"|(?P<school>[大高研])(?P<class>[一二三四123])(?=学生|新生|的|就|能|可|上[学着]|下学期|刚|娃|年|在|实习|还|吗|呢|[,。?!\s]|$)"
)
_DIGIT_LEVEL = str.maketrans("12345", "一二三四五")
_CHINESE_DIGIT = dict(zip("123456789", "一二三四五六七八九", strict=True))


def _grade(match: re.Match[str], today: date) -> str | None:
    group = match.groupdict()
    if group["name"] or group["high"]:
        return group["name"] or group["high"]
    if group["stage"]:
        return group["stage"] + "级工"
    if group["year"] or group["class"]:
        number = group["year"] or group["class"]
        return _CHINESE_DIGIT.get(number, number) + "年级"
    level = re.search(_LEVEL, group["both"] or group["suffixed"] or group["level"])
    return _LEVELS[level[1].translate(_DIGIT_LEVEL)] if level else None


# --- Places ----------------------------------------------------------------------------------------------------------

# Shanxi's 11 cities and 117 counties. A county behind * is also a common word: it counts with 市, 县 or 区 only.
_PLACES = """
太原市: *小店区 迎泽区 杏花岭区 尖草坪区 万柏林区 晋源区 古交市 清徐县 阳曲县 娄烦县
大同市: *平城区 云冈区 *新荣区 *云州区 阳高县 *天镇县 广灵县 灵丘县 浑源县 左云县
朔州市: 朔城区 平鲁区 *山阴县 应县 右玉县 怀仁市
忻州市: 忻府区 原平市 定襄县 *五台县 代县 繁峙县 宁武县 *静乐县 神池县 五寨县 岢岚县 河曲县 *保德县 偏关县
阳泉市: *平定县 盂县
晋中市: 榆次区 太谷区 介休市 榆社县 左权县 *和顺县 昔阳县 寿阳县 祁县 平遥县 灵石县
吕梁市: 离石区 孝义市 汾阳市 *文水县 *交城县 兴县 临县 柳林县 *石楼县 岚县 *方山县 *中阳县 *交口县
长治市: 潞州区 *上党区 屯留区 潞城区 襄垣县 *平顺县 黎城县 壶关县 *长子县 武乡县 沁县 沁源县
晋城市: 沁水县 阳城县 陵川县 泽州县 *高平市
临汾市: 尧都区 侯马市 霍州市 曲沃县 翼城县 襄汾县 洪洞县 古县 安泽县 浮山县 吉县 *乡宁县 *大宁县 隰县 \
    *永和县 蒲县 汾西县
运城市: 盐湖区 永济市 河津市 临猗县 万荣县 闻喜县 稷山县 新绛县 绛县 垣曲县 夏县 平陆县 芮城县
"""
# 阳泉 and 晋城 have districts with common names; they count behind the city's name: 阳泉城区.
_COMMON_DISTRICTS = {"阳泉": ("城区", "矿区", "郊区"), "晋城": ("城区",)}
# What turns the name into another word: 扩大同行, 长治久安, 振兴县域, 时代县级, 原平台.
_NOT_BEFORE = {
    "大同": "加扩巨很较最重放",
    "阳高": "太沈洛襄贵信南衡",
    "阳城": "太沈洛襄贵信南衡",
    "兴县": "振复新中绍嘉",
    "临县": "面来光降濒",
    "代县": "年时当现近世取交一",
    "应县": "相对供适响反效",
    "夏县": "宁华",
    "闻喜": "新",
    "万荣": "千百一",
}
_NOT_AFTER = {
    "大同": "小异|世界",
    "长治": "久安",
    "原平": "[台均等衡面]",
    "阳高": "中",
    "晋中": "级",
    "平陆": "运河",
}


def _place_table() -> tuple[dict[str, str], re.Pattern[str], str]:
    """Full names by stem, the pattern that finds them, and the characters that they begin with."""
    full: dict[str, str] = {}
    branches: list[str] = []
    for line in _PLACES.strip().splitlines():
        city, counties = line.split(": ")
        for name in [city, *counties.split()]:
            plain = name.lstrip("*")
            stem = plain[:-1] if len(plain) > 2 else plain
            full[stem] = plain
            kind = (
                "市?"
                if plain == city
                else "[市县区]"
                if name.startswith("*")
                else "[市县区]?"
                if len(plain) > 2
                else ""
            )
            before = f"(?<![{_NOT_BEFORE[stem]}])" if stem in _NOT_BEFORE else ""
            after = f"(?!{_NOT_AFTER[stem]})" if stem in _NOT_AFTER else ""
            # 盂县级, 祁县域 speak of a level of government, not of the place.
            after += "" if kind else "(?![域级])"
            branches.append(f"{before}{stem}{after}{kind}")
        for district in _COMMON_DISTRICTS.get(city[:-1], ()):
            full[city[:-1] + district] = city + district
            branches.insert(0, f"{city[:-1]}市?{district}")
    # A sieve on the first character keeps the long alternation off most positions.
    initials = "".join(sorted({name[0] for name in full}))
    pattern = rf"(?=[{initials}])(?:{'|'.join(branches)})(?!理工|科技大学|工业学院|师范|医学院|学院|大学)"
    return full, re.compile(pattern), initials


_FULL_PLACES, _PLACE, _PLACE_INITIALS = _place_table()


def _place(match: re.Match[str], today: date) -> str | None:
    name = match[0]
    if name in _FULL_PLACES:
        return _FULL_PLACES[name]
    return _FULL_PLACES.get(name[:-1]) or _FULL_PLACES.get(name.replace("市", "", 1))


# --- Document numbers ------------------------------------------------------------------------------------------------

_OPEN, _CLOSE = r"[〔\[【(《〈<「{『]", r"[〕\]】)》〉>」}』]"
# Characters that agencies' codes are made of; other words before the number are not part of it.
_CODE = "[晋国中政办发改科教人社部财工信厅函字职成委综规计经农税建市监商务组宣卫健资环文旅并同企研高]{2,10}"
_NUMERAL_OF = r"第?(?P<{}>\d{{1,4}}|[一二三四五六七八九十百]{{1,5}})\s?号"
_DOCUMENT = re.compile(
    rf"(?P<code>{_CODE})?\s?{_OPEN}\s?(?P<year>(?:19|20)\d\d)\s?年?\s?{_CLOSE}\s?{_NUMERAL_OF.format('number')}(?:文件?)?"
    rf"|(?P<loose_code>{_CODE}(?<=[发函字办规成]))\s?(?P<loose_year>(?:19|20)\d\d)(?:\s?年\s?|\s|(?=第))"
    rf"{_NUMERAL_OF.format('loose_number')}(?:文件?)?"
    rf"|(?P<bare_code>{_CODE}(?<=[发函字])){_NUMERAL_OF.format('bare_number')}(?:文件?)?"
    rf"|(?:(?P<plain_year>(?:19|20)\d\d)\s?年?的?)?{_BEGIN}{_NUMERAL_OF.format('plain_number')}文件?(?!化)"
    # Above 31 it can be no day of the month.
    r"|(?<![\d第])(?P<alone>3[2-9]|[4-9]\d|\d{3})号(?=里|怎么|咋|讲|说|规定|第|方案)"
)


def _document(match: re.Match[str], today: date) -> str | None:
    group = match.groupdict()
    kinds = ("number", "loose_number", "bare_number", "plain_number", "alone")
    value = parse_number(next(group[kind] for kind in kinds if group[kind]))
    if value is None:
        return None
    year = group["year"] or group["loose_year"] or group["plain_year"]
    code = group["code"] or group["loose_code"] or group["bare_code"] or ""
    return f"{code}〔{year}〕{int(value)}号" if year else f"{code}{int(value)}号"


# --- All together ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Finder:
    """A pattern and what its matches mean, for texts that hold one of `signs` (and a numeral, if it needs one)."""

    kind: str
    pattern: re.Pattern[str]
    value: Callable[[re.Match[str], date], str | int | None]
    signs: str
    needs_number: bool = True


_ANY_NUMBER = re.compile(rf"[\d{_NUMERAL}]")
_FINDERS = (
    _Finder("document_number", _DOCUMENT, _document, "号"),
    _Finder("grade", _GRADE, _grade, "工师级大高研", needs_number=False),
    _Finder("percentage", _PERCENTAGE, _percentage, "%分成"),
    _Finder("amount", _AMOUNT, _amount, "元块圆万亿¥kwyr民"),
    _Finder("date", _CALENDAR, _calendar, "月", needs_number=False),
    _Finder("date", _DAYS, _days, "号日"),
    _Finder("date", _DAY_ALONE, _day_alone, "号日"),
    _Finder("date", _YEAR_ALONE, _year_alone, "年", needs_number=False),
    _Finder("date", _PART_ALONE, _part_alone, "月年", needs_number=False),
    _Finder("date", _ISO, _iso, "-/."),
    _Finder("date", _RELATIVE_DAY, _relative_day, "今明后昨前", needs_number=False),
    _Finder("date", _NUMBER_OF_DAYS_LATER, _days_later, "后"),
    _Finder("date", _WEEK, _week, "周期拜", needs_number=False),
    _Finder("date", _HOLIDAY, _holiday, "庆旦五5动明午秋春夕十", needs_number=False),
    _Finder("duration", _DURATION, _duration, "年月周期拜天日", needs_number=False),
    _Finder("count", _COUNT, _count, "个名位人家所户张本俩仨"),
    _Finder("city", _PLACE, _place, _PLACE_INITIALS, needs_number=False),
)
# ① and the like would become digits and run into the number behind them.
_ENUMERATORS = {code: " " for block in ((0x2460, 0x2500), (0x2776, 0x2794), (0xB2, 0xB4)) for code in range(*block)} | {
    0xB9: " "
}
_BANKERS = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟", "一二三四五六七八九十百千")
_BANKERS_NUMBER = re.compile(
    r"[零壹贰叁肆伍陆柒捌玖拾佰仟万亿]*[拾佰仟][零壹贰叁肆伍陆柒捌玖拾佰仟万亿]*|[壹贰叁肆伍陆柒捌玖](?=[元万])"
)


def _fold(text: str) -> str:
    folded = same_length(text.translate(_ENUMERATORS))
    return _BANKERS_NUMBER.sub(lambda m: m[0].translate(_BANKERS), folded)


_Candidate = tuple[int, int, str, str | int | None]


def _longest(candidates: Iterable[_Candidate]) -> list[_Candidate]:
    """The longest ones that do not overlap; of two on one stretch, the one with a value, then the earlier finder's."""
    chosen: list[_Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (c[0] - c[1], c[3] is None)):
        if all(candidate[1] <= start or end <= candidate[0] for start, end, _, _ in chosen):
            chosen.append(candidate)
    return sorted(chosen, key=lambda c: c[0])


def find_entities(text: str, today: date) -> list[Entity]:
    """The entities of `text` in their order, the longest reading of each stretch, without overlaps.

    A day without a year is the next one from `today` on, or the last one where the words put it behind us (3月5号签的).
    A day that the calendar lacks (2月30号) is no entity, and neither are its parts.
    """
    folded = _fold(text)
    characters = set(folded)
    has_number = bool(_ANY_NUMBER.search(folded))
    candidates = [
        (match.start(), match.end(), finder.kind, value)
        for finder in _FINDERS
        if (has_number or not finder.needs_number) and not characters.isdisjoint(finder.signs)
        for match in finder.pattern.finditer(folded)
        if (value := finder.value(match, today)) is not None or finder.kind == "date"
    ]
    return [
        Entity(kind, value, start, end, text[start:end])
        for start, end, kind, value in _longest(candidates)
        if value is not None
    ]
