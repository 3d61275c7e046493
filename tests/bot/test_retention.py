"""What was said is forgotten in time, and all of a person at once when they ask."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa

from bot.database import chat_messages, conversations, feedback, kept_files, make_engine, prepare_database
from bot.kept_files import KeptFiles
from bot.retention import FORGOTTEN_AT_ONCE, forget_old
from bot.transcript import Transcript
from policy_kb.rules.store import decisions

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


@pytest.fixture
def engine(database_url: str) -> Any:
    made = make_engine(database_url)
    prepare_database(made)
    yield made
    made.dispose()


def put(engine: sa.engine.Engine, sender: str, age: timedelta) -> None:
    """One row of each kind that is so old."""
    at = (NOW - age).timestamp()
    with engine.begin() as connection:
        connection.execute(conversations.insert().values(sender_id=sender, state="{}", updated_at=at))
        connection.execute(
            chat_messages.insert().values(sender_id=sender, message_id="m", said="", replies="[]", created_at=at)
        )
        connection.execute(
            feedback.insert().values(sender_id=sender, message_id="m", useful=True, comment="", created_at=at)
        )
        made = {"programme": "p", "rule_version": "1", "decision": "{}", "made_at": (NOW - age).replace(tzinfo=None)}
        connection.execute(decisions.insert().values(id=sender, owner=sender, **made))


def left(engine: sa.engine.Engine) -> dict[str, int]:
    with engine.connect() as connection:
        tables = (conversations, chat_messages, feedback, decisions, kept_files)
        return {t.name: connection.execute(sa.select(sa.func.count()).select_from(t)).scalar_one() for t in tables}


def test_what_is_older_than_the_days_goes_and_the_rest_stays(engine: sa.engine.Engine) -> None:
    put(engine, "web:old", timedelta(days=91))
    put(engine, "web:new", timedelta(days=89))
    KeptFiles(engine, ["s"]).add("web:new", "a", b"", NOW - timedelta(days=8))
    assert forget_old(engine, 90, NOW) == 5
    assert left(engine) == dict.fromkeys(("conversations", "chat_messages", "feedback", "decisions"), 1) | {
        "kept_files": 0
    }
    assert forget_old(engine, 90, NOW) == 0


def test_many_go_too(engine: sa.engine.Engine) -> None:
    count = FORGOTTEN_AT_ONCE * 2 + 1
    rows = [
        {"sender_id": f"web:{n}", "message_id": "m", "said": "", "replies": "[]", "created_at": 0.0}
        for n in range(count)
    ]
    with engine.begin() as connection:
        connection.execute(chat_messages.insert(), rows)
    assert forget_old(engine, 90, NOW) == count


def test_who_is_erased_leaves_no_conversation_behind(engine: sa.engine.Engine) -> None:
    for person in ("web:a", "web:b"):
        put(engine, person, timedelta())
    Transcript(engine).erase("web:a")
    assert left(engine)["conversations"] == left(engine)["chat_messages"] == left(engine)["feedback"] == 1
