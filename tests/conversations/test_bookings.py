"""Whole bookings as people have them: tests/conversations/bookings.yml, turn by turn, through the chat API of a server with a timetable
of its own; and what is left of them in its database.

Date words at the ends of months and years need another clock: tests/booking/test_enquiry.py has those conversations.
"""

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from booking import database
from booking.models import SHANGHAI, Base, Course, Slot
from tests.conftest import Client, Server, running_server, trained_folder

CONVERSATIONS = yaml.safe_load((Path(__file__).parent / "bookings.yml").read_text(encoding="utf-8"))
DAYS = 45
# Course: city, field, fee kind, price, most people at once, capacity, trainer, the number of its slots, when they begin
COURSES = {
    "数控车床入门实训": ("太原市", "数控加工", "公益", None, 20, 300, "", 100, "09:00"),
    "数控车床提高": ("太原市", "数控加工", "有偿", None, 20, 300, "", 200, "14:00"),
    "焊接实训": ("长治市", "焊接", "有偿", "每人80元", 4, 300, "刘师傅", 300, "09:00"),
    "养老护理实训": ("运城市", "养老护理", "公益", None, 10, 300, "", 600, "19:00"),
    "装配钳工实训": ("大同市", "钳工", "公益", None, 1, 1, "", 400, "09:00"),
}
ENDS_SOON = 501  # the 养老护理 slot that begins in 20 hours, when it is too late to cancel
_phones = count(13_900_000_001)


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a timetable: every course every day from tomorrow on, slot number = the course's + days from today."""
    var = trained_folder(tmp_path_factory.mktemp("school"))
    engine = database.make_engine(f"sqlite:///{var / 'chanjiaotong.db'}")
    database.upgrade(engine)
    with engine.begin() as connection:
        _write_timetable(connection, datetime.now(timezone.utc))
    engine.dispose()
    with running_server(var, MESSAGES_PER_MINUTE="100000") as running:
        yield running


def _write_timetable(connection: Any, now: datetime) -> None:
    today = now.astimezone(SHANGHAI).date()
    for number, (title, given) in enumerate(COURSES.items(), start=1):
        city, field, fee_kind, price, most, capacity, trainer, first, starts = given
        base = {"id": number, "reference": f"J{number}", "name": f"{city}试验基地", "level": "省级", "mode": "院校主导", "city": city,
                "address": f"{city}工业路{number}号", "phone": "0351-7000000"}  # fmt: skip
        course = {"id": number, "base_id": number, "reference": f"K{number}", "title": title, "service": "技能实习实训", "field": field,
                  "fee_kind": fee_kind, "price": price, "minutes": 120, "max_party": most}  # fmt: skip
        connection.execute(sa.insert(Base).values(**base))
        connection.execute(sa.insert(Course).values(**course))
        for day in range(1, DAYS):
            begins = datetime.combine(today + timedelta(days=day), time.fromisoformat(starts), SHANGHAI)
            _write_slot(connection, first + day, number, begins, capacity, trainer)
    _write_slot(connection, ENDS_SOON, 4, now + timedelta(hours=20), 300, "刘师傅")


def _write_slot(connection: Any, number: int, course: int, begins: datetime, capacity: int, trainer: str) -> None:
    slot = {"id": number, "course_id": course, "base_id": course, "reference": f"S{number}", "starts_at": begins,
            "ends_at": begins + timedelta(hours=2), "capacity": capacity, "trainer": trainer,
            "booking_deadline": begins - timedelta(hours=1), "cancellation_deadline": begins - timedelta(hours=24)}  # fmt: skip
    connection.execute(sa.insert(Slot).values(**slot))


class Person:
    """Somebody with a phone of their own, the last booking code and waiting list entry they were shown."""

    def __init__(self, server: Server) -> None:
        self.client, self.phone = Client(server.base_url), str(next(_phones))
        self.code = self.entry = ""

    def __call__(self, said: str, tapped: bool = False) -> list[dict[str, Any]]:
        said = said.replace("{phone}", self.phone).replace("{code}", self.code).replace("{entry}", self.entry)
        replies = self.client.tap(said) if tapped else self.client.say(said)
        shown = str(replies)
        self.code = next(iter(re.findall(r"(?:reschedule|cancel-booking|booking):([A-Z0-9]{10})", shown)), self.code)
        self.entry = next(iter(re.findall(r"(?:accept|leave-wait):(\d+)", shown)), self.entry)
        return replies

    def book(self, *messages: str) -> list[dict[str, Any]]:
        for message in messages or ("约数控", "第一个", "同意", f"王小明 {self.phone}", "确认"):
            replies = self(message)
        return replies


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=[c["name"] for c in CONVERSATIONS])
def test_conversation(school: Server, conversation: dict[str, Any]) -> None:
    people: dict[str, Person] = {}
    for turn in conversation["turns"]:
        who = turn.get("as", "me")
        person = people.setdefault(who, Person(school)) if who not in people else people[who]
        said = turn.get("tap") or turn["say"]
        replies = person(said, tapped="tap" in turn)
        text = "\n".join(reply["text"] for reply in replies)
        assert [reply["kind"] for reply in replies] == turn.get("kinds", ["booking"]), (said, text)
        for fragment in turn.get("text", []):
            assert fragment.replace("{code}", person.code) in text, (said, text)
        for fragment in turn.get("without", []):
            assert fragment not in text, (said, text)
        offered = [button["payload"] for reply in replies for button in reply["quick_replies"]]
        wanted = {
            payload.replace("{code}", person.code).replace("{entry}", person.entry)
            for payload in turn.get("offers", [])
        }
        assert wanted <= set(offered), (said, offered)
        assert person.phone not in str(replies)


def test_there_are_conversations_enough() -> None:
    assert len(CONVERSATIONS) >= 30


# -- what is left of them ------------------------------------------------------------------------------------------------


def everything(server: Server) -> dict[str, str]:
    """All that the database holds, by table, as text."""
    tables = [name for (name,) in server.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {table: str(server.rows(f"SELECT * FROM {table}")) for table in tables}


def test_names_and_numbers_are_in_no_table_and_no_log(school: Server) -> None:
    person = Person(school)
    person("2个人约数控")
    for said in (
        "第一个",
        f"同意,我叫诸葛瑾 {person.phone}",
        "同意",
        "还有一个叫司马懿",
        "名字错了,司马懿错了,是司马昭",
        "手机号错了,是13811112222",
        "收费吗",
        "实习给不给钱",
        "确认",
    ):
        replies = person(said)
    assert "约好了" in replies[-1]["text"] and "2人" in replies[-1]["text"]
    personal = ("诸葛瑾", "司马懿", "司马昭", person.phone, "13811112222")
    stored = everything(school)
    assert {"conversations", "chat_messages", "audit_events", "outbox", "vault"} <= set(stored)
    for table, rows in stored.items():
        assert not [value for value in personal if value in rows], table
    assert not [value for value in personal if value in "".join(school.printed)]


def test_my_data_is_deleted_with_booking_vault_and_transcript(school: Server) -> None:
    person, other = Person(school), Person(school)
    person.book()
    other.book()
    owners = "SELECT count(*) FROM vault"
    before = school.rows(owners)[0][0]
    [asked] = person("删除我的信息")
    assert [q["payload"] for q in asked["quick_replies"]] == ["confirm-erase", "cancel"]
    [done] = person("confirm-erase", tapped=True)
    assert "删好了" in done["text"] and "取消了 1 个" in done["text"]
    assert school.rows(owners)[0][0] < before
    assert school.rows("SELECT name, phone, status FROM bookings WHERE code = ?", person.code) == [
        (None, None, "cancelled")
    ]
    assert [entry["said"] for entry in person.client.history()] == ["confirm-erase"]
    assert "没有预约" in person("我的预约")[0]["text"]
    assert other.code in other("我的预约")[0]["text"]


@pytest.mark.parametrize("before", [["约数控"], ["约数控", "第一个"], ["约数控", "第一个", "同意"]])
def test_my_data_can_be_deleted_in_the_middle_of_a_booking(school: Server, before: list[str]) -> None:
    person = Person(school)
    for said in before:
        person(said)
    assert "确定吗" in person("删除我的信息")[-1]["text"]
    assert "删好了" in person("确定删除")[-1]["text"]
    assert "能约的有这些" in person("约数控")[-1]["text"]
