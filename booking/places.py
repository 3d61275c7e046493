"""The places of a slot: taking them, giving them back, and offering what is free to the waiting list in its order.

Every change of a slot's places begins with `lock_slots`. Then `settle` ends what has expired and offers free places to those who wait,
so that nobody who comes later takes a place that somebody waits for, whether or not the worker has run. The counters themselves change
in guarded updates only, and a check constraint stands behind them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from booking import audit, outbox
from booking.desk import Policy
from booking.errors import AlreadyBooked, DeadlinePassed, Overlap, PartySize, SlotCancelled, SlotFull, SlotNotFound
from booking.models import Base, Booking, Course, Hold, Slot, Utc, VaultEntry, WaitingListEntry
from booking.vault import Vault

LIVE = ("confirmed", "attended")

# Statements of every booking are made once: putting one together costs more than running it.
_slot, _person, _party, _kept = (sa.bindparam(name) for name in ("slot", "person", "places", "kept"))
_ROW = sa.select(Slot.__table__).where(Slot.id == _slot)
_LOCK = (
    sa.select(Slot.__table__)
    .where(Slot.id.in_(sa.bindparam("wanted", expanding=True)))
    .order_by(Slot.id)
    .with_for_update(key_share=True)
)
_PARTY = sa.select(Course.min_party, Course.max_party).where(Course.id == sa.bindparam("course"))
_FREE = sa.select(Slot.capacity - Slot.booked - Slot.reserved).where(Slot.id == _slot)
_TAKE = (
    sa.update(Slot)
    .where(Slot.id == _slot, Slot.status == "open", Slot.booked + Slot.reserved - _kept + _party <= Slot.capacity)
    .values(booked=Slot.booked + _party, reserved=Slot.reserved - _kept)
)
_RESERVE = (
    sa.update(Slot)
    .where(Slot.id == _slot, Slot.status == "open", Slot.booked + Slot.reserved + _party <= Slot.capacity)
    .values(reserved=Slot.reserved + _party)
)
_LIVE_HOLD = sa.select(Hold.id, Hold.party).where(
    Hold.person_id == _person, Hold.slot_id == _slot, Hold.state == "active"
)
_LIVE_ENTRY = sa.select(WaitingListEntry.__table__).where(
    WaitingListEntry.slot_id == _slot,
    WaitingListEntry.person_id == _person,
    WaitingListEntry.state.in_(("waiting", "offered")),
)
_NEXT = (
    sa.select(WaitingListEntry.id, WaitingListEntry.party, WaitingListEntry.person_id)
    .where(WaitingListEntry.slot_id == _slot, WaitingListEntry.state == "waiting", WaitingListEntry.party <= _party)
    .order_by(WaitingListEntry.priority.desc(), WaitingListEntry.id)
    .limit(1)
)
_PHONES = sa.select(VaultEntry.token).where(
    VaultEntry.kind == "phone", VaultEntry.digest.in_(sa.bindparam("phones", expanding=True))
)
# Bookings of a person or under a phone number; what is asked about them is added below.
BELONGS = sa.or_(Booking.person_id == _person, Booking.phone.in_(_PHONES))
_CLASHES = (
    sa.select(Booking.code, Booking.person_id, Booking.slot_id, Slot.starts_at)
    .join(Slot, Slot.id == Booking.slot_id)
    .where(
        BELONGS,
        Booking.status.in_(LIVE),
        Slot.starts_at < sa.bindparam("until", type_=Utc),
        Slot.ends_at > sa.bindparam("since", type_=Utc),
        Booking.code != sa.bindparam("besides"),
    )
)


def lock_slots(connection: Any, slots: Iterable[int]) -> dict[int, Any]:
    """The rows of `slots`, which nobody else changes until the end of the transaction. Locked in one order, so that none waits in a ring.

    Raises SlotNotFound.
    """
    wanted = set(slots)
    rows = {row.id: row for row in connection.execute(_LOCK, {"wanted": list(wanted)})}
    if len(rows) != len(wanted):
        raise SlotNotFound
    return rows


def check_bookable(connection: Any, slot: Any, party: int, now: datetime) -> None:
    """Refuse what no free place could help: a cancelled slot, a passed deadline, a party of the wrong size."""
    if slot.status != "open":
        raise SlotCancelled
    if now >= slot.booking_deadline:
        raise DeadlinePassed("预约", slot.booking_deadline)
    least, most = connection.execute(_PARTY, {"course": slot.course_id}).one()
    if not least <= party <= most:
        raise PartySize(least, min(most, slot.capacity))


def check_no_clash(connection: Any, slot: Any, person: int, phones: Sequence[str], besides: str = "") -> None:
    """Refuse a second booking of the same slot, or one at the same time, by the person or under the phone number.

    `phones` are the number's digests (`lock_phone`), `besides` the code of a booking that is to be given up. A clash under the phone
    number alone is told without the other's booking code.
    """
    about = {"person": person, "phones": list(phones), "until": slot.ends_at, "since": slot.starts_at}
    for row in connection.execute(_CLASHES, {**about, "besides": besides}):
        code = row.code if row.person_id == person else None
        raise AlreadyBooked(code) if row.slot_id == slot.id else Overlap(code, row.starts_at)


def lock_phone(connection: Any, vault: Vault, phone: str) -> list[str]:
    """The digests of `phone`; nobody else books under it until the end of the transaction. Comes after the person's lock."""
    digests = vault.digests("phone", phone)
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        for digest in digests:
            lock = int.from_bytes(bytes.fromhex(digest[:16]), "big", signed=True)
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))
    return digests


# -- taking and giving back ----------------------------------------------------------------------------------------------


def take(connection: Any, slot: Any, person: int, party: int) -> tuple[int | None, int | None]:
    """Book `party` places for `person`, using up the hold or offer they have on the slot; the ids of those. Raises SlotFull."""
    hold = _live_hold(connection, slot.id, person)
    entry = live_entry(connection, slot.id, person)
    kept = (hold.party if hold else 0) + (entry.party if entry and entry.state == "offered" else 0)
    if connection.execute(_TAKE, {"slot": slot.id, "places": party, "kept": kept}).rowcount != 1:
        raise SlotFull(free_places(connection, slot.id) + kept)
    if hold:
        connection.execute(sa.update(Hold).where(Hold.id == hold.id).values(state="used"))
    if entry:
        connection.execute(
            sa.update(WaitingListEntry)
            .where(WaitingListEntry.id == entry.id)
            .values(state="booked", offer_expires_at=None)
        )
        outbox.withdraw_offer(connection, entry.id)
    return hold.id if hold else None, entry.id if entry else None


def reserve(connection: Any, slot: int, party: int) -> None:
    """Keep `party` free places for a hold or an offer. Raises SlotFull."""
    if connection.execute(_RESERVE, {"slot": slot, "places": party}).rowcount != 1:
        raise SlotFull(free_places(connection, slot))


def give_back(connection: Any, slot: int, *, booked: int = 0, reserved: int = 0) -> None:
    """Free so many booked and reserved places. `settle` has to follow."""
    freed = sa.update(Slot).where(Slot.id == slot)
    connection.execute(freed.values(booked=Slot.booked - booked, reserved=Slot.reserved - reserved))


def free_places(connection: Any, slot: int) -> int:
    return int(connection.execute(_FREE, {"slot": slot}).scalar_one())


def _live_hold(connection: Any, slot: int, person: int) -> Any:
    return connection.execute(_LIVE_HOLD, {"slot": slot, "person": person}).first()


def live_entry(connection: Any, slot: int, person: int) -> Any:
    """The person's entry on the slot's waiting list, waiting or with an open offer, or None."""
    return connection.execute(_LIVE_ENTRY, {"slot": slot, "person": person}).first()


# -- settling ----------------------------------------------------------------------------------------------------------


def settle(connection: Any, policy: Policy, slot: int, now: datetime) -> None:
    """End the holds and offers on the locked `slot` that have expired, then offer what is free to the waiting list.

    Order: priority, then who came first. A party too big for what is free keeps its rank and is passed over, so that no place stays
    empty while it waits for others. An offer keeps its places for `policy.offer_hours`, at most until the booking deadline.
    """
    row = connection.execute(_ROW, {"slot": slot}).one()
    if row.reserved and _end_expired(connection, slot, now):
        row = connection.execute(_ROW, {"slot": slot}).one()
    if row.status == "open" and now < row.booking_deadline:
        _offer(connection, policy, row, now)


def _end_expired(connection: Any, slot: int, now: datetime) -> bool:
    """Whether there was anything."""
    holds = connection.execute(
        sa.select(Hold.id, Hold.party, Hold.person_id).where(
            Hold.slot_id == slot, Hold.state == "active", Hold.expires_at <= now
        )
    ).all()
    entry = WaitingListEntry
    offers = connection.execute(
        sa.select(entry.id, entry.party, entry.person_id).where(
            entry.slot_id == slot, entry.state == "offered", entry.offer_expires_at <= now
        )
    ).all()
    if not holds and not offers:
        return False
    connection.execute(sa.update(Hold).where(Hold.id.in_([h.id for h in holds])).values(state="expired"))
    connection.execute(sa.update(entry).where(entry.id.in_([o.id for o in offers])).values(state="expired"))
    give_back(connection, slot, reserved=sum(row.party for row in (*holds, *offers)))
    for hold in holds:
        audit.record(connection, now, audit.SYSTEM, "hold_expired", slot=slot, person=hold.person_id, hold=hold.id)
    for offer in offers:
        outbox.withdraw_offer(connection, offer.id)
        audit.record(connection, now, audit.SYSTEM, "offer_expired", slot=slot, person=offer.person_id, entry=offer.id)
    return True


def _offer(connection: Any, policy: Policy, slot: Any, now: datetime) -> None:
    entry = WaitingListEntry
    expires = min(now + timedelta(hours=policy.offer_hours), slot.booking_deadline)
    free = slot.capacity - slot.booked - slot.reserved
    while free and (first := connection.execute(_NEXT, {"slot": slot.id, "places": free}).first()):
        reserve(connection, slot.id, first.party)
        connection.execute(
            sa.update(entry)
            .where(entry.id == first.id)
            .values(state="offered", offered_at=now, offer_expires_at=expires)
        )
        outbox.announce_offer(connection, first.person_id, slot.id, first.id, expires, policy, now)
        audit.record(
            connection,
            now,
            audit.SYSTEM,
            "offered",
            slot=slot.id,
            person=first.person_id,
            entry=first.id,
            party=first.party,
            free=free,
        )
        free -= first.party


def due_slots(connection: Any, now: datetime) -> list[int]:
    """Slots on which something has expired, or where places are free and somebody waits for no more than those."""
    entry = WaitingListEntry
    holds = sa.select(Hold.slot_id).where(Hold.state == "active", Hold.expires_at <= now)
    offers = sa.select(entry.slot_id).where(entry.state == "offered", entry.offer_expires_at <= now)
    waiting = (
        sa.select(entry.slot_id)
        .join(Slot, Slot.id == entry.slot_id)
        .where(
            entry.state == "waiting",
            Slot.status == "open",
            Slot.booking_deadline > now,
            entry.party <= Slot.capacity - Slot.booked - Slot.reserved,
        )
    )
    return sorted(connection.execute(sa.union(holds, offers, waiting)).scalars())


def alternatives(connection: Any, policy: Policy, slot: Any, party: int, now: datetime) -> list[int]:
    """The next open slots with places for `party`: of the same course, then of the same field in the same city."""
    own = sa.select(Course.field, Base.city).join(Base, Base.id == Course.base_id).where(Course.id == slot.course_id)
    field, city = connection.execute(own).one()
    query = (
        sa.select(Slot.id)
        .join(Course, Course.id == Slot.course_id)
        .join(Base, Base.id == Slot.base_id)
        .where(
            Slot.id != slot.id,
            Slot.status == "open",
            Slot.booking_deadline > now,
            Slot.capacity - Slot.booked - Slot.reserved >= party,
            Course.min_party <= party,
            Course.max_party >= party,
            Course.field == field,
            Base.city == city,
        )
        .order_by(sa.case((Slot.course_id == slot.course_id, 0), else_=1), Slot.starts_at, Slot.id)
        .limit(policy.alternatives)
    )
    return list(connection.execute(query).scalars())
