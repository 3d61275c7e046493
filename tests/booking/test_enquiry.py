"""Bookings by conversation, message by message at a fixed time, on SQLite: what is understood, asked, kept and booked."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from booking import database, service
from booking.about_slot import topics_of
from booking.desk import open_desk
from booking.enquiry import MISSES_BEFORE_OFFER, Enquiry, Said, Turn, ask_again, begin, change, go_on
from booking.models import SHANGHAI, Base, Booking, Course, Slot, VaultEntry, WaitingListEntry
from booking.who import Contact, hear, party_said
from booking.wishes import read_catalogue
from tests.booking.conftest import World
from tests.booking.racers import NOW, SECRET

ME, PHONE = "web:me", "13912345678"


class Talk:
    """One person's conversation with a desk, at a clock that the test sets."""

    def __init__(self, world: World, now: datetime = NOW, who: str = ME) -> None:
        self.world, self.now, self.who = world, now, who
        self.enquiry: Enquiry | None = None
        self.begun = 0

    def __call__(self, *messages: str) -> Turn:
        """The turn after the last of `messages`; a button's payload begins with #."""
        for message in messages:
            turn = self._one(Said("", payload=message[1:]) if message.startswith("#") else Said(message))
        return turn

    def _one(self, said: Said) -> Turn:
        desk, owner = self.world.desk, self.who
        with desk.engine.connect() as connection:
            known = read_catalogue(connection)
        if self.enquiry is None:
            self.begun += 1
            turn = begin(desk, owner, said, known, now=self.now, key=f"{owner}-{self.begun}")
        else:
            turn = go_on(desk, owner, self.enquiry, said, known, now=self.now)
        over = turn.outcome in ("done", "cancelled", "failed")
        # What the tracker does between two messages.
        self.enquiry = None if over else Enquiry.from_dict(json.loads(json.dumps(turn.enquiry.as_dict())))
        assert over or self.enquiry == turn.enquiry
        return turn

    def change(self, what: Any, text: str = "", code: str | None = None) -> Turn:
        with self.world.desk.engine.connect() as connection:
            known = read_catalogue(connection)
        self.begun += 1
        turn = change(self.world.desk, self.who, what, Said(text), known, now=self.now, key=f"c{self.begun}", code=code)
        self.enquiry = turn.enquiry if turn.outcome == "asking" else None
        return turn


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    engine = database.make_engine(f"sqlite:///{tmp_path / 'booking.db'}")
    database.upgrade(engine)
    yield World(open_desk(engine, [SECRET]))
    engine.dispose()


@pytest.fixture
def talk(world: World) -> Talk:
    return Talk(world)


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=SHANGHAI)  # type: ignore[misc,arg-type]


def slot_at(world: World, *moment: int, **values: Any) -> int:
    """A slot of two hours that begins then, Asia/Shanghai."""
    starts = at(*moment)
    given = {"starts_at": starts, "ends_at": starts + timedelta(hours=2), "booking_deadline": starts}
    return world.slot(**{**given, "cancellation_deadline": starts - timedelta(hours=24), **values})


def other_course(world: World, **values: Any) -> int:
    with world.desk.engine.begin() as connection:
        return world.add_course(connection, **values)


# -- from the first word to the code -----------------------------------------------------------------------------------


def test_a_place_is_booked_in_five_messages(world: World, talk: Talk) -> None:
    slot = world.slot()
    assert talk("约数控").enquiry.offered == (slot,)
    assert "同意吗" in talk("第一个").text and world.places(slot) == (0, 1)
    assert talk("同意").enquiry.step == "contact"
    assert "王**" in talk(f"王小明 {PHONE}").text
    done = talk("确认")
    assert done.outcome == "done" and done.booking is not None and world.places(slot) == (1, 0)


def test_a_first_sentence_with_everything_in_it_leaves_only_slot_and_consent_to_ask(world: World, talk: Talk) -> None:
    world.slot()
    talk("我叫李雷,13800001111,约数控,就我一个人", "第一个")
    assert talk("同意").enquiry.step == "confirm"
    assert talk("对").outcome == "done"


def test_without_consent_nothing_typed_is_kept(world: World, talk: Talk) -> None:
    slot = world.slot()
    talk("我叫李雷,13800001111,约数控", "第一个")
    assert talk("不同意").outcome == "cancelled"
    assert world.rows(VaultEntry) == [] and world.places(slot) == (0, 0)


def test_contact_data_alone_is_no_consent(world: World, talk: Talk) -> None:
    world.slot()
    turn = talk("约数控", "第一个", f"王小明 {PHONE}")
    assert turn.enquiry.step == "consent" and "同意吗" in turn.text
    assert talk("同意").enquiry.step == "confirm"


def test_neither_enquiry_nor_reply_holds_a_name_or_number(world: World, talk: Talk) -> None:
    world.slot()
    for message in ("约数控,我叫李雷", "第一个", "同意", PHONE):
        turn = talk(message)
        kept = json.dumps(turn.enquiry.as_dict(), ensure_ascii=False) + turn.text
        assert "李雷" not in kept and PHONE not in kept


@pytest.mark.parametrize("way_out", ["不约了", "算了", "没有就算了", "先不约了吧", "#cancel", "拉倒"])
@pytest.mark.parametrize("before", [[], ["第一个"], ["第一个", "同意"], ["第一个", "同意", f"王小明 {PHONE}"]])
def test_one_can_leave_at_every_step_and_the_places_are_free(
    world: World, talk: Talk, before: list[str], way_out: str
) -> None:
    slot = world.slot()
    talk("约数控", *before)
    assert talk(way_out).outcome == "cancelled"
    assert world.places(slot) == (0, 0) and not [v for v in world.rows(VaultEntry) if v.kind == "contact"]


def test_three_misunderstandings_end_with_an_offer_to_stop(world: World, talk: Talk) -> None:
    world.slot()
    talk("约数控", "第一个")
    texts = [talk("呵呵呵").text for _ in range(MISSES_BEFORE_OFFER)]
    assert ["先停下" in text for text in texts] == [False, False, True]


# -- corrections -------------------------------------------------------------------------------------------------------


def confirmed(talk: Talk, *names: str) -> Turn:
    return talk("第一个", "同意", f"{'、'.join(names) or '王小明'} {PHONE}")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("手机号错了,是13900003333", "139****3333"),
        ("名字错了,是赵六六", "赵**"),
        ("不对,我叫孙七", "孙*"),
        ("13900003333", "139****3333"),
    ],
)
def test_contact_data_can_be_put_right_before_it_is_confirmed(world: World, talk: Talk, said: str, shown: str) -> None:
    world.slot()
    talk("约数控")
    confirmed(talk)
    turn = talk(said)
    assert turn.enquiry.step == "confirm" and shown in turn.text


def test_one_name_of_several_can_be_put_right(world: World, talk: Talk) -> None:
    world.slot()
    talk("两个人约数控")
    confirmed(talk, "王强", "李娜")
    assert "2人:王*、李**" in talk("李娜错了,是李丽娜").text


@pytest.mark.parametrize("step", [[], ["第一个"], ["第一个", "同意"]])
def test_the_number_of_people_can_change_at_every_step(world: World, talk: Talk, step: list[str]) -> None:
    slot = world.slot()
    talk("我们厂5个人约数控", *step)
    turn = talk("改成3个人")
    assert turn.enquiry.wish.party_size == 3
    assert world.places(slot)[1] == (3 if step else 0)


def test_back_to_one_person(world: World, talk: Talk) -> None:
    slot = world.slot()
    talk("5个人约数控", "第一个", "就我一个人")
    assert world.places(slot) == (0, 1)


def test_another_day_another_time_another_place(world: World, talk: Talk) -> None:
    now = at(2026, 11, 23, 8)  # a Monday
    talk.now = now
    wednesday, thursday = slot_at(world, 2026, 12, 2, 9), slot_at(world, 2026, 12, 3, 9)
    afternoon = slot_at(world, 2026, 12, 3, 14)
    assert talk("约下周三的数控").enquiry.offered == (wednesday,)
    assert talk("不是周三,下周四").enquiry.offered == (thursday, afternoon)
    assert talk("换下午的").enquiry.offered == (afternoon,)
    assert "太原" in talk("要太原的").text and talk.enquiry is not None and talk.enquiry.offered == (afternoon,)


def test_a_change_of_mind_after_choosing_frees_the_first_slot(world: World, talk: Talk) -> None:
    talk.now = at(2026, 11, 23, 8)
    first, second = slot_at(world, 2026, 12, 2, 9), slot_at(world, 2026, 12, 3, 9)
    talk("约下周三的数控", "第一个", "同意")
    assert talk("还是下周四吧").enquiry.offered == (second,) and world.places(first) == (0, 0)
    assert talk("第一个").enquiry.step == "contact"  # consent was given


def test_more_slots_are_shown_until_there_are_none(world: World, talk: Talk) -> None:
    slots = tuple(world.slot(hours=24 * day) for day in range(1, 8))
    assert talk("约数控").enquiry.offered == slots[:5]
    assert talk("还有别的吗").enquiry.offered == slots[5:]
    again = talk("还有别的吗")
    assert again.enquiry.offered == slots[:5] and "没有别的场次了" in again.text


@pytest.mark.parametrize(
    ("said", "index"),
    [("2", 1), ("第二个", 1), ("要第三场吧", 2), ("最后一个", 2), ("选3", 2), ("第2个,我叫李雷", 1)],
)
def test_slots_are_chosen_by_their_number(world: World, talk: Talk, said: str, index: int) -> None:
    slots = [world.slot(hours=24 * day) for day in (1, 2, 3)]
    talk("约数控")
    assert talk(said).enquiry.slot == slots[index]


# -- several people ----------------------------------------------------------------------------------------------------


def test_a_list_of_names_may_come_in_several_messages(world: World, talk: Talk) -> None:
    slot = world.slot()
    talk("我们厂5个人约数控", "第一个", "同意")
    assert "还差2位学员的姓名和一个手机号" in talk("张三、李四、王五").text
    assert "还差1位" in talk(f"赵六 {PHONE}").text
    assert "5人:张*、李*、王*、赵*、孙*" in talk("孙七").text
    assert talk("确认").outcome == "done" and world.places(slot) == (5, 0)
    assert len(world.row(Booking).participants) == 5


def test_a_teacher_is_the_contact_of_a_class(world: World, talk: Talk) -> None:
    world.slot()
    turn = talk("2个学生约数控", "第一个", "同意", f"联系人王芳 {PHONE} 学员 张三、李四")
    assert "2人:张*、李*,联系人王*" in turn.text
    assert talk("确认").outcome == "done"
    booked = world.row(Booking)
    opened = world.desk.vault.opened(world.desk.engine.connect(), [booked.name, *booked.participants])
    assert list(opened.values()).count("王芳") == 1 and len(opened) == 3


def test_a_shorter_list_takes_the_place_of_a_longer_one(world: World, talk: Talk) -> None:
    world.slot()
    talk("5个人约数控", "第一个", "同意", f"张三、李四、王五、赵六、孙七 {PHONE}", "改成3个人")
    assert "3人:张*、李*、王*" in talk("张三、李四、王五").text


def test_who_one_is_changes_nothing_once_a_slot_is_chosen(world: World, talk: Talk) -> None:
    slot = world.slot()
    talk("约数控", "第一个", "同意")
    assert talk("我是老师").outcome == "missed" and world.places(slot) == (0, 1)


def test_too_large_a_party_is_told_how_many_may_come_and_keeps_the_slot(world: World, talk: Talk) -> None:
    slot = world.slot(capacity=30)
    turn = talk("约数控", "50个人")
    assert "一次最多约20人" in turn.text
    turn = talk("第一个")
    assert turn.enquiry.step == "party" and "1到20人" in turn.text
    assert turn.options[0].payload == "reply:party-20"
    assert talk("改成8个人").enquiry.step == "consent" and world.places(slot) == (0, 8)


# -- questions about the slot --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("收费吗", "标的是“公益”"),
        ("多少钱一个人", "基地没有写,请打基地电话问:0351-0000000"),
        ("在哪", "示例路1号"),
        ("几点开始", "一共2小时"),
        ("谁教", "谁来教,基地没有写"),
        ("要带啥", "这一点,基地没有写,请打基地电话问:0351-0000000"),
        ("能停车吗", "基地没有写"),
        ("零基础能学吗", "要什么条件、适合什么人,基地没有写"),
        ("还剩几个名额", "一共10个名额"),
        ("最晚什么时候能取消", "前可以取消或改期"),
        ("在哪,几点", "示例路1号"),
    ],
)
@pytest.mark.parametrize("before", [[], ["第一个"], ["第一个", "同意"], ["第一个", "同意", f"王小明 {PHONE}"]])
def test_a_question_about_the_slot_is_answered_from_its_own_facts(
    world: World, talk: Talk, before: list[str], question: str, told: str
) -> None:
    world.slot()
    earlier = talk("约数控", *before)
    turn = talk(question)
    assert turn.outcome == "told" and told in turn.text
    again = ask_again(world.desk, ME, turn.enquiry, now=NOW)
    assert again.text.split("\n")[-1] == earlier.text.split("\n")[-1]


def test_what_the_base_has_written_is_told(world: World, talk: Talk) -> None:
    course = other_course(world, title="焊接提高", field="焊接", fee_kind="有偿", price="每人 80 元", level="高级工")
    world.slot(course_id=course, trainer="刘师傅")
    talk("约焊接", "第一个")
    assert "每人 80 元" in talk("收费吗").text
    assert "刘师傅" in talk("老师是谁").text
    assert "高级工" in talk("要什么基础").text


def test_a_question_about_one_of_several_slots(world: World, talk: Talk) -> None:
    course = other_course(world, title="数控提高", field="数控", fee_kind="有偿", price="80 元")
    world.slot(hours=24)
    world.slot(hours=48, course_id=course)
    talk("约数控")
    assert talk("第二个收费吗").text == "这一场标的是“有偿”。基地写的价格是:80 元。"
    assert "第1场:" in talk("收费吗").text and "第2场:" in talk("收费吗").text


@pytest.mark.parametrize(
    "question",
    [
        "实习给不给钱",
        "培训津贴多少钱",
        "实训基地对外收费吗",
        "学徒期多久",
        "企业培训员工有没有补贴",
        "实习生要签协议吗",
        "我们8个人能领多少津贴",
        "培训津贴一人多少钱",
    ],
)
@pytest.mark.parametrize("before", [["第一个"], ["第一个", "同意"], ["第一个", "同意", f"王小明 {PHONE}"]])
def test_a_question_about_policy_is_left_to_others_and_changes_nothing(
    world: World, talk: Talk, before: list[str], question: str
) -> None:
    slot = world.slot()
    earlier = talk("约数控", *before).enquiry
    turn = talk(question)
    assert turn.outcome == "question" and world.places(slot) == (0, 1)
    assert (turn.enquiry.step, turn.enquiry.contact) == (earlier.step, earlier.contact)


@pytest.mark.parametrize(
    "text", ["不知道", "好的", "第一个", "要太原的", "换下午的", "下周三有吗", "有吗", "可以", "约", "不行"]
)
def test_not_everything_is_a_question_about_the_slot(text: str) -> None:
    assert topics_of(text) == ()


# -- full slots and refusals ---------------------------------------------------------------------------------------------


def test_a_full_slot_leads_to_the_waiting_list_and_its_position(world: World, talk: Talk) -> None:
    slot = world.slot(capacity=1)
    world.book("web:first", slot)
    world.wait("web:second", slot)
    assert "满了,可以排队" in talk("约数控").text
    full = talk("第一个")
    assert full.enquiry.step == "full" and full.options[0].payload == f"wait:{slot}"
    assert "排队等名额" in talk("好的").text
    done = talk("同意", f"王小明 {PHONE}", "确认")
    assert done.place is not None and done.place.position == 2 and "第 2 位" in done.text


def test_somebody_who_would_rather_not_wait_sees_other_slots(world: World, talk: Talk) -> None:
    slot, other = world.slot(capacity=1, hours=24), world.slot(hours=48)
    world.book("web:first", slot)
    talk("约数控", f"#slot:{slot}")
    assert other in talk("不要").enquiry.offered and world.rows(WaitingListEntry) == []


def test_a_hold_that_ran_out_while_thinking_is_no_loss_while_there_is_room(world: World, talk: Talk) -> None:
    slot = world.slot()
    talk("约数控", "第一个", "同意")
    talk.now = NOW + timedelta(minutes=30)
    service.expire(world.desk, now=talk.now)
    assert world.places(slot) == (0, 0)
    assert talk(f"王小明 {PHONE}", "确认").outcome == "done" and world.places(slot) == (1, 0)


def test_a_hold_that_ran_out_and_was_taken_leads_to_the_waiting_list(world: World, talk: Talk) -> None:
    slot = world.slot(capacity=1)
    talk("约数控", "第一个", "同意", f"王小明 {PHONE}")
    talk.now = NOW + timedelta(minutes=30)
    service.expire(world.desk, now=talk.now)
    world.book("web:faster", slot, now=talk.now)
    assert talk("确认").enquiry.step == "full"
    assert "确认排队吗" in talk("排队").text  # consent and contact are known
    assert talk("确认").place is not None


def test_a_place_that_came_free_meanwhile_is_offered_instead_of_waiting(world: World, talk: Talk) -> None:
    slot = world.slot(capacity=1)
    booked = world.book("web:first", slot)
    talk("约数控", "第一个", "好", "同意", f"王小明 {PHONE}")
    service.cancel(world.desk, "web:first", booked.code, now=NOW, key="free")
    turn = talk("确认")
    assert "刚好有名额了" in turn.text and turn.enquiry.step == "confirm"
    assert talk("确认").booking is not None


def test_the_same_slot_twice_and_two_at_a_time_are_refused_with_a_way_to_the_first(world: World, talk: Talk) -> None:
    slot = world.slot()
    overlapping = world.slot(hours=73)
    code = world.book(ME, slot).code
    for one, reason in ((slot, "已经约了这一场"), (overlapping, "时间冲突")):
        talk.enquiry = None
        turn = talk("约数控", f"#slot:{one}")
        assert reason in turn.text and f"booking:{code}" in [o.payload for o in turn.options]


def test_the_limit_of_bookings_is_told(world: World) -> None:
    world = world.with_policy(max_active_bookings=1)
    talk = Talk(world)
    world.book(ME, world.slot(hours=24))
    other = world.slot(hours=48)
    turn = talk("约数控", f"#slot:{other}")
    assert "最多同时有1个" in turn.text and "bookings" in [o.payload for o in turn.options]


def test_a_slot_whose_deadline_passed_while_choosing_is_refused(world: World, talk: Talk) -> None:
    slot = world.slot(hours=2)
    talk("约数控")
    talk.now = NOW + timedelta(hours=3)
    assert "截止" in talk(f"#slot:{slot}").text and world.places(slot) == (0, 0)


def test_a_subject_that_nobody_teaches_is_said_before_anything_else_is_listed(world: World, talk: Talk) -> None:
    world.slot()
    assert talk("约茶艺").text.startswith("现在没有“茶艺”的场次。")


# -- bookings that exist ---------------------------------------------------------------------------------------------------


def test_a_booking_is_moved_by_saying_where_to_and_only_after_a_yes(world: World, talk: Talk) -> None:
    talk.now = at(2026, 11, 23, 8)
    old, new = slot_at(world, 2026, 12, 2, 9), slot_at(world, 2026, 12, 4, 9)
    code = world.book(ME, old, now=talk.now).code
    turn = talk.change("move", "把我的预约改到下周五")
    assert turn.enquiry.offered == (new,)
    assert "要改到这一场" in talk("第一个").text and world.places(old) == (1, 0)
    done = talk("确认改期")
    assert done.booking is not None and done.booking.code == code
    assert (world.places(old), world.places(new)) == ((0, 0), (1, 0))


def test_a_move_that_is_given_up_changes_nothing(world: World, talk: Talk) -> None:
    old = world.slot(hours=72)
    world.slot(hours=96)
    world.book(ME, old)
    talk.change("move")
    assert "预约还在" in talk("第一个", "不改了").text and world.places(old) == (1, 0)


def test_a_booking_past_its_deadline_is_neither_moved_nor_cancelled_and_the_phone_is_told(
    world: World, talk: Talk
) -> None:
    world.book(ME, world.slot(hours=20))
    for what in ("move", "cancel"):
        turn = talk.change(what)
        assert turn.outcome == "failed" and "截止" in turn.text and "0351-0000000" in turn.text


@pytest.mark.parametrize("yes", ["是的", "确定", "取消吧", "对,取消"])
def test_the_only_booking_is_cancelled_after_a_yes(world: World, talk: Talk, yes: str) -> None:
    slot = world.slot()
    world.book(ME, slot)
    assert "要取消" in talk.change("cancel", "取消我的预约").text
    assert talk(yes).outcome == "done" and world.places(slot) == (0, 0)


@pytest.mark.parametrize("no", ["不取消", "算了", "不了", "先不退了"])
def test_a_booking_stays_after_a_no(world: World, talk: Talk, no: str) -> None:
    slot = world.slot()
    world.book(ME, slot)
    talk.change("cancel")
    assert "预约还在" in talk(no).text and world.places(slot) == (1, 0)


def test_of_several_bookings_the_one_that_is_meant_is_cancelled(world: World, talk: Talk) -> None:
    welding = other_course(world, title="焊接实训", field="焊接")
    first, second = world.slot(hours=48), world.slot(hours=96, course_id=welding)
    for slot in (first, second):
        world.book(ME, slot)
    turn = talk.change("cancel")
    assert turn.enquiry.step == "which" and "取消哪一个" in turn.text
    assert "焊接" in talk("第二个").text
    talk.enquiry = None
    assert "焊接" in talk.change("cancel", "把焊接那个退了").text
    assert talk("是").outcome == "done" and (world.places(first), world.places(second)) == ((1, 0), (0, 0))


def test_nothing_to_change_is_said(talk: Talk) -> None:
    assert talk.change("move").outcome == "failed" and talk.change("cancel").text == "您现在没有预约。"


# -- the ends of months and years --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "said", "day", "label"),
    [
        ((2026, 12, 31, 10), "约明天上午的数控", (2027, 1, 1, 9), "明天2027年1月1日(周五)"),
        ((2026, 12, 31, 10), "约后天的数控", (2027, 1, 2, 9), "后天2027年1月2日(周六)"),
        ((2026, 12, 30, 10), "约下周三的数控", (2027, 1, 6, 9), "2027年1月6日(周三)"),
        ((2026, 12, 31, 10), "元旦后约数控", (2027, 1, 4, 9), "2027年1月4日"),
        ((2026, 12, 20, 10), "下个月5号的数控", (2027, 1, 5, 9), "2027年1月5日"),
        ((2026, 11, 20, 10), "年底约一次数控", (2026, 12, 30, 9), "12月30日"),
        ((2026, 12, 20, 10), "1月3号的数控", (2027, 1, 3, 9), "2027年1月3日"),
        ((2027, 1, 31, 10), "明天的数控", (2027, 2, 1, 9), "明天2月1日(周一)"),
        ((2027, 1, 31, 10), "下个月的数控", (2027, 2, 28, 9), "2月28日"),
        ((2027, 1, 30, 10), "31号的数控", (2027, 1, 31, 9), "明天1月31日"),
        ((2027, 1, 20, 10), "约月底的数控", (2027, 1, 31, 9), "1月31日(周日)"),
        ((2028, 2, 27, 10), "后天的数控", (2028, 2, 29, 9), "后天2月29日(周二)"),
        ((2027, 2, 28, 10), "明天下午的数控", (2027, 3, 1, 14), "明天3月1日(周一)14:00"),
        ((2027, 4, 30, 10), "约这周日的数控", (2027, 5, 2, 9), "后天5月2日(周日)"),
        ((2026, 9, 30, 10), "国庆后的数控", (2026, 10, 9, 9), "10月9日"),
    ],
)
def test_days_are_understood_and_booked_across_the_ends_of_months_and_years(
    world: World, now: tuple[int, ...], said: str, day: tuple[int, ...], label: str
) -> None:
    talk = Talk(world, at(*now))
    slot_at(world, *(talk.now + timedelta(hours=5)).timetuple()[:4])  # a slot of the same day, which is not meant
    meant = slot_at(world, *day)
    turn = talk(said)
    assert turn.enquiry.offered == (meant,) and label in turn.text
    done = talk("第一个", "同意", f"王小明 {PHONE}", "确认")
    assert done.booking is not None and done.booking.starts_at == at(*day)


def test_a_day_that_the_month_lacks_is_said(world: World) -> None:
    talk = Talk(world, at(2027, 2, 1, 10))
    slot_at(world, 2027, 2, 20, 9)
    assert "没有30日" in talk("约2月30号的数控").text


def test_a_conversation_over_midnight_of_new_year_keeps_the_day_that_was_meant(world: World) -> None:
    talk = Talk(world, at(2026, 12, 31, 23, 58))
    meant = slot_at(world, 2027, 1, 1, 14)
    talk("约明天下午的数控", "第一个")
    talk.now = at(2027, 1, 1, 0, 1)
    assert "今天1月1日(周五)14:00" in talk("同意", f"王小明 {PHONE}").text
    assert talk("确认").outcome == "done" and world.places(meant) == (1, 0)


# -- names, numbers and how many -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("周芳 13911112222", ("周芳",)),
        ("我叫王小明,电话13911112222", ("王小明",)),
        ("王小明13911112222", ("王小明",)),
        ("李和平和张有才,13911112222", ("李和平", "张有才")),
        ("陳大文 13911112222", ("陳大文",)),
        ("阿依古丽·买买提 13911112222", ("阿依古丽·买买提",)),
        ("Wang Xiaoming 13911112222", ("Wang Xiaoming",)),
        ("欧阳娜娜", ("欧阳娜娜",)),
        ("小红", ("小红",)),
        ("周六六", ("周六六",)),
        ("姓名:李雷 手机:139 1111 2222", ("李雷",)),
    ],
)
def test_names_are_heard(said: str, names: tuple[str, ...]) -> None:
    assert hear(said, party=len(names), asked=True).names == names


@pytest.mark.parametrize(
    "said",
    [
        "实习给不给钱",
        "删除我的信息",
        "我的预约",
        "不知道",
        "谢谢",
        "等一下",
        "改成3个人",
        "我姓王",
        "周六",
        "要带身份证吗",
        "好的",
        "随便",
    ],
)
def test_what_is_no_name_is_not_taken_for_one(said: str) -> None:
    assert hear(said, asked=True) == Contact()


@pytest.mark.parametrize(
    "said", ["约数控", "我是太原的,想约数控", "我是高中生", "下周三张罗一下焊接", "我们厂5个人想练数控"]
)
def test_nobody_is_named_where_no_name_was_asked_for(said: str) -> None:
    assert hear(said) == Contact()


@pytest.mark.parametrize(
    ("said", "party"),
    [("我们俩", 2), ("改成三个", 3), ("再加一个人", 4), ("少一个人", 2), ("我们班42名学生", 42), ("一百二十个人", 120), ("就我一个人", 1),
     ("第3个", None), ("12月3号", None), ("两个小时", None), ("下周三的数控", None), ("多少人", None)],
)  # fmt: skip
def test_how_many_people_are_spoken_of(said: str, party: int | None) -> None:
    assert party_said(said, 3) == party


def test_every_table_but_the_vault_is_free_of_names_and_numbers(world: World, talk: Talk) -> None:
    world.slot()
    talk("2个人约数控,我叫李雷 13800001111", "第一个", "同意", "韩梅梅", "确认")
    assert world.rows(Booking)
    with world.desk.engine.connect() as connection:
        for table in sa.inspect(connection).get_table_names():
            stored = str(connection.exec_driver_sql(f"SELECT * FROM {table}").all())
            assert not [value for value in ("李雷", "韩梅梅", "13800001111") if value in stored], table


def test_the_tables_of_this_world_are_the_real_ones(world: World) -> None:
    assert world.rows(Base) and world.rows(Course) and not world.rows(Slot)
