"""Phone and ID numbers never reach trackers, logs or events: they are replaced before the assistant sees a message."""

import re
from collections.abc import Callable

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
