"""What an operator relies on: the doctor's word, the table of settings, and the numbers of all processes."""

import re
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from booking.database import make_engine as booking_engine
from booking.database import upgrade
from booking.models import Base, Course, OutboxMessage, Person, Slot
from bot.doctor import examine
from bot.health import Outbox
from bot.settings import Settings, SettingsError, read_settings
from bot.settings_table import GROUPS, as_markdown
from tests.conftest import ROOT


def settings(folder: Path, **given: str) -> Settings:
    return read_settings({"VAR_DIR": str(folder), "SECRET_KEY": "s" * 40, **given})


def findings(given: Settings, **more: Any) -> dict[str, list[str]]:
    """The doctor's lines by level."""
    found: dict[str, list[str]] = {"well": [], "odd": [], "bad": []}
    for each in examine(given, **more):
        found[each.level].append(each.text)
    return found


# -- the doctor --------------------------------------------------------------------------------------------------------


def test_the_doctor_finds_nothing_bad_where_nothing_is(database_url: str, redis_socket: str, tmp_path: Path) -> None:
    found = findings(settings(tmp_path, DATABASE_URL=database_url, REDIS_URL=f"unix://{redis_socket}"))
    assert found["bad"] == []
    assert any("数据库" in text and "连得上" in text for text in found["well"])
    assert any("Redis" in text and "连得上" in text for text in found["well"])


def test_the_doctor_names_what_is_away_and_what_to_check(tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1"}
    line = {"LINE_CHANNEL_SECRET": "s", "LINE_CHANNEL_ACCESS_TOKEN": "t", "LINE_API_BASE": "http://127.0.0.1:1"}
    bad = "\n".join(findings(settings(tmp_path, **given, **line))["bad"])
    assert "DATABASE_URL" in bad and "REDIS_URL" in bad and "LINE:接口 http://127.0.0.1:1 连不上" in bad


def test_the_doctor_sees_a_clock_that_is_wrong(redis_socket: str, postgres_url: str, tmp_path: Path) -> None:
    given = settings(tmp_path, DATABASE_URL=postgres_url, REDIS_URL=f"unix://{redis_socket}")
    bad = findings(given, now=lambda: time.time() + 60)["bad"]
    assert len(bad) == 2 and all("时钟" in text for text in bad)


def test_the_doctor_sees_a_short_secret_and_tables_of_an_earlier_version(sqlite_url: str, tmp_path: Path) -> None:
    odd = findings(settings(tmp_path, DATABASE_URL=sqlite_url, SECRET_KEY="short"))["odd"]
    assert any("SECRET_KEY" in text for text in odd) and any("还没有表" in text for text in odd)
    engine = booking_engine(sqlite_url)
    upgrade(engine)
    engine.dispose()
    assert not any("数据库" in text for text in findings(settings(tmp_path, DATABASE_URL=sqlite_url))["odd"])


# -- settings ----------------------------------------------------------------------------------------------------------


def test_the_table_of_settings_is_what_the_program_prints() -> None:
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == as_markdown()


def test_the_table_has_every_setting_that_is_read_and_no_other() -> None:
    read = set(re.findall(r'"([A-Z][A-Z_]{3,})"', (ROOT / "bot" / "settings.py").read_text(encoding="utf-8")))
    read |= {f"{name}_PREVIOUS" for name in ("WECHAT_AES_KEY", "WECOM_AES_KEY")} | {"SANIC_PROXIES_COUNT"}
    assert {each.name for group in GROUPS for each in group.settings} == read


def test_several_processes_without_redis_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL"):
        settings(tmp_path, WORKERS="2")
    assert settings(tmp_path, WORKERS="2", REDIS_URL="redis://x").drain_seconds == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKERS", "0"),
        ("CONVERSATION_DAYS", "0"),
        ("LOG_FORMAT", "xml"),
        ("NOTIFICATIONS", "yes"),
        ("DATABASE_URL", "x"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        settings(tmp_path, **{name: value})


def test_a_postgres_address_is_taken_as_hosts_write_it(tmp_path: Path) -> None:
    assert settings(tmp_path, DATABASE_URL="postgres://u@h/d").database_url == "postgresql://u@h/d"


# -- numbers -----------------------------------------------------------------------------------------------------------


def test_the_outbox_is_counted_by_what_waits(database_url: str) -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
    engine = booking_engine(database_url)
    upgrade(engine)
    base = {"name": "b", "level": "省级", "mode": "院校主导", "city": "太原", "address": "a", "phone": "1"}
    course = {"title": "c", "service": "技能竞赛", "field": "f", "fee_kind": "公益", "minutes": 60}
    times = dict.fromkeys(("starts_at", "ends_at", "booking_deadline", "cancellation_deadline"), now)
    with engine.begin() as connection:
        connection.execute(Base.__table__.insert().values(id=1, reference="b", **base))
        connection.execute(Course.__table__.insert().values(id=1, base_id=1, reference="c", **course))
        slot = {**times, "ends_at": now + timedelta(hours=1), "reference": "s", "capacity": 1}
        connection.execute(Slot.__table__.insert().values(id=1, course_id=1, base_id=1, **slot))
        connection.execute(Person.__table__.insert().values(id=1, created_at=now))
        for key, due, state in (("a", -90, "pending"), ("b", -5, "pending"), ("c", 60, "pending"), ("d", -5, "dead")):
            at = now + timedelta(seconds=due)
            row = {"dedupe_key": key, "kind": "confirmed", "person_id": 1, "slot_id": 1, "state": state}
            connection.execute(OutboxMessage.__table__.insert().values(**row, due_at=at, next_attempt_at=at))
    messages, oldest = Outbox(engine, now.timestamp).collect()
    assert {s.labels["state"]: s.value for s in messages.samples} == {"due": 2, "scheduled": 1, "dead": 1}
    assert oldest.samples[0].value == 90
    engine.dispose()
