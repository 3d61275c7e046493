"""Recurring slots: the right days, local time, without closed and blocked times, and without duplicates."""

from datetime import date, datetime, time, timedelta

import pytest
import sqlalchemy as sa

from booking.errors import SlotNotFound
from booking.models import SHANGHAI, Base, BlockedPeriod, Slot, SlotRule
from booking.recurring import days_of, generate_slots
from tests.booking.conftest import World
from tests.booking.racers import NOW


def rule(world: World, **values: object) -> int:
    row = {"course_id": world.course, "reference": "R1", "weekdays": [1, 3], "starts": time(14, 0), "capacity": 8,
           "first_day": date(2026, 11, 1), "last_day": date(2027, 1, 31), "trainer": "李师傅",
           "booking_closes_minutes": 60}  # fmt: skip
    with world.desk.engine.begin() as connection:
        made = connection.execute(sa.insert(SlotRule).values(**{**row, **values}))
        return int(made.inserted_primary_key[0])


def starts(world: World) -> list[str]:
    return [f"{s.starts_at.astimezone(SHANGHAI):%m-%d %H:%M}" for s in world.rows(Slot)]


def test_a_rule_makes_the_slots_ahead_and_repeating_it_makes_no_duplicates(world: World) -> None:
    made = rule(world)
    assert generate_slots(world.desk, made, date(2026, 12, 2), now=NOW).made == 4
    assert starts(world) == ["11-23 14:00", "11-25 14:00", "11-30 14:00", "12-02 14:00"]
    assert generate_slots(world.desk, made, date(2026, 12, 2), now=NOW).made == 0
    assert generate_slots(world.desk, made, date(2026, 12, 9), now=NOW).made == 2
    first = world.rows(Slot)[0]
    assert first.ends_at - first.starts_at == timedelta(hours=2) == 2 * (first.starts_at - first.booking_deadline)
    assert first.starts_at - first.cancellation_deadline == timedelta(hours=24)
    assert world.book("web:anna", first.id).trainer == "李师傅"


def test_closed_and_blocked_times_are_left_out_and_named(world: World) -> None:
    with world.desk.engine.begin() as connection:
        opening = [
            {"weekday": 1, "opens": "08:30", "closes": "17:30"},
            {"weekday": 3, "opens": "08:30", "closes": "15:30"},
        ]
        connection.execute(sa.update(Base).values(opening=opening))
        begin = datetime(2026, 11, 30, 15, 59, tzinfo=SHANGHAI)
        row = {"base_id": world.base, "starts_at": begin, "ends_at": begin + timedelta(days=1), "reason": "检修"}
        connection.execute(sa.insert(BlockedPeriod).values(**row))
    done = generate_slots(world.desk, rule(world), date(2026, 12, 7), now=NOW)
    assert starts(world) == ["11-23 14:00", "12-07 14:00"]
    assert done.left_out == (date(2026, 11, 25), date(2026, 11, 30), date(2026, 12, 2))


def test_a_slot_of_today_that_has_begun_is_not_made(world: World) -> None:
    made = rule(world, weekdays=[6], starts=time(9, 0))
    assert generate_slots(world.desk, made, date(2026, 11, 28), now=NOW).made == 1
    assert starts(world) == ["11-28 09:00"]


def test_days_cross_months_and_years() -> None:
    assert list(days_of([7], date(2026, 12, 27), date(2027, 1, 3))) == [date(2026, 12, 27), date(2027, 1, 3)]
    assert list(days_of([1], date(2027, 1, 4), date(2027, 1, 3))) == []


def test_an_unknown_rule_is_refused(world: World) -> None:
    with pytest.raises(SlotNotFound):
        generate_slots(world.desk, 10**6, date(2026, 12, 1), now=NOW)
