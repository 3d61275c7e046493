"""Phone and ID numbers never reach trackers, logs or events: they are masked before the assistant sees a message."""

import re

_ID_NUMBER = re.compile(
    r"(?<![0-9A-Za-z])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[0-9Xx](?![0-9A-Za-z])"
)
_PHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)")
_PLAIN_DIGITS = str.maketrans("０１２３４５６７８９Ｘｘ＋－", "0123456789Xx+-")


def mask(text: str) -> str:
    """`text` with ID numbers and mobile numbers replaced by 〔身份证号〕 and 〔手机号〕, and full-width digits by plain ones."""
    return _PHONE.sub("〔手机号〕", _ID_NUMBER.sub("〔身份证号〕", text.translate(_PLAIN_DIGITS)))
