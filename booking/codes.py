"""Booking codes, and the signed tickets that a base's scanner can check without a network."""

import io
import re
import secrets
from base64 import b32decode, b32encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import segno
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from booking.errors import TicketInvalid
from booking.keys import derive

# Without 0 O 1 I L U: nothing that can be misread or misheard. 10 of 30 characters are 49 bits.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 10
_CODE = re.compile(f"[{ALPHABET}]{{{CODE_LENGTH}}}")
# Characters of a QR code's alphanumeric mode (ISO/IEC 18004, 7.4.4), so that the picture stays small.
_TICKET = re.compile(rf"C1-([{ALPHABET}]{{{CODE_LENGTH}}})-(\d{{1,10}})-(\d{{1,12}})-([A-Z2-7]{{103}})")


def new_code() -> str:
    """A booking code, from the system's randomness."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def read_code(text: str) -> str | None:
    """The booking code that `text` is, however it was typed (small, full-width, with spaces or dashes), or None."""
    half_width = "".join(chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else c for c in text)
    plain = re.sub(r"[\s\-－—–]", "", half_width).upper()
    return plain if _CODE.fullmatch(plain) else None


@dataclass(frozen=True)
class Ticket:
    """What a signed ticket says: this booking, for this slot, until then."""

    code: str
    slot_id: int
    expires_at: datetime


class TicketOffice:
    """Signs and checks tickets (Ed25519, RFC 8032). The first secret signs; tickets of all of them are good."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        keys = [Ed25519PrivateKey.from_private_bytes(derive(secret, "ticket")) for secret in secret_keys]
        self._signing = keys[0]
        self.public_keys = tuple(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) for key in keys)

    def issue(self, ticket: Ticket) -> str:
        """The text for the QR code."""
        said = f"C1-{ticket.code}-{ticket.slot_id}-{int(ticket.expires_at.timestamp())}"
        return f"{said}-{_base32(self._signing.sign(said.encode()))}"

    def check(self, text: str, now: datetime) -> Ticket:
        return check_ticket(text, self.public_keys, now)


def check_ticket(text: str, public_keys: Iterable[bytes], now: datetime) -> Ticket:
    """What the ticket `text` says; needs nothing but `public_keys` (32 bytes each). Raises TicketInvalid.

    It proves that we issued it, not that the booking still stands: a scanner learns that when it is online again.
    """
    found = _TICKET.fullmatch(text.strip().upper())
    if not found:
        raise TicketInvalid("这不是产教通的签到码")
    code, slot_id, expires, signature = found.groups()
    said, signed = f"C1-{code}-{slot_id}-{expires}".encode(), b32decode(signature + "=")
    canonical = _base32(signed) == signature  # the last character has three bits to spare
    if not canonical or not any(_signed(said, signed, key) for key in public_keys):
        raise TicketInvalid("签到码不是产教通签发的,请核对预约号")
    ticket = Ticket(code, int(slot_id), datetime.fromtimestamp(int(expires), timezone.utc))
    if now > ticket.expires_at:
        raise TicketInvalid("签到码已过期")
    return ticket


def _base32(raw: bytes) -> str:
    return b32encode(raw).decode().rstrip("=")


def _signed(said: bytes, signature: bytes, public_key: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, said)
    except InvalidSignature:
        return False
    return True


def qr_svg(text: str) -> str:
    """`text` as a QR code, an inline SVG."""
    return str(segno.make_qr(text, error="m").svg_inline(scale=4, border=4, title="签到二维码"))


def qr_png(text: str) -> bytes:
    """`text` as a QR code, a PNG picture."""
    picture = io.BytesIO()
    segno.make_qr(text, error="m").save(picture, kind="png", scale=8, border=4)
    return picture.getvalue()
