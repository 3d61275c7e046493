"""What was said in a web session, kept for the history and so that a repeated message gets the answer it already had; and what people
thought of the answers."""

import json
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from bot.database import chat_messages, conversations, feedback
from bot.privacy import mask
from bot.statements import Run, statements, waited_for

HISTORY_LIMIT = 200

_KEEP = (
    "INSERT INTO chat_messages (sender_id, message_id, said, replies, created_at)"
    " VALUES (:sender_id, :message_id, :said, :replies, :created_at) ON CONFLICT (sender_id, message_id) DO NOTHING"
)
# One round trip for all that a turn reads. A notice that came in between, to which nobody has said anything, is not the last reply.
_BEFORE = (
    "SELECT (SELECT replies FROM chat_messages WHERE sender_id = :sender_id AND message_id = :message_id),"
    " (SELECT replies FROM chat_messages WHERE sender_id = :sender_id AND said <> '' ORDER BY id DESC LIMIT 1),"
    " (SELECT state FROM conversations WHERE sender_id = :sender_id)"
)


class AlreadyAnswered(Exception):
    """The same message has been answered before, by a turn that the one who asked did not hear of."""


class Before(NamedTuple):
    """What is known when a turn begins: the replies that its message has had already, the last replies to this sender as they are
    stored ('' when there are none), and the conversation as `bot.tracker_store` keeps it (None when there is none)."""

    answered: list[dict[str, Any]] | None
    last_replies: str
    state: str | None


@dataclass
class Exchange:
    """What is said in a running turn. It is kept by the commit that keeps the conversation (`bot.tracker_store`), so that whatever
    breaks, a message has either been answered, with its answer in the transcript, or may be sent again as if for the first time.

    `before` is there until the conversation has been taken from it.
    """

    message_id: str
    said: str
    replies: Callable[[], list[dict[str, Any]]]
    before: Before | None = None
    kept: bool = False


exchange: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


def keep(run: Run, sender_id: str, message_id: str, said: str, replies: list[dict[str, Any]]) -> bool:
    """Store one exchange; False when there is one of that message id, which stays as it is."""
    row = {
        "sender_id": sender_id,
        "message_id": message_id,
        "said": said,
        "replies": json.dumps(replies, ensure_ascii=False),
        "created_at": time.time(),
    }
    return bool(run(_KEEP, row).rowcount)


class Transcript:
    """Messages and replies by sender. `replies` are Reply dictionaries."""

    def __init__(self, engine: sa.engine.Engine) -> None:
        self.engine = engine

    async def before(self, sender_id: str, message_id: str) -> Before:
        """What is known when `message_id` of this sender is to be answered."""
        return await waited_for(self.engine, self._before, sender_id, message_id)

    def _before(self, sender_id: str, message_id: str) -> Before:
        about = {"sender_id": sender_id, "message_id": message_id}
        with statements(self.engine) as run:
            answered, last_replies, state = run(_BEFORE, about).fetchone()
        return Before(json.loads(answered) if answered is not None else None, last_replies or "", state)

    def add(self, sender_id: str, message_id: str, said: str, replies: list[dict[str, Any]]) -> None:
        """Store one exchange. A message id that is there already stays as it is."""
        with statements(self.engine, writes=True) as run:
            keep(run, sender_id, message_id, said, replies)

    def remove(self, sender_id: str, message_id: str) -> None:
        """Forget one exchange, if it is there."""
        table = chat_messages
        with self.engine.begin() as connection:
            connection.execute(table.delete().where(table.c.sender_id == sender_id, table.c.message_id == message_id))

    def latest(self, sender_id: str) -> str:
        """The message id of the latest exchange, '' when there is none."""
        table = chat_messages
        query = sa.select(table.c.message_id).where(table.c.sender_id == sender_id).order_by(table.c.id.desc()).limit(1)
        with self.engine.connect() as connection:
            return str(connection.execute(query).scalar() or "")

    def erase(self, sender_id: str) -> int:
        """Forget what this sender said and was told, and where the conversation stood; how many exchanges that were."""
        with self.engine.begin() as connection:
            connection.execute(conversations.delete().where(conversations.c.sender_id == sender_id))
            connection.execute(feedback.delete().where(feedback.c.sender_id == sender_id))
            gone = chat_messages.delete().where(chat_messages.c.sender_id == sender_id)
            return int(connection.execute(gone).rowcount)

    def rate(self, sender_id: str, message_id: str, useful: bool, comment: str, at: float) -> bool:
        """Keep what this sender thinks of an answer, instead of what they thought before; False when there is no such exchange."""
        if self._before(sender_id, message_id).answered is None:
            return False
        about = sa.and_(feedback.c.sender_id == sender_id, feedback.c.message_id == message_id)
        row = {"useful": useful, "comment": mask(comment), "created_at": at}
        with self.engine.begin() as connection:
            connection.execute(feedback.delete().where(about))
            connection.execute(feedback.insert().values(sender_id=sender_id, message_id=message_id, **row))
        return True

    def ratings(self, sender_id: str) -> list[dict[str, Any]]:
        """What this sender thinks of answers, the oldest first: message_id, useful, comment, at (Unix seconds)."""
        about = feedback.c
        query = sa.select(about.message_id, about.useful, about.comment, about.created_at.label("at"))
        with self.engine.connect() as connection:
            rows = connection.execute(query.where(about.sender_id == sender_id).order_by(about.created_at)).mappings()
            return [dict(row) for row in rows]

    def reviews(self, limit: int = 200) -> list[dict[str, Any]]:
        """The latest feedback, the newest first: at (Unix seconds), useful, comment, said, and the answer's text."""
        said = sa.and_(
            chat_messages.c.sender_id == feedback.c.sender_id, chat_messages.c.message_id == feedback.c.message_id
        )
        query = (
            sa.select(
                feedback.c.created_at,
                feedback.c.useful,
                feedback.c.comment,
                chat_messages.c.said,
                chat_messages.c.replies,
            )
            .join(chat_messages, said)
            .order_by(feedback.c.created_at.desc())
            .limit(limit)
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        return [
            {
                "at": row.created_at,
                "useful": row.useful,
                "comment": row.comment,
                "said": row.said,
                "answer": "\n".join(reply["text"] for reply in json.loads(row.replies)),
            }
            for row in rows
        ]

    def history(self, sender_id: str, limit: int | None = HISTORY_LIMIT) -> list[dict[str, Any]]:
        """The latest `limit` exchanges (None: all), oldest first: message_id, said, replies, at (Unix seconds)."""
        table = chat_messages
        query = sa.select(table).where(table.c.sender_id == sender_id).order_by(table.c.id.desc()).limit(limit)
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
