"""What was said in a web session, kept for the history and so that a repeated message gets the answer it already had."""

import json
import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from bot.database import chat_messages

HISTORY_LIMIT = 200


class Transcript:
    """Messages and replies by sender. `replies` are Reply dictionaries."""

    def __init__(self, engine: sa.engine.Engine) -> None:
        self.engine = engine

    def answered(self, sender_id: str, message_id: str) -> list[dict[str, Any]] | None:
        """The replies that `message_id` of this sender got, or None when it is new."""
        table = chat_messages
        query = sa.select(table.c.replies).where(table.c.sender_id == sender_id, table.c.message_id == message_id)
        with self.engine.connect() as connection:
            stored = connection.execute(query).scalar_one_or_none()
        return json.loads(stored) if stored is not None else None

    def add(self, sender_id: str, message_id: str, said: str, replies: list[dict[str, Any]]) -> None:
        """Store one exchange. A message id that is there already stays as it is."""
        row = {
            "sender_id": sender_id,
            "message_id": message_id,
            "said": said,
            "replies": json.dumps(replies, ensure_ascii=False),
            "created_at": time.time(),
        }
        try:
            with self.engine.begin() as connection:
                connection.execute(chat_messages.insert().values(**row))
        except IntegrityError:
            return

    def last_replies(self, sender_id: str) -> str:
        """The replies of the latest exchange as they are stored, '' when there is none."""
        table = chat_messages
        query = sa.select(table.c.replies).where(table.c.sender_id == sender_id).order_by(table.c.id.desc()).limit(1)
        with self.engine.connect() as connection:
            return str(connection.execute(query).scalar() or "")

    def erase(self, sender_id: str) -> int:
        """Forget what this sender said and was told; how many exchanges that were."""
        with self.engine.begin() as connection:
            gone = chat_messages.delete().where(chat_messages.c.sender_id == sender_id)
            return int(connection.execute(gone).rowcount)

    def history(self, sender_id: str) -> list[dict[str, Any]]:
        """The latest HISTORY_LIMIT exchanges, oldest first: message_id, said, replies, at (Unix seconds)."""
        table = chat_messages
        query = sa.select(table).where(table.c.sender_id == sender_id).order_by(table.c.id.desc()).limit(HISTORY_LIMIT)
        with self.engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return [
            {
                "message_id": row["message_id"],
                "said": row["said"],
                "replies": json.loads(row["replies"]),
                "at": row["created_at"],
            }
            for row in reversed(rows)
        ]
