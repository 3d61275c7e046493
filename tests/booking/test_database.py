"""Migrations there and back, the shape of the tables, and how transactions behave, on both databases."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from booking.database import VERSION_TABLE, _Connecting, downgrade, make_engine, take_your_time, transact, upgrade
from booking.models import Booking, Person, Slot, metadata
from tests.booking.conftest import World
from tests.booking.racers import NOW


def test_migrations_make_the_tables_of_the_models_and_take_them_away_again(empty_url: str) -> None:
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE conversations (id INTEGER)")  # the assistant's own
    for _ in range(2):  # a second start finds everything done
        upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        differences = [d for d in compare_metadata(context, metadata) if "conversations" not in str(d)]
    assert differences == []
    downgrade(engine, "base")
    assert set(sa.inspect(engine).get_table_names()) == {"conversations", VERSION_TABLE}
    upgrade(engine)
    assert set(metadata.tables) < set(sa.inspect(engine).get_table_names())
    engine.dispose()


def test_the_migrated_checks_are_those_of_the_models(engine: sa.engine.Engine) -> None:
    found = sa.inspect(engine)
    for table in metadata.sorted_tables:
        wanted = {c.name for c in table.constraints if isinstance(c, sa.CheckConstraint)}
        assert {str(c["name"]) for c in found.get_check_constraints(table.name)} == {str(name) for name in wanted}


def test_the_database_itself_refuses_more_than_the_capacity(world: World) -> None:
    slot = world.slot(capacity=2)
    for values in ({"booked": 3}, {"booked": 1, "reserved": 2}, {"reserved": -1}):
        with pytest.raises(sa.exc.IntegrityError), world.desk.engine.begin() as connection:
            connection.execute(sa.update(Slot).where(Slot.id == slot).values(**values))


def test_the_database_itself_refuses_the_same_slot_twice_for_a_person(world: World) -> None:
    booked = world.book("web:anna", world.slot())
    row = world.row(Booking)._asdict() | {"id": None, "code": "2222222222"}
    with pytest.raises(sa.exc.IntegrityError), world.desk.engine.begin() as connection:
        connection.execute(sa.insert(Booking).values(**{k: v for k, v in row.items() if k != "id"}))
    assert world.row(Booking).code == booked.code


def test_times_come_back_in_utc_and_one_without_zone_is_refused(world: World) -> None:
    shanghai = datetime(2026, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=8)))
    slot = world.slot(starts_at=shanghai, ends_at=shanghai + timedelta(hours=1), booking_deadline=shanghai,
                      cancellation_deadline=shanghai)  # fmt: skip
    found = world.row(Slot, Slot.id == slot).starts_at
    assert found == shanghai and found.utcoffset() == timedelta(0)
    with pytest.raises(sa.exc.StatementError, match="time zone"):
        world.slot(starts_at=datetime(2026, 1, 1))


def test_a_transaction_begins_again_when_somebody_else_inserted_the_same_row_first(world: World) -> None:
    looked = []

    def work(connection: Any) -> int:
        found = connection.execute(sa.select(Person.id).where(Person.owner == "x")).scalars().first()
        looked.append(found)
        if found is None and len(looked) == 1:
            raise sa.exc.IntegrityError("insert", {}, Exception("somebody was first"))
        return int(connection.execute(sa.insert(Person).values(owner="x", created_at=NOW)).inserted_primary_key[0])

    assert transact(world.desk.engine, work) == world.row(Person).id and len(looked) == 2


def test_an_error_leaves_nothing_and_is_not_tried_again(world: World) -> None:
    runs = []

    def work(connection: Any) -> None:
        runs.append(1)
        connection.execute(sa.insert(Person).values(owner="x", created_at=NOW))
        raise KeyError("mine")

    with pytest.raises(KeyError):
        transact(world.desk.engine, work)
    assert len(runs) == 1 and not world.rows(Person)


# -- a database that is away -------------------------------------------------------------------------------------------------


@pytest.fixture
def hangs_up() -> Iterator[tuple[str, list[float]]]:
    """The address of something that takes connections, says nothing and hangs up, and when it did."""
    tried: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    server.accept()[0].close()
                    tried.append(time.monotonic())

        threading.Thread(target=answer, daemon=True).start()
        yield f"postgresql://nobody@127.0.0.1:{server.getsockname()[1]}/none?sslmode=disable", tried
        server.shutdown(socket.SHUT_RDWR)


def test_a_database_that_is_away_is_not_tried_again_at_once(hangs_up: tuple[str, list[float]]) -> None:
    url, tried = hangs_up
    engine = make_engine(url)
    for _ in range(50):
        with pytest.raises(sa.exc.OperationalError):
            engine.connect()
    assert len(tried) < 10
    end = time.monotonic() + 5
    before = len(tried)
    while len(tried) == before and time.monotonic() < end:  # but it is tried again
        with pytest.raises(sa.exc.OperationalError):
            engine.connect()
    assert len(tried) > before


def test_the_pause_is_twice_as_long_as_the_attempt_that_failed() -> None:
    dialect, now = sa.create_engine("postgresql://").dialect, [0.0]
    connecting = _Connecting(lambda: now[0])

    def nobody_there(*_: object, **__: object) -> None:
        now[0] += 3
        raise dialect.dbapi.OperationalError("timeout expired")

    dialect.connect = nobody_there
    taken = []
    for start in (0, 5, 8.9, 9.1):
        now[0] = start
        with pytest.raises(dialect.dbapi.OperationalError):
            connecting(dialect, None, (), {})
        taken.append(now[0] - start)
    assert taken == [3, 0, 0, 3]


def test_who_falls_silent_in_a_transaction_loses_its_locks(postgres: str) -> None:
    with make_engine(postgres).connect() as connection:
        shown = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        }
    assert shown == {"statement_timeout": "10s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "10s"}


def test_changing_tables_may_take_its_time(postgres: str) -> None:
    with make_engine(postgres).connect() as connection, connection.begin():
        take_your_time(connection)
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "0"
