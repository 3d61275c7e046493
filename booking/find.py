"""Slots that fit a wish, and when nothing fits the nearest ones that do with one part of the wish given up."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any

import sqlalchemy as sa

from booking.dates import Interval
from booking.models import Base, Course, Slot, Utc
from booking.wishes import CITY_CENTRES, Wish, plain_city

ALTERNATIVES, SLOTS_EACH = 3, 3
# Among so many of the soonest slots elsewhere the nearest are chosen.
ELSEWHERE = 50
# A wish that leaves more than this part of the courses is searched by time, a narrower one course by course.
WIDE = 0.25
# The first days of a long time are searched before the rest of it.
SOON, FOREVER = timedelta(days=14), timedelta(days=3660)


@dataclass(frozen=True)
class FoundSlot:
    """A slot as it is offered. `free` places are left; `full` means too few for the party, so that the waiting list is open to it."""

    id: int
    starts_at: datetime
    ends_at: datetime
    capacity: int
    free: int
    trainer: str
    booking_deadline: datetime
    course: int
    title: str
    service: str
    field: str
    level: str
    audience: str
    fee_kind: str
    fee_clause: str
    price: str | None
    min_party: int
    max_party: int
    base: int
    base_name: str
    city: str
    address: str
    is_example: bool
    full: bool = False


@dataclass(frozen=True)
class Alternative:
    """Slots that fit when one part of the wish is given up: `relaxed` names the part, `text` says it in Chinese."""

    relaxed: str
    text: str
    slots: tuple[FoundSlot, ...]


@dataclass(frozen=True)
class Found:
    """Slots by time, full ones (`full`) among them while there is room; without a free one, why, and the nearest alternatives."""

    slots: tuple[FoundSlot, ...]
    alternatives: tuple[Alternative, ...] = ()
    reason: str = ""


def find(connection: Any, wish: Wish, now: datetime, limit: int = 5) -> Found:
    """What is open for booking at `now`, at most `limit` slots."""
    search = _Search(connection, wish, now)
    open_ones = search.slots("any", 1)
    free = search.slots("enough", limit) if open_ones else []
    full = search.slots("too few", limit - len(free)) if open_ones and len(free) < limit else []
    slots = tuple(sorted(free + full, key=lambda slot: (slot.starts_at, slot.id)))
    if free:
        return Found(slots)
    reason = _reason(wish, now, search.courses, full[:1] or open_ones)
    return Found(slots, tuple(_alternatives(connection, search, now)), reason)


def slot_of(connection: Any, slot_id: int) -> FoundSlot | None:
    """The slot with this id, open or not; `full` when it has no place left. None when there is none."""
    full = (_places < 1).label("full")
    query = sa.select(*_COLUMNS, full).join(Course, Course.id == Slot.course_id).join(Base, Base.id == Slot.base_id)
    row = connection.execute(query.where(Slot.id == slot_id)).first()
    return FoundSlot(*row) if row else None


# --- One search ------------------------------------------------------------------------------------------------------

_places = Slot.capacity - Slot.booked - Slot.reserved
_party = sa.bindparam("party_size", type_=sa.Integer)
_now = sa.bindparam("now", type_=Utc)
_AUDIENCE_WORDS = tuple(f"audience{n}" for n in range(8))
_COURSE_CONDITIONS: dict[str, Any] = {
    "fields": Course.field.in_(sa.bindparam("fields", expanding=True)),
    "title": Course.title.like(sa.bindparam("title"), escape="/"),
    "service": Course.service == sa.bindparam("service"),
    "base": Course.base_id == sa.bindparam("base"),
    "city": Base.city.in_((sa.bindparam("city"), sa.bindparam("city_in_full"))),
    "fee_kind": Course.fee_kind == sa.bindparam("fee_kind"),
    "level": Course.level.in_((sa.bindparam("level"), "")),
    "audience": sa.or_(
        Course.audience == "", *(Course.audience.like(sa.bindparam(word), escape="/") for word in _AUDIENCE_WORDS)
    ),
    "party_size": sa.and_(Course.min_party <= _party, Course.max_party >= _party),
}
_SLOT_CONDITIONS: dict[str, Any] = {
    "enough": sa.and_(Slot.booking_deadline > _now, _places >= _party),
    "too few": sa.and_(Slot.booking_deadline > _now, _places < _party, Slot.capacity >= _party),
    "some": sa.and_(Slot.booking_deadline > _now, _places >= 1, _places >= Course.min_party),
}
_COLUMNS = (
    Slot.id,
    Slot.starts_at,
    Slot.ends_at,
    Slot.capacity,
    _places.label("free"),
    Slot.trainer,
    Slot.booking_deadline,
    Slot.course_id,
    Course.title,
    Course.service,
    Course.field,
    Course.level,
    Course.audience,
    Course.fee_kind,
    Course.fee_clause,
    Course.price,
    Course.min_party,
    Course.max_party,
    Slot.base_id,
    Base.name,
    Base.city,
    Base.address,
    Base.is_example,
)
# So many intervals are asked for at once; a wish for evenings has one a day.
_AT_ONCE = 16


def _begins(first: object, last: object = None) -> Any:
    """That a slot begins in an interval of the parameters, or between the start of one and the end of another."""
    start = sa.bindparam(f"start{first}", type_=Utc)
    end = sa.bindparam(f"end{first if last is None else last}", type_=Utc)
    return sa.and_(Slot.starts_at >= start, Slot.starts_at < end)


# Statements are kept by their shape, for building one takes longer than running it.


@lru_cache(maxsize=1024)
def _counting(conditions: tuple[str, ...]) -> Any:
    courses = sa.select(sa.func.count()).select_from(Course).join(Base, Base.id == Course.base_id)
    return courses.where(*(_COURSE_CONDITIONS[name] for name in conditions))


@lru_cache(maxsize=1024)
def _searching(conditions: tuple[str, ...], places: str, several: bool, wide: bool, latest: bool) -> Any:
    full = sa.literal(places == "too few", sa.Boolean)
    query = (
        sa.select(*_COLUMNS, full.label("full"))
        .join(Course, Course.id == Slot.course_id)
        .join(Base, Base.id == Slot.base_id)
    )
    wanted = [_COURSE_CONDITIONS[name] for name in conditions]
    intervals = [_begins(n) for n in range(_AT_ONCE if several else 1)]
    if wide:
        # Each interval with its own status, or SQLite would not look them up one by one.
        begins = sa.or_(*(sa.and_(Slot.status == "open", interval) for interval in intervals))
    else:
        # "!=" keeps SQLite from the index by status and time: the one by course and time has fewer rows to look at.
        begins = sa.and_(Slot.status != "cancelled", _begins(0, len(intervals) - 1), sa.or_(*intervals))
        wanted = [Slot.course_id.in_(sa.select(Course.id).join(Base, Base.id == Course.base_id).where(*wanted))]
    if places in _SLOT_CONDITIONS:
        wanted.append(_SLOT_CONDITIONS[places])
    order = Slot.starts_at.desc() if latest else Slot.starts_at
    return query.where(begins, *wanted).order_by(order, Slot.id).limit(sa.bindparam("limit", type_=sa.Integer))


def _like(words: str) -> str:
    """A LIKE pattern for text with `words` in it."""
    return "%" + re.sub(r"([%_/])", r"/\1", words) + "%"


class _Search:
    """One wish. A wide one goes through the slots in the order of time, a narrow one from its courses to their slots."""

    def __init__(self, connection: Any, wish: Wish, now: datetime, any_party: bool = False) -> None:
        self._connection, self.wish, self._now = connection, wish, now
        given = [name for name in _COURSE_CONDITIONS if getattr(wish, name)]
        self._conditions = tuple(name for name in given if not (any_party and name == "party_size"))
        self._values: dict[str, Any] = {name: getattr(wish, name) for name in given if name != "audience"} | {
            "now": now
        }
        if wish.title:
            self._values["title"] = _like(wish.title)
        if wish.city:
            self._values["city_in_full"] = f"{wish.city}市"
        if wish.audience:
            patterns = [_like(word) for word in wish.audience]
            self._values |= dict(zip(_AUDIENCE_WORDS, patterns + patterns[:1] * len(_AUDIENCE_WORDS)))
        self.courses = self._count(self._conditions)
        self._wide = self.courses > WIDE * self._count(())

    def _count(self, conditions: tuple[str, ...]) -> int:
        return int(self._connection.execute(_counting(conditions), self._values).scalar_one())

    def slots(self, places: str, limit: int) -> list[FoundSlot]:
        """The first slots that begin when it is wished, with so many `places` (of _SLOT_CONDITIONS)."""
        intervals = self.wish.windows.intervals if self.wish.windows else (Interval(self._now, self._now + FOREVER),)
        if len(intervals) == 1:
            return self._soonest(intervals[0], places, limit)
        found = self._between(intervals[:1], places, limit)
        for first in range(1, len(intervals), _AT_ONCE):
            if len(found) < limit:
                found += self._between(intervals[first : first + _AT_ONCE], places, limit - len(found))
        return found

    def nearest(self, limit: int) -> list[FoundSlot]:
        """The slots that begin nearest to the time that is wished, in their order."""
        intervals = self.wish.windows.intervals if self.wish.windows else ()
        wished = intervals[0].start if intervals else self._now
        later = self._soonest(Interval(wished, wished + FOREVER), "enough", limit)
        earlier = self._between([Interval(self._now, wished)], "enough", limit, latest=True)
        near = sorted(later + earlier, key=lambda slot: (abs(slot.starts_at - wished), slot.id))[:limit]
        return sorted(near, key=lambda slot: (slot.starts_at, slot.id))

    def _soonest(self, interval: Interval, places: str, limit: int) -> list[FoundSlot]:
        middle = min(interval.start + SOON, interval.end)
        found = self._between([Interval(interval.start, middle)], places, limit)
        if middle < interval.end and len(found) < limit:
            found += self._between([Interval(middle, interval.end)], places, limit - len(found))
        return found

    def _between(self, intervals: Sequence[Interval], places: str, limit: int, latest: bool = False) -> list[FoundSlot]:
        """The soonest or the latest slots that begin in one of `intervals`, at most _AT_ONCE of them."""
        if not self.courses or not intervals:
            return []
        several = len(intervals) > 1
        times: dict[str, datetime] = {}
        for n in range(_AT_ONCE if several else 1):
            times[f"start{n}"], times[f"end{n}"] = intervals[min(n, len(intervals) - 1)]
        statement = _searching(self._conditions, places, several, self._wide, latest)
        rows = self._connection.execute(statement, {**self._values, **times, "limit": limit})
        return [FoundSlot(*row) for row in rows]


def _reason(wish: Wish, now: datetime, courses: int, open_ones: Sequence[FoundSlot]) -> str:
    """Why there is no free slot, where so many courses and the first of the open slots are what is wished."""
    said = f"({wish.described()})" if wish.described() else ""
    if wish.windows and not wish.windows.intervals:
        return f"{wish.windows.note}。"
    if not courses:
        return f"没有找到符合要求的课程{said}。"
    if not open_ones:
        return f"这段时间没有符合要求的场次{said}。"
    if open_ones[0].full:
        return f"符合要求的场次{said}都约满了,可以排队等候(候补)。"
    if open_ones[0].booking_deadline <= now:
        return f"符合要求的场次{said}已经过了预约截止时间。"
    return f"符合要求的场次一次坐不下{wish.party_size}人。"


# --- The nearest alternatives ----------------------------------------------------------------------------------------


def _alternatives(connection: Any, search: _Search, now: datetime) -> list[Alternative]:
    """The first few parts of the wish whose giving up leads to free slots."""
    relaxed = _relaxed(connection, search, now)
    found = (Alternative(part, text, tuple(slots)) for part, text, slots in relaxed if slots)
    return list(islice(found, ALTERNATIVES)) or _last_resort(connection, search.wish, now)


def _relaxed(connection: Any, search: _Search, now: datetime) -> Iterator[tuple[str, str, list[FoundSlot]]]:
    """One part of the wish after the other, those that people give up most easily first."""

    def slots(other: Wish, limit: int = SLOTS_EACH) -> list[FoundSlot]:
        return _Search(connection, other, now).slots("enough", limit)

    wish = search.wish
    if wish.windows:
        yield "windows", "换个时间", search.nearest(SLOTS_EACH)
        if not wish.windows.intervals:
            return  # that time has passed, whatever else is given up
    city = wish.city
    if wish.base:
        city = plain_city(connection.execute(sa.select(Base.city).where(Base.id == wish.base)).scalar() or "")
        yield "base", "换个基地(同一个城市)", slots(replace(wish, base=None, city=city))
    if city:
        elsewhere = slots(replace(wish, base=None, city=None), limit=ELSEWHERE)
        far = _distances(connection, city)
        elsewhere.sort(key=lambda slot: (far.get(plain_city(slot.city), math.inf), slot.starts_at, slot.id))
        yield "city", "换个城市(从近到远)", elsewhere[:SLOTS_EACH]
    any_party = _Search(connection, wish, now, any_party=True)
    if wish.party_size > 1 or any_party.courses > search.courses:
        yield "party_size", "换个人数(看剩余名额)", any_party.slots("some", SLOTS_EACH)
    if wish.fee_kind:
        yield "fee_kind", "不限公益或有偿", slots(replace(wish, fee_kind=None))
    if wish.level:
        yield "level", "不限级别", slots(replace(wish, level=None))
    if wish.audience:
        yield "audience", "不限对象", slots(replace(wish, audience=()))
    if wish.service:
        yield "service", "换个服务", slots(replace(wish, service=None))
    if wish.title and wish.fields:
        yield "title", "同类的其他课程", slots(replace(wish, title=None))


def _last_resort(connection: Any, wish: Wish, now: datetime) -> list[Alternative]:
    """What is wished to be learned, whenever and wherever; or else anything else at the wished time and place."""
    tries = (
        ("all but fields", "内容不变,时间地点等都放宽", Wish(fields=wish.fields, title=wish.title)),
        ("fields", "学点别的", replace(wish, fields=(), title=None)),
    )
    for part, text, other in tries:
        if (wish.fields or wish.title) and (slots := _Search(connection, other, now).slots("enough", SLOTS_EACH)):
            return [Alternative(part, text, tuple(slots))]
    return []


def _distances(connection: Any, wished: str) -> dict[str, float]:
    """Kilometres from a city to every city with bases: between their bases' positions, or else between the cities."""
    position = sa.func.avg(Base.latitude), sa.func.avg(Base.longitude)
    rows = connection.execute(sa.select(Base.city, *position).group_by(Base.city))
    places = CITY_CENTRES | {plain_city(c): (lat, lon) for c, lat, lon in rows if lat is not None and lon is not None}
    here = places.get(wished)
    return {city: kilometres(here, there) for city, there in places.items()} if here else {}


def kilometres(here: tuple[float, float], there: tuple[float, float]) -> float:
    """The way as the crow flies between two points in degrees of latitude and longitude."""
    lat, lon, lat2, lon2 = map(math.radians, (*here, *there))
    haversine = math.sin((lat2 - lat) / 2) ** 2 + math.cos(lat) * math.cos(lat2) * math.sin((lon2 - lon) / 2) ** 2
    return 2 * 6371 * math.asin(math.sqrt(haversine))
