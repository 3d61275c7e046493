"""The assistant's own tables (conversation state, chat transcript, files to fetch) and the engine they live in."""

from functools import lru_cache

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from booking.database import postgresql_engine, take_your_time
from policy_kb.rules import store as decisions

metadata = sa.MetaData()

# What a database says, or does not say, when it is away, full or overrun: the same message may be sent again later.
AWAY = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)
# Any number; whoever makes tables holds it.
TABLES_LOCK = 7_203_452

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("sender_id", sa.String(120), primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("updated_at", sa.Float, nullable=False, index=True),
    # The number of the lock under which it was written (bot/lock_store.py): whoever holds an older one comes too late.
    sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
)

chat_messages = sa.Table(
    "chat_messages",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sender_id", sa.String(120), nullable=False),
    sa.Column("message_id", sa.String(80), nullable=False),
    sa.Column("said", sa.Text, nullable=False),
    sa.Column("replies", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False, index=True),
    sa.UniqueConstraint("sender_id", "message_id", name="uq_chat_messages_sender_message"),
    sa.Index("ix_chat_messages_sender_id_id", "sender_id", "id"),
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("sender_id", sa.String(120), primary_key=True),
    sa.Column("message_id", sa.String(80), primary_key=True),
    sa.Column("useful", sa.Boolean, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False, index=True),
)

kept_files = sa.Table(
    "kept_files",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("owner", sa.String(120), nullable=False, index=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False, index=True),
)


@lru_cache(maxsize=8)
def engine_for(url: str) -> sa.engine.Engine:
    """This process's engine for `url`, its tables made: the server and the actions share it."""
    engine = make_engine(url)
    prepare_database(engine)
    return engine


def make_engine(url: str) -> sa.engine.Engine:
    """An engine for `url`. Its errors show no values, for those are what people said.

    SQLite runs in WAL mode with a 5 s busy timeout; PostgreSQL is given up within seconds (`booking.database`).
    """
    if not url.startswith("sqlite"):
        return postgresql_engine(url)
    # Kept connections: SQLAlchemy 1.4 would close a file's connection after every use, and the last one to close writes back
    # the whole write-ahead log (6 ms a turn). An in-memory database lives in its one connection.
    pool = sa.pool.StaticPool if url in ("sqlite://", "sqlite:///:memory:") else sa.pool.QueuePool
    engine = sa.create_engine(
        url, hide_parameters=True, poolclass=pool, connect_args={"check_same_thread": False, "timeout": 5}
    )

    @sa.event.listens_for(engine, "connect")
    def _pragmas(connection: object, _record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    return engine


def prepare_database(engine: sa.engine.Engine) -> None:
    """Create what is missing, also columns and indexes that an earlier version did not have. Servers that start at once take turns."""
    with engine.begin() as connection:
        take_your_time(connection)
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(TABLES_LOCK)))
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        for tables in (metadata, decisions.metadata):
            tables.create_all(connection)
            _add_missing(connection, tables)


def _add_missing(connection: sa.engine.Connection, tables: sa.MetaData) -> None:
    there = sa.inspect(connection)
    change = Operations(MigrationContext.configure(connection))
    for table in tables.tables.values():
        known = {column["name"] for column in there.get_columns(table.name)}
        for column in table.columns:
            if column.name not in known:
                change.add_column(table.name, column.copy())
        indexed = {index["name"] for index in there.get_indexes(table.name)}
        for index in table.indexes:
            if index.name not in indexed:
                index.create(connection)
