"""Numbers in Chinese text, so that every number we say can be traced to a clause that says it."""

import re
import unicodedata

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "兩": 2}
_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
_ARABIC = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
# A Chinese numeral counts as a number when a unit of measure follows it; 一 alone is usually an article ("一个", "一批").
_UNITS = "元块年月日天周岁个人名家项种类级倍成条次点学时课时小时期届批所座笔"
_NUMERAL = "[零〇一二两三四五六七八九十百][零〇一二两三四五六七八九十百千万亿]*"
_CHINESE = re.compile(rf"百分之{_NUMERAL}|(?<!\d){_NUMERAL}(?=(?:多|余|左右)?[{_UNITS}])")


def chinese_to_int(text: str) -> int | None:
    """一百二十 -> 120, 两千 -> 2000, 二〇二一 -> 2021; None when it is not a numeral."""
    if not text or any(c not in _DIGITS and c not in _SCALES for c in text):
        return None
    if all(c in _DIGITS for c in text):
        return int("".join(str(_DIGITS[c]) for c in text))
    total = section = digit = 0
    for c in text:
        if c in _DIGITS:
            digit = _DIGITS[c]
        elif _SCALES[c] >= 10_000:
            total = (total + section + digit) * _SCALES[c]
            section = digit = 0
        else:
            section += (digit or 1) * _SCALES[c]
            digit = 0
    return total + section + digit


def numbers_in(text: str) -> set[str]:
    """The numbers that `text` states, as plain Arabic strings: '300', '0.5', '2020'. 一 is left out (it is mostly an article)."""
    text = unicodedata.normalize("NFKC", text)
    found = set()
    for match in _ARABIC.finditer(text):
        value = match.group().replace(",", "")
        whole, _, fraction = value.partition(".")
        scale = text[match.end() : match.end() + 1]
        if scale in ("万", "亿") and not fraction:
            found.add(str(int(whole) * _SCALES[scale]))
        else:
            found.add((whole.lstrip("0") or "0") + (f".{fraction}" if fraction else ""))
    for match in _CHINESE.finditer(text):
        value_int = chinese_to_int(match.group().removeprefix("百分之"))
        if value_int is not None and value_int != 1:
            found.add(str(value_int))
    return found


def unsupported_numbers(text: str, sources: list[str]) -> set[str]:
    """The numbers in `text` that none of `sources` states."""
    stated: set[str] = set()
    for source in sources:
        stated |= numbers_in(source)
        # A source may write the same quantity in the other script without a unit we know: 十二五, 三无三可.
        stated |= {
            str(n)
            for c in re.findall(r"[零〇一二两三四五六七八九十百千万]+", source)
            if (n := chinese_to_int(c)) is not None
        }
    return numbers_in(text) - stated
