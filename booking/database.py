"""The booking database: its engine, its transactions and its migrations, on SQLite and PostgreSQL alike."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

Result = TypeVar("Result")

MIGRATIONS = Path(__file__).with_name("migrations")
VERSION_TABLE = "booking_version"  # the database is shared with the assistant's own tables
BUSY_SECONDS = 30
RETRIES = 4
# Any number; whoever migrates holds it.
MIGRATION_LOCK = 7_203_451


def make_engine(url: str) -> sa.engine.Engine:
    """An engine for `url`, a SQLite file or PostgreSQL.

    SQLite runs in WAL mode and syncs at every commit, so that a confirmed booking survives a power cut; it waits up to BUSY_SECONDS
    for another writer. PostgreSQL keeps READ COMMITTED: a guarded update must see what others have committed.
    """
    if not url.startswith("sqlite"):
        options = f"-c timezone=UTC -c lock_timeout={BUSY_SECONDS * 1000}"
        return sa.create_engine(
            url, future=True, pool_pre_ping=True, isolation_level="READ COMMITTED", connect_args={"options": options}
        )
    engine = sa.create_engine(
        url, future=True, poolclass=QueuePool, connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS}
    )
    sa.event.listen(engine, "connect", _connect)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # pysqlite would begin transactions by itself, and too late
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Any) -> None:
    """A writer takes the write lock at once: one that has read first could not get it after another's commit."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: sa.engine.Engine) -> Iterator[Any]:
    """A connection that sees one state of the database (SQLite) or what is committed (PostgreSQL)."""
    with engine.connect() as connection:
        yield connection


def transact(engine: sa.engine.Engine, work: Callable[[Any], Result]) -> Result:
    """The result of `work(connection)` in one writing transaction, begun again when the database asks for it.

    It asks when two transactions wait for each other, when a lock is not to be had in time, or when two of the same command meet.
    `work` may therefore run more than once, and must change nothing but the database.
    """
    for attempt in range(RETRIES):
        try:
            with engine.connect().execution_options(writes=True) as connection, connection.begin():
                return work(connection)
        except DBAPIError as error:
            if attempt == RETRIES - 1 or not _worth_another_try(error):
                raise
            time.sleep(0.01 * 2**attempt)
    raise AssertionError("unreachable")


def _worth_another_try(error: DBAPIError) -> bool:
    if isinstance(error, sa.exc.IntegrityError):
        return True  # somebody else inserted the same row first; the second look finds it
    code = getattr(error.orig, "pgcode", None)
    return code in ("40001", "40P01", "55P03") or "database is locked" in str(error.orig)


def upgrade(engine: sa.engine.Engine, revision: str = "head") -> None:
    """Bring the tables to `revision`. Several servers may start at once: the first migrates, the others wait and find it done."""
    _migrate(engine, "upgrade", revision)


def downgrade(engine: sa.engine.Engine, revision: str) -> None:
    """Take the tables back to `revision` ("base": none of ours is left)."""
    _migrate(engine, "downgrade", revision)


def _migrate(engine: sa.engine.Engine, direction: str, revision: str) -> None:
    from alembic import command  # slow to import, and only a start needs it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))

    def work(connection: Any) -> None:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        config.attributes["connection"] = connection
        getattr(command, direction)(config, revision)

    transact(engine, work)
