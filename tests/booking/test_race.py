"""Never one too many: hundreds of requests from 32 processes for a few places, and a process that is killed at work."""

import asyncio
import multiprocessing
from datetime import timedelta

import sqlalchemy as sa

from booking.models import AuditEvent, Booking, Slot, WaitingListEntry
from booking.notices import Notice
from booking.worker import Worker
from tests.booking.conftest import World, assert_consistent, assert_in_order
from tests.booking.racers import NOW, book_and_tell, booking, mixed_commands, race, unguarded_booking


def address_of(world: World) -> str:
    return str(world.desk.engine.url.render_as_string(hide_password=False))


def test_500_requests_for_10_places_give_10_bookings_and_490_clear_answers(world: World) -> None:
    slot = world.slot(capacity=10)
    answers = race(address_of(world), booking, slot, 500).answers
    assert answers == {"booked": 10, "slot_full": 490}
    assert world.places(slot) == (10, 0)
    assert len(world.rows(Booking)) == len(world.notices("confirmed")) == 10
    assert_consistent(world)


def test_without_the_guard_the_same_race_oversells(world: World) -> None:
    slot = world.slot(capacity=10)
    answers = race(address_of(world), unguarded_booking, slot, 500).answers
    assert answers["booked"] == len(world.rows(Booking)) > 10


def test_cancels_reschedules_and_promotions_mixed_in_leave_every_count_right(world: World) -> None:
    slots = [world.slot(capacity=capacity, hours=72 + 3 * n) for n, capacity in enumerate((99, 2, 3, 4, 3))]
    answers = race(address_of(world), mixed_commands, slots, 96).answers
    assert answers == {"done": 96}
    assert_consistent(world)
    assert_in_order(world)
    happened = {event.kind for event in world.rows(AuditEvent)}
    assert happened >= {"booked", "cancelled", "rescheduled", "joined", "offered", "slot_cancelled"}
    assert any(entry.state == "booked" for entry in world.rows(WaitingListEntry))


class Told:
    """Takes what is delivered: notices by address."""

    def __init__(self) -> None:
        self.notices: list[tuple[str, Notice]] = []

    async def deliver(self, address: str, message: Notice) -> None:
        self.notices.append((address, message))

    async def forget(self, address: str, message: Notice) -> None:
        self.notices.remove((address, message))


async def test_a_kill_in_the_middle_of_200_bookings_loses_and_doubles_nothing(world: World) -> None:
    slots = [world.slot(capacity=20, hours=72 + n) for n in range(10)]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.booking.racers"])

    def start() -> tuple:
        hears, tells = context.Pipe(duplex=False)
        process = context.Process(target=book_and_tell, args=(address_of(world), slots, 200, tells))
        process.start()
        tells.close()
        return process, hears

    process, hears = start()
    confirmed = [hears.recv() for _ in range(60)]
    process.kill()
    process.join()
    survived = {row.code for row in world.rows(Booking)}
    assert set(confirmed) <= survived and len(survived) < 200
    process, hears = start()  # the clients that got no answer ask again, with the same keys
    again = list(iter(hears.recv, None))
    process.join()
    assert again[: len(confirmed)] == confirmed
    bookings = world.rows(Booking)
    assert len(bookings) == 200 and {row.code for row in bookings} == set(again)
    assert_consistent(world)
    told = Told()
    workers = [Worker(world.desk, told, lambda: NOW + timedelta(minutes=1)) for _ in range(2)]
    while sum(await asyncio.gather(*(worker.deliver_due() for worker in workers))):
        pass
    assert sorted(notice.code or "" for _, notice in told.notices) == sorted(again)
    with world.desk.engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.sum(Slot.booked))).scalar_one() == 200
