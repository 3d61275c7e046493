"""Slots that fit what somebody says, and what is offered instead when none does."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from booking.database import reading
from booking.dates import when
from booking.examples import load_examples
from booking.find import Found, find, kilometres
from booking.models import SHANGHAI, Base, Course, Slot
from booking.wishes import CITY_CENTRES, Catalogue, CatalogueCache, KnownBase, Wish, read_catalogue, wish_from

NOW = datetime(2026, 11, 21, 14, 0, tzinfo=SHANGHAI)  # a Saturday
KNOWN = Catalogue(
    bases=(
        KnownBase(1, "示例基地·太原(院校主导)", "太原", "太原市小店区示例路1号"),
        KnownBase(2, "晋中智能制造公共实训基地", "晋中", "晋中市平遥县示例路2号"),
    ),
    fields=("数控加工", "电工", "汽车维修", "养老护理", "母婴护理", "烹饪", "焊接"),
    titles=("数控车床入门实训", "数控加工中心提高训练", "中式面点入门", "低压电工技能鉴定"),
    services=("技能实习实训", "技能鉴定"),
    levels=("入门", "中级工"),
)


def count(value: int, text: str, whole: str) -> Mapping[str, Any]:
    start = whole.index(text)
    return {"entity": "count", "value": value, "start": start, "end": start + len(text)}


@pytest.fixture
def examples(engine: sa.engine.Engine) -> sa.engine.Engine:
    assert load_examples(engine, NOW) > 100
    return engine


def search(engine: sa.engine.Engine, text: str, limit: int = 5, **changes: Any) -> Found:
    with reading(engine) as connection:
        wish = replace(wish_from(text, (), NOW, read_catalogue(connection)), **changes)
        return find(connection, wish, NOW, limit)


# --- Words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("我想约下周三的数控实训", {"数控加工"}),
        ("學數控", {"数控加工"}),
        ("CNC", {"数控加工"}),
        ("电工", {"电工"}),
        ("低压电工", {"电工"}),
        ("想学做饭", {"烹饪"}),
        ("汽修", {"汽车维修"}),
        ("修车", {"汽车维修"}),
        ("电焊", {"焊接"}),
        ("护理", {"养老护理", "母婴护理"}),
        ("照顾老人", {"养老护理"}),
        ("我们员工来", set()),
        ("随便什么实训", set()),
        ("高级培训课程", set()),
    ],
)
def test_what_people_say_leads_to_the_fields_that_there_are(text: str, fields: set[str]) -> None:
    assert set(wish_from(text, (), NOW, KNOWN).fields) == fields


def test_a_field_that_no_base_has_is_not_wished() -> None:
    assert wish_from("想学做饭", (), NOW, replace(KNOWN, fields=("数控加工",))).fields == ()


def test_words_of_a_title_count_when_they_say_more_than_the_field() -> None:
    assert wish_from("学面点", (), NOW, KNOWN).title == "面点"
    assert wish_from("数控车床", (), NOW, KNOWN).title == "数控车床"
    assert wish_from("数控", (), NOW, KNOWN).title is None
    assert wish_from("下午茶", (), NOW, replace(KNOWN, titles=("下午茶点",))).title is None


@pytest.mark.parametrize(
    ("text", "city", "base"),
    [
        ("太原的数控", "太原", None),
        ("太原市", "太原", None),
        ("朔州", "朔州", None),
        ("示例基地·太原的课", None, 1),
        ("去晋中智能制造公共实训基地", None, 2),
        ("智能制造", None, 2),
        ("哪都行", None, None),
    ],
)
def test_cities_and_bases_are_understood(text: str, city: str | None, base: int | None) -> None:
    wish = wish_from(text, (), NOW, KNOWN)
    assert (wish.city, wish.base) == (city, base)


def test_a_county_means_the_city_whose_base_is_there() -> None:
    entity = {"entity": "city", "value": "平遥县", "start": 0, "end": 2}
    assert wish_from("平遥", [entity], NOW, KNOWN).city == "晋中"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("免费的", "公益"),
        ("不要钱的课", "公益"),
        ("付费的也行", "有偿"),
        ("收费吗", None),
        ("免费吗", None),
        ("学电工", None),
    ],
)
def test_a_fee_is_wished_or_only_asked_about(text: str, kind: str | None) -> None:
    assert wish_from(text, (), NOW, KNOWN).fee_kind == kind


def test_people_are_counted_and_certificates_are_not() -> None:
    text = "我们3个人想考2个证"
    entities = [count(3, "3个人", text), count(2, "2个证", text)]
    assert wish_from(text, entities, NOW, KNOWN).party_size == 3
    assert wish_from("约数控", (), NOW, KNOWN).party_size == 1


def test_services_levels_and_audiences_are_understood() -> None:
    wish = wish_from(
        "中级工考证,我是大学生", [{"entity": "grade", "value": "中级工", "start": 0, "end": 3}], NOW, KNOWN
    )
    assert (wish.service, wish.level) == ("技能鉴定", "中级工")
    assert "学生" in wish.audience
    assert wish_from("实训基地在哪", (), NOW, KNOWN).service is None


def test_a_wish_is_refined_by_what_is_said_later() -> None:
    first = wish_from("下周三太原的数控车床", (), NOW, KNOWN)
    later = first.refined(wish_from("换成电工,晚上", (), NOW, KNOWN))
    assert later.fields == ("电工",) and later.title is None and later.city == "太原"
    assert later.windows is not None and "晚上" in later.windows.label
    assert later.refined(wish_from("智能制造", (), NOW, KNOWN)).city is None


def test_the_catalogue_is_read_again_when_it_is_old(examples: sa.engine.Engine) -> None:
    seconds = [0.0]
    cache = CatalogueCache(examples, seconds=30, clock=lambda: seconds[0])
    assert "数控加工" in cache().fields and "太原" in cache().cities
    with examples.begin() as connection:
        connection.execute(sa.update(Base).values(city="长治"))
    assert "太原" in cache().cities
    seconds[0] = 31
    assert cache().cities == ("长治",)


# --- Searching -------------------------------------------------------------------------------------------------------


def test_slots_fit_field_city_and_time_and_come_in_the_order_of_time(examples: sa.engine.Engine) -> None:
    found = search(examples, "下周三 数控 太原")
    begins = [slot.starts_at.astimezone(SHANGHAI).isoformat(" ", "minutes") for slot in found.slots]
    assert begins == ["2026-11-25 09:00+08:00", "2026-11-25 14:00+08:00"]
    assert {slot.field for slot in found.slots} == {"数控加工"} and found.slots[0].is_example
    assert found.reason == "" and found.alternatives == ()
    afternoon = search(examples, "下周三下午 数控")
    assert [slot.starts_at for slot in afternoon.slots] == [found.slots[1].starts_at]


@pytest.mark.parametrize("city", ["太原", "太原市"])
def test_a_base_may_write_its_city_with_or_without_the_word_for_city(examples: sa.engine.Engine, city: str) -> None:
    with examples.begin() as connection:
        connection.execute(sa.update(Base).where(Base.city == "太原市").values(city=city))
    assert search(examples, "太原的数控").slots


def test_many_evenings_are_searched_in_order(examples: sa.engine.Engine) -> None:
    found = search(examples, "晚上", limit=50)
    hours = [slot.starts_at.astimezone(SHANGHAI) for slot in found.slots]
    assert hours == sorted(hours) and len(hours) == len({slot.id for slot in found.slots}) > 10
    assert {hour.hour for hour in hours} == {18, 19}


def test_without_any_wish_the_soonest_slots_come(examples: sa.engine.Engine) -> None:
    with reading(examples) as connection:
        found = find(connection, Wish(), NOW)
        soonest = connection.execute(sa.select(sa.func.min(Slot.starts_at))).scalar_one()
    assert len(found.slots) == 5 and found.slots[0].starts_at == soonest


def test_a_full_slot_is_shown_with_the_waiting_list_beside_free_ones(examples: sa.engine.Engine) -> None:
    first = search(examples, "下周三 数控").slots[0]
    with examples.begin() as connection:
        connection.execute(sa.update(Slot).where(Slot.id == first.id).values(booked=10, reserved=first.capacity - 10))
    found = search(examples, "下周三 数控")
    assert [(slot.id == first.id, slot.full, slot.free) for slot in found.slots] == [
        (True, True, 0),
        (False, False, 12),
    ]


def test_when_all_are_full_that_is_said_and_another_time_offered(examples: sa.engine.Engine) -> None:
    with examples.begin() as connection:
        day = when("下周三", NOW)
        assert day is not None
        on_day = sa.and_(Slot.starts_at >= day.intervals[0].start, Slot.starts_at < day.intervals[0].end)
        connection.execute(sa.update(Slot).where(on_day).values(booked=Slot.capacity))
    found = search(examples, "下周三 数控")
    assert [slot.full for slot in found.slots] == [True, True]
    assert "都约满了" in found.reason and "候补" in found.reason
    assert found.alternatives[0].relaxed == "windows"
    nearest = [slot.starts_at.astimezone(SHANGHAI).day for slot in found.alternatives[0].slots]
    assert nearest == [23, 24, 27] or set(nearest) <= {23, 24, 26, 27}


def test_a_party_needs_so_many_places(examples: sa.engine.Engine) -> None:
    assert search(examples, "数控车床", party_size=10).slots
    with examples.begin() as connection:
        connection.execute(sa.update(Slot).values(booked=Slot.capacity - 3))
    found = search(examples, "数控车床", party_size=10)
    assert all(slot.full for slot in found.slots) and "约满" in found.reason
    (smaller,) = [other for other in found.alternatives if other.relaxed == "party_size"]
    assert all(slot.free == 3 for slot in smaller.slots)


def test_a_party_that_no_course_takes_is_said(examples: sa.engine.Engine) -> None:
    found = search(examples, "数控车床", party_size=500)
    assert found.slots == () and found.reason.startswith("没有找到符合要求的课程")
    assert "party_size" in [other.relaxed for other in found.alternatives]


def test_the_booking_deadline_counts_and_is_named(examples: sa.engine.Engine) -> None:
    with examples.begin() as connection:
        connection.execute(sa.update(Slot).values(booking_deadline=NOW - timedelta(hours=1)))
    found = search(examples, "下周三 数控")
    assert found.slots == () and "截止时间" in found.reason


def test_a_cancelled_slot_is_never_offered(examples: sa.engine.Engine) -> None:
    with examples.begin() as connection:
        connection.execute(sa.update(Slot).values(status="cancelled"))
    found = search(examples, "数控")
    assert found.slots == () and found.alternatives == ()


@pytest.mark.parametrize(
    ("text", "relaxed"),
    [
        ("下周二 汽修 太原", ["city"]),
        ("凌晨 数控", ["windows"]),
        ("免费的电工", ["fee_kind"]),
        ("入门 电工", ["level"]),
        ("技能竞赛 数控", ["service"]),
        ("示例基地·长治 数控", ["city"]),
        ("昨天 数控", ["windows"]),
        ("下周三晚上 大同 做饭", ["all but fields"]),
    ],
)
def test_one_wish_after_the_other_is_given_up(examples: sa.engine.Engine, text: str, relaxed: list[str]) -> None:
    found = search(examples, text)
    assert found.slots == () and found.reason
    assert [other.relaxed for other in found.alternatives] == relaxed
    assert all(other.text and other.slots for other in found.alternatives)


def test_the_nearest_city_comes_first(examples: sa.engine.Engine) -> None:
    with examples.begin() as connection:
        connection.execute(sa.update(Base).where(Base.city == "长治市").values(latitude=None, longitude=None))
    found = search(examples, "阳泉 技能实习实训", limit=5)
    (elsewhere,) = [other for other in found.alternatives if other.relaxed == "city"]
    assert {slot.city for slot in elsewhere.slots} == {"晋中市"}
    assert 20 < kilometres(CITY_CENTRES["太原"], CITY_CENTRES["晋中"]) < 30


def test_a_day_that_has_passed_is_the_reason(examples: sa.engine.Engine) -> None:
    assert search(examples, "上周三 数控").reason == "上周三已经过了。"
    assert search(examples, "2月30号 数控").reason == "2027年2月没有30日。"


def test_signs_of_patterns_in_a_title_mean_themselves(examples: sa.engine.Engine) -> None:
    with reading(examples) as connection:
        assert find(connection, Wish(title="数_车%"), NOW).slots == ()
        assert find(connection, Wish(title="数控车床"), NOW).slots


def test_a_course_for_everybody_or_for_the_wished_people_fits(examples: sa.engine.Engine) -> None:
    with examples.begin() as connection:
        connection.execute(sa.update(Course).where(Course.field == "数控加工").values(audience="企业在职职工"))
    assert search(examples, "电工 我是学生").slots
    assert search(examples, "数控 我是员工").slots
    assert [a.relaxed for a in search(examples, "数控 我是学生").alternatives] == ["audience"]
