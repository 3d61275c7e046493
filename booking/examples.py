"""Example bases, courses and slots, so that an empty installation can be tried. All are marked as 示例."""

from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml

from booking.database import transact
from booking.models import SHANGHAI, Base, Course, Slot
from booking.recurring import days_of

WEEKS = 4
_FILE = Path(__file__).with_name("examples.yml")


def load_examples(engine: sa.engine.Engine, now: datetime) -> int:
    """Put the examples into a database without bases, with slots over the WEEKS after today; how many slots that made.

    A database of examples gets the slots that have come up since; one with any real base gets nothing.
    """
    examples = yaml.safe_load(_FILE.read_text(encoding="utf-8"))

    def work(connection: Any) -> int:
        if connection.execute(sa.select(Base.id).where(Base.is_example.is_(False)).limit(1)).first():
            return 0
        bases = {base["reference"]: _base(connection, base) for base in examples["bases"]}
        return sum(
            _course(connection, bases[course["base"]], f"示例-{number}", course, now)
            for number, course in enumerate(examples["courses"], start=1)
        )

    return transact(engine, work)


def _base(connection: Any, base: dict[str, Any]) -> int:
    values = {"address": "示例地址", "phone": "示例电话", "is_example": True}
    return _id(connection, Base, {"reference": base["reference"]}, base | values)


def _course(connection: Any, base: int, reference: str, course: dict[str, Any], now: datetime) -> int:
    """The course and its slots; how many slots were added."""
    columns = {name: value for name, value in course.items() if name in Course.__table__.columns}
    course_id = _id(connection, Course, {"base_id": base, "reference": reference}, columns)
    there = set(connection.execute(sa.select(Slot.reference).where(Slot.course_id == course_id)).scalars())
    today = now.astimezone(SHANGHAI).date()
    slots = []
    for day in days_of(course["weekdays"], today + timedelta(days=1), today + timedelta(weeks=WEEKS)):
        for start in course["starts"]:
            starts_at = datetime.combine(day, time.fromisoformat(start), SHANGHAI)
            slots.append(
                {
                    "course_id": course_id,
                    "base_id": base,
                    "reference": f"{starts_at:%Y-%m-%d %H:%M}",
                    "starts_at": starts_at,
                    "ends_at": starts_at + timedelta(minutes=course["minutes"]),
                    "capacity": course["capacity"],
                    "trainer": "示例教师",
                    "booking_deadline": starts_at - timedelta(hours=2),
                    "cancellation_deadline": starts_at - timedelta(hours=24),
                }
            )
    new = [slot for slot in slots if slot["reference"] not in there]
    if new:
        connection.execute(sa.insert(Slot), new)
    return len(new)


def _id(connection: Any, table: Any, key: dict[str, Any], values: dict[str, Any]) -> int:
    """The id of the row with `key`, which is added when it is missing."""
    there = connection.execute(sa.select(table.id).filter_by(**key)).scalar()
    if there is None:
        there = connection.execute(sa.insert(table).values(**(values | key))).inserted_primary_key[0]
    return int(there)
