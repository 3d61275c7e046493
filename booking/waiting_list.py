"""The waiting list of a full slot: joining, leaving, and answering an offer. Offers are made in `booking.places.settle`.

Arguments are those of `booking.service`. Each function is a whole transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from booking import audit, outbox
from booking.contact import read_contact
from booking.database import reading
from booking.desk import Command, Desk, Policy, as_person, find_person
from booking.errors import AlreadyWaiting, ConsentMissing, LimitReached, OfferGone, StillFree
from booking.models import Base, Booking, Course, Slot, WaitingListEntry
from booking.places import (
    check_bookable,
    check_no_clash,
    free_places,
    give_back,
    live_entry,
    lock_phone,
    lock_slots,
    settle,
)
from booking.service import BookingView, check_limit, keep_address, keep_contact, make_booking


@dataclass(frozen=True)
class WaitingView:
    """A place on a waiting list. `position` is 1 for who is next, 0 with an open offer or when it has ended; times are UTC."""

    entry_id: int
    state: str  # waiting, offered, booked, declined, expired, left, closed
    position: int
    party: int
    offer_expires_at: datetime | None
    slot_id: int
    starts_at: datetime
    ends_at: datetime
    title: str
    base_name: str
    city: str


def join_waiting_list(
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
) -> WaitingView:
    """Wait for `party` places on a slot that has not got them. The contact is kept for the booking that may come of it.

    Repeated no-shows lower the priority as the policy says. Raises ConsentMissing, BadContact, SlotNotFound, SlotCancelled,
    DeadlinePassed, PartySize, AlreadyBooked, Overlap, AlreadyWaiting, LimitReached, StillFree.
    """
    if not consent:
        raise ConsentMissing
    contact = read_contact(name, phone, participants, party)

    def work(connection: Any, person: int) -> WaitingView:
        phones = lock_phone(connection, desk.vault, contact.phone)
        slot = lock_slots(connection, [slot_id])[slot_id]
        check_bookable(connection, slot, party, now)
        check_no_clash(connection, slot, person, phones)
        if live_entry(connection, slot_id, person):
            raise AlreadyWaiting
        _check_limit(connection, desk.policy, person)
        settle(connection, desk.policy, slot_id, now)
        if free_places(connection, slot_id) >= party:
            raise StillFree
        keep_address(connection, desk, person, owner, now)
        priority = priority_of(connection, desk.policy, person, now)
        row = {
            "slot_id": slot_id,
            "person_id": person,
            "party": party,
            "priority": priority,
            **keep_contact(connection, desk, owner, contact, now),
            "consented_at": now,
            "created_at": now,
        }
        made = connection.execute(sa.insert(WaitingListEntry).values(**row)).inserted_primary_key[0]
        rank = {"entry": made, "party": party, "priority": priority}
        audit.record(connection, now, f"person:{person}", "joined", slot=slot_id, person=person, **rank)
        return _view(connection, made)

    command = Command("join_waiting_list", key, now, {"slot": slot_id, "party": party})
    return as_person(desk, owner, command, WaitingView, work, lambda connection, person: None)


def leave_waiting_list(desk: Desk, owner: str, entry_id: int, *, now: datetime, key: str) -> WaitingView:
    """Wait no longer; an open offer passes on. Raises OfferGone when the entry has ended already."""
    return _step_back(desk, owner, entry_id, "left", now, key)


def decline_offer(desk: Desk, owner: str, entry_id: int, *, now: datetime, key: str) -> WaitingView:
    """Say no to an offer, which passes on to the next. Raises OfferGone."""
    return _step_back(desk, owner, entry_id, "declined", now, key)


def accept_offer(desk: Desk, owner: str, entry_id: int, *, now: datetime, key: str) -> BookingView:
    """Book the offered places with the contact given when joining. Raises OfferGone, SlotCancelled, AlreadyBooked, Overlap, LimitReached.

    After Overlap or LimitReached the offer stays open: the person may make room and accept again until it expires.
    """

    def work(connection: Any, person: int) -> BookingView:
        seen = _own(connection, person, entry_id)
        contact = desk.vault.opened(connection, [seen.phone])
        phones = lock_phone(connection, desk.vault, contact[seen.phone])
        slot = lock_slots(connection, [seen.slot_id])[seen.slot_id]
        settle(connection, desk.policy, seen.slot_id, now)
        entry = _own(connection, person, entry_id)
        if entry.state != "offered":
            raise OfferGone
        check_bookable(connection, slot, entry.party, now)
        check_no_clash(connection, slot, person, phones)
        check_limit(connection, desk, person, phones, now)
        return make_booking(
            connection,
            desk,
            person,
            slot,
            entry.party,
            now,
            name=entry.name,
            phone=entry.phone,
            participants=entry.participants,
            consented_at=entry.consented_at,
            owner=owner,
        )

    command = Command("accept_offer", key, now, {"entry": entry_id})
    return as_person(desk, owner, command, BookingView, work, lambda connection, person: None)


def _step_back(desk: Desk, owner: str, entry_id: int, state: str, now: datetime, key: str) -> WaitingView:
    def work(connection: Any, person: int) -> WaitingView:
        slot_id = _own(connection, person, entry_id).slot_id
        lock_slots(connection, [slot_id])
        settle(connection, desk.policy, slot_id, now)
        entry = _own(connection, person, entry_id)
        if entry.state not in (("offered",) if state == "declined" else ("waiting", "offered")):
            raise OfferGone
        end_entry(connection, entry, state, f"person:{person}", now)
        settle(connection, desk.policy, slot_id, now)
        return _view(connection, entry_id)

    command = Command(state, key, now, {"entry": entry_id})
    return as_person(desk, owner, command, WaitingView, work, lambda connection, person: None)


def end_entry(connection: Any, entry: Any, state: str, actor: str, now: datetime) -> None:
    """Put a live entry of a locked slot into an end `state` (left or declined). `settle` has to follow."""
    table = WaitingListEntry
    connection.execute(sa.update(table).where(table.id == entry.id).values(state=state, offer_expires_at=None))
    if entry.state == "offered":
        give_back(connection, entry.slot_id, reserved=entry.party)
    outbox.withdraw_offer(connection, entry.id)
    audit.record(connection, now, actor, state, slot=entry.slot_id, person=entry.person_id, entry=entry.id)


def my_waiting(desk: Desk, owner: str) -> tuple[WaitingView, ...]:
    """Where the person waits or has an open offer, soonest slot first."""
    with reading(desk.engine) as connection:
        person = find_person(connection, desk.vault, owner)
        if person is None:
            return ()
        entry = WaitingListEntry
        query = (
            sa.select(entry.id)
            .join(Slot, Slot.id == entry.slot_id)
            .where(entry.person_id == person, entry.state.in_(("waiting", "offered")))
            .order_by(Slot.starts_at, entry.id)
        )
        return tuple(_view(connection, found) for found in connection.execute(query).scalars().all())


def priority_of(connection: Any, policy: Policy, person: int, now: datetime) -> int:
    """The person's priority on waiting lists: 0, or the policy's for so many no-shows in so many days."""
    missed = (
        sa.select(sa.func.count())
        .select_from(Booking)
        .join(Slot, Slot.id == Booking.slot_id)
        .where(
            Booking.person_id == person,
            Booking.status == "no_show",
            Slot.starts_at > now - timedelta(days=policy.no_show_days),
        )
    )
    return policy.no_show_priority if connection.execute(missed).scalar_one() >= policy.no_show_threshold else 0


def _check_limit(connection: Any, policy: Policy, person: int) -> None:
    entry = WaitingListEntry
    query = sa.select(sa.func.count()).where(entry.person_id == person, entry.state.in_(("waiting", "offered")))
    if connection.execute(query).scalar_one() >= policy.max_waiting:
        raise LimitReached("候补", policy.max_waiting)


def _own(connection: Any, person: int, entry_id: int) -> Any:
    """The person's entry. Raises OfferGone."""
    table = WaitingListEntry
    query = sa.select(table.__table__).where(table.id == entry_id, table.person_id == person)
    row = connection.execute(query).first()
    if row is None or row.state not in ("waiting", "offered"):
        raise OfferGone
    return row


def _view(connection: Any, entry_id: int) -> WaitingView:
    entry, other = WaitingListEntry, sa.orm.aliased(WaitingListEntry)
    before = sa.or_(other.priority > entry.priority, sa.and_(other.priority == entry.priority, other.id <= entry.id))
    position = (
        sa.select(sa.func.count())
        .where(other.slot_id == entry.slot_id, other.state == "waiting", entry.state == "waiting", before)
        .scalar_subquery()
    )
    query = (
        sa.select(
            entry.id,
            entry.state,
            position,
            entry.party,
            entry.offer_expires_at,
            entry.slot_id,
            Slot.starts_at,
            Slot.ends_at,
            Course.title,
            Base.name,
            Base.city,
        )
        .join(Slot, Slot.id == entry.slot_id)
        .join(Course, Course.id == Slot.course_id)
        .join(Base, Base.id == Slot.base_id)
        .where(entry.id == entry_id)
    )
    return WaitingView(*connection.execute(query).one())
