"""What people may ask about their own data, and what is forgotten by itself: erasing, exporting, anonymising after the retention time."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from booking import audit, outbox
from booking.database import reading, transact
from booking.desk import Desk, find_person
from booking.models import (
    Booking,
    Hold,
    IdempotencyKey,
    Person,
    Slot,
    VaultEntry,
    WaitingListEntry,
)
from booking.places import give_back, lock_slots, settle
from booking.service import cancel_booking, my_bookings
from booking.waiting_list import end_entry, my_waiting

FORGOTTEN_AT_ONCE = 200
CONTACT: dict[str, Any] = {"name": None, "phone": None, "participants": []}


@dataclass(frozen=True)
class Erased:
    """What was erased: bookings that were cancelled by it, waiting list places given up, personal values deleted."""

    cancelled: tuple[str, ...]
    waiting: int
    values: int


def erase_person(desk: Desk, owner: str, *, now: datetime) -> Erased:
    """Delete everything personal that is kept of `owner` ("删除我的信息"). May be repeated.

    Bookings ahead are cancelled whatever the deadline, for nobody could be reached about them; their places go to the waiting list.
    What stays is counted, not known: the bookings without contact, under a person without owner.
    """

    def work(connection: Any) -> Erased:
        person = find_person(connection, desk.vault, owner, lock=True)
        cancelled, waiting = _give_everything_up(connection, desk, person, now) if person else ((), 0)
        owned = VaultEntry.owner.in_(desk.vault.owner_digests(owner))
        deleted = connection.execute(sa.delete(VaultEntry).where(owned)).rowcount
        return Erased(cancelled, waiting, deleted)

    return transact(desk.engine, work)


def _give_everything_up(connection: Any, desk: Desk, person: int, now: datetime) -> tuple[tuple[str, ...], int]:
    actor, entry = f"person:{person}", WaitingListEntry
    mine = {
        "bookings": sa.select(Booking.__table__)
        .join(Slot, Slot.id == Booking.slot_id)
        .where(Booking.person_id == person, Booking.status == "confirmed", Slot.ends_at > now),
        "waiting": sa.select(entry.__table__).where(entry.person_id == person, entry.state.in_(("waiting", "offered"))),
        "holds": sa.select(Hold.__table__).where(Hold.person_id == person, Hold.state == "active"),
    }
    slots = {row.slot_id for query in mine.values() for row in connection.execute(query)}
    lock_slots(connection, slots)
    for held in connection.execute(mine["holds"]).all():
        connection.execute(sa.update(Hold).where(Hold.id == held.id).values(state="released"))
        give_back(connection, held.slot_id, reserved=held.party)
        audit.record(connection, now, actor, "hold_released", slot=held.slot_id, person=person, hold=held.id)
    waiting = connection.execute(mine["waiting"]).all()
    for row in waiting:
        end_entry(connection, row, "left", actor, now)
    bookings = connection.execute(mine["bookings"]).all()
    for booking in bookings:
        cancel_booking(connection, desk, booking, actor, now, tell=False)
    for slot in sorted(slots):
        settle(connection, desk.policy, slot, now)
    outbox.withdraw_all(connection, person)
    nobody = sa.update(Booking).where(Booking.person_id == person)
    connection.execute(nobody.values(**CONTACT, anonymised_at=now))
    connection.execute(sa.update(entry).where(entry.person_id == person).values(**CONTACT))
    connection.execute(sa.update(Person).where(Person.id == person).values(owner=None, address=None))
    connection.execute(sa.delete(IdempotencyKey).where(IdempotencyKey.actor == actor))
    audit.record(connection, now, actor, "erased", person=person)
    return tuple(booking.code for booking in bookings), len(waiting)


def export_person(desk: Desk, owner: str, *, now: datetime) -> dict[str, Any]:
    """Everything that is kept of `owner`, in plain text, for `owner`: personal values, bookings and waiting list places."""
    with reading(desk.engine) as connection:
        owned = VaultEntry.owner.in_(desk.vault.owner_digests(owner))
        rows = connection.execute(sa.select(VaultEntry).where(owned).order_by(VaultEntry.created_at)).all()
        values = desk.vault.opened(connection, [row.token for row in rows])
    return {
        "values": [{"kind": row.kind, "value": values[row.token], "since": row.created_at} for row in rows],
        "bookings": [asdict(booking) for booking in my_bookings(desk, owner, now=now, past=True)],
        "waiting": [asdict(entry) for entry in my_waiting(desk, owner)],
    }


def anonymise_old(desk: Desk, *, now: datetime) -> int:
    """Delete the contacts of bookings and waits whose slot ended `policy.retention_days` ago; how many rows were anonymised.

    Values that have expired, repeated commands' results, and people who have nothing left are forgotten too. Works in short
    transactions and may be repeated.
    """
    total = 0
    for table in (Booking, WaitingListEntry):
        while done := transact(desk.engine, partial(_anonymise_some, desk=desk, table=table, now=now)):
            total += done
    while transact(desk.engine, partial(_forget_idle_people, desk=desk, now=now)):
        pass
    transact(desk.engine, partial(_forget_expired, desk=desk, now=now))
    return total


def _anonymise_some(connection: Any, desk: Desk, table: Any, now: datetime) -> int:
    query = (
        sa.select(table.__table__)
        .join(Slot, Slot.id == table.slot_id)
        .where(Slot.ends_at <= now - timedelta(days=desk.policy.retention_days), table.phone.is_not(None))
        .order_by(table.id)
        .limit(FORGOTTEN_AT_ONCE)
    )
    rows = connection.execute(query).all()
    _delete_values(connection, [token for row in rows for token in (row.name, row.phone, *row.participants)])
    gone = CONTACT | ({"anonymised_at": now} if table is Booking else {})
    connection.execute(sa.update(table).where(table.id.in_([row.id for row in rows])).values(**gone))
    for row in rows if table is Booking else ():
        audit.record(connection, now, audit.SYSTEM, "anonymised", booking=row.code, person=row.person_id)
    return len(rows)


def _forget_idle_people(connection: Any, desk: Desk, now: datetime) -> int:
    """Somebody who has held a place but booked none, or whose bookings are all anonymised, is forgotten."""
    known = sa.union(
        sa.select(Booking.person_id).where(Booking.phone.is_not(None)),
        sa.select(WaitingListEntry.person_id).where(WaitingListEntry.phone.is_not(None)),
    )
    created = now - timedelta(days=desk.policy.idle_person_days)
    idle = sa.select(Person.id, Person.address).where(
        Person.created_at <= created, Person.owner.is_not(None), Person.id.not_in(known)
    )
    people = connection.execute(idle.order_by(Person.id).limit(FORGOTTEN_AT_ONCE).with_for_update()).all()
    ids = [person.id for person in people]
    connection.execute(sa.update(Person).where(Person.id.in_(ids)).values(owner=None, address=None))
    _delete_values(connection, [person.address for person in people])
    for person in ids:
        outbox.withdraw_all(connection, person)
        audit.record(connection, now, audit.SYSTEM, "forgotten", person=person)
    return len(ids)


def _forget_expired(connection: Any, desk: Desk, now: datetime) -> None:
    connection.execute(sa.delete(VaultEntry).where(VaultEntry.expires_at <= now))
    kept_since = now - timedelta(days=desk.policy.idempotency_days)
    connection.execute(sa.delete(IdempotencyKey).where(IdempotencyKey.created_at <= kept_since))


def _delete_values(connection: Any, tokens: list[str | None]) -> None:
    """In portions: a party's names may be many, and a statement takes only so many parameters."""
    for start in range(0, len(tokens), FORGOTTEN_AT_ONCE):
        some = tokens[start : start + FORGOTTEN_AT_ONCE]
        connection.execute(sa.delete(VaultEntry).where(VaultEntry.token.in_(some)))
