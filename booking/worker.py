"""Delivers the outbox: at least once, in order of time, with retries and growing pauses, by any number of workers at the same time.

A worker leases a message before it delivers it, so that no other delivers it too; the lease of a worker that died runs out. Should one
die between delivering and writing that down, the message comes again with the same `Notice.key`, by which a channel knows it.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa

from booking.check_in import record_no_shows
from booking.database import reading, transact
from booking.desk import Desk
from booking.models import OutboxMessage, Person
from booking.notices import Notice, read_notice
from booking.outbox import origin
from booking.personal_data import anonymise_old
from booking.service import expire

log = logging.getLogger(__name__)

BATCH = 10
DELIVERY_SECONDS = 20.0
# Long enough for a whole batch, so that a lease runs out only when its worker is gone.
LEASE = timedelta(seconds=BATCH * DELIVERY_SECONDS + 60)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=2)
MOST_ATTEMPTS = 10


class Retry(Exception):
    """Delivery failed for now; `after` is the pause the platform asked for, if it did."""

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class GiveUp(Exception):
    """Delivery can never succeed: the address is gone, or blocks us."""


class Deliverer(Protocol):
    """What a channel implements. `address` is the sender id it gave the person ("wechat:<openid>").

    Returning means delivered. Raises Retry or GiveUp; anything else counts as Retry.
    """

    async def deliver(self, address: str, message: Notice) -> None: ...

    async def forget(self, address: str, message: Notice) -> None:
        """The person was erased while `message` was delivered: delete what the delivery left with us. May be repeated."""
        ...


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: 30 s, doubled each time, at most two hours."""
    return min(FIRST_PAUSE * (1 << min(attempts - 1, 20)), LONGEST_PAUSE)


class Worker:
    """One worker. `clock` returns the present as an aware datetime; `also(now)` is done at every upkeep, for others' data."""

    def __init__(
        self,
        desk: Desk,
        deliverer: Deliverer,
        clock: Callable[[], datetime],
        also: Callable[[datetime], object] = lambda now: None,
    ) -> None:
        self.desk, self.deliverer, self.clock, self.also = desk, deliverer, clock, also
        self.name = secrets.token_hex(8)

    async def run(self, stop: asyncio.Event, poll_seconds: float = 2.0, upkeep_seconds: float = 3600.0) -> None:
        """Deliver and expire until `stop` is set; no-shows and anonymising come every `upkeep_seconds`. Failures are logged."""
        upkeep_due = self.clock()
        while not stop.is_set():
            try:
                now = self.clock()
                await asyncio.to_thread(expire, self.desk, now=now)
                if now >= upkeep_due:
                    await asyncio.to_thread(self._upkeep, now)
                    upkeep_due = now + timedelta(seconds=upkeep_seconds)
                if await self.deliver_due():
                    continue
            except Exception:
                log.exception("the notification worker failed and tries again")
            try:
                await asyncio.wait_for(stop.wait(), poll_seconds)
            except asyncio.TimeoutError:
                continue

    def _upkeep(self, now: datetime) -> None:
        record_no_shows(self.desk, now=now)
        anonymise_old(self.desk, now=now)
        self.also(now)

    async def deliver_due(self) -> int:
        """Deliver one batch of what is due; how many messages were worked on."""
        leased = await asyncio.to_thread(self._lease, self.clock())
        for message in leased:
            await self._deliver(message)
        return len(leased)

    def _lease(self, now: datetime) -> list[Any]:
        """Take up to BATCH due messages that no other worker has in hand."""
        due = (
            sa.select(OutboxMessage.id)
            .where(
                OutboxMessage.state == "pending",
                OutboxMessage.next_attempt_at <= now,
                sa.or_(OutboxMessage.leased_until.is_(None), OutboxMessage.leased_until <= now),
            )
            .order_by(OutboxMessage.next_attempt_at, OutboxMessage.id)
            .limit(BATCH)
        )
        with reading(self.desk.engine) as connection:
            if connection.execute(due.limit(1)).first() is None:
                return []

        def work(connection: Any) -> list[Any]:
            ids = connection.execute(due.with_for_update(skip_locked=True)).scalars().all()
            mine = {"lease": self.name, "leased_until": now + LEASE, "attempts": OutboxMessage.attempts + 1}
            connection.execute(sa.update(OutboxMessage).where(OutboxMessage.id.in_(ids)).values(**mine))
            query = sa.select(OutboxMessage.__table__).where(OutboxMessage.id.in_(ids))
            return list(connection.execute(query.order_by(OutboxMessage.due_at, OutboxMessage.id)))

        return transact(self.desk.engine, work)

    async def _deliver(self, message: Any) -> None:
        origin.set(message.data.get("origin", ""))
        address, notice = await asyncio.to_thread(self._read, message, self.clock())
        if notice is None or address is None:
            await self._finish(message, state="superseded")
            return
        try:
            await asyncio.wait_for(self.deliverer.deliver(address, notice), DELIVERY_SECONDS)
        except GiveUp as error:
            await self._finish(message, state="dead", last_error=_told(error))
        except Exception as error:
            pause = (error.after if isinstance(error, Retry) else None) or pause_after(message.attempts)
            if message.attempts >= MOST_ATTEMPTS:
                await self._finish(message, state="dead", last_error=_told(error))
            else:
                await self._finish(message, next_attempt_at=self.clock() + pause, last_error=_told(error))
        else:
            kept = await self._finish(message, state="sent", sent_at=self.clock())
            if not kept and await asyncio.to_thread(self._address, message) is None:
                await self.deliverer.forget(address, notice)

    def _read(self, message: Any, now: datetime) -> tuple[str | None, Notice | None]:
        """Address and notice as they are now; the message may have been withdrawn since it was leased."""
        with reading(self.desk.engine) as connection:
            state = sa.select(OutboxMessage.state).where(OutboxMessage.id == message.id)
            if connection.execute(state).scalar_one() != "pending":
                return None, None
            token = connection.execute(_address_of(message)).scalar_one()
            address = self.desk.vault.opened(connection, [token]).get(token or "")
            return address, read_notice(connection, message, now)

    def _address(self, message: Any) -> str | None:
        """The token of the address, None once the person is erased."""
        with reading(self.desk.engine) as connection:
            token: str | None = connection.execute(_address_of(message)).scalar_one()
            return token

    async def _finish(self, message: Any, **values: Any) -> bool:
        """Write down what became of a message; False when it was withdrawn meanwhile, or is another worker's by now."""
        mine = sa.update(OutboxMessage).where(
            OutboxMessage.id == message.id, OutboxMessage.lease == self.name, OutboxMessage.state == "pending"
        )
        done = mine.values(lease=None, leased_until=None, **values)
        log.info("notice %s: %s", message.kind, values.get("state") or f"again, {values['last_error']}")
        return bool(await asyncio.to_thread(transact, self.desk.engine, lambda c: c.execute(done).rowcount))


def _address_of(message: Any) -> Any:
    return sa.select(Person.address).where(Person.id == message.person_id)


def _told(error: Exception) -> str:
    """The kind of error only: its text may hold an address."""
    return type(error).__name__
