"""Who came: signed tickets, scans that may be sent twice, undoing, no-shows, and the list that a base's staff see.

A scanner checks a ticket without a network (`booking.codes.check_ticket`) and sends its scans when it is online again, each with a
number of its own (`nonce`) and the time of the scan.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from booking import audit
from booking.codes import Ticket, read_code
from booking.database import reading, transact
from booking.desk import Command, Desk, as_staff
from booking.errors import BookingNotFound, NotChangeable, SlotNotFound, TicketInvalid, TooEarly
from booking.models import Booking, CheckInScan, Slot, WaitingListEntry
from booking.places import lock_slots
from booking.service import BookingView, lock_booking, view
from booking.vault import mask
from booking.waiting_list import priority_of

TICKET_GOOD_FOR = timedelta(days=1)  # after the end, for scans that are sent late


@dataclass(frozen=True)
class CheckedIn:
    """Somebody is here. `again` when they had been checked in before, at `at`."""

    code: str
    slot_id: int
    party: int
    at: datetime
    again: bool


@dataclass(frozen=True)
class RosterEntry:
    """A line of the list of who comes, masked."""

    code: str
    status: str
    party: int
    name: str
    phone: str
    participants: tuple[str, ...]
    checked_in_at: datetime | None


@dataclass(frozen=True)
class ContactShown:
    """A booking's contact in plain text."""

    name: str
    phone: str
    participants: tuple[str, ...]


def ticket_text(desk: Desk, booking: BookingView) -> str:
    """The text of the QR code with which the person checks in."""
    return desk.tickets.issue(Ticket(booking.code, booking.slot_id, booking.ends_at + TICKET_GOOD_FOR))


def check_in(desk: Desk, staff: str, scanned: str, *, nonce: str, at: datetime, now: datetime) -> CheckedIn:
    """Check in the ticket or booking code `scanned` at time `at`. The same `nonce` gets the same answer and changes nothing.

    Raises TicketInvalid (forged, expired, or for another slot than the booking has now), BookingNotFound, NotChangeable (cancelled),
    TooEarly. Somebody recorded as a no-show is checked in: the scan may have come late.
    """
    code = read_code(scanned)
    ticket = None if code else desk.tickets.check(scanned, at)

    def work(connection: Any) -> CheckedIn:
        before = connection.execute(
            sa.select(CheckInScan.outcome).where(CheckInScan.nonce == nonce)
        ).scalar_one_or_none()
        if before is not None:
            return CheckedIn(**{**before, "at": datetime.fromisoformat(before["at"])})
        booking, slots = lock_booking(connection, code or (ticket.code if ticket else ""))
        if ticket and ticket.slot_id != booking.slot_id:
            raise TicketInvalid("这张签到码是改期以前的,请出示新的签到码")
        if booking.status == "cancelled":
            raise NotChangeable(booking.status)
        opens_at = slots[booking.slot_id].starts_at - timedelta(minutes=desk.policy.check_in_opens_minutes)
        if at < opens_at:
            raise TooEarly(opens_at)
        again = booking.status == "attended"
        arrived = booking.checked_in_at if again else at
        if not again:
            changed = {"status": "attended", "checked_in_at": at, "changed_at": now}
            connection.execute(sa.update(Booking).where(Booking.id == booking.id).values(**changed))
            _record(connection, now, f"staff:{staff}", "checked_in", booking)
        done = CheckedIn(booking.code, booking.slot_id, booking.party, arrived, again)
        outcome = {**done.__dict__, "at": arrived.isoformat()}
        row = {"nonce": nonce, "booking_id": booking.id, "outcome": outcome, "created_at": now}
        connection.execute(sa.insert(CheckInScan).values(**row))
        return done

    return transact(desk.engine, work)


def undo_check_in(desk: Desk, staff: str, code: str, *, now: datetime, key: str) -> BookingView:
    """Take back a check-in that was a mistake. Raises BookingNotFound, and NotChangeable when nobody was checked in."""

    def work(connection: Any) -> BookingView:
        booking, _ = lock_booking(connection, code)
        if booking.status not in ("attended", "confirmed"):
            raise NotChangeable(booking.status)
        if booking.status == "attended":
            changed = {"status": "confirmed", "checked_in_at": None, "changed_at": now}
            connection.execute(sa.update(Booking).where(Booking.id == booking.id).values(**changed))
            _record(connection, now, f"staff:{staff}", "check_in_undone", booking)
        return view(connection, code)

    return as_staff(desk, staff, Command("undo_check_in", key, now, {"code": code}), BookingView, work)


def record_no_shows(desk: Desk, *, now: datetime, slot_id: int | None = None, staff: str | None = None) -> int:
    """Record as no-shows who was booked and never checked in; how many bookings. Repeating it changes nothing.

    With `slot_id` the base's `staff` close that slot's list after its start. Without, all slots are closed that ended
    `policy.no_show_after_minutes` ago and where somebody was checked in: a base that does not scan makes nobody a no-show.
    Raises SlotNotFound, and TooEarly before the slot's start.
    """
    actor = f"staff:{staff}" if staff else audit.SYSTEM
    if slot_id is not None:
        return transact(desk.engine, lambda connection: _close_list(connection, desk, slot_id, actor, now))
    attended = sa.select(Booking.slot_id).where(Booking.status == "attended")
    ended = now - timedelta(minutes=desk.policy.no_show_after_minutes)
    query = (
        sa.select(Booking.slot_id)
        .join(Slot, Slot.id == Booking.slot_id)
        .where(Booking.status == "confirmed", Slot.ends_at <= ended, Slot.id.in_(attended))
        .distinct()
    )
    with reading(desk.engine) as connection:
        slots = connection.execute(query).scalars().all()
    return sum(record_no_shows(desk, now=now, slot_id=slot, staff=staff) for slot in sorted(slots))


def _close_list(connection: Any, desk: Desk, slot_id: int, actor: str, now: datetime) -> int:
    slot = lock_slots(connection, [slot_id])[slot_id]
    if now < slot.starts_at:
        raise TooEarly(slot.starts_at)
    query = sa.select(Booking.__table__).where(Booking.slot_id == slot_id, Booking.status == "confirmed")
    missed = connection.execute(query.order_by(Booking.id)).all()
    for booking in missed:
        changed = {"status": "no_show", "changed_at": now}
        connection.execute(sa.update(Booking).where(Booking.id == booking.id).values(**changed))
        _record(connection, now, actor, "no_show", booking)
    for person in sorted({booking.person_id for booking in missed}):
        _lower_priority(connection, desk, person, actor, now)
    return len(missed)


def _lower_priority(connection: Any, desk: Desk, person: int, actor: str, now: datetime) -> None:
    """Give the person's places on waiting lists the priority they have now."""
    priority = priority_of(connection, desk.policy, person, now)
    entry = WaitingListEntry
    query = sa.select(entry.id, entry.slot_id).where(
        entry.person_id == person, entry.state == "waiting", entry.priority != priority
    )
    for row in connection.execute(query.order_by(entry.id)).all():
        connection.execute(sa.update(entry).where(entry.id == row.id).values(priority=priority))
        about = {"slot": row.slot_id, "person": person}
        audit.record(connection, now, actor, "priority", **about, entry=row.id, priority=priority)


def _record(connection: Any, now: datetime, actor: str, kind: str, booking: Any) -> None:
    audit.record(connection, now, actor, kind, slot=booking.slot_id, booking=booking.code, person=booking.person_id)


# -- who comes -----------------------------------------------------------------------------------------------------------


def roster(desk: Desk, slot_id: int) -> tuple[RosterEntry, ...]:
    """Who comes to a slot, in the order of booking, names and numbers masked; cancelled bookings are left out. Raises SlotNotFound."""
    with reading(desk.engine) as connection:
        if connection.execute(sa.select(Slot.id).where(Slot.id == slot_id)).first() is None:
            raise SlotNotFound
        query = sa.select(Booking.__table__).where(Booking.slot_id == slot_id, Booking.status != "cancelled")
        rows = connection.execute(query.order_by(Booking.id)).all()
        values = desk.vault.opened(connection, [t for row in rows for t in (row.name, row.phone, *row.participants)])
    return tuple(
        RosterEntry(
            row.code,
            row.status,
            row.party,
            mask("name", values.get(row.name, "")),
            mask("phone", values.get(row.phone, "")),
            tuple(mask("name", values.get(token, "")) for token in row.participants),
            row.checked_in_at,
        )
        for row in rows
    )


def show_contact(desk: Desk, staff: str, code: str, *, now: datetime) -> ContactShown:
    """A booking's contact in plain text for the base's staff; that it was shown, and to whom, goes into the audit trail.

    Raises BookingNotFound, also when the contact was erased.
    """

    def work(connection: Any) -> ContactShown:
        row = connection.execute(sa.select(Booking.__table__).where(Booking.code == code)).first()
        if row is None or row.phone is None:
            raise BookingNotFound
        values = desk.vault.opened(connection, [row.name, row.phone, *row.participants])
        _record(connection, now, f"staff:{staff}", "contact_shown", row)
        return ContactShown(values[row.name], values[row.phone], tuple(values[token] for token in row.participants))

    return transact(desk.engine, work)
