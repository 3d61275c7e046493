"""What a notice says, from the facts at the time it is sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from booking import outbox
from booking.errors import local
from booking.models import Base, Booking, Course, Slot, WaitingListEntry


@dataclass(frozen=True)
class Alternative:
    """Another slot to choose from."""

    slot_id: int
    label: str


@dataclass(frozen=True)
class Notice:
    """A notice ready to be delivered. `key` is the same however often it is delivered, so that a channel can tell a repeat.

    `code` is there when it is about a booking, `entry_id` when about a place on a waiting list, `sequence` is the booking's.
    """

    key: str
    kind: str
    text: str
    slot_id: int
    code: str | None
    sequence: int | None
    entry_id: int | None
    alternatives: tuple[Alternative, ...]


def read_notice(connection: Any, message: Any, now: datetime) -> Notice | None:
    """The notice of an outbox row, or None when it is no longer true or of no use."""
    if message.useless_after is not None and now >= message.useless_after:
        return None
    slot = _slot_facts(connection, [message.slot_id])[0]
    booking = entry = None
    if message.booking_id is not None:
        booking = connection.execute(sa.select(Booking.__table__).where(Booking.id == message.booking_id)).one()
    if message.entry_id is not None:
        table = WaitingListEntry.__table__
        entry = connection.execute(sa.select(table).where(WaitingListEntry.id == message.entry_id)).one()
    if not _still_true(message, booking, entry, now):
        return None
    others = _slot_facts(connection, message.data.get("alternatives", []))
    chosen = tuple(Alternative(s.id, f"{local(s.starts_at)} {s.title}({s.base_name})") for s in others)
    return Notice(
        message.dedupe_key,
        message.kind,
        _text(message.kind, slot, booking, entry, chosen),
        message.slot_id,
        booking.code if booking else None,
        booking.sequence if booking else None,
        entry.id if entry else None,
        chosen,
    )


def _still_true(message: Any, booking: Any, entry: Any, now: datetime) -> bool:
    if message.kind in (outbox.PROMOTED, outbox.OFFER_EXPIRING):
        return bool(entry.state == "offered" and now < entry.offer_expires_at)
    if message.kind in (outbox.CONFIRMED, outbox.CHANGED, *outbox.REMINDERS):
        stands = booking.status == "confirmed" or (booking.status == "attended" and message.kind == outbox.CONFIRMED)
        return bool(stands and (message.kind == outbox.CONFIRMED or booking.slot_id == message.slot_id))
    return True


def _slot_facts(connection: Any, slots: list[int]) -> list[Any]:
    query = (
        sa.select(
            Slot.id,
            Slot.starts_at,
            Slot.ends_at,
            Slot.cancellation_deadline,
            Slot.cancelled_because,
            Course.title,
            Base.name.label("base_name"),
            Base.address,
            Base.phone,
            Base.is_example,
        )
        .join(Course, Course.id == Slot.course_id)
        .join(Base, Base.id == Slot.base_id)
        .where(Slot.id.in_(slots))
        .order_by(Slot.starts_at, Slot.id)
    )
    return list(connection.execute(query)) if slots else []


def _text(kind: str, slot: Any, booking: Any, entry: Any, others: tuple[Alternative, ...]) -> str:
    what = f"{local(slot.starts_at)}的“{slot.title}”"
    where = f"地点:{slot.base_name},{slot.address},电话{slot.phone}。"
    code = f"预约号{booking.code}" if booking else ""
    leave = f"要改期或取消,请在{local(slot.cancellation_deadline)}之前办理。"
    said = {
        outbox.CONFIRMED: lambda: f"预约成功:{what},{booking.party}人,{code}。{where}到场时出示签到二维码。{leave}",
        outbox.CHANGED: lambda: f"已改期:现在是{what},{booking.party}人,{code}不变。{where}请用新的签到二维码。",
        outbox.CANCELLED: lambda: f"已取消:{what},{code}。名额已经让出来了,想参加可以再约。",
        outbox.REMINDER_DAY: lambda: f"提醒:{what}还有一天开始,{booking.party}人,{code}。{where}",
        outbox.REMINDER_HOUR: lambda: f"提醒:{what}还有一小时开始,{booking.party}人,{code}。{where}",
        outbox.PROMOTED: lambda: (
            f"候补到了:{what}有{entry.party}个名额留给您,请在{local(entry.offer_expires_at)}之前确认,过时就让给下一位。"
        ),
        outbox.OFFER_EXPIRING: lambda: (
            f"请尽快确认:{what}留给您的{entry.party}个名额只保留到{local(entry.offer_expires_at)}。"
        ),
        outbox.SLOT_CANCELLED: lambda: (
            f"很抱歉,{what}被基地取消了。{f'原因:{slot.cancelled_because}。' if slot.cancelled_because else ''}"
            f"{f'您的{code}已一并取消。' if booking else '您不用再排队了。'}"
            f"{'可以改约:' + ';'.join(o.label for o in others) + '。' if others else f'有事请打基地电话{slot.phone}。'}"
        ),
    }[kind]()
    return f"【示例】{said}" if slot.is_example else said
