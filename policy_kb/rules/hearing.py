"""What a person's sentence says about a programme's inputs: numbers by the words around them, yes and no, and the words that lead out.

Nothing is guessed: a number goes to the input whose words stand nearest to it, or to the input that was just asked for. A question or
a supposition states nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from policy_kb.normalise import same_length
from policy_kb.numbers import chinese_to_int
from policy_kb.rules.inputs import InputField
from policy_kb.rules.periods import months_of_term

CUES = Path(__file__).parent / "cues.yml"
_BREAKS = ",，。;；!！?？\n"
_CLAUSE = re.compile(rf"[^{_BREAKS}]+")
_MOST_NUMBERS = 40  # more of them are a table, not an answer
_FARTHEST = 8  # characters between a number and the word that says what it counts


@dataclass(frozen=True)
class Quantity:
    """A number in a text: kind is count, amount (yuan), percentage, date (ISO, or ISO/ISO), duration (ISO 8601), share (of a whole, as
    a fraction) or number. `rough`: 20来个, 300左右, 20到30; the value is its lower bound.
    """

    kind: str
    value: str | int
    start: int
    end: int
    rough: bool = False


@dataclass(frozen=True)
class Cue:
    """Words of one input.

    `near` stand beside its number, `unit` do so too but give way to the `near` of any other; `other` in a clause make its number
    something else. `yes`, `no` and `options` say its value by themselves; `if_yes` and `if_no` are what a plain yes or no to its
    question means. `of` is the input that it is a part of. `unclear` words hold no answer; the sentence says what is wanted.
    """

    near: re.Pattern[str] | None
    unit: re.Pattern[str] | None
    other: re.Pattern[str] | None
    yes: re.Pattern[str] | None
    no: re.Pattern[str] | None
    options: Mapping[str, re.Pattern[str]]
    if_yes: str | None
    if_no: str | None
    of: str | None
    unclear: Mapping[re.Pattern[str], str]


@dataclass(frozen=True)
class Words:
    """One programme's words: of the programme itself, of what only sounds like it, of each input, and of what is too mixed to state anything."""

    programme: re.Pattern[str]
    another: re.Pattern[str] | None
    inputs: Mapping[str, Cue]
    unclear: Mapping[re.Pattern[str], str]

    def covered(self, text: str) -> int:
        """How many characters of `text` speak of this programme."""
        if self.another and self.another.search(text):
            return 0
        return sum(len(match[0]) for match in self.programme.finditer(text))


@dataclass(frozen=True)
class Heard:
    """The inputs that a text states, as InputField.parse takes them; None where it says that the asked one is not known.

    `rough` names those given as a rough number. `unclear` is a sentence on why the text is no answer to the asked input, if one is known.
    """

    values: Mapping[str, Any]
    rough: tuple[str, ...] = ()
    unclear: str = ""


@lru_cache(maxsize=1)
def words() -> Mapping[str, Words]:
    """cues.yml, by programme."""
    return {
        programme: Words(
            re.compile(entry["programme"]),
            re.compile(entry["another"]) if "another" in entry else None,
            {name: _cue(cue or {}) for name, cue in entry["inputs"].items()},
            _sentences(entry),
        )
        for programme, entry in yaml.safe_load(CUES.read_text(encoding="utf-8")).items()
    }


def _cue(entry: Mapping[str, Any]) -> Cue:
    def pattern(key: str) -> re.Pattern[str] | None:
        return re.compile(entry[key]) if key in entry else None

    return Cue(
        pattern("near"),
        pattern("unit"),
        pattern("other"),
        pattern("yes"),
        pattern("no"),
        {value: re.compile(words) for value, words in entry.get("options", {}).items()},
        entry.get("if_yes"),
        entry.get("if_no"),
        entry.get("of"),
        _sentences(entry),
    )


def _sentences(entry: Mapping[str, Any]) -> dict[re.Pattern[str], str]:
    return {re.compile(words): sentence for words, sentence in entry.get("unclear", {}).items()}


# --- Short answers ---------------------------------------------------------------------------------------------------

_END = r"[\s,，。.!！~、吧呀啊哦呢嘛的了哇啦嘞呗哩咧滴哒]*$"
_POLITE = r"^(?:嗯+|哦+|噢|额|呃|哎|那|就|我们?|俺们?|咱们?|应该|大概|好像|基本上?|都|全部?|这个|那个|他们|肯定|当然|确实|可能|[,，、\s])*"
_YES = re.compile(
    _POLITE
    + r"(?:是(?:的|呀|啊|滴|嘞)?|对(?:的|头|呀|啊|哒|着)?|有(?:的|合作|啊)?|嗯+|没错|没问题|当然|肯定|签了|办了|取得了?|可以|行|好的?|中|得行|"
    r"yes|y|ok|√|✓|✔|1|shi(?:\s?de)?|dui|you|真的|符合|算|能(?:的|够)?|在内|包括|必须的?|妥|昂|达标|建了|提了)+" + _END,
    re.I,
)
_NO = re.compile(
    _POLITE
    + r"(?:(?:并|倒|还)?(?:不是|没有?|不|否|木有|没得|不算|不符合|不行|不能|不会|不对|没签|没办|一个也没有?|无|未|哪有|no|n|×|✗|x|mei|meiyou|bu|bushi)"
    r"(?:签|办|合作|取得|考|搞|弄|过|参加|呢|啊|认定|提|建)*)+" + _END,
    re.I,
)
# 有的是有的不是: neither yes nor no.
_PARTLY = re.compile(r"有的.{0,8}有的|部分|不全|不都|不一定|有些|个别|大多|多数|除了|也有|看情况|分情况|是不是")
UNKNOWN = re.compile(
    r"(?:我|谁|鬼)?(?:哪|怎么|咋|谁|鬼)(?:能|会)?(?:知道|晓得|清楚)|"
    r"不(?:太|大|是很|怎么|是特别)?(?:知道|清楚|确定|晓得|了解|记得|好说|明白|懂)|不造|不知|说不(?:准|清|好|上来)|记不(?:清|得|起)|没(?:统计|数|算过?|留意|问过?)|"
    r"忘了|搞不清|弄不清|闹不清|拿不准|没概念|buzhidao|bzd|母鸡|[??]{2,}$"
)
# 没听懂: what is not known is what was asked, not its answer.
NOT_UNDERSTOOD = re.compile(
    r"^(?:这|你|您|这个|这句|这话|问|说|的|是|我|有点|都|[,，。\s])*"
    r"(?:(?:听|看)不(?:太|大)?(?:懂|明白)|没(?:太)?(?:听|看)(?:懂|明白)|不(?:太|大)?(?:明白|懂)(?:你|您|这|问|意思)|(?:什么|啥|甚)意思)"
)
_NONE = re.compile(
    _POLITE
    + r"(?:一个|一人|1个|谁)?(?:也|都|还)?(?:没有?|没人|木有|无|零|0|没给|没留|没安排|没花)(?:一个|人|个|岗位?|元|块)?(?:也|都)?"
    r"(?:没有?|考|拿|取得|有|参加|留|给|安排|花|用)?(?:证|到|过|下来)*" + _END
)
_ALL = re.compile(
    _POLITE + r"(?:全部?|都|所有(?:人|的)?|每个人?|人人|一个不落|百分之百|100%)"
    r"(?:都|是|有|考了?|拿了?|取得了?|拿到了?|证|下来|到|参加了?|去了|花了?|用了?|在|给了?|一线|职教|上|过)*" + _END
)
_ONE = re.compile(
    r"^(?:就|只|才|有|我|招了|[,，\s])*(?:一|1)(?:个|人|名|位|口)(?:人|证|岗位?)?" + _END
)  # elsewhere 一个 is an article
_OPTION_NUMBER = re.compile(r"^\s*(?:选|就|是|第)*\s*([1-9一二三四五六七八九])\s*(?:个|种|项|类|、|\.|号)?" + _END)

# --- Words that lead out ---------------------------------------------------------------------------------------------

CANCEL = re.compile(
    r"^(?:(?:那|还是|我|先|就|咱|俺|不想|太麻烦了?|好麻烦|行了?|好了?|停|嗨|唉|哎|嗯|[,，。!！\s])*"
    r"(?:算了(?:吧|算了)?|不算了|不测了|不问了|不填了|不弄了|不答了|不玩了|不做了|不查了|不想(?:算|填|弄|测|答|问|做)了?|别(?:算|问|测)了|"
    r"退出|取消(?:测算|吧)?|停止|停|停下|结束|不用了|不需要了|不要了|到此为止|先这样|就这样|拉倒|先不(?:算|弄|填|测|问)了?|"
    r"(?:改天|下次|回头|以后|过两天)(?:再)?(?:算|说|弄|填|测|来)|没(?:空|时间)(?:算|填|弄)?了?|quit|exit|cancel|stop)"
    r"(?:测算|评估)?[吧了啊呀哈谢您你。!！,，\s]*)+$",
    re.I,
)
RESTART = re.compile(
    r"^(?:那|我|我们|咱|要|想|请|帮我|给我|麻烦|可以|能不能|不对|全?(?:错|乱)了?|都说错了|[,，。!！\s])*"
    r"(?:(?:重新|从头|从新|再)(?:再)?(?:来|开始|算|填|测|测算|问)(?:一|个|1)?(?:遍|次|下|过|回)?|重来(?:一遍|一次)?|推倒重来|清空(?:重来)?|restart)"
    r"[吧了啊呀吗?？。!！,，\s]*$",
    re.I,
)
CORRECTION = re.compile(
    r"不对|错了|(?:写|说|打|搞|弄|填|答|记|点|按)错|纠正|更正|(?:改|换)(?:成|为|一下|下|到)|(?:刚才|刚刚|前面|上面|之前).{0,8}(?:是|应|不)|其实是|我是说|"
    r"不是.{1,10}(?:,|，|、|\s)?(?:而|应该?)?是|重新算|口误|更新一下"
)
# 帮我算, 够不够条件: to have one's own case worked out, not to hear the rule.
WISH = re.compile(
    r"[帮给替](?:我们?|俺们?|咱们?|忙|个忙)?.{0,4}[看瞅瞧查估过]|算|测|评估|自查|核[对查算一]|判断|对照|符合|符不符|够不够|够没够|达标|条件|资格|合[规格]|差(?:几|多少)|"
    r"(?:我|俺|咱).{0,8}能(?:领|拿|得|补)|开始|一步一步|一条一条|问我|suan|ce(?:yi|suan|ping|shi)|kankan|pinggu|goubugou|gou bu gou"
)
REVIEW = re.compile(
    r"(?:我|我们|刚才|前面|你|您)(?:刚才|前面|都|已经|现在)*(?:填|说|答|记|报|录)(?:过|了|下)?(?:些|的)?(?:是|都)?(?:什么|啥|甚|哪些)|"
    r"看看?(?:一下)?(?:我)?(?:前面|刚才|已经)?(?:填|说|答|报)的|记(?:了|下)(?:些|的)?(?:是)?(?:什么|啥|甚|哪些)|进度|到哪(?:儿|里)?了"
)
# What was said before stands in 不是 8 个, 从 8 改成; the new one follows.
_OLD_BEFORE = re.compile(
    r"(?:不是|并非|把|将|从|由|原来|原先|(?:刚才|刚刚|之前|前面)(?:我)?(?:说|写|填|答|报)?)(?:的|了|是|说的|写的)*\s*$"
)
_OLD_AFTER = re.compile(r"^\s*(?:个|人|元)?(?:,|，)?(?:要|得)?(?:改|换)(?:成|为|到)")


def leaves(text: str) -> bool:
    return bool(CANCEL.search(same_length(text).strip()))


def hear(
    programme: str,
    fields: Mapping[str, InputField],
    text: str,
    quantities: Iterable[Quantity],
    asked: str | None,
    answers: Mapping[str, Any],
    refused: bool = False,
) -> Heard:
    """The inputs that `text` states. `answers` are the inputs so far, in the order they were given: a correction without further words
    means the last fitting one, or the asked one when the answer to that was `refused`.
    """
    text = same_length(text)
    own = words()[programme]
    if mixed := _unclear(own.unclear, text):
        return Heard({}, unclear=mixed)
    numbers = _numbers(text, quantities)
    if len(numbers) > _MOST_NUMBERS:
        return Heard({}, unclear="一次说的数太多了,请一项一项说。")
    too_vague = any(_bounded(text, q) for q in numbers)
    numbers = [q for q in numbers if not _bounded(text, q)]
    old = _replaced(text, numbers)
    correcting = bool(CORRECTION.search(text)) or old is not None
    numbers = [q for q in numbers if q is not old]
    known = {
        name: cue
        for name, cue in own.inputs.items()
        if name in fields and (fields[name].kind == "choice" or not _unclear(cue.unclear, text))
    }
    stated = dict(_stated(fields, known, text))
    free = _without_words(fields, asked, answers, old) if correcting and not refused else [asked] if asked else []
    placed = _placed(fields, known, text, numbers, free, answers, correcting)
    heard: dict[str, Any] = stated | {name: value for name, (value, _) in placed.items()}
    if not heard or not correcting:
        heard |= _answered_shortly(fields, own.inputs, text, asked, answers, heard, correcting)
    if asked is not None and not heard and UNKNOWN.search(text) and not NOT_UNDERSTOOD.search(text):
        heard[asked] = None
    heard = {name: value for name, value in heard.items() if _accepts(fields[name], value)}
    rough = tuple(name for name, (_, quantity) in placed.items() if quantity.rough and name in heard)
    if heard:
        return Heard(heard, rough)
    unclear = _unclear(own.inputs[asked].unclear, text) if asked is not None else ""
    vague = "请说一个准数。" if too_vague else "听到不止一个数,请只说要的那一个。" if len(numbers) > 1 else ""
    return Heard({}, unclear=unclear or vague)


def _unclear(sentences: Mapping[re.Pattern[str], str], text: str) -> str:
    return next((sentence for words, sentence in sentences.items() if words.search(text)), "")


def _accepts(field: InputField, value: Any) -> bool:
    try:
        field.parse(value)
    except ValueError:
        return False
    return True


_NOTHING = object()

# --- What the words say by themselves --------------------------------------------------------------------------------

# 是不是新招的, 新招的算吗, 要是新招的: nothing is stated. 新招了 8 个能领吗: what is asked is something else.
_ASKED_BEFORE = re.compile(
    r"(?:是不是|是否|算不算|属不属于|有没有|什么是|什么叫|啥是|啥叫|甚是|甚叫|(?:怎么|怎样|咋|如何)才?算|要不要|用不用|需不需要|必须|一定要|非得|只有|"
    r"如果|要是|假如|假设|万一|比如|能不能|可不可以|不知道)[^,]{0,6}$"
)
_ASKED_AFTER = re.compile(
    r"^[^能可够该得要领给收交掏免花奖]{0,8}(?:吗|么[?？]?$|嘛[?？]|不[?？]|没[?？]|没有[?？]|的话|(?:是|指)(?:什么|啥|甚|哪|多)|(?:什么|啥|甚)意思|(?:怎么|咋|怎样)(?:才)?(?:算|认定|定|界定|划)|"
    r"的?标准|算不算|行不行|是不是)|^[^,]{0,2}呢[?？]?$"
)

_EITHER_OR = re.compile(r"(.)[不没]\1")  # the 不是 in 是不是 denies nothing


def _stated(fields: Mapping[str, InputField], known: Mapping[str, Cue], text: str) -> Iterator[tuple[str, Any]]:
    """Inputs whose own words say their value: 新招的, 和技校一起培训的."""
    clauses = [(clause[0], text[clause.end() : clause.end() + 1]) for clause in _CLAUSE.finditer(text)]

    def says(words: re.Pattern[str] | None) -> bool:
        return words is not None and any(
            not _ASKED_BEFORE.search(clause[: match.start()])
            and not _ASKED_AFTER.search(clause[match.end() :] + mark)
            and not _EITHER_OR.match(clause, max(match.start() - 1, 0))
            for clause, mark in clauses
            for match in words.finditer(clause)
        )

    for name, cue in known.items():
        if says(cue.no):
            yield name, False if fields[name].kind == "boolean" else 0
        elif says(cue.yes):
            yield name, True
        for value, words in cue.options.items():
            if says(words):
                yield name, value
                break


# --- Numbers ---------------------------------------------------------------------------------------------------------

_DIGIT = "零〇一二两三四五六七八九"
_ARABIC = r"\d+(?:,\d{3})*(?:\.\d+)?(?:\s?[十百千万亿]{1,2}(?:\d(?!\d))?|[kw](?![a-z0-9]))?"
_CHINESE = rf"[{_DIGIT}俩仨十百千万亿]+"
_FORMAL = re.compile(r"[零壹贰叁肆伍陆柒捌玖拾佰仟万亿]{2,}")  # as accountants write
_FORMAL_TO_PLAIN = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟", "一二三四五六七八九十百千")
# 第3批, 38号文, 4级, 1+x, 600人次 count nothing that is asked for.
_BARE_NUMBER = re.compile(
    rf"(?<![第a-z\d〔{_DIGIT}十百千万])(?<!\d\.)(?:{_ARABIC}|{_CHINESE})"
    r"(?!\d|[号条级班届楼期点次批倍代折门项种季年月日a-z+%]|人次|学期|分之|\.\d|,\d{3}(?!\d))"
)
_COUNTED = re.compile(r"\s?(?:[来多几余])?(?:个|人|名|位|岗|课时|学时|节|块|元|万|本|张|号人|口)")
_FILLER = re.compile(
    r"(?:嗯|哦|那|就|是|有|我们?|俺们?|咱们?|大概|大约|差不多|应该|一共|总共|共|约|才|只|说错了|不对|错了|刚才|改成|改为|换成|吧|了|呢|啊|呀|的|左右|上下|来|多|\s)*"
)
_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000, "k": 1000, "w": 10_000}
_SPOKEN_END = re.compile(r"([百千万亿])([一二两三四五六七八九])$")  # 三千五 is 3500
_MONEY = re.compile(r"元|块|钱|¥|圆|毛|rmb|人民币")
_HALF = re.compile(r"一半|(?:对)?半数|(?<!一)(?<!个)半儿?(?=的?人|都?没?[考拿参])")
_FRACTION = re.compile(rf"([{_DIGIT}十\d]{{1,4}})分之([{_DIGIT}十\d]{{1,4}})")
_RANGE = re.compile(r"[-~–—到至、]")
_ROUGH_INSIDE = re.compile(r"[几多来余]|[-~–—到至、]")
_ROUGH_BEFORE = re.compile(r"(?:大概|大约|约|差不多|估计|可能|至少|起码|超过|不止|多于|不下|得有)(?:有|是|了)?\s*$")
_ROUGH_AFTER = re.compile(
    r"^(?:个|人|名|位|元|块|万|钱|岗位?|课时|学时|节|月|年)*(?:左右|上下|多|来|以上|往上|朝上|出头|打底)"
)
# 不到半年, 五个月以内: how much it is remains open, and it is less than the number.
_LESS_BEFORE = re.compile(
    r"(?:不到|不足|不满|未满|不够|少于|低于|不超过|最多|顶多|至多|没(?:有)?(?:到|满|够)|将近|接近|(?:快|马上|就要)(?:有|够|到|满)?)\s*$"
)
_LESS_AFTER = re.compile(r"^(?:个|人|名|位|元|块|万|岗位?|课时|月|年)*(?:以内|之内|以下|不到|都不到)")


def _numbers(text: str, quantities: Iterable[Quantity]) -> list[Quantity]:
    """`quantities` that can be inputs, and between them the bare numbers, the shares and terms from one date to another."""
    all_found = list(quantities)
    found = [
        _plain_amount(text, q) for q in all_found if q.kind in ("count", "amount", "percentage", "date", "duration")
    ]
    found = _terms(text, found)

    def add(kind: str, value: str | None, start: int, end: int) -> None:
        if value is not None and not any(q.start < end and start < q.end for q in (*all_found, *found)):
            found.append(Quantity(kind, value, start, end))

    for match in _FRACTION.finditer(text):
        parts = [_whole_number(part) for part in (match[2], match[1])]
        add("share", "/".join(map(str, parts)) if all(parts) and match[1] != "百" else None, match.start(), match.end())
    for match in _HALF.finditer(text):
        add("share", "1/2", match.start(), match.end())
    for match in _FORMAL.finditer(text):
        add("number", _spoken(match[0].translate(_FORMAL_TO_PLAIN)), match.start(), match.end())
    for match in _BARE_NUMBER.finditer(text):
        if match[0][0].isdigit() or _is_number(text, match):
            add("number", _spoken(match[0]), match.start(), match.end())
    return sorted((replace(q, rough=_is_rough(text, q)) for q in found), key=lambda q: q.start)


def _plain_amount(text: str, quantity: Quantity) -> Quantity:
    """两万 without a word for money can count anything."""
    if quantity.kind == "amount" and not _MONEY.search(text, quantity.start, quantity.end):
        return replace(quantity, kind="number")
    return quantity


def _terms(text: str, found: list[Quantity]) -> list[Quantity]:
    """`found` with every two dates that 到 joins made one; 2024年 by itself says when, not how long."""
    dates = [q for q in found if q.kind == "date"]
    terms = [q for q in dates if "/" in str(q.value) and _RANGE.search(text[q.start + 1 : q.end])]
    for first, last in pairwise(dates):
        between = text[first.end : last.start]
        if re.fullmatch(r"\s*(?:开始|起|签)?\s*[-~–—到至]+\s*", between) and first not in terms and last not in terms:
            value = f"{str(first.value).partition('/')[0]}/{str(last.value).rpartition('/')[2]}"
            terms.append(Quantity("date", value, first.start, last.end))
    inside = {q.start for term in terms for q in found if term.start <= q.start < term.end}
    return [q for q in found if q.start not in inside and (q.kind != "date" or "/" not in str(q.value))] + terms


def _is_number(text: str, match: re.Match[str]) -> bool:
    """Whether a Chinese numeral is one: 三百二, 三节; but not in 三方, 十分, 一线. 一 is mostly an article."""
    numeral = match[0]
    if numeral in ("一", "千万", "万一", "百", "千", "万", "亿", "百万"):
        return False
    if len(numeral) > 1 and set(numeral) & set("十百千万") and numeral[0] in _DIGIT + "十俩仨":
        return True
    if _COUNTED.match(text, match.end()):
        return True
    clause = next(c for c in _CLAUSE.finditer(text) if c.start() <= match.start() < c.end())
    return all(
        _FILLER.fullmatch(text, *ends) for ends in ((clause.start(), match.start()), (match.end(), clause.end()))
    )


def _before(text: str, quantity: Quantity) -> str:
    """The words right before a number."""
    return text[max(quantity.start - 12, 0) : quantity.start]


def _clause_around(text: str, at: int) -> tuple[int, int]:
    """Where the clause begins and ends that has the character at `at`."""
    start, end = at, at
    while start > 0 and text[start - 1] not in _BREAKS:
        start -= 1
    while end < len(text) and text[end] not in _BREAKS:
        end += 1
    return start, end


def _spoken(text: str) -> str | None:
    """3千5 -> 3500, 1.2万 -> 12000, 三千五 -> 3500, 俩 -> 2."""
    arabic = re.fullmatch(r"(\d[\d,]*(?:\.\d+)?)\s?([十百千万亿kw]*)(\d?)", text)
    if arabic is None:
        whole = _whole_number(
            _SPOKEN_END.sub(lambda m: m[0] + {"百": "十", "千": "百", "万": "千", "亿": "千万"}[m[1]], text)
        )
        return None if whole is None else str(whole)
    scale = 1
    for sign in arabic[2]:
        scale *= _SCALES[sign]
    value = Decimal(arabic[1].replace(",", "")) * scale + (int(arabic[3]) * (scale // 10) if arabic[3] else 0)
    return f"{value:f}"


def _whole_number(text: str) -> int | None:
    if text.isascii():
        return int(text) if len(text) < 16 else None
    text = text.replace("俩", "两").replace("仨", "三")
    # A row of digits read out is a year or a number of something: 二〇一八.
    return chinese_to_int(text) if len(text) == 1 or set(text) & set("十百千万亿") else None


def _is_rough(text: str, quantity: Quantity) -> bool:
    inside = quantity.kind != "date" and bool(_ROUGH_INSIDE.search(text[quantity.start : quantity.end]))
    return inside or bool(_ROUGH_BEFORE.search(_before(text, quantity)) or _ROUGH_AFTER.match(text[quantity.end :]))


def _bounded(text: str, quantity: Quantity) -> bool:
    return bool(_LESS_BEFORE.search(_before(text, quantity)) or _LESS_AFTER.match(text[quantity.end :]))


def _replaced(text: str, numbers: list[Quantity]) -> Quantity | None:
    """The number that a correction takes back: 8 in 不是 8 个,是 9 个."""
    for quantity in numbers[:-1]:
        if _OLD_BEFORE.search(_before(text, quantity)) or _OLD_AFTER.match(text[quantity.end :]):
            return quantity
    return None


def _without_words(
    fields: Mapping[str, InputField], asked: str | None, answers: Mapping[str, Any], old: Quantity | None
) -> list[str]:
    """The inputs that a correction's number without words can be: those said before, the last of them first, then the asked one."""
    latest = list(answers)[::-1]
    if old is not None:
        latest = [name for name in latest if answers[name] == _value(fields[name], old, None, "")] or latest
    return [*latest, *([asked] if asked and asked not in latest else [])]


_FITS = {
    "count": ("count", "number", "share", "percentage"),
    "months": ("duration", "number", "date"),
    "amount": ("amount", "number", "share", "percentage"),
    "percentage": ("percentage", "number"),
    "date": ("date",),
}


def _placed(
    fields: Mapping[str, InputField],
    known: Mapping[str, Cue],
    text: str,
    found: list[Quantity],
    without_words: list[str],
    answers: Mapping[str, Any],
    correcting: bool,
) -> dict[str, tuple[Any, Quantity]]:
    """Every number at the input whose words stand nearest in its clause, or at the first fitting one of `without_words`.

    To what was asked, 五百个人 is an answer, whatever else counts 人; in a correction the words say what is meant.
    """
    placed: dict[str, tuple[Any, Quantity]] = {}
    used: set[int] = set()

    def place(name: str, quantity: Quantity) -> None:
        if name in placed or quantity.start in used:
            return
        of = known[name].of or ""
        whole = placed[of][0] if of in placed else answers.get(of)
        value = _value(fields[name], quantity, whole, _before(text, quantity))
        if value is not _NOTHING:
            placed[name] = value, quantity
            used.add(quantity.start)

    # Shares last: 20 万,一半用在一线 needs the whole first.
    pairs = sorted(
        _beside(fields, known, text, found), key=lambda p: (p.quantity.kind in ("share", "percentage"), p.order)
    )
    for pair in pairs:
        if correcting or not pair.weak:
            place(pair.name, pair.quantity)
    left = [quantity for quantity in found if quantity.start not in used]
    if (
        not correcting
        and len({q.value for q in left if any(_could_be(fields, known, text, n, q) for n in without_words)}) > 1
    ):
        left = []
    for quantity in left:
        for name in without_words:
            if _could_be(fields, known, text, name, quantity):
                place(name, quantity)
    for pair in pairs:
        place(pair.name, pair.quantity)
    return {name: one for name, one in placed.items() if not _has_rival(text, name, one[1], pairs, used)}


def _has_rival(text: str, name: str, taken: Quantity, pairs: list["_Pair"], used: set[int]) -> bool:
    """Whether another number stands beside such words too and is nothing else: 10 个签一年 10 个签三个月.

    The same number in another clause is the same people: 招了 8 个,8 个都签了一年.
    """
    own = [pair for pair in pairs if pair.name == name]
    weak = all(pair.weak for pair in own if pair.quantity is taken)

    def rivals(other: Quantity) -> bool:
        between = text[min(taken.end, other.end) : max(taken.start, other.start)]
        return other.start not in used and (other.value != taken.value or bool(_CLAUSE.fullmatch(between)))

    return any(pair.weak <= weak and rivals(pair.quantity) for pair in own)


@dataclass(frozen=True)
class _Pair:
    """A number with an input that has a word near it; `order` says how near in what sense."""

    name: str
    quantity: Quantity
    weak: bool
    order: tuple[Any, ...]


def _beside(
    fields: Mapping[str, InputField], known: Mapping[str, Cue], text: str, found: list[Quantity]
) -> Iterator[_Pair]:
    """Each number with each input that has a word near it in its clause."""
    for clause in _CLAUSE.finditer(text):
        for quantity in (q for q in found if clause.start() <= q.start < clause.end()):
            for name, cue in known.items():
                if not _could_be(fields, known, text, name, quantity):
                    continue
                for weak, words in ((False, cue.near), (True, cue.unit)):
                    for word in words.finditer(text, clause.start(), clause.end()) if words else ():
                        apart = max(word.start() - quantity.end, quantity.start - word.end(), 0)
                        # Between two words, the one behind a number is more often its own: 3 个考了证.
                        behind = word.start() >= quantity.end
                        if apart <= _FARTHEST:
                            order = (weak, apart, not behind, -len(word[0]), quantity.start)
                            yield _Pair(name, quantity, weak, order)


def _could_be(
    fields: Mapping[str, InputField], known: Mapping[str, Cue], text: str, name: str, quantity: Quantity
) -> bool:
    """Whether the number is of the input's kind, and its clause does not make it something else."""
    if name not in known or quantity.kind not in _FITS.get(fields[name].kind, ()):
        return False
    other = known[name].other
    return other is None or not other.search(text[slice(*_clause_around(text, quantity.start))])


_NEGATIVE = re.compile(r"(?:-|负|亏损?了?|赔了?)\s*$")


def _value(field: InputField, quantity: Quantity, whole: Any, before: str) -> Any:
    """`quantity` in the terms of `field`; _NOTHING where it cannot be one: 180 days are not six months. `whole` is what it is part of."""
    if quantity.kind == "date":
        first, _, last = str(quantity.value).partition("/")
        if field.kind == "date":
            return first if not last else _NOTHING
        return months_of_term(date.fromisoformat(first), date.fromisoformat(last)) if last else _NOTHING
    if quantity.kind == "duration":
        length = re.fullmatch(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?", str(quantity.value))
        if field.kind != "months" or length is None or not (length[1] or length[2]):
            return _NOTHING
        return int(length[1] or 0) * 12 + int(length[2] or 0)
    if quantity.kind in ("share", "percentage") and field.kind != "percentage":
        if whole is None:
            return _NOTHING
        part = Fraction(str(quantity.value)) / (100 if quantity.kind == "percentage" else 1) * Fraction(str(whole))
        unit = 1 if field.kind == "count" else 100
        if (part * unit).denominator != 1:
            return _NOTHING
        return int(part) if field.kind == "count" else str(Decimal(part.numerator) / part.denominator)
    number = Decimal(str(quantity.value))
    if field.kind in ("count", "months"):
        return int(number) if number == number.to_integral_value() else _NOTHING
    return str(-number if field.minimum is not None and field.minimum < 0 and _NEGATIVE.search(before) else number)


# --- Answers that make sense only as such ----------------------------------------------------------------------------


def _answered_shortly(
    fields: Mapping[str, InputField],
    known: Mapping[str, Cue],
    text: str,
    asked: str | None,
    answers: Mapping[str, Any],
    heard: Mapping[str, Any],
    correcting: bool,
) -> dict[str, Any]:
    """What 是, 没有, 都考了, 第二个 say to the asked input; 说错了,不是 to the one that was answered last."""
    name, said = asked, text
    if correcting and asked is not None and not _NO.search(text):
        name, said = next(iter(list(answers)[::-1]), None), ([text, *_CLAUSE.findall(text)])[-1]
    if name is None or name in heard or name not in known:
        return {}
    value = _short(fields[name], known[name], said, {**answers, **heard})
    return {} if value is _NOTHING else {name: value}


def _short(field: InputField, cue: Cue, text: str, answers: Mapping[str, Any]) -> Any:
    """An answer to `field` that makes sense only as one: 是, 没有, 都考了, the label or number of an option."""
    if field.kind == "boolean":
        said = _yes_or_no(text)
        return _NOTHING if said is None else said
    if field.kind == "choice":
        return _option(field, cue, text)
    if field.kind == "count" and _ONE.search(text):
        return 1
    if field.kind in ("count", "months", "amount", "percentage") and _NONE.search(text):
        return 0
    whole = answers.get(cue.of or "")
    return whole if whole is not None and _ALL.search(text) else _NOTHING


def _yes_or_no(text: str) -> bool | None:
    """Yes or no, in the whole of `text` or in its first clause; None for anything else, and for both."""
    if _PARTLY.search(text):
        return None
    first = next((clause[0] for clause in _CLAUSE.finditer(text)), text)
    for said in (text, first):
        if _NO.search(said):
            return False
        if _YES.search(said):
            return True
    return None


def _option(field: InputField, cue: Cue, text: str) -> Any:
    """The value of the option that `text` names by its number, its label or a part of the label, or by a plain yes or no."""
    numbered = _OPTION_NUMBER.match(text)
    if numbered:
        index = (int(numbered[1]) if numbered[1].isdigit() else chinese_to_int(numbered[1]) or 0) - 1
        return field.options[index].value if 0 <= index < len(field.options) else _NOTHING
    said = text.strip(" ,，。.!！吧的了呀啊")
    named = [option.value for option in field.options if _names(said, same_length(option.label))]
    if len(named) == 1:
        return named[0]
    plain = _yes_or_no(text)
    meant = cue.if_yes if plain else cue.if_no if plain is False else None
    return _NOTHING if meant is None else meant


def _names(said: str, label: str) -> bool:
    main = re.sub(r"\(.*\)", "", label)
    parts = [main, *re.split(r"[、,()]", label)]
    if said in parts:
        return True
    at = said.find(main)
    return len(main) > 2 and at >= 0 and not re.search(r"(?:不|没|非)[是算]?$", said[:at])
