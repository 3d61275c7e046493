"""Half load for a long time: memory, latency and connections, which are to stay as they are."""

import itertools
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from benchmarks.load import PEOPLE_EACH, SETTLED_SECONDS, Province, databases
from benchmarks.results import table, verdict
from benchmarks.setups import memory
from benchmarks.traffic import Plan, Report, Traffic

WORKERS = 2
FULL_SECONDS, SAMPLE_SECONDS = 20.0, 5.0
PEOPLE = 50
# The first part of the time warms up: caches fill, connections are opened, people come to be remembered.
WARM_PART, PARTS = 0.2, 10
GROWTH, SLOWER = 1.05, 1.2
_CONNECTIONS = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


@dataclass(frozen=True)
class Sample:
    """`at`: seconds since the traffic began; memory in MB; connections that the servers hold."""

    at: float
    servers: float
    postgres: float
    redis: float
    postgres_connections: int
    redis_connections: int


def measure(minutes: float) -> str:
    """The section: a table of ten parts of the time, and what changed from the end of the warm-up to the end."""
    seconds = minutes * 60
    with ExitStack() as running:
        var = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        data = running.enter_context(databases())
        ours = Province(var, data, WORKERS)
        ours.prepare()
        running.enter_context(ours)
        ours.start()
        with Traffic(Plan((ours.address,), FULL_SECONDS, people=PEOPLE_EACH * WORKERS, seed=1_000_000)) as traffic:
            full = traffic.report().rate(SETTLED_SECONDS, FULL_SECONDS)
        engine = sa.create_engine(data.url)
        running.callback(engine.dispose)
        began, samples = time.monotonic(), []
        with Traffic(Plan((ours.address,), seconds, people=PEOPLE, rate=full / 2)) as traffic:
            while traffic.process.poll() is None and time.monotonic() - began < seconds:
                samples.append(_sample(ours, engine, began))
                time.sleep(SAMPLE_SECONDS)
            report = traffic.report()
    return _section(report, samples, seconds, full)


def _sample(ours: Province, engine: sa.engine.Engine, began: float) -> Sample:
    with engine.connect() as connection:
        postgres_connections = int(connection.execute(_CONNECTIONS).scalar_one())
    told = ours.data.redis.info("clients")
    postgres, redis = (memory(pid).pss for pid in ours.data.pids)
    at = time.monotonic() - began
    return Sample(at, ours.memory().pss, postgres, redis, postgres_connections, int(told["connected_clients"]) - 1)


def _section(report: Report, samples: list[Sample], seconds: float, full: float) -> str:
    edges = np.linspace(0, seconds, PARTS + 1)
    rows, memory_of, p50_of, connections_of = [], [], [], []
    for since, until in itertools.pairwise(edges):
        here = [sample for sample in samples if since <= sample.at < until]
        if not here:
            continue
        ms = report.milliseconds(since, until)
        p50, p95, p99 = np.percentile(ms, (50, 95, 99))
        mean = [float(np.mean([getattr(sample, name) for sample in here])) for name in ("servers", "postgres", "redis")]
        most = [max(getattr(sample, name) for sample in here) for name in ("postgres_connections", "redis_connections")]
        rows.append(
            (
                f"{since / 60:.1f}–{until / 60:.1f} min",
                f"{p50:.1f} / {p95:.1f} / {p99:.1f}",
                *(f"{megabytes:.0f}" for megabytes in mean),
                *most,
            )
        )
        memory_of.append(mean[0])
        p50_of.append(float(p50))
        connections_of.append(sum(most))
    shown = table(
        (
            "time",
            "p50 / p95 / p99 ms",
            "servers, PSS MB",
            "PostgreSQL MB",
            "Redis MB",
            "connections to PostgreSQL",
            "to Redis",
        ),
        rows,
    )
    warm = int(len(rows) * WARM_PART)
    sent = ", ".join(f"{number} {status}" for status, number in report.attempts().items())
    wrong = ", ".join(sorted({problem.what for problem in report.problems})) or "none"
    return (
        f"{shown}\n\n{seconds / 60:.0f} minutes at {full / 2:.0f} messages a second, half of what {WORKERS} workers answer at most "
        f"({full:.0f}), sampled every {SAMPLE_SECONDS:.0f} s; {report.conversations} people. Attempts: {sent}; histories that differ: {wrong}; "
        f"replies out of step: {len(report.out_of_step())}.\n\n"
        f"The last part to the first after the warm-up: memory of the servers {verdict(memory_of[-1] / memory_of[warm], GROWTH, ' ×')}, "
        f"p50 {verdict(p50_of[-1] / p50_of[warm], SLOWER, ' ×')}, "
        f"connections {verdict(connections_of[-1] / connections_of[warm], GROWTH, ' ×')}."
    )
