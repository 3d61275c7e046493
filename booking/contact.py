"""Who a booking is for: name, phone number and, for a party, everybody's name."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from booking.errors import BadContact

LONGEST_NAME = 40
_MOBILE = re.compile(r"1[3-9]\d{9}")
_LANDLINE = re.compile(r"0\d{9,11}")


@dataclass(frozen=True)
class Contact:
    """A checked contact; `participants` are the names of all who come when there are several."""

    name: str
    phone: str
    participants: tuple[str, ...] = ()


def read_contact(name: str, phone: str, participants: Sequence[str] = (), party: int = 1) -> Contact:
    """The contact as it is stored. A party of several needs as many names as people. Raises BadContact."""
    names = tuple(read_name(each, "participants") for each in participants) if party > 1 else ()
    if party > 1 and len(names) != party:
        raise BadContact("participants", f"一共{party}人,请写出全部{party}位学员的姓名(现在有{len(names)}位)。")
    return Contact(read_name(name), read_phone(phone), names)


def read_name(text: str, field: str = "name") -> str:
    """`text` as a name. Raises BadContact naming `field`."""
    name = " ".join(unicodedata.normalize("NFKC", text).split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or not any(c.isalpha() for c in name):
        raise BadContact(field, f"姓名要写1到{LONGEST_NAME}个字,请再写一次。")
    return name


def read_phone(text: str) -> str:
    """`text` as a Chinese mobile (11 digits) or landline number with area code, digits only. Raises BadContact."""
    digits = re.sub(r"[\s\-()]", "", unicodedata.normalize("NFKC", text))
    digits = re.sub(r"^(\+|00)?86(?=[01])", "", digits)
    if digits.isascii() and (_MOBILE.fullmatch(digits) or _LANDLINE.fullmatch(digits)):
        return digits
    raise BadContact("phone", "电话号码不对。请写11位手机号,或带区号的座机号。")
