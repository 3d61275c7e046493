"""What is forgotten by itself: conversations, what was said, feedback, decisions and kept files, so many days after."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.database import chat_messages, conversations, feedback, kept_files
from policy_kb.rules.store import decisions

FORGOTTEN_AT_ONCE = 500


def forget_old(engine: sa.engine.Engine, days: int, now: datetime) -> int:
    """Forget what is older than `days` at `now` (UTC); how many rows that were. In short transactions, and may be repeated."""
    before = now - timedelta(days=days)
    old = (
        (conversations, conversations.c.updated_at < before.timestamp()),
        (chat_messages, chat_messages.c.created_at < before.timestamp()),
        (feedback, feedback.c.created_at < before.timestamp()),
        (decisions, decisions.c.made_at < before.replace(tzinfo=None)),
        (kept_files, kept_files.c.expires_at < now.timestamp()),  # these have a time of their own
    )
    return sum(_forget(engine, table, condition) for table, condition in old)


def _forget(engine: sa.engine.Engine, table: sa.Table, condition: sa.sql.ColumnElement) -> int:
    key, total = list(table.primary_key), 0
    some = sa.select(*key).where(condition).limit(FORGOTTEN_AT_ONCE)
    gone = table.delete().where(sa.tuple_(*key).in_(some) if len(key) > 1 else key[0].in_(some))
    while True:
        with engine.begin() as connection:
            done = int(connection.execute(gone).rowcount)
        total += done
        if done < FORGOTTEN_AT_ONCE:
            return total
