"""Notices to people, written in the transaction that they tell of. `booking.worker` delivers them, `booking.notices` words them."""

from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from booking.desk import Policy
from booking.models import OutboxMessage

CONFIRMED, CHANGED, CANCELLED = "confirmed", "changed", "cancelled"
REMINDER_DAY, REMINDER_HOUR = "reminder_day", "reminder_hour"
PROMOTED, OFFER_EXPIRING = "promoted", "offer_expiring"
SLOT_CANCELLED = "slot_cancelled"
REMINDERS = {REMINDER_DAY: timedelta(days=1), REMINDER_HOUR: timedelta(hours=1)}
# What led to a notice, such as the number of a request in the logs; kept with it.
origin: ContextVar[str] = ContextVar("origin", default="")

_INSERT = sa.insert(OutboxMessage)
_SUPERSEDE = sa.update(OutboxMessage).where(OutboxMessage.state == "pending").values(state="superseded")
_OUTDATED = _SUPERSEDE.where(
    OutboxMessage.booking_id == sa.bindparam("about"), OutboxMessage.kind.in_((CHANGED, *REMINDERS))
)
_ANSWERED = _SUPERSEDE.where(OutboxMessage.entry_id == sa.bindparam("about"))
_UNWANTED = _SUPERSEDE.where(OutboxMessage.person_id == sa.bindparam("about"))


def announce(connection: Any, kind: str, booking: Any, now: datetime, *, starts_at: datetime | None = None) -> None:
    """A notice about `booking` as it is now, at most one per kind and sequence; with `starts_at` also reminders still ahead of that."""
    rows = [_about(kind, booking, now)]
    if starts_at is not None:
        ahead = {kind: starts_at - before for kind, before in REMINDERS.items() if starts_at - before > now}
        rows += [_about(kind, booking, due, useless_after=starts_at) for kind, due in ahead.items()]
    connection.execute(_INSERT, rows)


def announce_offer(
    connection: Any, person: int, slot: int, entry: int, expires_at: datetime, policy: Policy, now: datetime
) -> None:
    """A place for somebody on the waiting list, and a warning before the offer expires."""
    about = {"person_id": person, "slot_id": slot, "entry_id": entry, "useless_after": expires_at}
    rows = [_row(PROMOTED, f"{PROMOTED}:{entry}", now, **about)]
    warning = expires_at - timedelta(minutes=policy.offer_warning_minutes)
    if warning > now:
        rows.append(_row(OFFER_EXPIRING, f"{OFFER_EXPIRING}:{entry}", warning, **about))
    connection.execute(_INSERT, rows)


def announce_slot_cancelled(connection: Any, booking: Any, now: datetime, others: list[int]) -> None:
    """To somebody who had booked: the base has cancelled the slot. `others` are slots to choose from."""
    connection.execute(_INSERT, [_about(SLOT_CANCELLED, booking, now, data={"alternatives": others})])


def announce_closed(connection: Any, person: int, slot: int, entry: int, now: datetime, others: list[int]) -> None:
    """To somebody on the waiting list: the base has cancelled the slot."""
    about = {"person_id": person, "slot_id": slot, "entry_id": entry, "data": {"alternatives": others}}
    connection.execute(_INSERT, [_row(SLOT_CANCELLED, f"{SLOT_CANCELLED}:waiting:{entry}", now, **about)])


def withdraw_outdated(connection: Any, booking: int) -> None:
    """The reminders of a booking that has changed, and earlier changes, as far as they are not delivered yet."""
    connection.execute(_OUTDATED, {"about": booking})


def withdraw_offer(connection: Any, entry: int) -> None:
    """The offer to a waiting list entry that was answered or has expired."""
    connection.execute(_ANSWERED, {"about": entry})


def withdraw_all(connection: Any, person: int) -> None:
    """Everything for somebody who wants to be forgotten."""
    connection.execute(_UNWANTED, {"about": person})


def _about(kind: str, booking: Any, due_at: datetime, **more: Any) -> dict[str, Any]:
    about = {"person_id": booking.person_id, "slot_id": booking.slot_id, "booking_id": booking.id}
    return _row(kind, f"{kind}:{booking.code}:{booking.sequence}", due_at, **about, **more)


def _row(kind: str, key: str, due_at: datetime, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"kind": kind, "dedupe_key": key, "due_at": due_at, "next_attempt_at": due_at}
    # One statement inserts rows of every kind, so all have the same columns.
    row |= {"booking_id": None, "entry_id": None, "useless_after": None, "data": {}} | more
    return row | {"data": {**row["data"], "origin": origin.get()}} if origin.get() else row
