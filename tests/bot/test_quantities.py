"""What `find_entities` finds in people's words, and what it must leave alone."""

from datetime import date
from itertools import pairwise

import pytest

from bot.components.quantities import Entity, find_entities

TODAY = date(2026, 11, 21)  # a Saturday


def found(text: str, today: date = TODAY) -> list[tuple[str, str | int, str]]:
    """Kind, value and text of each entity, after a check that the offsets are the original text's."""
    entities = find_entities(text, today)
    for entity in entities:
        assert text[entity.start : entity.end] == entity.text
    assert all(left.end <= right.start for left, right in pairwise(entities))
    return [(entity.kind, entity.value, entity.text) for entity in entities]


def values(kind: str, text: str, today: date = TODAY) -> list[str | int]:
    return [value for found_kind, value, _ in found(text, today) if found_kind == kind]


@pytest.mark.parametrize(
    ("text", "yuan"),
    [
        ("每人给300元", "300"),
        ("300 元 行不行", "300"),
        ("给三百块钱", "300"),
        ("工资三千五百块", "3500"),
        ("一月三千五块", "3500"),
        ("学费1.5万元", "15000"),
        ("注册资本500万", "5000000"),
        ("投了一千二百万建车间", "12000000"),
        ("一万二", "12000"),
        ("3万5", "35000"),
        ("学费5k", "5000"),
        ("收了我3w块", "30000"),
        ("¥3,000", "3000"),
        ("￥300", "300"),
        ("两三百块", "200"),
        ("300到500元", "300"),
        ("三百多块钱", "300"),
        ("倒贴十几万", "100000"),
        ("九块九", "9.9"),
        ("人民幣三萬元", "30000"),
        ("３００元", "300"),
        ("叁佰元整", "300"),
        ("①300元", "300"),
        ("一点五万", "15000"),
        ("罚款二亿元", "200000000"),
    ],
)
def test_an_amount_is_given_in_yuan(text: str, yuan: str) -> None:
    assert values("amount", text) == [yuan]


@pytest.mark.parametrize(
    "text",
    [
        "跟学校一块干",
        "一块一块地学",
        "这四块分别讲啥",
        "三块牌子",
        "元旦放假",
        "一元二次方程",
        "多元主体",
        "100万劳动者",
        "五万亩地",
        "4K高清屏",
        "万一",
    ],
)
def test_what_only_looks_like_money_is_no_amount(text: str) -> None:
    assert values("amount", text) == []


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("今天", "2026-11-21"),
        ("明儿个能去不", "2026-11-22"),
        ("後天", "2026-11-23"),
        ("大后天", "2026-11-24"),
        ("昨晚", "2026-11-20"),
        ("三天以后有位子没", "2026-11-24"),
        ("两周后", "2026-12-05"),
        ("下周三", "2026-11-25"),
        ("下週三", "2026-11-25"),
        ("下个礼拜天", "2026-11-29"),
        ("下下周一", "2026-11-30"),
        ("周六", "2026-11-21"),
        ("周五", "2026-11-27"),
        ("这周五", "2026-11-20"),
        ("下周", "2026-11-23/2026-11-29"),
        ("下周一起去", "2026-11-23/2026-11-29"),
        ("下周五个人去", "2026-11-23/2026-11-29"),
        ("周末", "2026-11-21/2026-11-22"),
        ("周六日", "2026-11-21/2026-11-22"),
        ("下周末", "2026-11-28/2026-11-29"),
        ("月底", "2026-11-25/2026-11-30"),
        ("下个月底", "2026-12-25/2026-12-31"),
        ("下个月5号", "2026-12-05"),
        ("12月", "2026-12-01/2026-12-31"),
        ("三月份", "2027-03-01/2027-03-31"),
        ("3月中旬", "2027-03-11/2027-03-20"),
        ("3月5号", "2027-03-05"),
        ("3月5号签的合同", "2026-03-05"),
        ("去年9月1号", "2025-09-01"),
        ("津贴到手了,今年九月", "2026-09-01/2026-09-30"),
        ("2026年3月1日", "2026-03-01"),
        ("二〇一八年四月二十日", "2018-04-20"),
        ("2018-04-20", "2018-04-20"),
        ("2020年", "2020-01-01/2020-12-31"),
        ("18年的文件", "2018-01-01/2018-12-31"),
        ("今年下半年", "2026-07-01/2026-12-31"),
        ("年底", "2026-12-01/2026-12-31"),
        ("12月1号到3号", "2026-12-01/2026-12-03"),
        ("5-8号", "2026-12-05/2026-12-08"),
        ("国庆", "2027-10-01/2027-10-07"),
        ("元旦", "2027-01-01"),
        ("五一放假", "2027-05-01/2027-05-05"),
        ("春节", "2027-02-05/2027-02-12"),
        ("端午", "2027-06-09"),
        ("25号", "2026-11-25"),
        ("5號", "2026-12-05"),
    ],
)
def test_a_date_counts_from_today(text: str, day: str) -> None:
    assert values("date", text) == [day]


@pytest.mark.parametrize(
    ("text", "today", "day"),
    [
        ("明天", date(2026, 12, 31), "2027-01-01"),
        ("下周三", date(2026, 12, 30), "2027-01-06"),
        ("下个月5号", date(2026, 12, 15), "2027-01-05"),
        ("月底", date(2028, 2, 1), "2028-02-25/2028-02-29"),
        ("元旦", date(2027, 1, 1), "2027-01-01"),
        ("国庆", date(2026, 10, 3), "2026-10-01/2026-10-07"),
        ("31号", date(2026, 2, 1), "2026-03-31"),
        ("2月29号", date(2026, 11, 21), "2028-02-29"),
        ("明天", date(2028, 2, 28), "2028-02-29"),
        ("后天", date(2027, 2, 27), "2027-03-01"),
        ("上个月", date(2027, 1, 10), "2026-12-01/2026-12-31"),
        ("周日", date(2026, 11, 22), "2026-11-22"),
        ("下周一", date(2026, 11, 22), "2026-11-23"),
    ],
)
def test_months_and_years_end_where_the_calendar_ends_them(text: str, today: date, day: str) -> None:
    assert values("date", text, today) == [day]


@pytest.mark.parametrize("text", ["2月30号", "2026年2月29日", "13月5号", "4月31号", "2027-02-29"])
def test_a_day_that_the_calendar_lacks_is_no_entity_and_neither_are_its_parts(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "每周三",
        "两周一次",
        "3号楼",
        "5号电池",
        "以后天天来",
        "说明年限",
        "今日头条",
        "五一路",
        "十一个",
        "下周期",
        "一日三餐",
        "后天性",
        "过去年年",
    ],
)
def test_what_only_looks_like_a_date_is_none(text: str) -> None:
    assert values("date", text) == []


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("6个月", "P6M"),
        ("六個月", "P6M"),
        ("６个月", "P6M"),
        ("半年", "P6M"),
        ("一年半", "P1Y6M"),
        ("两年", "P2Y"),
        ("1.5年", "P1Y6M"),
        ("一年零三个月", "P1Y3M"),
        ("五个月零二十天", "P5M20D"),
        ("一个半月", "P1M15D"),
        ("半个月", "P15D"),
        ("180天", "P180D"),
        ("一百八十天", "P180D"),
        ("15日内", "P15D"),
        ("两三个月", "P2M"),
        ("5、6个月", "P5M"),
        ("3-5年", "P3Y"),
        ("三到五年", "P3Y"),
        ("四个多月", "P4M"),
        ("仨礼拜", "P3W"),
        ("俩月", "P2M"),
        ("签一年多少", "P1Y"),
    ],
)
def test_a_duration_is_iso_8601_and_a_rough_one_its_lower_bound(text: str, iso: str) -> None:
    assert found(text) == [("duration", iso, found(text)[0][2])]


@pytest.mark.parametrize(
    "text",
    [
        "一年级",
        "三年制",
        "五年一贯制",
        "第三个月",
        "每半年",
        "一个月给多少",
        "一个月三千",
        "三周岁",
        "三天两头",
        "十五个工作日",
        "90年代",
    ],
)
def test_what_only_looks_like_a_duration_is_none(text: str) -> None:
    assert values("duration", text) == []


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("我们厂8个人3个证能领多少", [8, 3]),
        ("我们8个人", [8]),
        ("三名学徒", [3]),
        ("跟五家企业合作", [5]),
        ("招了十来个", [10]),
        ("二十多号人", [20]),
        ("十几个人", [10]),
        ("七八十个人", [70]),
        ("兩名員工", [2]),
        ("８个人", [8]),
        ("1,200人", [1200]),
        ("3万人", [30000]),
        ("一万三千个学徒", [13000]),
        ("俩人", [2]),
        ("仨证", [3]),
        ("两三家", [2]),
        ("5本证书", [5]),
        ("1、招8个人", [8]),
        ("就一名新人", [1]),
    ],
)
def test_people_firms_and_certificates_are_counted(text: str, counts: list[int]) -> None:
    assert values("count", text) == counts


@pytest.mark.parametrize(
    "text",
    [
        "一线职工",
        "二级学院",
        "三无三可",
        "10+N",
        "1+X证书",
        "双一流",
        "三个区分开来",
        "四位一体",
        "12大基地",
        "1331工程",
        "十三五",
        "一带一路",
        "第三方评价",
        "第三名",
        "前10名",
        "三方协议",
        "一家公司",
        "一个基地",
        "这三个有啥区别",
        "两个方面",
        "三个月",
        "几十个人",
        "我们俩",
        "一人公司",
        "一个人给多少",
        "万人计划",
        "三教改革",
        "双师型",
        "一群两区三圈",
    ],
)
def test_slogans_ranks_and_articles_are_no_counts(text: str) -> None:
    assert values("count", text) == []


@pytest.mark.parametrize(
    ("text", "percent"),
    [
        ("60%以上", "60"),
        ("６０％", "60"),
        ("百分之六十", "60"),
        ("百分之零点五", "0.5"),
        ("0.5%", "0.5"),
        ("千分之五", "0.5"),
        ("六成", "60"),
        ("六成五吧", "65"),
        ("八成一线用", "80"),
        ("60%到70%", "60"),
        ("十个百分点", "10"),
    ],
)
def test_a_percentage_is_given_in_per_cent(text: str, percent: str) -> None:
    assert values("percentage", text) == [percent]


@pytest.mark.parametrize("text", ["一成不变", "2020成立", "八成是骗人的", "三成立", "六成果"])
def test_what_only_looks_like_tenths_is_no_percentage(text: str) -> None:
    assert values("percentage", text) == []


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("高级工", "高级工"),
        ("考下初级工", "初级工"),
        ("高級技師", "高级技师"),
        ("技师", "技师"),
        ("三级/高级工", "高级工"),
        ("高级工(三级)", "高级工"),
        ("电工三级", "高级工"),
        ("四级工", "中级工"),
        ("中级电工", "中级工"),
        ("初级证", "初级工"),
        ("一年级", "一年级"),
        ("2年级", "二年级"),
        ("我娃今年大三", "三年级"),
        ("高一的职高生", "一年级"),
    ],
)
def test_a_grade_has_its_name_whatever_it_is_called(text: str, grade: str) -> None:
    assert values("grade", text) == [grade]


@pytest.mark.parametrize(
    "text", ["二级学院", "三级医院", "技师学院", "高级工程师", "英语四级证", "二级建造师", "规模大一点", "中级人民法院"]
)
def test_other_levels_are_no_grades(text: str) -> None:
    assert values("grade", text) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("太原有没有", "太原市"),
        ("大同市", "大同市"),
        ("俺在清徐", "清徐县"),
        ("祁縣做玻璃", "祁县"),
        ("小店区", "小店区"),
        ("阳泉城区", "阳泉市城区"),
        ("五台县", "五台县"),
        ("呂梁", "吕梁市"),
        ("万柏林", "万柏林区"),
    ],
)
def test_a_place_of_shanxi_has_its_full_name(text: str, place: str) -> None:
    assert values("city", text) == [place]


@pytest.mark.parametrize(
    "text",
    [
        "我开个小店",
        "五台设备",
        "家里的长子",
        "长治久安",
        "扩大同企业的合作",
        "振兴县域经济",
        "时代县级",
        "今天镇上",
        "语文水平",
        "创新荣誉",
        "太原理工大学",
    ],
)
def test_common_words_are_no_places(text: str) -> None:
    assert values("city", text) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("晋政办发〔2018〕38号", "晋政办发〔2018〕38号"),
        ("请问晋政办发[2018]38號文", "晋政办发〔2018〕38号"),
        ("晋政办发（2018）38号", "晋政办发〔2018〕38号"),
        ("晋政办发【2018】 38号", "晋政办发〔2018〕38号"),
        ("晋政办发2018年38号", "晋政办发〔2018〕38号"),
        ("晋发改科教发〔2021〕453号", "晋发改科教发〔2021〕453号"),
        ("教职成2021年4号", "教职成〔2021〕4号"),
        ("人社部发39号", "人社部发39号"),
        ("2018年66号文", "〔2018〕66号"),
        ("38号文第十六条", "38号"),
        ("三十八号文", "38号"),
        ("453号里怎么写", "453号"),
    ],
)
def test_a_document_number_is_written_the_official_way(text: str, number: str) -> None:
    assert values("document_number", text) == [number]
    assert values("date", text) == values("count", text) == []


def test_an_entity_names_its_place_in_the_original_text() -> None:
    assert find_entities("我們廠８個人", TODAY) == [Entity(kind="count", value=8, start=3, end=6, text="８個人")]


def test_a_sentence_gives_all_its_entities_in_their_order() -> None:
    assert found("去年10月招了8个新人,签一年半合同,六成考了初级工证,太原每人补300元") == [
        ("date", "2025-10-01/2025-10-31", "去年10月"),
        ("count", 8, "8个"),
        ("duration", "P1Y6M", "一年半"),
        ("percentage", "60", "六成"),
        ("grade", "初级工", "初级工"),
        ("city", "太原市", "太原"),
        ("amount", "300", "300元"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "😀",
        "你好",
        "0",
        "〇",
        "号",
        "%",
        "¥",
        "十" * 500,
        "1" * 500,
        "年月日" * 200,
        "9" * 5000 + "天",
        "一" + "亿" * 600 + "个人",
        "\u0000\ufeff",
    ],
)
def test_any_text_is_safe(text: str) -> None:
    found(text)
