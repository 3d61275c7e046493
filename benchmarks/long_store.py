"""A turn's time at the 5,000th message of a conversation, and among a million stored events of other people, on both databases."""

import json
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from benchmarks.load import Province, databases
from benchmarks.messages import mixed_messages
from benchmarks.results import table, verdict
from benchmarks.setups import Ours

TURNS = 5_000
# The messages of turns 3 to 12 are said again around turn 5,000, and in new conversations between, so that only their length differs.
SAME = slice(2, 12)
ROUNDS = 10
OTHERS = 1_000_000  # events of other people, and as many exchanges
SHORT_EXCHANGE = "谢谢"
LIMIT, NO_CHANGE = 1.5, 1.1
_NUMBERS = {
    "postgresql": "(SELECT generate_series(1, {count}) AS n) AS numbers",
    "sqlite": "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count}) SELECT n FROM c) AS numbers",
}
_PEOPLE = """
INSERT INTO conversations (sender_id, state, updated_at, fence)
SELECT 'web:other-' || n, state, updated_at, fence FROM {numbers}, ({fullest}) AS one
"""
_FULLEST = "SELECT * FROM conversations ORDER BY length(state) DESC LIMIT 1"
_EXCHANGES = """
INSERT INTO chat_messages (sender_id, message_id, said, replies, created_at)
SELECT 'web:other-' || (n % {people}), 'other-' || n, said, replies, created_at FROM {numbers},
       (SELECT * FROM chat_messages WHERE said = '{said}' LIMIT 1) AS one
"""


@dataclass(frozen=True)
class Times:
    """Milliseconds of the same messages in new conversations and in the long one."""

    new: np.ndarray
    long: np.ndarray


def measure() -> str:
    """The section: SQLite and PostgreSQL, each before and after it is filled."""
    rows, verdicts = [], []
    for name in ("SQLite", "PostgreSQL and Redis"):
        with ExitStack() as running:
            var = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            if name == "SQLite":
                ours, url = Ours(var), f"sqlite:///{var / 'chanjiaotong.db'}"
            else:
                data = running.enter_context(databases())
                ours, url = Province(var, data, 1), data.url
            ours.prepare()
            running.enter_context(ours)
            ours.start()
            session = _talk_long(ours)
            before = _compared(ours, session)
            people, seconds = _fill(url)
            after = _compared(ours, session)
        found = [float(np.median(each)) for each in (before.new, before.long, after.new, after.long)]
        rows.append((name, *(f"{ms:.1f}" for ms in found), f"{people:,}", f"{seconds:.0f}"))
        verdicts.append(
            f"{name}: turn {TURNS:,} to turns 3-12 {verdict(found[1] / found[0], LIMIT, ' ×')}, among the others "
            f"{verdict(found[3] / found[2], LIMIT, ' ×')}; with to without the others {verdict(found[2] / found[0], NO_CHANGE, ' ×')}"
        )
    header = (
        "database",
        "turns 3-12, ms",
        f"around turn {TURNS:,}, ms",
        "turns 3-12 among others, ms",
        f"around turn {TURNS:,} among others, ms",
        "others' conversations",
        "filling took s",
    )
    note = (
        f"Medians of {ROUNDS} × 10 turns, new conversations and the long one in turn, the same messages in both. Others: "
        f"conversations with {OTHERS:,} events together, each as full as conversations get, and {OTHERS:,} exchanges in the transcript."
    )
    return f"{table(header, rows)}\n\n{note}\n\n{'. '.join(verdicts)}."


def _talk_long(ours: Ours) -> str:
    """The session of a conversation that is nearly TURNS long."""
    session = ours.open_session()
    ours.ask(session, SHORT_EXCHANGE)
    for text in mixed_messages(TURNS - 1 - ROUNDS * 10):
        ours.ask(session, text)
    return session


def _compared(ours: Ours, session: str) -> Times:
    messages = mixed_messages(TURNS - 1 - ROUNDS * 10)[: SAME.stop]
    milliseconds = np.zeros((2, ROUNDS, SAME.stop - SAME.start))
    for n in range(ROUNDS):
        begun = ours.open_session()
        for which, (said_in, said) in enumerate(((begun, messages), (session, messages[SAME]))):
            seconds = [ours.ask(said_in, text).seconds for text in said]
            milliseconds[which, n] = np.array(seconds[-milliseconds.shape[2] :]) * 1000
    return Times(*milliseconds)


def _fill(url: str) -> tuple[int, float]:
    """Store what other people said; how many they are, and seconds."""
    started = time.perf_counter()
    engine = sa.create_engine(url)
    numbers = _NUMBERS[engine.dialect.name]
    with engine.begin() as connection:
        fullest = connection.exec_driver_sql(_FULLEST).mappings().one()
        people = OTHERS // len(json.loads(fullest["state"])["events"])
        connection.execute(sa.text(_PEOPLE.format(numbers=numbers.format(count=people), fullest=_FULLEST)))
        fill = _EXCHANGES.format(numbers=numbers.format(count=OTHERS), people=people, said=SHORT_EXCHANGE)
        connection.execute(sa.text(fill))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # Now, and not while turns are timed: what a million new rows would set off by themselves.
        postgresql = engine.dialect.name == "postgresql"
        connection.exec_driver_sql("VACUUM ANALYZE" if postgresql else "ANALYZE")
        connection.exec_driver_sql("CHECKPOINT" if postgresql else "PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return people, time.perf_counter() - started
