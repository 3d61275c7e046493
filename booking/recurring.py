"""Recurring slots: from a rule (weekdays, time, days) the slots of the coming weeks, without those the base cannot hold."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from booking import audit
from booking.database import transact
from booking.desk import Desk
from booking.errors import SlotNotFound
from booking.models import SHANGHAI, Base, BlockedPeriod, Course, Slot, SlotRule


@dataclass(frozen=True)
class Generated:
    """How many slots a rule made, and the local days it left out because the base is closed or blocked."""

    made: int
    left_out: tuple[date, ...]


def generate_slots(desk: Desk, rule_id: int, until: date, *, now: datetime) -> Generated:
    """Make the slots of a rule that are not there yet, from now to `until` (local, included). Repeating it makes no duplicates.

    Slots that exist are left as they are, also cancelled ones. Raises SlotNotFound when there is no such rule.
    """

    def work(connection: Any) -> Generated:
        query = (
            sa.select(SlotRule.__table__, Course.minutes, Course.base_id, Base.opening)
            .join(Course, Course.id == SlotRule.course_id)
            .join(Base, Base.id == Course.base_id)
            .where(SlotRule.id == rule_id)
            .with_for_update()
        )
        rule = connection.execute(query).first()
        if rule is None:
            raise SlotNotFound
        blocked = connection.execute(
            sa.select(BlockedPeriod.starts_at, BlockedPeriod.ends_at).where(BlockedPeriod.base_id == rule.base_id)
        ).all()
        there = set(connection.execute(sa.select(Slot.reference).where(Slot.course_id == rule.course_id)).scalars())
        made, left_out = 0, []
        for day in days_of(
            rule.weekdays, max(rule.first_day, now.astimezone(SHANGHAI).date()), min(rule.last_day, until)
        ):
            starts_at = datetime.combine(day, rule.starts, SHANGHAI)
            ends_at = starts_at + timedelta(minutes=rule.minutes)
            reference = f"{rule.reference}@{day}"
            if starts_at <= now or reference in there:
                continue
            if not is_open(rule.opening, starts_at, ends_at) or overlaps(blocked, starts_at, ends_at):
                left_out.append(day)
                continue
            connection.execute(sa.insert(Slot).values(**_slot(rule, reference, starts_at, ends_at)))
            made += 1
        if made:
            audit.record(connection, now, audit.SYSTEM, "slots_made", rule=rule_id, made=made)
        return Generated(made, tuple(left_out))

    return transact(desk.engine, work)


def _slot(rule: Any, reference: str, starts_at: datetime, ends_at: datetime) -> dict[str, Any]:
    return {
        "course_id": rule.course_id,
        "base_id": rule.base_id,
        "reference": reference,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "capacity": rule.capacity,
        "trainer": rule.trainer,
        "booking_deadline": starts_at - timedelta(minutes=rule.booking_closes_minutes),
        "cancellation_deadline": starts_at - timedelta(minutes=rule.cancellation_closes_minutes),
    }


def days_of(weekdays: Iterable[int], first: date, last: date) -> Iterator[date]:
    """The days from `first` to `last`, both included, that fall on `weekdays` (1 is Monday)."""
    wanted = set(weekdays)
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        if day.isoweekday() in wanted:
            yield day


def is_open(opening: Iterable[dict[str, Any]], starts_at: datetime, ends_at: datetime) -> bool:
    """Whether one of the opening rules (`Base.opening`) covers the whole time; a base without rules is always open."""
    rules = list(opening)
    begin, end = starts_at.astimezone(SHANGHAI), ends_at.astimezone(SHANGHAI)
    return not rules or any(
        rule["weekday"] == begin.isoweekday()
        and begin.date() == end.date()
        and time.fromisoformat(rule["opens"]) <= begin.time()
        and end.time() <= time.fromisoformat(rule["closes"])
        for rule in rules
    )


def overlaps(periods: Iterable[Any], starts_at: datetime, ends_at: datetime) -> bool:
    """Whether one of `periods` (starts_at, ends_at) has any time in common with the given one."""
    return any(begin < ends_at and starts_at < end for begin, end in periods)
