"""The tables of booking and the terms that are stored in them. Every time is UTC with its zone; nothing personal stands in plain text.

Names, phone numbers and addresses live in `VaultEntry` alone, and other tables hold its tokens. The classes give tables and columns
their names; the service works on connections, so that a row read before a guarded UPDATE is never taken for the row after it.
"""

from datetime import datetime, timezone
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeMeta, registry

SHANGHAI = ZoneInfo("Asia/Shanghai")

LEVELS = ("省级", "市级", "县级")  # sx-2021-453#4.2: 省/市(县)级
MODES = ("院校主导", "企业主导", "园区主导")  # sx-2021-453#4.3
FUNCTIONS = {  # sx-2021-453#3.1-#3.5
    "实训功能": "sx-2021-453#3.1",
    "创新功能": "sx-2021-453#3.2",
    "生产功能": "sx-2021-453#3.3",
    "大赛功能": "sx-2021-453#3.4",
    "评价功能": "sx-2021-453#3.5",
}
SERVICES = (  # sx-2021-453#2.3, in its order and words
    "技能实习实训",
    "技能竞赛",
    "技能鉴定",
    "职业技能培训考核评价",
    "创业培训与孵化",
    "师资培养培训",
    "课程研发",
    "职业安全教育",
    "科技创新",
    "成果转化",
)
FEE_KINDS = ("公益", "有偿")
FEE_CLAUSE = "sx-2021-453#4.4"

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Utc(sa.types.TypeDecorator):  # type: ignore[misc]  # SQLAlchemy 1.4 is untyped
    """An aware datetime: a timestamptz in PostgreSQL, text in UTC in SQLite. A datetime without a zone is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone cannot be stored")
        value = value.astimezone(timezone.utc)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


class Entity(metaclass=DeclarativeMeta):  # type: ignore[metaclass]  # SQLAlchemy 1.4 is untyped
    """The base of all tables."""

    __abstract__ = True
    __table__: ClassVar[Any]
    registry = registry(metadata=metadata)
    metadata = metadata


def _one_of(column: str, values: Any) -> Any:
    """A check that `column` holds one of `values`."""
    return sa.CheckConstraint(f"{column} IN ({', '.join(repr(v) for v in values)})", name=column)


def _only_where(name: str, condition: str, *columns: str) -> Any:
    """A unique index over the rows that meet `condition`."""
    where = sa.text(condition)
    return sa.Index(name, *columns, unique=True, sqlite_where=where, postgresql_where=where)


class Base(Entity):
    """A training base (实训基地). `reference` is the number by which imports find it again."""

    __tablename__ = "bases"

    id = sa.Column(sa.Integer, primary_key=True)
    reference = sa.Column(sa.String(64), nullable=False, unique=True)
    name = sa.Column(sa.String(120), nullable=False)
    level = sa.Column(sa.String(8), nullable=False)
    mode = sa.Column(sa.String(8), nullable=False)
    functions = sa.Column(sa.JSON, nullable=False, default=list)  # names from FUNCTIONS
    services = sa.Column(sa.JSON, nullable=False, default=list)  # names from SERVICES
    city = sa.Column(sa.String(32), nullable=False, index=True)
    address = sa.Column(sa.String(200), nullable=False)
    latitude = sa.Column(sa.Float)  # degrees, WGS 84
    longitude = sa.Column(sa.Float)
    phone = sa.Column(sa.String(40), nullable=False)  # the base's own public number
    # Opening rules, local time: [{"weekday": 1..7 (Monday is 1), "opens": "08:30", "closes": "17:30"}]; empty: not restricted.
    opening = sa.Column(sa.JSON, nullable=False, default=list)
    is_example = sa.Column(sa.Boolean, nullable=False, default=False)  # 示例 data, never a real base

    __table_args__ = (_one_of("level", LEVELS), _one_of("mode", MODES))


class BlockedPeriod(Entity):
    """A time in which a base takes nobody; recurring slots leave it out."""

    __tablename__ = "blocked_periods"

    id = sa.Column(sa.Integer, primary_key=True)
    base_id = sa.Column(sa.ForeignKey("bases.id", ondelete="CASCADE"), nullable=False)
    starts_at = sa.Column(Utc, nullable=False)
    ends_at = sa.Column(Utc, nullable=False)
    reason = sa.Column(sa.String(120), nullable=False, default="")

    __table_args__ = (
        sa.CheckConstraint("starts_at < ends_at", name="order"),
        sa.UniqueConstraint("base_id", "starts_at", "ends_at"),
    )


class Course(Entity):
    """What is taught or offered at a base. `reference` is its number in the base's own list."""

    __tablename__ = "courses"

    id = sa.Column(sa.Integer, primary_key=True)
    base_id = sa.Column(sa.ForeignKey("bases.id", ondelete="CASCADE"), nullable=False)
    reference = sa.Column(sa.String(64), nullable=False)
    title = sa.Column(sa.String(120), nullable=False)
    service = sa.Column(sa.String(24), nullable=False, index=True)
    field = sa.Column(sa.String(40), nullable=False, index=True)  # 数控, 家政, …
    level = sa.Column(sa.String(24), nullable=False, default="")  # 入门, 中级工, …; empty: not stated
    audience = sa.Column(sa.String(120), nullable=False, default="")  # who it is for; empty: everybody
    fee_kind = sa.Column(sa.String(8), nullable=False)
    fee_clause = sa.Column(sa.String(40), nullable=False, default=FEE_CLAUSE)
    price = sa.Column(sa.String(80))  # the base's own words; None: not stated
    minutes = sa.Column(sa.Integer, nullable=False)
    min_party = sa.Column(sa.Integer, nullable=False, default=1)
    max_party = sa.Column(sa.Integer, nullable=False, default=1)

    __table_args__ = (
        sa.UniqueConstraint("base_id", "reference"),
        _one_of("service", SERVICES),
        _one_of("fee_kind", FEE_KINDS),
        sa.CheckConstraint("minutes > 0", name="minutes"),
        sa.CheckConstraint("1 <= min_party AND min_party <= max_party", name="party"),
    )


class SlotRule(Entity):
    """Recurring slots of a course: on these weekdays at this local time, between two days, both included."""

    __tablename__ = "slot_rules"

    id = sa.Column(sa.Integer, primary_key=True)
    course_id = sa.Column(sa.ForeignKey("courses.id", ondelete="CASCADE"), nullable=False)
    reference = sa.Column(sa.String(64), nullable=False)
    weekdays = sa.Column(sa.JSON, nullable=False)  # 1..7, Monday is 1
    starts = sa.Column(sa.Time, nullable=False)  # Asia/Shanghai
    first_day = sa.Column(sa.Date, nullable=False)
    last_day = sa.Column(sa.Date, nullable=False)
    capacity = sa.Column(sa.Integer, nullable=False)
    trainer = sa.Column(sa.String(60), nullable=False, default="")
    booking_closes_minutes = sa.Column(sa.Integer, nullable=False, default=0)  # before the start
    cancellation_closes_minutes = sa.Column(sa.Integer, nullable=False, default=24 * 60)  # before the start

    __table_args__ = (
        sa.UniqueConstraint("course_id", "reference"),
        sa.CheckConstraint("capacity > 0", name="capacity"),
        sa.CheckConstraint("first_day <= last_day", name="days"),
        sa.CheckConstraint("booking_closes_minutes >= 0 AND cancellation_closes_minutes >= 0", name="deadlines"),
    )


class Slot(Entity):
    """One date of a course. `booked` places are confirmed; `reserved` ones are in a live hold or an open offer to the waiting list.

    Free places are capacity - booked - reserved. Only guarded updates in the service change the two counters.
    """

    __tablename__ = "slots"

    id = sa.Column(sa.Integer, primary_key=True)
    course_id = sa.Column(sa.ForeignKey("courses.id", ondelete="CASCADE"), nullable=False)
    base_id = sa.Column(sa.ForeignKey("bases.id", ondelete="CASCADE"), nullable=False)  # the course's, for searching
    # The number in the base's own list, or of the rule and day that made it; imports and rules find it again by this.
    reference = sa.Column(sa.String(80), nullable=False)
    starts_at = sa.Column(Utc, nullable=False)
    ends_at = sa.Column(Utc, nullable=False)
    capacity = sa.Column(sa.Integer, nullable=False)
    booked = sa.Column(sa.Integer, nullable=False, default=0)
    reserved = sa.Column(sa.Integer, nullable=False, default=0)
    trainer = sa.Column(sa.String(60), nullable=False, default="")
    booking_deadline = sa.Column(Utc, nullable=False)
    cancellation_deadline = sa.Column(Utc, nullable=False)
    status = sa.Column(sa.String(12), nullable=False, default="open")
    cancelled_because = sa.Column(sa.String(200))  # the base's words, shown to those who had booked

    __table_args__ = (
        sa.UniqueConstraint("course_id", "reference"),
        _one_of("status", ("open", "cancelled")),
        sa.CheckConstraint("starts_at < ends_at", name="order"),
        sa.CheckConstraint("booking_deadline <= starts_at AND cancellation_deadline <= starts_at", name="deadlines"),
        sa.CheckConstraint("booked >= 0 AND reserved >= 0 AND booked + reserved <= capacity", name="places"),
        sa.Index("ix_slots_status_starts_at", "status", "starts_at"),
        sa.Index("ix_slots_course_id_starts_at", "course_id", "starts_at"),
        sa.Index("ix_slots_base_id_starts_at", "base_id", "starts_at"),
    )


class Person(Entity):
    """Somebody who books, known by a keyed digest of the channel's sender id. `owner` is None once erased."""

    __tablename__ = "people"

    id = sa.Column(sa.Integer, primary_key=True)
    owner = sa.Column(sa.String(64), unique=True)
    address = sa.Column(sa.String(40))  # vault token of the sender id, where notices go
    created_at = sa.Column(Utc, nullable=False)


class Hold(Entity):
    """Places kept while a person fills in the form. A person has one at a time."""

    __tablename__ = "holds"

    id = sa.Column(sa.Integer, primary_key=True)
    slot_id = sa.Column(sa.ForeignKey("slots.id", ondelete="CASCADE"), nullable=False)
    person_id = sa.Column(sa.ForeignKey("people.id"), nullable=False)
    party = sa.Column(sa.Integer, nullable=False)
    state = sa.Column(sa.String(12), nullable=False, default="active")
    created_at = sa.Column(Utc, nullable=False)
    expires_at = sa.Column(Utc, nullable=False)

    __table_args__ = (
        _one_of("state", ("active", "released", "expired", "used")),
        _only_where("uq_holds_active_person", "state = 'active'", "person_id"),
        sa.Index("ix_holds_state_expires_at", "state", "expires_at"),
        sa.Index("ix_holds_slot_id_state", "slot_id", "state"),
    )


class Booking(Entity):
    """A booked place or party. `sequence` grows with every change, as a calendar wants it (RFC 5545 3.8.7.4)."""

    __tablename__ = "bookings"

    id = sa.Column(sa.Integer, primary_key=True)
    code = sa.Column(sa.String(16), nullable=False, unique=True)
    slot_id = sa.Column(sa.ForeignKey("slots.id"), nullable=False)
    person_id = sa.Column(sa.ForeignKey("people.id"), nullable=False)
    party = sa.Column(sa.Integer, nullable=False)
    status = sa.Column(sa.String(12), nullable=False, default="confirmed")
    sequence = sa.Column(sa.Integer, nullable=False, default=0)
    name = sa.Column(sa.String(40))  # vault tokens; None once anonymised
    phone = sa.Column(sa.String(40))
    participants = sa.Column(sa.JSON, nullable=False, default=list)  # vault tokens of a party's names, in their order
    consented_at = sa.Column(Utc, nullable=False)
    created_at = sa.Column(Utc, nullable=False)
    changed_at = sa.Column(Utc, nullable=False)
    checked_in_at = sa.Column(Utc)
    anonymised_at = sa.Column(Utc)

    __table_args__ = (
        _one_of("status", ("confirmed", "cancelled", "attended", "no_show")),
        sa.CheckConstraint("party > 0", name="party"),
        _only_where("uq_bookings_live_slot_person", "status IN ('confirmed', 'attended')", "slot_id", "person_id"),
        sa.Index("ix_bookings_person_id_status", "person_id", "status"),
        sa.Index("ix_bookings_slot_id_status", "slot_id", "status"),
        sa.Index("ix_bookings_phone", "phone"),
    )


class WaitingListEntry(Entity):
    """A wish for a full slot. The order is priority (higher first), then id; an open offer keeps places until it expires."""

    __tablename__ = "waiting_list"

    id = sa.Column(sa.Integer, primary_key=True)
    slot_id = sa.Column(sa.ForeignKey("slots.id", ondelete="CASCADE"), nullable=False)
    person_id = sa.Column(sa.ForeignKey("people.id"), nullable=False)
    party = sa.Column(sa.Integer, nullable=False)
    priority = sa.Column(sa.Integer, nullable=False, default=0)
    state = sa.Column(sa.String(12), nullable=False, default="waiting")
    # The contact for the booking that may come of it: vault tokens; None once anonymised.
    name = sa.Column(sa.String(40))
    phone = sa.Column(sa.String(40))
    participants = sa.Column(sa.JSON, nullable=False, default=list)
    consented_at = sa.Column(Utc, nullable=False)
    created_at = sa.Column(Utc, nullable=False)
    offered_at = sa.Column(Utc)
    offer_expires_at = sa.Column(Utc)

    __table_args__ = (
        _one_of("state", ("waiting", "offered", "booked", "declined", "expired", "left", "closed")),
        _only_where("uq_waiting_list_live_slot_person", "state IN ('waiting', 'offered')", "slot_id", "person_id"),
        sa.Index("ix_waiting_list_slot_id_state", "slot_id", "state"),
        sa.Index("ix_waiting_list_person_id_state", "person_id", "state"),
        sa.Index("ix_waiting_list_state_offer_expires_at", "state", "offer_expires_at"),
    )


class CheckInScan(Entity):
    """A scan that was worked on, by the scanner's own number for it, so that sending it again changes nothing."""

    __tablename__ = "check_in_scans"

    nonce = sa.Column(sa.String(64), primary_key=True)
    booking_id = sa.Column(sa.ForeignKey("bookings.id", ondelete="CASCADE"), nullable=False)
    outcome = sa.Column(sa.JSON, nullable=False)
    created_at = sa.Column(Utc, nullable=False)


class VaultEntry(Entity):
    """An encrypted personal value. `owner` and `digest` are keyed digests of whose it is and what it is."""

    __tablename__ = "vault"

    token = sa.Column(sa.String(40), primary_key=True)
    owner = sa.Column(sa.String(64), nullable=False, index=True)
    kind = sa.Column(sa.String(16), nullable=False)
    digest = sa.Column(sa.String(64), nullable=False, index=True)
    sealed = sa.Column(sa.Text, nullable=False)
    created_at = sa.Column(Utc, nullable=False)
    expires_at = sa.Column(Utc, index=True)  # None: kept until the booking, wait or person it belongs to is forgotten


class AuditEvent(Entity):
    """A change that was made, by whom, without personal data. Replayed in order the events give the present state (`booking.audit`)."""

    __tablename__ = "audit_events"

    id = sa.Column(sa.Integer, primary_key=True)
    at = sa.Column(Utc, nullable=False)
    actor = sa.Column(sa.String(60), nullable=False)  # person:<id>, staff:<name> or system
    kind = sa.Column(sa.String(24), nullable=False)
    slot_id = sa.Column(sa.Integer, index=True)
    booking = sa.Column(sa.String(16), index=True)  # its code
    person_id = sa.Column(sa.Integer, index=True)
    data = sa.Column(sa.JSON, nullable=False, default=dict)


class OutboxMessage(Entity):
    """A notice to be delivered. `dedupe_key` makes it the only one of its occasion; `lease` is the worker that has it in hand."""

    __tablename__ = "outbox"

    id = sa.Column(sa.Integer, primary_key=True)
    dedupe_key = sa.Column(sa.String(80), nullable=False, unique=True)
    kind = sa.Column(sa.String(16), nullable=False)
    person_id = sa.Column(sa.ForeignKey("people.id"), nullable=False)
    slot_id = sa.Column(sa.ForeignKey("slots.id"), nullable=False)
    booking_id = sa.Column(sa.ForeignKey("bookings.id"))
    entry_id = sa.Column(sa.ForeignKey("waiting_list.id"))
    data = sa.Column(sa.JSON, nullable=False, default=dict)
    state = sa.Column(sa.String(12), nullable=False, default="pending")
    due_at = sa.Column(Utc, nullable=False)
    useless_after = sa.Column(Utc)  # a reminder that comes after the start is not sent
    attempts = sa.Column(sa.Integer, nullable=False, default=0)
    next_attempt_at = sa.Column(Utc, nullable=False)
    lease = sa.Column(sa.String(40))
    leased_until = sa.Column(Utc)
    sent_at = sa.Column(Utc)
    last_error = sa.Column(sa.String(80))

    __table_args__ = (
        _one_of("state", ("pending", "sent", "dead", "superseded")),
        sa.Index("ix_outbox_state_next_attempt_at", "state", "next_attempt_at"),
        sa.Index("ix_outbox_booking_id", "booking_id"),
        sa.Index("ix_outbox_entry_id", "entry_id"),
        sa.Index("ix_outbox_person_id", "person_id"),
    )


class IdempotencyKey(Entity):
    """A command that was carried out, by the caller's key for it, with the result that a repeat gets."""

    __tablename__ = "idempotency_keys"

    actor = sa.Column(sa.String(60), primary_key=True)
    key = sa.Column(sa.String(80), primary_key=True)
    command = sa.Column(sa.String(24), nullable=False)
    fingerprint = sa.Column(sa.String(64), nullable=False)
    result = sa.Column(sa.JSON, nullable=False)
    created_at = sa.Column(Utc, nullable=False, index=True)
