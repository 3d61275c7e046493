"""Many processes that want the same places. Imported by those processes, so nothing heavy is imported here."""

import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, NamedTuple

import sqlalchemy as sa

from booking.database import make_engine, transact
from booking.desk import Desk, open_desk
from booking.errors import BookingError
from booking.models import Booking, Person, Slot
from booking.service import book, cancel, cancel_slot, hold, release_hold, reschedule
from booking.waiting_list import accept_offer, decline_offer, join_waiting_list, my_waiting

SECRET = "only-for-tests"
NOW = datetime(2026, 11, 21, 1, 0, tzinfo=timezone.utc)  # 9:00 on a Saturday in Shanghai


def contact(who: str, party: int = 1) -> dict[str, Any]:
    """Everybody has a number of their own."""
    number = f"13{int.from_bytes(who.encode(), 'big') % 10**9:09d}"
    names = [f"学员{chr(0x4E00 + n)}" for n in range(party)]
    return {"name": "张三", "phone": number, "consent": True, "participants": names if party > 1 else ()}


def booking(desk: Desk, who: str, slot: int) -> str:
    """The service's way: "booked", or the code of the refusal."""
    try:
        book(desk, who, slot, now=NOW, key="race", **contact(who))
    except BookingError as error:
        return error.code
    return "booked"


def unguarded_booking(desk: Desk, who: str, slot: int) -> str:
    """The way of many booking systems: look, then insert. Only here, to show that the race is one."""
    with desk.engine.connect() as connection:
        taken = sa.select(sa.func.coalesce(sa.func.sum(Booking.party), 0)).where(Booking.slot_id == slot)
        capacity = sa.select(Slot.capacity).where(Slot.id == slot)
        if connection.execute(taken).scalar_one() >= connection.execute(capacity).scalar_one():
            return "slot_full"

    def insert(connection: Any) -> str:
        new = sa.insert(Person).values(owner=who, created_at=NOW)
        person = connection.execute(new).inserted_primary_key[0]
        row = {"code": desk.new_code(), "slot_id": slot, "person_id": person, "party": 1}
        connection.execute(sa.insert(Booking).values(**row, consented_at=NOW, created_at=NOW, changed_at=NOW))
        return "booked"

    return transact(desk.engine, insert)


def mixed_commands(desk: Desk, who: str, slots: Sequence[int]) -> str:
    """One person in a crowd: books a place on a small slot or waits for one, gives it up or moves to the roomy one, answers offers.

    The first of `slots` is the roomy one; the last is cancelled by the base in between. Refusals are part of it.
    """
    number = int(who.rpartition("-")[2])
    choose = random.Random(number)
    small, party = slots[1 + number % (len(slots) - 1)], choose.choice((1, 1, 2))
    given = {"party": party, "now": NOW, **contact(who, party)}

    def attempt(command: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        with suppress(BookingError):
            return command(desk, who, *arguments, **more)

    attempt(hold, small, party, now=NOW, key="hold")
    mine = attempt(book, small, key="book", **given)
    if mine is None:
        attempt(join_waiting_list, small, key="wait", **given)
    elif number % 2:
        attempt(cancel, mine.code, now=NOW, key="cancel")
    else:
        attempt(reschedule, mine.code, slots[0], now=NOW, key="move")
    if number == 40:
        cancel_slot(desk, "前台", slots[-1], "停电", now=NOW, key="power")
    for turn in range(4):
        for entry in my_waiting(desk, who):
            answer = decline_offer if choose.random() < 0.3 else accept_offer
            attempt(answer, entry.entry_id, now=NOW, key=f"answer-{turn}-{entry.entry_id}")
        attempt(release_hold, now=NOW, key=f"release-{turn}")
    return "done"


class Raced(NamedTuple):
    """What everybody was answered, and the seconds from the common start to the last answer."""

    answers: Counter[str]
    seconds: float


def race(url: str, attempt: Callable[[Desk, str, Any], str], slot: Any, requests: int, processes: int = 32) -> Raced:
    """`requests` attempts on `slot` by as many people, shared out among processes that start together."""
    # Forked from a fresh process with the imports done: the present one has threads and connections.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    start, queue = context.Barrier(processes), context.SimpleQueue()
    people = [f"web:racer-{slot}-{n}" for n in range(requests)]
    racers = [
        context.Process(target=_run, args=(url, attempt, slot, people[n::processes], start, queue))
        for n in range(processes)
    ]
    for racer in racers:
        racer.start()
    starts, ends, answers = zip(*(queue.get() for _ in racers))
    for racer in racers:
        racer.join()
    return Raced(Counter(answer for some in answers for answer in some), max(ends) - min(starts))


def _run(
    url: str, attempt: Callable[[Desk, str, Any], str], slot: Any, people: list[str], start: Any, queue: Any
) -> None:
    engine = make_engine(url)
    desk = open_desk(engine, [SECRET])
    try:
        with engine.connect() as connection:
            connection.execute(sa.select(Slot.id).limit(1))
        start.wait()
        started = time.monotonic()
        answers = [attempt(desk, who, slot) for who in people]
        queue.put((started, time.monotonic(), answers))
    except BaseException as error:
        queue.put((time.monotonic(), time.monotonic(), [f"crashed: {error!r}"]))
        raise
    finally:
        engine.dispose()


def book_and_tell(url: str, slots: Sequence[int], people: int, told: Any) -> None:
    """Book for `people`, each on one of `slots`, and send every code that was confirmed through the pipe `told`."""
    desk = open_desk(make_engine(url), [SECRET])
    for n in range(people):
        who = f"web:person-{n}"
        told.send(book(desk, who, slots[n % len(slots)], now=NOW, key="once", **contact(who)).code)
    told.send(None)
