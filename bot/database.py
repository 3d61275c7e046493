"""The assistant's own tables (conversation state and chat transcript) and the engine they live in."""

import sqlalchemy as sa

metadata = sa.MetaData()

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("sender_id", sa.String(120), primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("updated_at", sa.Float, nullable=False, index=True),
)

chat_messages = sa.Table(
    "chat_messages",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sender_id", sa.String(120), nullable=False),
    sa.Column("message_id", sa.String(80), nullable=False),
    sa.Column("said", sa.Text, nullable=False),
    sa.Column("replies", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.UniqueConstraint("sender_id", "message_id", name="uq_chat_messages_sender_message"),
    sa.Index("ix_chat_messages_sender_id_id", "sender_id", "id"),
)


def make_engine(url: str) -> sa.engine.Engine:
    """An engine for `url`. SQLite runs in WAL mode with a 5 s busy timeout; PostgreSQL connections are checked before use."""
    if url.startswith("sqlite"):
        # Kept connections: SQLAlchemy 1.4 would close a file's connection after every use, and the last one to close writes back
        # the whole write-ahead log (6 ms a turn). An in-memory database lives in its one connection.
        pool = sa.pool.StaticPool if url in ("sqlite://", "sqlite:///:memory:") else sa.pool.QueuePool
        engine = sa.create_engine(url, poolclass=pool, connect_args={"check_same_thread": False, "timeout": 5})

        @sa.event.listens_for(engine, "connect")
        def _pragmas(connection: object, _record: object) -> None:
            cursor = connection.cursor()  # type: ignore[attr-defined]
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=NORMAL")
            cursor.close()

    else:
        engine = sa.create_engine(url, pool_pre_ping=True)
    return engine


def prepare_database(engine: sa.engine.Engine) -> None:
    """Create what is missing."""
    metadata.create_all(engine)
