"""The booking database: its engine, its transactions and its migrations, on SQLite and PostgreSQL alike."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

Result = TypeVar("Result")

MIGRATIONS = Path(__file__).with_name("migrations")
VERSION_TABLE = "booking_version"  # the database is shared with the assistant's own tables
BUSY_SECONDS = 30  # SQLite: how long a writer waits for another
RETRIES = 4
PATIENCE_SECONDS = 10  # after so long a transaction is not begun again
# PostgreSQL: the process waits for it, and everybody with the process, so that what does not come within seconds is given up. A machine
# that falls silent in the middle of a transaction must not keep its locks either.
CONNECT_SECONDS = 3
SILENT_SECONDS = 5
STATEMENT_SECONDS = 10
LOCK_SECONDS = 5
CONNECTIONS = 8  # kept once they have been needed: opening one costs PostgreSQL as much as ten turns
IDLE_SECONDS = 1.0
SHORTEST_PAUSE_SECONDS = 0.2
# Any number; whoever migrates holds it.
MIGRATION_LOCK = 7_203_451


def make_engine(url: str) -> sa.engine.Engine:
    """An engine for `url`, a SQLite file or PostgreSQL (`postgresql_engine`).

    SQLite runs in WAL mode and syncs at every commit, so that a confirmed booking survives a power cut; it waits up to BUSY_SECONDS
    for another writer.
    """
    if not url.startswith("sqlite"):
        return postgresql_engine(url, future=True)
    engine = sa.create_engine(
        url, future=True, poolclass=QueuePool, connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS}
    )
    sa.event.listen(engine, "connect", _connect)
    sa.event.listen(engine, "begin", _begin)
    return engine


def postgresql_engine(url: str, **more: Any) -> sa.engine.Engine:
    """An engine for PostgreSQL that says within seconds when it is away, and works again as soon as it is back.

    Transactions are READ COMMITTED: a guarded update must see what others have committed. A single SELECT without a transaction is one
    round trip, and a transaction one more than its statements. Its errors show no values.
    """
    session = {
        "timezone": "UTC",
        "default_transaction_isolation": r"read\ committed",
        "statement_timeout": STATEMENT_SECONDS * 1000,
        "lock_timeout": LOCK_SECONDS * 1000,
        "idle_in_transaction_session_timeout": STATEMENT_SECONDS * 1000,
    }
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "tcp_user_timeout": SILENT_SECONDS * 1000,
            "keepalives_idle": 2,
            "keepalives_interval": 1,
            "keepalives_count": SILENT_SECONDS - 2,
            "options": " ".join(f"-c {name}={value}" for name, value in session.items()),
        },
        **more,
    )
    sa.event.listen(engine, "do_connect", _Connecting())
    _say_begin(engine)
    _ping_when_idle(engine)
    return engine


def _say_begin(engine: sa.engine.Engine) -> None:
    """Let `engine` begin and end its transactions itself. psycopg2 would begin one before every statement, and the pool end it: three
    round trips for a SELECT. BEGIN travels with the transaction's first statement."""
    dialect: Any = engine.dialect
    to_begin: WeakSet[Any] = WeakSet()  # psycopg2's connections

    def of_psycopg2(connection: Any) -> Any:
        return getattr(connection, "dbapi_connection", connection)

    def execute(statement: str, connection: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    def begin(connection: Any) -> None:
        if connection.autocommit:  # otherwise somebody has asked for another level of isolation
            to_begin.add(of_psycopg2(connection))

    def with_begin(_connection: Any, cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> Any:
        if cursor.connection in to_begin:
            to_begin.discard(cursor.connection)
            if many:
                execute("BEGIN", cursor.connection)
            else:
                statement = f"BEGIN; {statement}"
        return statement, parameters

    def end(how: str, connection: Any) -> None:
        to_begin.discard(of_psycopg2(connection))
        if not connection.autocommit:
            getattr(connection, how)()
        elif connection.get_transaction_status() != dialect.dbapi.extensions.TRANSACTION_STATUS_IDLE:
            execute(how, connection)

    dialect.do_begin, dialect.do_commit, dialect.do_rollback = begin, partial(end, "commit"), partial(end, "rollback")
    sa.event.listen(engine, "before_cursor_execute", with_begin, retval=True)


def _ping_when_idle(engine: sa.engine.Engine, clock: Callable[[], float] = time.monotonic) -> None:
    """Ask whether a connection still lives when it was not used for IDLE_SECONDS. One that breaks in between is told by what it is
    used for, and a ping before each use would be a round trip each."""

    def used(_connection: Any, record: Any) -> None:
        record.info["used"] = clock()

    def ask(connection: Any, record: Any, _proxy: Any) -> None:
        if clock() - record.info.get("used", clock()) > IDLE_SECONDS and not engine.dialect.do_ping(connection):
            raise sa.exc.InvalidatePoolError

    sa.event.listen(engine, "checkin", used)
    sa.event.listen(engine, "checkout", ask)


class _Connecting:
    """Opens connections. After an attempt that failed it pauses twice as long as that took, in which every other fails at once: waiting
    for a database that is away one after the other, people would wait for minutes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._pause_ends = clock, float("-inf")

    def __call__(self, dialect: Any, _record: Any, arguments: Any, named: Any) -> Any:
        began = self._clock()
        if began < self._pause_ends:
            raise dialect.dbapi.OperationalError("the database could not be reached a moment ago")
        try:
            return dialect.connect(*arguments, **named)
        except dialect.dbapi.OperationalError:
            now = self._clock()
            self._pause_ends = now + max(SHORTEST_PAUSE_SECONDS, 2 * (now - began))
            raise


def take_your_time(connection: Any) -> None:
    """Lift the limits of time for this transaction, which changes tables."""
    if connection.dialect.name == "postgresql":
        for limit in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            connection.exec_driver_sql(f"SET LOCAL {limit} = 0")


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

    It asks when two transactions wait for each other, when a lock is not to be had in time, or when two of the same command meet, and
    gets its way for PATIENCE_SECONDS. `work` may therefore run more than once, and must change nothing but the database.
    """
    began = time.monotonic()
    for attempt in range(RETRIES):
        try:
            with engine.connect().execution_options(writes=True) as connection, connection.begin():
                return work(connection)
        except DBAPIError as error:
            last = attempt == RETRIES - 1 or time.monotonic() - began > PATIENCE_SECONDS
            if last or not _worth_another_try(error):
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
        take_your_time(connection)
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        config.attributes["connection"] = connection
        getattr(command, direction)(config, revision)

    transact(engine, work)
