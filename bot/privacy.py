"""What of a message is personal: kept in the vault, with tokens in its place, before trackers, logs or events see it."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from booking.vault import TOKEN
from booking.who import hear
from bot.front_desk import desk

KEPT = timedelta(hours=1)
_NAMING = re.compile(r"我叫|名字|姓名|我是|学员|联系人")  # without these, or a number, nobody is named
_HIDDEN = re.compile(rf"〔([^〔〕 ]*) ?{TOKEN.pattern}〕")
_ID_NUMBER = re.compile(
    r"(?<![0-9A-Za-z])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[0-9Xx](?![0-9A-Za-z])"
)
_PHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)")
_PLAIN_DIGITS = str.maketrans("０１２３４５６７８９Ｘｘ＋－", "0123456789Xx+-")


def mask(text: str, in_place_of: Callable[[str, str], str] = lambda kind, number: f"〔{kind}〕") -> str:
    """`text` with every ID and mobile number replaced by `in_place_of(kind, number)`, and full-width digits by plain ones."""
    plain = text.translate(_PLAIN_DIGITS)
    plain = _ID_NUMBER.sub(lambda found: in_place_of("身份证号", found[0]), plain)
    return _PHONE.sub(lambda found: in_place_of("手机号", found[0]), plain)


def conceal(sender_id: str, text: str, whole: bool) -> str:
    """`text` with its phone numbers, or all of it when it is personal as a `whole`, in the vault and tokens in their place.

    ID numbers are needed for nothing and are not kept.
    """

    def token(kind: str, value: str) -> str:
        if kind == "身份证号":
            return "〔身份证号〕"
        now = datetime.now(timezone.utc)
        return f"〔{kind} {desk().vault.put(sender_id, 'said', value, now=now, expires_at=now + KEPT)}〕"

    if whole:
        return token("个人信息", mask(text, lambda kind, number: number if kind == "手机号" else ""))
    concealed = mask(text, token)
    if concealed != text or _NAMING.search(text):
        heard = hear(text)
        for name in filter(None, (*heard.names, heard.person)):
            concealed = concealed.replace(name, token("姓名", name))
    return concealed


def revealed(sender_id: str, text: str) -> str:
    """`text` with what `conceal` put away back in its place, for the owner's own booking."""
    return _HIDDEN.sub(lambda found: desk().vault.reveal(sender_id, TOKEN.search(found[0])[0]) or "", text)  # type: ignore[index]


def without_tokens(text: str) -> str:
    """`text` as it may be shown and kept in a history: 〔手机号〕."""
    return _HIDDEN.sub(lambda found: f"〔{found[1]}〕", text)
