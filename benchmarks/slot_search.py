"""Slot search over 100,000 slots: what a person says becomes a wish, and the wish slots or alternatives, on SQLite.

100 bases in eleven cities with five courses each, 200 slots a course over three months, a third of them full.
"""

import random
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from benchmarks.results import table, verdict
from booking.database import make_engine, reading, transact
from booking.find import find
from booking.models import FEE_KINDS, LEVELS, MODES, SERVICES, SHANGHAI, Base, Course, Slot, metadata
from booking.wishes import CITY_CENTRES, read_catalogue, wish_from

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=SHANGHAI)
BASES, COURSES_EACH, SLOTS_EACH, DAYS = 100, 5, 200, 90
FIELDS = ("数控加工", "电工", "汽车维修", "焊接", "养老护理", "烹饪", "工业机器人", "电子商务", "育婴", "无人机")
ROUNDS = 5
TARGET_MS = 20.0
SAID = (
    "我想约下周三的数控实训",
    "明天有什么课",
    "随便哪天,太原的电工",
    "这个月的周末学做饭",
    "下个月汽修,免费的",
    "周五晚上焊工",
    "国庆后",
    "工作日晚上养老护理,大同",
    "三天内工业机器人技能竞赛",
    "月底前在运城学育婴",
    "12月3号上午9点",
    "凌晨的数控",  # nothing fits, whatever the day
    "晚上11点以后",
    "昨天的电工",
    "晋城的无人机鉴定,下周末下午",
    "都行",
)


def fill(engine: Any) -> None:
    """The bases, courses and slots, the same at every call."""
    chance = random.Random(0)
    cities = [f"{city}市" for city in CITY_CENTRES]
    bases = [
        {
            "reference": f"B{n}",
            "name": f"示例基地{n}",
            "level": LEVELS[n % 3],
            "mode": MODES[n % 3],
            "city": cities[n % len(cities)],
            "address": "示例地址",
            "phone": "",
        }
        for n in range(BASES)
    ]
    courses = [
        {
            "base_id": 1 + n // COURSES_EACH,
            "reference": f"C{n}",
            "title": f"{FIELDS[n % len(FIELDS)]}实训{n}",
            "service": SERVICES[0 if n % 4 else n // 4 % len(SERVICES)],
            "field": FIELDS[n % len(FIELDS)],
            "fee_kind": FEE_KINDS[n % 2],
            "minutes": 120,
            "max_party": 5 + n % 20,
        }
        for n in range(BASES * COURSES_EACH)
    ]
    slots = []
    for n in range(BASES * COURSES_EACH * SLOTS_EACH):
        day = (NOW - timedelta(days=5)).date() + timedelta(days=chance.randrange(DAYS))
        starts = datetime(day.year, day.month, day.day, chance.choice((8, 9, 14, 16, 19)), tzinfo=SHANGHAI)
        capacity = chance.randrange(4, 30)
        course = n // SLOTS_EACH
        slots.append(
            {
                "course_id": 1 + course,
                "base_id": courses[course]["base_id"],
                "reference": f"S{n}",
                "starts_at": starts.astimezone(timezone.utc),
                "ends_at": starts + timedelta(hours=2),
                "capacity": capacity,
                "booked": capacity if chance.random() < 1 / 3 else chance.randrange(capacity),
                "booking_deadline": starts - timedelta(hours=2),
                "cancellation_deadline": starts - timedelta(hours=24),
            }
        )

    def work(connection: Any) -> None:
        for entity, rows in ((Base, bases), (Course, courses), (Slot, slots)):
            connection.execute(sa.insert(entity), rows)

    metadata.create_all(engine)
    transact(engine, work)


def measure() -> str:
    """The section's table: milliseconds from the words to the slots, alternatives and reason."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        engine = make_engine(f"sqlite:///{Path(folder) / 'slots.db'}")
        fill(engine)
        seconds = np.zeros((1 + ROUNDS, len(SAID)))
        shown: list[str] = []
        with reading(engine) as connection:
            known = read_catalogue(connection)
        for one_round in seconds:  # the first only warms up
            for n, text in enumerate(SAID):
                started = time.perf_counter()
                wish = wish_from(text, (), NOW, known)
                with reading(engine) as connection:
                    found = find(connection, wish, NOW)
                one_round[n] = time.perf_counter() - started
                if len(shown) < len(SAID):
                    shown.append(f"{len(found.slots)} slots, {len(found.alternatives)} alternatives")
        engine.dispose()
    milliseconds = seconds[1:] * 1000
    median = np.median(milliseconds, axis=0)
    rows = [(text, what, f"{ms:.1f}") for text, what, ms in zip(SAID, shown, median, strict=True)]
    p50, p95 = np.percentile(milliseconds, 50), float(np.percentile(milliseconds, 95))
    note = f"{ROUNDS} rounds over {BASES * COURSES_EACH * SLOTS_EACH:,} slots. p50 {p50:.1f} ms; p95 {verdict(p95, TARGET_MS, ' ms')}."
    return f"{table(('said', 'found', 'median ms'), rows)}\n\n{note}"


if __name__ == "__main__":
    print(measure())
