"""What a Tuesday night does to two workers under mixed traffic: each fault in turn, and whether a message was lost or taken twice.

    python -m benchmarks.faults [fault …]     # some of them only; nothing is saved

The servers, PostgreSQL and Redis are on machines of their own (network namespaces, tests/deploy/machines.py), so that a cable can be pulled. Every
message has an id; one that was not answered is sent again with the same id until it is. Lost: an answer that is not in the history, or a
message that is never answered. Doubled: an answer that is in the history twice, or out of order, or a reply of a form or booking that belongs to
another point of the conversation, as it does when a message was taken twice; and bookings in the database that nobody was told of.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import psycopg2
from aiohttp import web

from benchmarks.results import table
from benchmarks.traffic import Plan, Report, Traffic
from channels.line.signature import sign
from tests.channels.line.fake_line import TOKEN, FakeLine, serving
from tests.channels.line.test_events import event
from tests.conftest import Server, running_server, trained_folder
from tests.deploy.machines import Machine, Network, Postgres, Redis, servers, stores

PEOPLE, SECONDS, LEAD_SECONDS, AWAY_SECONDS, FROZEN_SECONDS = 12, 24, 8, 5, 20
TRIES, PAUSE_SECONDS = 120, 0.5
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
LINE_SECRET, LINE_PEOPLE, LINE_MESSAGES = "channel_secret", 20, 4
APOLOGY = "刚才出错了"
HEADER = (
    "fault",
    "sent",
    "answered",
    "told to try again",
    "connection broken",
    "lost",
    "doubled",
    "slowest, s",
    "well again after, s",
)


@dataclass(frozen=True)
class World:
    """Where the servers run, and what they run on."""

    servers: Machine
    database: Machine
    postgres: Postgres
    redis: Redis


@dataclass(frozen=True)
class Fault:
    """`strike(world, server)` does the damage and undoes it, while traffic goes on."""

    name: str
    strike: Callable[[World, Server], None]
    settings: Mapping[str, str] = field(default_factory=dict)
    seconds: float = SECONDS
    small_disk: bool = False  # the servers' data folder is a file system of its own
    sqlite: bool = False  # one process, as an office has it


def measure(names: tuple[str, ...] = ()) -> str:
    """The section: one row a fault."""
    rows = []
    with _world() as world:
        for number, fault in enumerate(FAULTS):
            if names and fault.name not in names:
                continue
            rows.append(_suffer(world, fault, number))
            print(f"· {' | '.join(rows[-1])}", file=sys.stderr, flush=True)
        for number, seconds in enumerate(SLOW_SECONDS):
            if not names or SLOW_PLATFORM in names:
                rows.append(_slow_platform(world, seconds, number))
                print(f"· {' | '.join(rows[-1])}", file=sys.stderr, flush=True)
    kept = all(row[5] == row[6] == "0" for row in rows)
    return (
        f"{table(HEADER, rows)}\n\nLost and doubled: {'0 everywhere (met)' if kept else 'NOT 0 everywhere (NOT met)'}. {PEOPLE} people at a time "
        f"send mixed traffic for {SECONDS} s or more to two workers on PostgreSQL 18 and Redis 6.2, each on a machine of its own (network namespaces); the "
        f"fault comes after {LEAD_SECONDS} s and lasts {AWAY_SECONDS} s where it has a length. *Told to try again* (503) and *connection broken* "
        f"count attempts: what is not answered is sent again every {PAUSE_SECONDS} s with the same id. *Slowest*: the longest that anybody waited for "
        "an answer or a refusal. *Well again*: from the end of the fault to the last message that was not answered at once. Full disk: the data folder is a "
        "file system of its own that is filled to the last byte; with SQLite there is one process. The clock of the servers is moved by libfaketime, "
        "while monotonic clocks go on. Slow platform: a made-up LINE whose every call takes as long as said."
    )


# -- the faults ----------------------------------------------------------------------------------------------------------


def _nothing(world: World, server: Server) -> None:
    """For comparison."""


def _kill_workers(world: World, server: Server) -> None:
    for _ in range(2):
        first, *_ = _children(server.process.pid)
        os.kill(first, signal.SIGKILL)
        time.sleep(AWAY_SECONDS)


def _stop_redis(world: World, server: Server) -> None:
    world.redis.stop()
    time.sleep(AWAY_SECONDS)
    world.redis.start()


def _empty_redis(world: World, server: Server) -> None:
    """It comes back without its data, as one without a disk does."""
    world.redis.stop(signal.SIGKILL)
    for file in world.redis.log.parent.glob("appendonly*"):
        file.unlink()
    world.redis.start()


def _stop_postgres(how: signal.Signals, world: World, server: Server) -> None:
    world.postgres.stop(how)
    time.sleep(AWAY_SECONDS)
    world.postgres.start()


def _freeze_postgres(world: World, server: Server) -> None:
    """It is there, and says nothing: what a disk that has died does to it."""
    postmaster = world.postgres.process.pid
    frozen = [postmaster, *_children(postmaster)]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(FROZEN_SECONDS)
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)


def _kill_worker_without_postgres(world: World, server: Server) -> None:
    """The worker that takes its place finds no database."""
    world.postgres.stop(signal.SIGINT)
    os.kill(_children(server.process.pid)[0], signal.SIGKILL)
    time.sleep(AWAY_SECONDS)
    world.postgres.start()


def _hog_connections(world: World, server: Server) -> None:
    """Somebody else takes every connection there is, also those that the servers had."""
    hogged = []
    with suppress(psycopg2.OperationalError):
        while True:
            hogged.append(world.postgres.connect())
    end = time.monotonic() + AWAY_SECONDS
    try:
        while time.monotonic() < end:
            mine = [connection.info.backend_pid for connection in hogged]
            with hogged[0].cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND NOT pid = ANY(%s)",
                    (mine,),
                )
            with suppress(psycopg2.OperationalError):
                while True:
                    hogged.append(world.postgres.connect())
    finally:
        for connection in hogged:
            connection.close()


def _cut(seconds: float) -> Callable[[World, Server], None]:
    def strike(world: World, server: Server) -> None:
        world.database.pull()
        try:
            time.sleep(seconds)
        finally:
            world.database.plug()

    return strike


def _fill_disk(world: World, server: Server) -> None:
    filler = server.var / "filler"
    with open(filler, "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with suppress(OSError):
                while True:
                    file.write(b"\0" * size)
        end = time.monotonic() + AWAY_SECONDS
        while time.monotonic() < end:  # what others give back is taken as well
            time.sleep(0.1)
            with suppress(OSError):
                while True:
                    file.write(b"\0" * 4096)
    filler.unlink()


def _move_clock(world: World, server: Server) -> None:
    """Two minutes ahead, two minutes behind, and right again."""
    for offset in ("+120", "-120", "+0"):
        (server.var / "clock").write_text(offset)
        time.sleep(AWAY_SECONDS / 2)


SLOW_PLATFORM, SLOW_SECONDS = "platform's API slow", (4.0, 8.0)
FAULTS = (
    Fault("none", _nothing),
    Fault("SIGKILL of a worker, twice", _kill_workers),
    Fault("Redis stopped and started", _stop_redis),
    Fault("Redis killed, back without its data", _empty_redis),
    Fault("PostgreSQL stopped (fast) and started", partial(_stop_postgres, signal.SIGINT)),
    Fault("PostgreSQL crashed (immediate) and started", partial(_stop_postgres, signal.SIGQUIT)),
    Fault(f"PostgreSQL hangs for {FROZEN_SECONDS} s", _freeze_postgres, seconds=SECONDS + FROZEN_SECONDS),
    Fault("SIGKILL of a worker while PostgreSQL is stopped", _kill_worker_without_postgres),
    Fault("all connections of PostgreSQL taken", _hog_connections),
    Fault("5 s without network to PostgreSQL", _cut(5)),
    Fault("20 s without network to PostgreSQL", _cut(20), seconds=SECONDS + 15),
    Fault("disk full, SQLite", _fill_disk, small_disk=True, sqlite=True),
    Fault("disk full, two workers", _fill_disk, small_disk=True),
    Fault(
        "clock jumps by ±2 min",
        _move_clock,
        {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME": "",
        },
    ),
)


# -- suffering them ------------------------------------------------------------------------------------------------------


@contextmanager
def _world() -> Iterator[World]:
    with Network() as network:
        own, database, other = (network.machine() for _ in range(3))
        settings = {"max_connections": 40, "superuser_reserved_connections": 0}
        with stores(database, other, **settings) as (postgres, redis):
            yield World(own, database, postgres, redis)


def _suffer(world: World, fault: Fault, number: int) -> tuple[str, ...]:
    with _folder(fault.small_disk) as var:
        settings = {"MESSAGES_PER_MINUTE": "1000000", **fault.settings}
        if "FAKETIME" in settings:
            if not FAKETIME.exists():
                raise RuntimeError("apt-get install libfaketime")
            del settings["FAKETIME"]
            settings["FAKETIME_TIMESTAMP_FILE"] = str(var / "clock")
            (var / "clock").write_text("+0")
        if not fault.sqlite:
            url = world.postgres.new_database(f"fault_{number}")
            settings |= {"WORKERS": "2", "DATABASE_URL": url, "REDIS_URL": world.redis.url}
        with servers([world.servers], [var], **settings) as [server]:
            plan = Plan(
                (server.base_url,), fault.seconds, PEOPLE, tries=TRIES, pause=PAUSE_SECONDS, seed=1000 * (number + 1)
            )
            with Traffic(plan) as traffic:
                time.sleep(LEAD_SECONDS)
                fault.strike(world, server)
                ended = time.monotonic()
                report = traffic.report()
            if os.environ.get("FAULTS_KEEP"):
                _dump(report, server, fault)
            if fault.sqlite:
                booked = server.rows("SELECT count(*) FROM bookings WHERE status = 'confirmed'")[0][0]
            else:
                connection = world.postgres.connect(f"fault_{number}")
                with connection.cursor() as cursor:
                    cursor.execute("SELECT count(*) FROM bookings WHERE status = 'confirmed'")
                    booked = cursor.fetchone()[0]
                connection.close()
    return _row(fault.name, report, ended - report.began, booked)


def _dump(report: Report, server: Server, fault: Fault) -> None:
    """What happened, for whoever looks for the reason."""
    folder = Path(os.environ["FAULTS_KEEP"])
    folder.mkdir(parents=True, exist_ok=True)
    name = "".join(c if c.isalnum() else "-" for c in fault.name)
    (folder / f"{name}.log").write_text("".join(server.printed), encoding="utf-8")
    from dataclasses import asdict

    (folder / f"{name}.json").write_text(json.dumps(asdict(report), ensure_ascii=False, indent=1), encoding="utf-8")


def _row(name: str, report: Report, ended: float, booked: int) -> tuple[str, ...]:
    """`ended`: when the fault was over, in seconds since the traffic began; `booked`: bookings in the database."""
    attempts = report.attempts()
    unanswered = [each for each in report.messages if each.status != "answered"]
    what = [problem.what for problem in report.problems]
    apologies = [each for each in report.answered if each.reply.startswith(APOLOGY)]
    lost = len(unanswered) + len(apologies) + what.count("lost") + what.count("no history")
    lost += max(0, report.booked() - booked)
    doubled = len(what) - what.count("lost") - what.count("no history") + len(report.out_of_step())
    doubled += max(0, booked - report.booked())
    every = [attempt for message in report.messages for attempt in message.attempts]
    failed = [attempt.at + attempt.seconds for attempt in every if attempt.status != "answered"]
    return (
        name,
        str(len(report.messages)),
        str(len(report.answered)),
        str(attempts["try again"]),
        str(attempts["error"]),
        str(lost),
        str(doubled),
        f"{max((attempt.seconds for attempt in every), default=0):.1f}",
        f"{max(0.0, max(failed, default=0.0) - ended):.1f}",
    )


@contextmanager
def _folder(small: bool) -> Iterator[Path]:
    """A trained data folder, `small` ones on a file system of their own."""
    made = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        if small:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "faults", str(made)], check=True)
        yield trained_folder(made)
    finally:
        if small:
            subprocess.run(["umount", "--lazy", str(made)], check=False)
        shutil.rmtree(made, ignore_errors=True)


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


# -- a platform that takes its time --------------------------------------------------------------------------------------


class SlowLine(FakeLine):
    """A LINE whose calls take `seconds`."""

    seconds = 0.0

    @web.middleware
    async def _front(self, request: web.Request, handler: Any) -> web.StreamResponse:
        response: web.StreamResponse = await super()._front(request, handler)
        await asyncio.sleep(self.seconds)
        return response


def _slow_platform(world: World, seconds: float, number: int) -> tuple[str, ...]:
    return asyncio.run(_talk_over_line(world, seconds, number))


async def _talk_over_line(world: World, seconds: float, number: int) -> tuple[str, ...]:
    """LINE_PEOPLE send over LINE while others use the web; sent and answered count both, and the slowest is the slowest on the web."""
    fake = SlowLine(time.monotonic)
    async with serving(fake):
        fake.seconds = seconds
        settings = {
            "LINE_CHANNEL_SECRET": LINE_SECRET,
            "LINE_CHANNEL_ACCESS_TOKEN": TOKEN,
            "LINE_API_BASE": fake.base_url,
            "WORKERS": "2",
            "DATABASE_URL": world.postgres.new_database(f"slow_{number}"),
            "REDIS_URL": world.redis.url,
            "MESSAGES_PER_MINUTE": "1000000",
        }
        with _folder(False) as var:
            running = running_server(var, **settings)
            server = await asyncio.to_thread(running.__enter__)
            try:
                with Traffic(Plan((server.base_url,), SECONDS, PEOPLE, tries=TRIES, seed=100_000)) as traffic:
                    await asyncio.sleep(LEAD_SECONDS)
                    sent = await _send_line(fake, server.base_url, number)
                    report = await asyncio.to_thread(traffic.report)
                    await asyncio.sleep(4 * seconds + 5)  # for the last answers, and such as come a second time
            finally:
                await asyncio.to_thread(running.__exit__, None, None, None)
    connection = world.postgres.connect(f"slow_{number}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM bookings WHERE status = 'confirmed'")
        booked = cursor.fetchone()[0]
    connection.close()
    got = Counter(to.partition("/")[0] for to, _ in fake.sent)  # a reply's token begins with the person it is for
    row = list(_row(f"LINE takes {seconds:g} s a call", report, SECONDS, booked))
    row[1], row[2] = str(int(row[1]) + sent), str(int(row[2]) + min(sent, len(fake.sent)))
    each = sent // LINE_PEOPLE
    row[5] = str(int(row[5]) + sum(max(0, each - got[_line_person(n)]) for n in range(LINE_PEOPLE)))
    row[6] = str(int(row[6]) + sum(max(0, got[_line_person(n)] - each) for n in range(LINE_PEOPLE)))
    return tuple(row)


def _line_person(number: int) -> str:
    return f"U{number:032x}"


async def _send_line(fake: FakeLine, base_url: str, run: int) -> int:
    """How many messages LINE delivered to our webhook. Their ids are this run's own, for Redis remembers those of the one before."""
    sent = 0
    async with aiohttp.ClientSession() as http:
        for turn in range(LINE_MESSAGES):
            for number in range(LINE_PEOPLE):
                person = _line_person(number)
                said = event(
                    webhookEventId=f"01H{run:05}{number:05}{turn:013}",
                    replyToken=fake.reply_token(f"{person}/{turn}"),
                    timestamp=int(time.time() * 1000),
                    source={"type": "user", "userId": person},
                    message={"id": f"{number}{turn}", "type": "text", "text": ("实习给不给钱?", "你好")[turn % 2]},
                )
                body = json.dumps({"destination": "U123", "events": [said]}).encode()
                headers = {"X-Line-Signature": sign(LINE_SECRET, body), "Content-Type": "application/json"}
                async with http.post(f"{base_url}/webhooks/line", data=body, headers=headers) as response:
                    sent += response.status == 200
            await asyncio.sleep(1)
    return sent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*", help="; ".join(fault.name for fault in FAULTS))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is taken away again
    print(measure(tuple(parser.parse_args().faults)))


if __name__ == "__main__":
    main()
