"""Booking a place, changing and cancelling it. Each function is a whole transaction and raises a `BookingError` when it does nothing.

`owner` is the channel's sender id ("wechat:<openid>"), `now` an aware datetime, `key` the caller's idempotency key: a command that is
sent again with the same key is not carried out again and returns the first result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from booking import audit, outbox
from booking.contact import Contact, read_contact
from booking.database import reading, transact
from booking.desk import Command, Desk, as_person, as_staff, find_person, lock_person
from booking.errors import (
    AlreadyBooked,
    BookingNotFound,
    ConsentMissing,
    DeadlinePassed,
    LimitReached,
    NotChangeable,
    SlotCancelled,
    SlotFull,
    SlotNotFound,
)
from booking.models import Base, Booking, Course, Hold, Person, Slot, Utc, WaitingListEntry
from booking.places import (
    BELONGS,
    alternatives,
    check_bookable,
    check_no_clash,
    due_slots,
    give_back,
    live_entry,
    lock_phone,
    lock_slots,
    reserve,
    settle,
    take,
)


@dataclass(frozen=True)
class BookingView:
    """A booking with what its owner needs to know. Nothing in it is personal; times are UTC."""

    code: str
    status: str  # confirmed, cancelled, attended, no_show
    party: int
    sequence: int
    slot_id: int
    starts_at: datetime
    ends_at: datetime
    title: str
    service: str
    field: str
    fee_kind: str
    fee_clause: str
    price: str | None
    trainer: str
    base_name: str
    city: str
    address: str
    base_phone: str
    is_example: bool
    cancellation_deadline: datetime
    changed_at: datetime
    checked_in_at: datetime | None


@dataclass(frozen=True)
class Held:
    """Places kept for the person until then, to be booked with `book`."""

    slot_id: int
    party: int
    expires_at: datetime


@dataclass(frozen=True)
class Released:
    """Whether there was a hold to release."""

    was_held: bool


@dataclass(frozen=True)
class SlotCancellation:
    """How many bookings and waiting people a cancelled slot had; all of them are told."""

    slot_id: int
    bookings: int
    waiting: int


# Statements of every booking are made once: putting one together costs more than running it.
_INSERT = sa.insert(Booking)
_SLOT = sa.select(Slot.__table__).where(Slot.id == sa.bindparam("slot"))
_ADDRESS = sa.select(Person.address).where(Person.id == sa.bindparam("person"))
_AHEAD = (
    sa.select(sa.func.count())
    .select_from(Booking)
    .join(Slot, Slot.id == Booking.slot_id)
    .where(BELONGS, Booking.status == "confirmed", Slot.ends_at > sa.bindparam("present", type_=Utc))
)


# -- holds -------------------------------------------------------------------------------------------------------------


def hold(desk: Desk, owner: str, slot_id: int, party: int, *, now: datetime, key: str) -> Held:
    """Keep `party` places for `policy.hold_minutes`, while the person fills in the form. It replaces the person's earlier hold.

    Somebody whom the waiting list has offered places needs no hold and gets the offer's party and time.
    Raises SlotNotFound, SlotCancelled, DeadlinePassed, PartySize, AlreadyBooked, Overlap, LimitReached, SlotFull.
    """

    def work(connection: Any, person: int) -> Held:
        earlier = _active_hold(connection, person)
        slots = lock_slots(connection, {slot_id, earlier.slot_id} if earlier else {slot_id})
        slot = slots[slot_id]
        check_bookable(connection, slot, party, now)
        check_no_clash(connection, slot, person, ())
        check_limit(connection, desk, person, (), now)
        if earlier:
            _release(connection, earlier, now, f"person:{person}")
        for each in slots:
            settle(connection, desk.policy, each, now)
        entry = live_entry(connection, slot_id, person)
        if entry and entry.state == "offered":
            return Held(slot_id, entry.party, entry.offer_expires_at)
        reserve(connection, slot_id, party)
        expires = min(now + timedelta(minutes=desk.policy.hold_minutes), slot.booking_deadline)
        row = {"slot_id": slot_id, "person_id": person, "party": party, "created_at": now, "expires_at": expires}
        made = connection.execute(sa.insert(Hold).values(**row)).inserted_primary_key[0]
        actor = f"person:{person}"
        audit.record(connection, now, actor, "held", slot=slot_id, person=person, hold=made, party=party)
        return Held(slot_id, party, expires)

    command = Command("hold", key, now, {"slot": slot_id, "party": party})
    return as_person(
        desk, owner, command, Held, work, lambda connection, person: refuse_if_full(connection, slot_id, party, person)
    )


def release_hold(desk: Desk, owner: str, *, now: datetime, key: str) -> Released:
    """Free the places the person holds; the form was left. Never raises a BookingError but KeyReused."""

    def work(connection: Any, person: int) -> Released:
        held = _active_hold(connection, person)
        if held is None:
            return Released(False)
        lock_slots(connection, [held.slot_id])
        _release(connection, held, now, f"person:{person}")
        settle(connection, desk.policy, held.slot_id, now)
        return Released(True)

    return as_person(
        desk, owner, Command("release_hold", key, now, {}), Released, work, lambda connection, person: None
    )


def _active_hold(connection: Any, person: int) -> Any:
    return connection.execute(sa.select(Hold.__table__).where(Hold.person_id == person, Hold.state == "active")).first()


def _release(connection: Any, held: Any, now: datetime, actor: str) -> None:
    """The slot is locked. A hold that the slot's settling has ended meanwhile is left alone."""
    released = sa.update(Hold).where(Hold.id == held.id, Hold.state == "active").values(state="released")
    if connection.execute(released).rowcount:
        give_back(connection, held.slot_id, reserved=held.party)
        audit.record(connection, now, actor, "hold_released", slot=held.slot_id, person=held.person_id, hold=held.id)


# -- booking -----------------------------------------------------------------------------------------------------------


def book(
    desk: Desk,
    owner: str,
    slot_id: int,
    *,
    name: str,
    phone: str,
    consent: bool,
    now: datetime,
    key: str,
    party: int = 1,
    participants: Sequence[str] = (),
) -> BookingView:
    """Book `party` places, using the person's hold or waiting list offer on the slot if there is one.

    `name` and `phone` are plain text and go to the vault; a party of several gives everybody's name in `participants`. `consent` is
    the person's to our keeping them. Raises ConsentMissing, BadContact, SlotNotFound, SlotCancelled, DeadlinePassed, PartySize,
    AlreadyBooked, Overlap, LimitReached, SlotFull.
    """
    if not consent:
        raise ConsentMissing
    contact = read_contact(name, phone, participants, party)

    def work(connection: Any, person: int) -> BookingView:
        phones = lock_phone(connection, desk.vault, contact.phone)
        slot = lock_slots(connection, [slot_id])[slot_id]
        check_bookable(connection, slot, party, now)
        check_no_clash(connection, slot, person, phones)
        check_limit(connection, desk, person, phones, now)
        settle(connection, desk.policy, slot_id, now)
        return make_booking(
            connection,
            desk,
            person,
            slot,
            party,
            now,
            owner=owner,
            consented_at=now,
            **keep_contact(connection, desk, owner, contact, now),
        )

    command = Command("book", key, now, {"slot": slot_id, "party": party})
    return as_person(
        desk,
        owner,
        command,
        BookingView,
        work,
        lambda connection, person: refuse_if_full(connection, slot_id, party, person),
    )


def make_booking(
    connection: Any, desk: Desk, person: int, slot: Any, party: int, now: datetime, *, owner: str, **contact: Any
) -> BookingView:
    """Take the places and write the booking, its notices and its event. Everything was checked and the slot is settled."""
    hold_id, entry_id = take(connection, slot, person, party)
    keep_address(connection, desk, person, owner, now)
    code = desk.new_code()
    row = {"code": code, "slot_id": slot.id, "person_id": person, "party": party, "created_at": now, "changed_at": now}
    row |= {"sequence": 0, **contact}
    made = SimpleNamespace(id=connection.execute(_INSERT, row).inserted_primary_key[0], **row)
    outbox.announce(connection, outbox.CONFIRMED, made, now, starts_at=slot.starts_at)
    used = {"hold": hold_id, "entry": entry_id, "party": party, "sequence": 0}
    audit.record(connection, now, f"person:{person}", "booked", slot=slot.id, booking=code, person=person, **used)
    return view(connection, code)


def keep_contact(connection: Any, desk: Desk, owner: str, contact: Contact, now: datetime) -> dict[str, Any]:
    """Put `contact` into the vault; the columns that hold its tokens."""
    values = [("name", contact.name), ("phone", contact.phone), *(("name", each) for each in contact.participants)]
    name, phone, *participants = desk.vault.keep(connection, owner, values, now)
    return {"name": name, "phone": phone, "participants": participants}


def keep_address(connection: Any, desk: Desk, person: int, owner: str, now: datetime) -> None:
    """Remember where notices to `person` go."""
    if connection.execute(_ADDRESS, {"person": person}).scalar_one() is None:
        (token,) = desk.vault.keep(connection, owner, [("address", owner)], now)
        connection.execute(sa.update(Person).where(Person.id == person).values(address=token))


def refuse_if_full(connection: Any, slot_id: int, party: int, person: int | None = None) -> None:
    """Say no without waiting for a lock when confirmed bookings alone leave too little. Somebody who has a booking learns that instead."""
    slot = connection.execute(_SLOT, {"slot": slot_id}).first()
    if slot is None:
        raise SlotNotFound
    if slot.status == "open" and slot.booked + party > slot.capacity:
        if person is not None:
            check_no_clash(connection, slot, person, ())
        raise SlotFull(slot.capacity - slot.booked - slot.reserved)


def check_limit(connection: Any, desk: Desk, person: int, phones: Sequence[str], now: datetime) -> None:
    """Refuse one booking more than a person, or a phone number, may have ahead."""
    about = {"person": person, "phones": list(phones), "present": now}
    if connection.execute(_AHEAD, about).scalar_one() >= desk.policy.max_active_bookings:
        raise LimitReached("有效预约", desk.policy.max_active_bookings)


# -- changing ----------------------------------------------------------------------------------------------------------


def cancel(desk: Desk, owner: str, code: str, *, now: datetime, key: str) -> BookingView:
    """Cancel the person's own booking. Raises BookingNotFound, NotChangeable, DeadlinePassed."""

    def work(connection: Any, person: int) -> BookingView:
        booking, slots = lock_booking(connection, code, person)
        _check_still_free_to_leave(connection, slots[booking.slot_id], "取消", now)
        cancel_booking(connection, desk, booking, f"person:{person}", now)
        return view(connection, code)

    return as_person(
        desk, owner, Command("cancel", key, now, {"code": code}), BookingView, work, lambda connection, person: None
    )


def cancel_for(desk: Desk, staff: str, code: str, *, now: datetime, key: str) -> BookingView:
    """Cancel a booking for somebody who called the base; no deadline holds. Raises BookingNotFound, NotChangeable."""

    def work(connection: Any) -> BookingView:
        booking, _ = lock_booking(connection, code)
        cancel_booking(connection, desk, booking, f"staff:{staff}", now)
        return view(connection, code)

    return as_staff(desk, staff, Command("cancel_for", key, now, {"code": code}), BookingView, work)


def cancel_booking(connection: Any, desk: Desk, booking: Any, actor: str, now: datetime, tell: bool = True) -> None:
    """Cancel `booking` and offer its places to the waiting list. Person and slot are locked. Raises NotChangeable."""
    if booking.status != "confirmed":
        raise NotChangeable(booking.status)
    cancelled = _close(connection, booking, actor, now)
    give_back(connection, booking.slot_id, booked=booking.party)
    settle(connection, desk.policy, booking.slot_id, now)
    if tell:
        outbox.announce(connection, outbox.CANCELLED, cancelled, now)


def _close(connection: Any, booking: Any, actor: str, now: datetime) -> Any:
    """Mark `booking` as cancelled, and withdraw its reminders; the row after it."""
    changed = {"status": "cancelled", "sequence": booking.sequence + 1, "changed_at": now}
    connection.execute(sa.update(Booking).where(Booking.id == booking.id).values(**changed))
    outbox.withdraw_outdated(connection, booking.id)
    about = {"slot": booking.slot_id, "booking": booking.code, "person": booking.person_id}
    audit.record(connection, now, actor, "cancelled", **about, sequence=booking.sequence + 1)
    return connection.execute(sa.select(Booking.__table__).where(Booking.id == booking.id)).one()


def reschedule(desk: Desk, owner: str, code: str, slot_id: int, *, now: datetime, key: str) -> BookingView:
    """Move the person's booking to another slot; code and party stay. The old place is given up only with the new one taken.

    Raises BookingNotFound, NotChangeable, SlotNotFound, SlotCancelled, DeadlinePassed, PartySize, AlreadyBooked, Overlap, SlotFull.
    """

    def work(connection: Any, person: int) -> BookingView:
        booking, slots = lock_booking(connection, code, person, slot_id)
        if booking.status != "confirmed":
            raise NotChangeable(booking.status)
        if booking.slot_id == slot_id:
            raise AlreadyBooked(code)
        old, new = slots[booking.slot_id], slots[slot_id]
        _check_still_free_to_leave(connection, old, "改期", now)
        check_bookable(connection, new, booking.party, now)
        check_no_clash(connection, new, person, (), besides=code)
        settle(connection, desk.policy, slot_id, now)
        hold_id, entry_id = take(connection, new, person, booking.party)
        changed = {"slot_id": slot_id, "sequence": booking.sequence + 1, "changed_at": now}
        connection.execute(sa.update(Booking).where(Booking.id == booking.id).values(**changed))
        give_back(connection, old.id, booked=booking.party)
        outbox.withdraw_outdated(connection, booking.id)
        moved = connection.execute(sa.select(Booking.__table__).where(Booking.id == booking.id)).one()
        outbox.announce(connection, outbox.CHANGED, moved, now, starts_at=new.starts_at)
        audit.record(
            connection,
            now,
            f"person:{person}",
            "rescheduled",
            slot=slot_id,
            booking=code,
            person=person,
            old_slot=old.id,
            party=booking.party,
            sequence=moved.sequence,
            hold=hold_id,
            entry=entry_id,
        )
        settle(connection, desk.policy, old.id, now)
        return view(connection, code)

    command = Command("reschedule", key, now, {"code": code, "slot": slot_id})
    return as_person(desk, owner, command, BookingView, work, lambda connection, person: None)


def lock_booking(connection: Any, code: str, person: int | None = None, *slots: int) -> tuple[Any, dict[int, Any]]:
    """The booking `code` with its person, its slot and `slots` locked, and the rows of those slots.

    With `person`, who is locked already, it has to be theirs. Raises BookingNotFound, SlotNotFound.
    """
    query = sa.select(Booking.__table__).where(Booking.code == code)
    seen = connection.execute(query).first()
    if seen is None or person not in (None, seen.person_id):
        raise BookingNotFound
    lock_person(connection, seen.person_id)
    seen = connection.execute(query).one()  # only its person moves a booking …
    rows = lock_slots(connection, {seen.slot_id, *slots})
    return connection.execute(query).one(), rows  # … but a base may have cancelled the slot meanwhile


def _check_still_free_to_leave(connection: Any, slot: Any, what: str, now: datetime) -> None:
    if now >= slot.cancellation_deadline:
        phone = connection.execute(sa.select(Base.phone).where(Base.id == slot.base_id)).scalar_one()
        raise DeadlinePassed(what, slot.cancellation_deadline, phone)


# -- by the base -------------------------------------------------------------------------------------------------------


def cancel_slot(desk: Desk, staff: str, slot_id: int, reason: str, *, now: datetime, key: str) -> SlotCancellation:
    """Cancel a slot with everything on it. All who had booked or waited are told, with other slots to choose from.

    `reason` is shown to them. Raises SlotNotFound, SlotCancelled.
    """

    def work(connection: Any) -> SlotCancellation:
        slot = lock_slots(connection, [slot_id])[slot_id]
        if slot.status != "open":
            raise SlotCancelled
        actor = f"staff:{staff}"
        closed = {"status": "cancelled", "booked": 0, "reserved": 0, "cancelled_because": reason}
        audit.record(connection, now, actor, "slot_cancelled", slot=slot_id)
        query = sa.select(Booking.__table__).where(Booking.slot_id == slot_id, Booking.status == "confirmed")
        bookings = connection.execute(query.order_by(Booking.id)).all()
        for booking in bookings:
            others = alternatives(connection, desk.policy, slot, booking.party, now)
            outbox.announce_slot_cancelled(connection, _close(connection, booking, actor, now), now, others)
        waiting = _close_waiting(connection, desk, slot, actor, now)
        for held in connection.execute(
            sa.select(Hold.__table__).where(Hold.slot_id == slot_id, Hold.state == "active")
        ).all():
            _release(connection, held, now, actor)
        attended = sa.select(sa.func.coalesce(sa.func.sum(Booking.party), 0)).where(
            Booking.slot_id == slot_id, Booking.status != "cancelled"
        )
        closed["booked"] = connection.execute(attended).scalar_one()
        connection.execute(sa.update(Slot).where(Slot.id == slot_id).values(**closed))
        return SlotCancellation(slot_id, len(bookings), waiting)

    return as_staff(desk, staff, Command("cancel_slot", key, now, {"slot": slot_id}), SlotCancellation, work)


def _close_waiting(connection: Any, desk: Desk, slot: Any, actor: str, now: datetime) -> int:
    entry = WaitingListEntry
    live = sa.select(entry.__table__).where(entry.slot_id == slot.id, entry.state.in_(("waiting", "offered")))
    waiting = connection.execute(live.order_by(entry.id)).all()
    for row in waiting:
        outbox.withdraw_offer(connection, row.id)
        connection.execute(sa.update(entry).where(entry.id == row.id).values(state="closed"))
        others = alternatives(connection, desk.policy, slot, row.party, now)
        outbox.announce_closed(connection, row.person_id, slot.id, row.id, now, others)
        audit.record(connection, now, actor, "waiting_closed", slot=slot.id, person=row.person_id, entry=row.id)
    return len(waiting)


def promote(desk: Desk, slot_id: int, *, now: datetime) -> None:
    """End what has expired on a slot and offer its free places, as after its capacity was raised. Raises SlotNotFound."""

    def work(connection: Any) -> None:
        lock_slots(connection, [slot_id])
        settle(connection, desk.policy, slot_id, now)

    transact(desk.engine, work)


def expire(desk: Desk, *, now: datetime) -> int:
    """`promote` every slot where a hold or an offer has expired or free places wait for somebody; how many slots that were."""
    with reading(desk.engine) as connection:
        slots = due_slots(connection, now)
    for slot_id in slots:
        promote(desk, slot_id, now=now)
    return len(slots)


# -- reading -----------------------------------------------------------------------------------------------------------

_VIEW = (
    sa.select(
        Booking.code,
        Booking.status,
        Booking.party,
        Booking.sequence,
        Booking.slot_id,
        Slot.starts_at,
        Slot.ends_at,
        Course.title,
        Course.service,
        Course.field,
        Course.fee_kind,
        Course.fee_clause,
        Course.price,
        Slot.trainer,
        Base.name.label("base_name"),
        Base.city,
        Base.address,
        Base.phone.label("base_phone"),
        Base.is_example,
        Slot.cancellation_deadline,
        Booking.changed_at,
        Booking.checked_in_at,
    )
    .join(Slot, Slot.id == Booking.slot_id)
    .join(Course, Course.id == Slot.course_id)
    .join(Base, Base.id == Slot.base_id)
)
_VIEW_BY_CODE = _VIEW.where(Booking.code == sa.bindparam("code"))


def view(connection: Any, code: str) -> BookingView:
    """The booking `code`, whosever it is. Raises BookingNotFound."""
    row = connection.execute(_VIEW_BY_CODE, {"code": code}).first()
    if row is None:
        raise BookingNotFound
    return BookingView(*row)


def find_booking(desk: Desk, owner: str, code: str) -> BookingView:
    """The person's own booking. Raises BookingNotFound, also when it is somebody else's."""
    with reading(desk.engine) as connection:
        person = find_person(connection, desk.vault, owner)
        row = connection.execute(_VIEW.where(Booking.code == code, Booking.person_id == person)).first()
    if row is None:
        raise BookingNotFound
    return BookingView(*row)


def my_bookings(desk: Desk, owner: str, *, now: datetime, past: bool = False) -> tuple[BookingView, ...]:
    """The person's confirmed bookings that have not ended, soonest first; with `past` all they have had, latest first."""
    with reading(desk.engine) as connection:
        person = find_person(connection, desk.vault, owner)
        if person is None:
            return ()
        query = _VIEW.where(Booking.person_id == person)
        if past:
            query = query.order_by(Slot.starts_at.desc(), Booking.id.desc())
        else:
            query = query.where(Booking.status.in_(("confirmed", "attended")), Slot.ends_at > now)
            query = query.order_by(Slot.starts_at, Booking.id)
        return tuple(BookingView(*row) for row in connection.execute(query))
