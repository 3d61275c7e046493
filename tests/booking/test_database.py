"""Migrations there and back, the shape of the tables, and how transactions behave, on both databases."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from booking.database import VERSION_TABLE, downgrade, make_engine, transact, upgrade
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
