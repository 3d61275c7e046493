"""Addresses of a booking's page and calendar file that open for whoever was given them, as in a chat where our session cookie is not.

The signature in them stands for one booking and says nothing of its person. It is good as long as its secret is.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import sqlalchemy as sa
from itsdangerous import Signer

from booking.database import reading
from booking.desk import Desk
from booking.errors import BookingNotFound
from booking.models import Booking, Person


def booking_address(secret_keys: Sequence[str], code: str) -> str:
    """The page of the booking `code`, relative to this server."""
    return f"/bookings/{code}?t={_sign(secret_keys, code)}"


def calendar_address(secret_keys: Sequence[str], code: str) -> str:
    """Its calendar file."""
    return f"/api/bookings/{code}.ics?t={_sign(secret_keys, code)}"


def opens(secret_keys: Sequence[str], code: str, signature: str) -> bool:
    """Whether `signature` is what one of the secrets makes of `code`."""
    return _signer(tuple(secret_keys)).verify_signature(code.encode(), signature.encode(errors="replace"))


def owner_of(desk: Desk, code: str) -> str:
    """Whose booking it is, for somebody whose link opens it. Raises BookingNotFound, also when the person was erased."""
    query = sa.select(Person.address).join(Booking, Booking.person_id == Person.id).where(Booking.code == code)
    with reading(desk.engine) as connection:
        address = connection.execute(query).scalar_one_or_none()
        owner = desk.vault.opened(connection, [address]).get(address)
    if owner is None:
        raise BookingNotFound
    return owner


def _sign(secret_keys: Sequence[str], code: str) -> str:
    return _signer(tuple(secret_keys)).get_signature(code).decode()


@lru_cache(maxsize=8)
def _signer(secret_keys: tuple[str, ...]) -> Signer:
    # itsdangerous signs with the last of several keys; ours is the first.
    return Signer(list(reversed(secret_keys)), salt="booking-link", digest_method=hashlib.sha256)
