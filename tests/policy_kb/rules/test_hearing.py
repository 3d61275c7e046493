"""What sentences say about a programme's inputs, and what they must not be heard to say."""

import datetime
import time
from typing import Any

import pytest

from bot.components.quantities import find_entities
from policy_kb.rules import PROGRAMMES
from policy_kb.rules.hearing import CORRECTION, NOT_UNDERSTOOD, RESTART, REVIEW, Heard, Quantity, hear, leaves, words
from policy_kb.rules.interview import fields

TODAY = datetime.date(2026, 11, 21)


def quantities(text: str) -> list[Quantity]:
    return [Quantity(e.kind, e.value, e.start, e.end) for e in find_entities(text, TODAY)]


def heard_in(text: str, programme: str, asked: str | None = None, answers: dict[str, Any] | None = None) -> Heard:
    return hear(programme, fields(programme), text, quantities(text), asked, answers or {})


def test_every_input_of_every_programme_has_its_words() -> None:
    assert {name: set(own.inputs) for name, own in words().items()} == {name: set(fields(name)) for name in PROGRAMMES}


def test_options_and_wholes_of_the_words_exist() -> None:
    for programme, own in words().items():
        known = fields(programme)
        for name, cue in own.inputs.items():
            values = {option.value for option in known[name].options}
            assert {*cue.options, *filter(None, (cue.if_yes, cue.if_no))} <= values, (programme, name)
            assert cue.of is None or cue.of in known, (programme, name)


# -- first sentences ---------------------------------------------------------------------------------------------------

FIRST = [
    (
        "training-allowance",
        "新招了 8 个人,都签了一年合同,3 个考了证,能领多少?",
        {"headcount": 8, "new_hire": True, "contract_months": 12, "qualified_count": 3},
    ),
    ("training-allowance", "8个人3个证", {"headcount": 8, "qualified_count": 3}),
    ("training-allowance", "幫我算,新招８個人,簽了半年", {"headcount": 8, "new_hire": True, "contract_months": 6}),
    (
        "training-allowance",
        "我招了仨人,合同一年半,都没考证",
        {"headcount": 3, "new_hire": True, "contract_months": 18, "qualified_count": 0},
    ),
    (
        "training-allowance",
        "我们是小微企业,新来12个人,送到技校培训",
        {"is_sme": True, "headcount": 12, "new_hire": True, "trained_with_school": True},
    ),
    ("training-allowance", "一共20人,一半考了证", {"headcount": 20, "qualified_count": 10}),
    ("training-allowance", "9个后生,合同从2025年3月1日到2025年8月31日", {"headcount": 9, "contract_months": 6}),
    (
        "internship-posts",
        "我们规上企业有50个技术岗,要安排几个实习岗",
        {"designated_size": "above", "technical_posts": 50},
    ),
    ("internship-posts", "技术岗一百二十个,实习岗10个", {"technical_posts": 120, "intern_posts": 10}),
    ("internship-posts", "技术岗位数420,实习岗位数38", {"technical_posts": 420, "intern_posts": 38}),
    ("internship-posts", "我们不是规上企业,技术岗30", {"designated_size": "below", "technical_posts": 30}),
    (
        "teacher-practice-posts",
        "我们是大型企业,在职3200人,老师实践岗12个",
        {"size": "large", "staff": 3200, "teacher_posts": 12},
    ),
    ("teacher-practice-posts", "煤矿集团在职一万二千人,教师岗50", {"staff": 12000, "teacher_posts": 50}),
    ("training-fund", "职工教育经费 20 万,一线花了 10 万够吗", {"fund": "200000", "front_line": "100000"}),
    ("training-fund", "一线职工培训经费10万,总共20万", {"front_line": "100000", "fund": "200000"}),
    (
        "training-fund",
        "经费一共3万块,足额提取,六成用在一线",
        {"set_aside": True, "fund": "30000", "front_line": "18000"},
    ),
    ("training-fund", "全年经费伍拾万元,一线叁拾万元", {"fund": "500000", "front_line": "300000"}),
    ("training-participation", "600人参加了,一共1000人", {"staff": 1000, "participants": 600}),
    ("training-participation", "我们厂260号人,训过的才80", {"staff": 260, "participants": 80}),
    ("practice-hours", "总课时2600,实践课1200节", {"total_hours": 2600, "practice_hours": 1200}),
    ("practice-hours", "三年两千六百节课,实训八百节", {"total_hours": 2600, "practice_hours": 800}),
    ("practice-hours", "总学时3000,实践占45%", {"total_hours": 3000, "practice_hours": 1350}),
    ("order-class-priority", "家里是建档立卡户,想进订单班", {"order_class": True, "family": "recognised"}),
    ("research-reward", "我们是高职,成果转化净收入80万", {"institution": "university", "net_income": "800000"}),
    ("research-reward", "我们研究所净收入三十五万", {"institution": "research_institute", "net_income": "350000"}),
    ("education-surcharge", "地方教育附加费1000万,职教280万", {"surcharge": "10000000", "vocational": "2800000"}),
    (
        "base-application",
        "我们是职教中心,想报市级实训基地,面向康养",
        {"applicant": "vocational_school", "level": "city_or_county", "field": "services"},
    ),
    ("base-application", "我们开发区去年建成了基地", {"applicant": "development_zone", "built": True}),
    ("base-fees", "我下岗了想去学电工", {"project": "social_training"}),
    ("base-fees", "公司送12个员工去培训,政府没买服务", {"project": "staff_training", "government_purchase": False}),
    (
        "intern-pay",
        "我顶岗实习,一个月拿2000,同岗3000,最低档2200",
        {"internship": "post", "pay": "2000", "post_wage": "3000", "lowest_grade": "2200"},
    ),
    ("intern-pay", "實習工資1800,同崗位3000", {"pay": "1800", "post_wage": "3000"}),
    ("intern-pay", "给我开一千五,同样的岗位三千二", {"pay": "1500", "post_wage": "3200"}),
]


@pytest.mark.parametrize(("programme", "text", "values"), FIRST, ids=[text for _, text, _ in FIRST])
def test_a_first_sentence_says(programme: str, text: str, values: dict[str, Any]) -> None:
    assert heard_in(text, programme).values == values


# -- answers to what was asked -----------------------------------------------------------------------------------------

ANSWERS = [
    ("training-allowance", "is_sme", "是", True),
    ("training-allowance", "is_sme", "嗯,是的", True),
    ("training-allowance", "is_sme", "应该是吧", True),
    ("training-allowance", "is_sme", "shi de", True),
    ("training-allowance", "is_sme", "不是", False),
    ("training-allowance", "is_sme", "不算", False),
    ("training-allowance", "is_sme", "是小型的", True),
    ("training-allowance", "trained_with_school", "没有合作", False),
    ("training-allowance", "trained_with_school", "对,和技校", True),
    ("training-allowance", "trained_with_school", "俺们师傅自己带的", False),
    ("training-allowance", "headcount", "十二个", 12),
    ("training-allowance", "headcount", "12", 12),
    ("training-allowance", "headcount", "就一个", 1),
    ("training-allowance", "headcount", "俩", 2),
    ("training-allowance", "headcount", "二十五", 25),
    ("training-allowance", "contract_months", "半年", 6),
    ("training-allowance", "contract_months", "一年零三个月", 15),
    ("training-allowance", "contract_months", "12", 12),
    ("training-allowance", "contract_months", "2025年3月1日到2026年2月28日", 12),
    ("training-allowance", "contract_months", "12个月?", 12),
    ("training-allowance", "contract_months", "应该是一年", 12),
    ("training-allowance", "qualified_count", "一个也没有", 0),
    ("training-allowance", "qualified_count", "都考了", 8),
    ("training-allowance", "qualified_count", "一半", 4),
    ("training-allowance", "qualified_count", "四分之三", 6),
    ("training-allowance", "qualified_within_year", "都是一年内的", True),
    ("internship-posts", "designated_size", "是", "above"),
    ("internship-posts", "designated_size", "不是", "below"),
    ("internship-posts", "designated_size", "第二个", "below"),
    ("internship-posts", "technical_posts", "50岗", 50),
    ("internship-posts", "intern_posts", "没有", 0),
    ("teacher-practice-posts", "size", "中型", "medium"),
    ("training-fund", "fund", "3万块", "30000"),
    ("training-fund", "fund", "三千五", "3500"),
    ("training-fund", "fund", "1.2万", "12000"),
    ("training-fund", "fund", "2w", "20000"),
    ("training-fund", "front_line", "没花", 0),
    ("training-participation", "staff", "两千三百多", 2300),
    ("practice-hours", "total_hours", "2600学时", 2600),
    ("practice-hours", "practice_hours", "一千二", 1200),
    ("order-class-priority", "family", "不是", "none"),
    ("order-class-priority", "family", "有困难但没认定", "hardship"),
    ("research-reward", "net_income", "亏了5万", "-50000"),
    ("research-reward", "institution", "大学", "university"),
    ("base-application", "field", "先进制造业", "manufacturing"),
    ("base-application", "good_school", "师资设备都挺好", True),
    ("base-application", "park_body", "没有专门机构", False),
    ("base-application", "built", "还没开工", False),
    ("base-application", "level", "省级的", "province"),
    ("base-fees", "project", "企业员工培训", "staff_training"),
    ("intern-pay", "internship", "顶岗", "post"),
    ("intern-pay", "internship", "1", "post"),
    ("intern-pay", "independent", "能独立干", True),
    ("intern-pay", "independent", "还不能独立", False),
    ("intern-pay", "pay", "一个月两千", "2000"),
]


@pytest.mark.parametrize(("programme", "asked", "text", "value"), ANSWERS, ids=[f"{a[1]}: {a[2]}" for a in ANSWERS])
def test_an_answer_says(programme: str, asked: str, text: str, value: Any) -> None:
    answers = {"headcount": 8} if programme == "training-allowance" and asked != "headcount" else {}
    assert heard_in(text, programme, asked, answers).values == {asked: value}


@pytest.mark.parametrize(
    "text", ["不知道", "不太清楚", "说不准", "没统计过", "我哪知道", "忘了", "bu zhidao".replace(" ", ""), "不曉得"]
)
def test_not_knowing_is_an_answer(text: str) -> None:
    assert heard_in(text, "training-allowance", "headcount").values == {"headcount": None}


def test_two_answers_in_one_message_are_both_heard() -> None:
    heard = heard_in("是,一共8个人,合同一年", "training-allowance", "is_sme")
    assert heard.values == {"is_sme": True, "headcount": 8, "contract_months": 12}


# -- corrections -------------------------------------------------------------------------------------------------------

SAID = {"headcount": 8, "new_hire": True, "contract_months": 12, "qualified_count": 3}
CORRECTIONS = [
    ("不对,是 9 个证", {"qualified_count": 9}),
    ("刚才说错了,是半年", {"contract_months": 6}),
    ("人数改成12", {"headcount": 12}),
    ("不是8个,是9个", {"headcount": 9}),
    ("8个改成10个", {"headcount": 10}),
    ("把3改成4", {"qualified_count": 4}),
    ("合同不是一年是两年", {"contract_months": 24}),
    ("打错了,不是新招的", {"new_hire": False}),
    ("说错了,一共9个人,4个有证", {"headcount": 9, "qualified_count": 4}),
]


@pytest.mark.parametrize(("text", "values"), CORRECTIONS, ids=[text for text, _ in CORRECTIONS])
def test_a_correction_changes_what_it_names(text: str, values: dict[str, Any]) -> None:
    assert heard_in(text, "training-allowance", "is_sme", SAID).values == values


def test_a_correction_without_words_means_the_last_fitting_answer() -> None:
    assert heard_in("不对,是 9 个", "training-allowance", "is_sme", {"qualified_count": 3, "headcount": 8}).values == {
        "headcount": 9
    }


def test_a_corrected_yes_means_the_last_answered_question() -> None:
    answers = {"headcount": 8, "is_sme": False}
    assert heard_in("说错了,是的", "training-allowance", "new_hire", answers).values == {"is_sme": True}


# -- what must not be heard --------------------------------------------------------------------------------------------

UNHEARD = [
    ("training-allowance", None, "我们是个小厂"),
    ("training-allowance", None, "小厂算不算中小微企业"),
    ("training-allowance", None, "是不是中小微企业才能领"),
    ("training-allowance", None, "新招的算吗"),
    ("training-allowance", None, "必须和职业院校合作吗"),
    ("training-allowance", None, "什么是小微企业"),
    ("training-allowance", None, "38号文第16条"),
    ("training-allowance", None, "2024年签的合同"),
    ("training-allowance", "contract_months", "180天"),
    ("training-allowance", "contract_months", "不到半年"),
    ("training-allowance", "contract_months", "五个月以内"),
    ("training-allowance", "contract_months", "干了一年了"),
    ("training-allowance", "contract_months", "培训了三个月"),
    ("training-allowance", "headcount", "走了两个"),
    ("training-allowance", "headcount", "好几个"),
    ("training-allowance", "headcount", "第3批"),
    ("training-allowance", "headcount", "十分清楚"),
    ("training-allowance", "new_hire", "有的是有的不是"),
    ("training-allowance", "new_hire", "大部分是"),
    ("training-allowance", "qualified_within_year", "5个超过一年才拿到"),
    ("internship-posts", None, "规上企业是什么意思"),
    ("internship-posts", None, "怎么算规上"),
    ("internship-posts", "intern_posts", "三方协议"),
    ("teacher-practice-posts", "size", "大企业"),
    ("teacher-practice-posts", "size", "大中型企业"),
    ("training-fund", None, "足额提取的标准是什么"),
    ("training-participation", "participants", "600人次"),
    ("practice-hours", "total_hours", "理论600"),
    ("practice-hours", "practice_hours", "一半"),
    ("order-class-priority", "family", "家里穷"),
    ("order-class-priority", "family", "低保"),
    ("research-reward", None, "有家企业买了我们的成果"),
    ("research-reward", None, "我们公司和太原理工大学合作"),
    ("research-reward", "net_income", "合同120万"),
    ("education-surcharge", None, "教育费附加收了1000万"),
    ("base-application", "applicant", "企业"),
    ("base-application", "applicant", "我们在园区里"),
    ("base-application", "field", "和其他企业合作"),
    ("base-application", "leading_firm", "我们是上市公司"),
    ("base-application", "field", "普通制造业"),
    ("base-fees", "project", "培训"),
    ("intern-pay", "internship", "不是岗位实习"),
    ("intern-pay", "internship", "暑假工"),
    ("intern-pay", "post_wage", "一天100"),
    ("intern-pay", "lowest_grade", "当地最低工资标准1980"),
    ("intern-pay", None, "正式工到手3500"),
]


@pytest.mark.parametrize(("programme", "asked", "text"), UNHEARD, ids=[text for *_, text in UNHEARD])
def test_nothing_is_heard_in(programme: str, asked: str | None, text: str) -> None:
    assert heard_in(text, programme, asked).values == {}


AMBIGUOUS = [
    ("training-allowance", "今年招了33个,走了9个,剩下24个,合同一年", {"new_hire": True, "contract_months": 12}),
    ("training-allowance", "新招的10个签一年10个签三个月", {"new_hire": True}),
    ("intern-pay", "头两个月给1200,后来涨到1800,同岗2400", {"post_wage": "2400"}),
]


@pytest.mark.parametrize(("programme", "text", "values"), AMBIGUOUS, ids=[text for _, text, _ in AMBIGUOUS])
def test_of_two_numbers_with_the_same_words_neither_is_taken(programme: str, text: str, values: dict[str, Any]) -> None:
    assert heard_in(text, programme).values == values


def test_of_two_numbers_without_words_neither_is_taken() -> None:
    heard = heard_in("12,3", "training-allowance", "headcount")
    assert heard.values == {} and "不止一个数" in heard.unclear


@pytest.mark.parametrize(
    "text", ["和学校12个人3万块" * 400, "1" * 4000, "一" * 4000, "新招了8个," * 600], ids=lambda text: text[:8]
)
def test_a_message_full_of_numbers_is_no_answer_and_takes_no_time(text: str) -> None:
    found = quantities(text)
    began = time.perf_counter()
    heard = hear("training-allowance", fields("training-allowance"), text, found, "headcount", {})
    assert "headcount" not in heard.values and time.perf_counter() - began < 0.5


def test_a_number_that_does_not_fit_the_input_is_not_taken() -> None:
    assert heard_in("7个半", "training-allowance", "headcount").values in ({}, {"headcount": 7})
    assert heard_in("10001个", "training-allowance", "headcount").values == {}
    assert heard_in("-3", "training-fund", "fund").values != {"fund": "-3"}


ROUGH = ["20来个", "20多人", "大概20个", "20个左右", "二十几个", "20到30个", "至少20个", "20个以上"]


@pytest.mark.parametrize("text", ROUGH)
def test_a_rough_number_is_taken_at_its_lower_bound_and_known_to_be_rough(text: str) -> None:
    heard = heard_in(text, "training-allowance", "headcount")
    assert (heard.values, heard.rough) == ({"headcount": 20}, ("headcount",))


def test_an_exact_number_is_not_rough() -> None:
    assert heard_in("20个", "training-allowance", "headcount").rough == ()


UNCLEAR = [
    ("training-participation", "participants", "600人次", "按人说"),
    ("training-allowance", "contract_months", "180天", "不等于 6 个月"),
    ("training-allowance", "contract_months", "不到半年", "准数"),
    ("teacher-practice-posts", "size", "小微企业", "小型还是微型"),
    ("order-class-priority", "family", "低保", "有没有被认定"),
    ("research-reward", "net_income", "合同120万", "不是合同金额"),
    ("base-application", "applicant", "我们是公司", "行业骨干企业"),
    ("intern-pay", "pay", "一天100", "一个月"),
]


@pytest.mark.parametrize(("programme", "asked", "text", "said"), UNCLEAR, ids=[u[2] for u in UNCLEAR])
def test_what_is_no_answer_is_told_why(programme: str, asked: str, text: str, said: str) -> None:
    assert said in heard_in(text, programme, asked).unclear


# -- words that lead out -----------------------------------------------------------------------------------------------

CANCELS = [
    "算了",
    "算了吧",
    "不算了",
    "算了,不算了",
    "不想弄了",
    "退出",
    "取消",
    "那就算了",
    "先这样吧",
    "不測了",
    "太麻烦了,不弄了",
    "下次再说",
    "停",
    "不用了谢谢",
]
NOT_CANCELS = [
    "算了一年的账",
    "不算新招的",
    "取消合同的算吗",
    "停产了",
    "不用了解",
    "没空的岗位",
    "算",
    "结束日期是8月31日",
]


@pytest.mark.parametrize("text", CANCELS)
def test_these_words_end_the_interview(text: str) -> None:
    assert leaves(text)


@pytest.mark.parametrize("text", NOT_CANCELS)
def test_these_words_do_not_end_the_interview(text: str) -> None:
    assert not leaves(text)


@pytest.mark.parametrize("text", ["重新来", "从头再来", "重来", "再算一遍", "重新算吧", "我想从头开始", "全错了,重来"])
def test_these_words_start_over(text: str) -> None:
    assert RESTART.search(text)


@pytest.mark.parametrize("text", ["再来3个人", "重新签的合同", "人数改成9个,重新算", "过年再来上班"])
def test_these_words_do_not_start_over(text: str) -> None:
    assert not RESTART.search(text)


@pytest.mark.parametrize("text", ["我都填了啥", "我刚才说了什么", "你记了些啥", "看看我填的"])
def test_these_words_ask_what_was_said(text: str) -> None:
    assert REVIEW.search(text)


@pytest.mark.parametrize("text", ["文件说了什么", "政策里说了啥", "要填什么表"])
def test_these_words_do_not_ask_what_was_said(text: str) -> None:
    assert not REVIEW.search(text)


@pytest.mark.parametrize("text", ["没听懂", "什么意思", "不明白你问的", "看不懂"])
def test_these_words_ask_for_the_question_again(text: str) -> None:
    assert NOT_UNDERSTOOD.search(text)


@pytest.mark.parametrize("text", ["规上是什么意思", "一年", "不清楚"])
def test_these_words_do_not_ask_for_the_question_again(text: str) -> None:
    assert not NOT_UNDERSTOOD.search(text)


def test_a_hedged_answer_is_no_correction() -> None:
    assert not CORRECTION.search("应该是一年") and CORRECTION.search("不对,应该是一年")
