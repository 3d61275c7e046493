"""Delivery: at least once, by several workers, with retries; what is no longer true is not sent."""

import asyncio
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from booking.models import OutboxMessage
from booking.notices import Notice
from booking.personal_data import erase_person
from booking.service import cancel, cancel_slot, reschedule
from booking.waiting_list import accept_offer
from booking.worker import LEASE, MOST_ATTEMPTS, GiveUp, Retry, Worker, pause_after
from tests.booking.conftest import World
from tests.booking.racers import NOW

ANNA, BERT = "wechat:anna", "web:bert"


class Phone:
    """Takes what is delivered; `trouble` is raised instead while there is some."""

    def __init__(self, *trouble: BaseException) -> None:
        self.trouble = list(trouble)
        self.got: list[tuple[str, Notice]] = []

    async def deliver(self, address: str, message: Notice) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        await asyncio.sleep(0)
        self.got.append((address, message))

    async def forget(self, address: str, message: Notice) -> None:
        self.got.remove((address, message))

    @property
    def kinds(self) -> list[str]:
        return [message.kind for _, message in self.got]


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def phone() -> Phone:
    return Phone()


@pytest.fixture
def worker(world: World, phone: Phone, clock: Clock) -> Worker:
    return Worker(world.desk, phone, clock)


async def deliver_all(*workers: Worker) -> None:
    while sum(await asyncio.gather(*(worker.deliver_due() for worker in workers))):
        pass


async def test_notices_come_when_they_are_due_and_once(
    world: World, worker: Worker, phone: Phone, clock: Clock
) -> None:
    booked = world.book(ANNA, world.slot(hours=72))
    for hours in (0, 0, 47, 48, 70, 71, 72, 100):
        clock.now = NOW + timedelta(hours=hours)
        await deliver_all(worker)
    assert phone.kinds == ["confirmed", "reminder_day", "reminder_hour"]
    address, first = phone.got[0]
    assert address == ANNA and first.code == booked.code and first.key == f"confirmed:{booked.code}:0"
    assert first.text.startswith("【示例】预约成功:11月24日09:00的“数控车床入门”,1人") and booked.code in first.text


async def test_two_workers_send_none_twice(world: World, phone: Phone, clock: Clock) -> None:
    slot = world.slot(capacity=40)
    for n in range(40):
        world.book(f"web:{n}", slot)
    await deliver_all(*(Worker(world.desk, phone, clock) for _ in range(4)))
    keys = [message.key for _, message in phone.got]
    assert len(keys) == len(set(keys)) == 40


async def test_a_failed_delivery_is_tried_again_with_growing_pauses(
    world: World, worker: Worker, phone: Phone, clock: Clock
) -> None:
    world.book(ANNA, world.slot(hours=72))
    phone.trouble = [Retry("busy"), RuntimeError("unexpected"), Retry("wait", timedelta(minutes=7))]
    for minutes, delivered in ((0, 0), (0.4, 0), (0.5, 0), (1.4, 0), (1.5, 0), (8.4, 0), (8.5, 1)):
        clock.now = NOW + timedelta(minutes=minutes)
        await deliver_all(worker)
        assert len(phone.got) == delivered, minutes
    message = world.rows(OutboxMessage)[0]
    assert (message.state, message.attempts, message.sent_at) == ("sent", 4, clock.now)


def test_pauses_double_up_to_two_hours() -> None:
    assert [pause_after(n).total_seconds() for n in (1, 2, 3)] == [30, 60, 120]
    assert pause_after(20) == pause_after(60) == timedelta(hours=2)


async def test_a_message_that_can_never_be_delivered_is_put_aside_without_what_the_error_said(
    world: World, worker: Worker, phone: Phone
) -> None:
    world.book(ANNA, world.slot(hours=72))
    phone.trouble = [GiveUp("openid wechat:anna blocks us")]
    await deliver_all(worker)
    message = world.rows(OutboxMessage)[0]
    assert (message.state, message.last_error) == ("dead", "GiveUp") and not phone.got


async def test_after_so_many_attempts_a_message_is_given_up(
    world: World, worker: Worker, phone: Phone, clock: Clock
) -> None:
    world.book(ANNA, world.slot(hours=24 * 30))
    phone.trouble = [Retry("busy") for _ in range(MOST_ATTEMPTS)]
    for hour in range(0, 48, 2):
        clock.now = NOW + timedelta(hours=hour)
        await deliver_all(worker)
    assert world.rows(OutboxMessage)[0].state == "dead" and not phone.got and not phone.trouble


async def test_what_a_killed_worker_had_in_hand_is_delivered_by_another(
    world: World, worker: Worker, phone: Phone, clock: Clock
) -> None:
    world.book(ANNA, world.slot(hours=72))
    phone.trouble = [asyncio.CancelledError()]  # as when the process ends in the middle
    with pytest.raises(asyncio.CancelledError):
        await worker.deliver_due()
    other = Worker(world.desk, phone, clock)
    await deliver_all(other)
    assert not phone.got
    clock.now = NOW + LEASE
    await deliver_all(other)
    assert phone.kinds == ["confirmed"]


async def test_reminders_of_a_cancelled_or_moved_booking_are_not_sent(
    world: World, worker: Worker, phone: Phone, clock: Clock
) -> None:
    first, second = world.book(ANNA, world.slot(hours=72)), world.book(BERT, world.slot(hours=72))
    cancel(world.desk, ANNA, first.code, now=NOW, key=world.key())
    reschedule(world.desk, BERT, second.code, world.slot(hours=100), now=NOW, key=world.key())
    for hours in (0, 48, 71, 76, 99):
        clock.now = NOW + timedelta(hours=hours)
        await deliver_all(worker)
    # The confirmation that was still on its way is no longer true for Anna; Bert's tells the present time.
    assert [(a, m.kind) for a, m in phone.got] == [
        (BERT, "confirmed"),
        (ANNA, "cancelled"),
        (BERT, "changed"),
        (BERT, "reminder_day"),
        (BERT, "reminder_hour"),
    ]


async def test_offers_are_told_and_told_again_before_they_expire(
    world: World, worker: Worker, phone: Phone, clock: Clock
) -> None:
    slot = world.slot(capacity=1, hours=72)
    booked = world.book(ANNA, slot)
    entry = world.wait(BERT, slot)
    cancel(world.desk, ANNA, booked.code, now=NOW, key=world.key())
    await deliver_all(worker)
    clock.now = NOW + timedelta(hours=3)
    await deliver_all(worker)
    assert [m.kind for a, m in phone.got if a == BERT] == ["promoted", "offer_expiring"]
    assert phone.got[-1][1].entry_id == entry.entry_id and "13:00" in phone.got[-1][1].text.replace(" ", "")
    accept_offer(world.desk, BERT, entry.entry_id, now=clock.now, key=world.key())
    await deliver_all(worker)
    assert phone.kinds[-1] == "confirmed"


async def test_a_cancelled_slot_is_told_with_alternatives(world: World, worker: Worker, phone: Phone) -> None:
    slot, other = world.slot(hours=72), world.slot(hours=96)
    world.book(ANNA, slot)
    cancel_slot(world.desk, "前台", slot, "设备检修", now=NOW, key="x")
    await deliver_all(worker)
    (_, message) = phone.got[-1]
    assert message.kind == "slot_cancelled" and "设备检修" in message.text
    assert [a.slot_id for a in message.alternatives] == [other] and message.alternatives[0].label in message.text


async def test_nothing_is_sent_to_somebody_who_was_erased(world: World, worker: Worker, phone: Phone) -> None:
    world.book(ANNA, world.slot(hours=72))
    erase_person(world.desk, ANNA, now=NOW)
    await deliver_all(worker)
    assert not phone.got


async def test_what_is_delivered_during_an_erasure_is_forgotten(world: World, clock: Clock) -> None:
    world.book(ANNA, world.slot(hours=72))
    world.book(BERT, world.slot(hours=72))

    class ErasedMeanwhile(Phone):
        async def deliver(self, address: str, message: Notice) -> None:
            erase_person(world.desk, ANNA, now=NOW)
            await super().deliver(address, message)

    phone = ErasedMeanwhile()
    await deliver_all(Worker(world.desk, phone, clock))
    assert [address for address, _ in phone.got] == [BERT]


async def test_a_running_worker_delivers_what_is_due_and_stops(world: World, clock: Clock) -> None:
    slot = world.slot(capacity=1, hours=72)
    world.book(ANNA, slot)
    with world.desk.engine.begin() as connection:
        connection.execute(sa.update(OutboxMessage).values(next_attempt_at=NOW))
    stop = asyncio.Event()

    class StopsAtTheThird(Phone):
        async def deliver(self, address: str, message: Notice) -> None:
            await super().deliver(address, message)
            if len(self.got) == 3:
                stop.set()

    phone = StopsAtTheThird()
    await asyncio.wait_for(Worker(world.desk, phone, clock).run(stop), 20)
    assert phone.kinds == ["confirmed", "reminder_day", "reminder_hour"]
