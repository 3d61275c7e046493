"""Slots as a base's staff see them: what is on a day, how many come, and how many of them are there."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from booking.errors import SlotNotFound
from booking.models import SHANGHAI, Base, Booking, Course, Slot


@dataclass(frozen=True)
class SlotSheet:
    """A slot with its counts of people: `booked` have a place, `attended` of them were checked in. Times are UTC."""

    slot_id: int
    starts_at: datetime
    ends_at: datetime
    title: str
    base_name: str
    base_phone: str
    is_example: bool
    capacity: int
    booked: int
    attended: int
    status: str  # open, cancelled
    cancelled_because: str | None
    cancellation_deadline: datetime


_attended = (
    sa.select(sa.func.coalesce(sa.func.sum(Booking.party), 0))
    .where(Booking.slot_id == Slot.id, Booking.status == "attended")
    .scalar_subquery()
)
_SHEET = (
    sa.select(
        Slot.id,
        Slot.starts_at,
        Slot.ends_at,
        Course.title,
        Base.name,
        Base.phone,
        Base.is_example,
        Slot.capacity,
        Slot.booked,
        _attended,
        Slot.status,
        Slot.cancelled_because,
        Slot.cancellation_deadline,
    )
    .join(Course, Course.id == Slot.course_id)
    .join(Base, Base.id == Slot.base_id)
)


def sheet(connection: Any, slot_id: int) -> SlotSheet:
    """Raises SlotNotFound."""
    row = connection.execute(_SHEET.where(Slot.id == slot_id)).first()
    if row is None:
        raise SlotNotFound
    return SlotSheet(*row)


def sheets_of(connection: Any, day: date) -> tuple[SlotSheet, ...]:
    """The slots that begin on `day` in Asia/Shanghai, at all bases, by time."""
    midnight = datetime.combine(day, time(), SHANGHAI)
    on_it = _SHEET.where(Slot.starts_at >= midnight, Slot.starts_at < midnight + timedelta(days=1))
    return tuple(SlotSheet(*row) for row in connection.execute(on_it.order_by(Slot.starts_at, Base.name, Slot.id)))
