"""Somebody sends where he is: the nearest training bases, with what can be booked there."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from booking.database import reading
from booking.desk import Desk
from booking.find import kilometres
from booking.models import Base
from bot.reply import QuickReply, Reply
from channels.inbound import Place

SHOWN = 3
NONE = "还没有登记位置的实训基地。直接说想学什么、什么时候,比如“下周三的数控实训”,我帮您找。"


@dataclass(frozen=True)
class NearBase:
    """A base and how far it is, in kilometres as the crow flies."""

    id: int
    name: str
    address: str
    phone: str
    is_example: bool
    distance: float


def nearest(desk: Desk, place: Place) -> list[NearBase]:
    """The SHOWN bases nearest to `place`, of those whose position is known."""
    columns = (Base.id, Base.name, Base.address, Base.phone, Base.is_example, Base.latitude, Base.longitude)
    query = sa.select(*columns).where(Base.latitude.is_not(None), Base.longitude.is_not(None))
    with reading(desk.engine) as connection:
        rows = connection.execute(query).all()
    here = (place.latitude, place.longitude)
    near = (
        NearBase(r.id, r.name, r.address, r.phone, r.is_example, kilometres(here, (r.latitude, r.longitude)))
        for r in rows
    )
    return sorted(near, key=lambda base: base.distance)[:SHOWN]


class Nearby:
    """Answers places that people send."""

    def __init__(self, desk: Callable[[], Desk]) -> None:
        self._desk = desk

    async def reply(self, sender_id: str, place: Place) -> list[dict[str, Any]]:
        found = await asyncio.to_thread(nearest, self._desk(), place)
        if not found:
            return [Reply(kind="booking", text=NONE).dict()]
        lines = [f"{n}. {b.name},约 {b.distance:.0f} 公里,{b.address},电话 {b.phone}" for n, b in enumerate(found, 1)]
        if any(base.is_example for base in found):
            lines.append("(标“示例”的是试用数据,不是真的基地。)")
        quick = [QuickReply(title=f"约{base.name}"[:40], payload=f"base:{base.id}") for base in found]
        return [Reply(kind="booking", text="离您最近的基地:\n" + "\n".join(lines), quick_replies=quick).dict()]
