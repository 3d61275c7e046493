"""What a message does to an interview: which programme, what is asked next, what is kept."""

import datetime
from typing import Any

import pytest

from policy_kb.rules import PROGRAMMES
from policy_kb.rules.interview import (
    MISSES_BEFORE_OFFER,
    Interview,
    Step,
    begin,
    choose,
    listen,
    programme_of,
    wants_to_know_own_case,
)
from tests.policy_kb.rules.test_hearing import quantities

TODAY = datetime.date(2026, 11, 21)

MEANT = [
    ("training-allowance", "新招了 8 个人,都签了一年合同,3 个考了证,能领多少?"),
    ("training-allowance", "帮我算算津贴"),
    ("training-allowance", "请核算我司可申领的职业培训津贴"),
    ("training-allowance", "俺厂招了十一个后生,考过了六个,能给俺多少"),
    ("training-allowance", "suan yixia jintie"),
    ("internship-posts", "我们规上企业有50个技术岗,要安排几个实习岗"),
    ("internship-posts", "帮我测一下咱厂该接几个实习生"),
    ("internship-posts", "實習崗夠不夠,技術崗200個"),
    ("teacher-practice-posts", "企业教师实践岗"),
    ("teacher-practice-posts", "我们公司一共1200人,帮我算算要安排几个老师来实践"),
    ("training-fund", "职工教育经费 20 万,一线花了 10 万够吗"),
    ("training-fund", "一线工人花了18万总共30万,比例够不够"),
    ("training-participation", "参训率够不够"),
    ("training-participation", "职工1000人,参加培训的560人"),
    ("practice-hours", "实践课时占比"),
    ("practice-hours", "总学时2560,实训1200学时"),
    ("order-class-priority", "贫困家庭能不能优先进订单班"),
    ("research-reward", "成果转化净收入 100 万能奖励多少"),
    ("education-surcharge", "教育费附加"),
    ("education-surcharge", "地方教育附加费给职教的够不够"),
    ("base-application", "我们职业学院想申报实训基地"),
    ("base-application", "能不能揭榜"),
    ("base-fees", "培训收不收费"),
    ("base-fees", "去基地学电工要不要交钱,是公益还是有偿"),
    ("intern-pay", "实习生一个月给多少工资,我拿2000够不够"),
    ("intern-pay", "实习津贴给我1200,同岗3000"),
    ("intern-pay", "實習薪水1800,同崗位3000"),
    ("training-allowance", "wo chang xin zhao 8 ge ren, 3 ge zheng, bang wo suan"),
    ("teacher-practice-posts", "一年接20个老师,帮我核核够不够"),
    ("training-participation", "我厂260号人,训过的才80,要再训几个才够"),
    ("practice-hours", "汽修专业,理论1100,实践1300,达标不"),
    ("base-application", "看看我们能不能当申报主体"),
    ("base-fees", "我去基地学电工,待业在家,要不要交钱"),
    ("intern-pay", "在电子厂岗位实习四个月了,正式工到手四千五,给我两千八"),
    (None, "帮我算算"),
    (None, "我够不够条件"),
    (None, "我们想带新型学徒25个,一年,能补多少补贴"),
    (None, "厂里五十个人接10个实习生,超没超比例"),
    (None, "今天天气怎么样"),
]


@pytest.mark.parametrize(("programme", "text"), MEANT, ids=[text for _, text in MEANT])
def test_the_programme_that_is_meant(programme: str | None, text: str) -> None:
    assert programme_of(text) == programme


@pytest.mark.parametrize("programme", PROGRAMMES)
def test_a_programme_is_recognised_by_its_title(programme: str) -> None:
    assert programme_of(PROGRAMMES[programme].title) == programme


def said(programme: str, *texts: str) -> Step:
    """The step after `texts`, said one after the other."""
    step = begin(programme, texts[0], quantities(texts[0]), TODAY)
    for text in texts[1:]:
        step = listen(step.interview, text, quantities(text), TODAY)
    return step


def test_what_the_first_sentence_says_is_not_asked_again() -> None:
    step = said("internship-posts", "我们规上企业有50个技术岗")
    assert (step.kind, step.interview.asked) == ("begun", "intern_posts")


def test_a_first_sentence_that_contradicts_itself_says_so_and_takes_nothing() -> None:
    step = said("practice-hours", "总课时1000,实践1200节")
    assert step.kind == "begun" and "还多" in step.problem and step.interview.answers == {}


def test_a_contradicting_answer_is_refused_and_the_question_stays() -> None:
    step = said("practice-hours", "总课时1000", "1200")
    assert (step.kind, step.interview.asked) == ("contradiction", "practice_hours")
    assert step.interview.answers == {"total_hours": 1000}


def test_after_a_refused_answer_a_correction_means_that_answer() -> None:
    assert said("practice-hours", "总课时1000", "1200", "写错了,400").interview.answers["practice_hours"] == 400


@pytest.mark.parametrize(
    "text", ["新招的算吗?", "那80%是按试用期工资算吗", "300块是一次性的吗", "什么是规上企业", "要交哪些材料"]
)
@pytest.mark.parametrize("programme", ["training-allowance", "internship-posts", "research-reward"])
def test_a_question_in_between_answers_nothing(programme: str, text: str) -> None:
    before = said(programme, "").interview
    step = listen(before, text, quantities(text), TODAY)
    assert (step.kind, step.interview) == ("question", before)


def test_a_statement_with_a_question_is_taken() -> None:
    assert said("training-allowance", "", "签6个月行吗?").interview.answers == {"contract_months": 6}


def test_misses_add_up_and_an_answer_ends_them() -> None:
    step = said("training-allowance", "", *["蓝色的那种"] * MISSES_BEFORE_OFFER)
    assert (step.kind, step.interview.misses) == ("missed", MISSES_BEFORE_OFFER)
    assert listen(step.interview, "是", [], TODAY).interview.misses == 0


def test_what_is_no_answer_counts_as_a_miss_and_says_why() -> None:
    step = said("training-participation", "全公司1000人", "600人次")
    assert (step.kind, step.interview.misses) == ("unclear", 1) and "人次" in step.problem


def test_not_understanding_the_question_is_no_miss() -> None:
    step = said("training-allowance", "", "没听懂")
    assert (step.kind, step.interview.misses) == ("unclear", 0)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("算了", "cancelled"), ("不測了", "cancelled"), ("重新來", "restarted"), ("我都說了啥", "review")],
)
def test_words_that_lead_out(text: str, kind: str) -> None:
    assert said("training-allowance", "新招了8个人", text).kind == kind


def test_starting_over_forgets_the_answers() -> None:
    assert said("training-allowance", "新招了8个人", "重新来").interview == Interview(
        "training-allowance", {}, "is_sme"
    )


def test_not_knowing_is_not_asked_again() -> None:
    step = said("training-allowance", "", "不知道")
    assert step.interview.answers == {"is_sme": None} and step.interview.asked == "headcount"


def test_what_people_answer_to_五百个人_is_what_was_asked() -> None:
    answers = said("training-participation", "全公司1000人", "五百个人").interview.answers
    assert answers == {"staff": 1000, "participants": 500}


def test_a_rough_number_is_said_to_be_rough_until_it_is_corrected() -> None:
    step = said("training-allowance", "新招20来个人")
    assert "大概数" in step.interview.said(["headcount"]) and "大概数" in step.interview.basis()
    assert "大概数" not in listen(step.interview, "人数改成23", quantities("人数改成23"), TODAY).interview.basis()


@pytest.mark.parametrize("choice", ["yes", "no", "unknown", "above", "nothing"])
def test_a_button_of_another_question_is_a_miss_not_an_answer(choice: str) -> None:
    step = choose(said("internship-posts", "").interview, choice, TODAY)
    expected: dict[str, Any] = {"above": "above", "unknown": None}
    if choice in expected:
        assert step.interview.answers == {"designated_size": expected[choice]}
    else:
        assert step.kind == "missed" and step.interview.answers == {}


def test_an_interview_survives_being_stored() -> None:
    interview = said("training-allowance", "新招20来个人,签了一年", "蓝色的").interview
    assert Interview.from_dict(interview.as_dict()) == interview


@pytest.mark.parametrize(
    "stored", [None, {}, {"programme": "gone"}, "x", {"programme": "intern-pay", "answers": {"gone": 1}}]
)
def test_what_cannot_be_read_back_is_nothing_or_empty(stored: Any) -> None:
    interview = Interview.from_dict(stored)
    assert interview is None or interview.answers == {}


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("我司一线员工培训经费占比要求是多少?", False),
        ("帮我算一线培训经费", True),
        ("职工教育经费 20 万,一线花了 10 万", True),
        ("听说实习岗位有规定", False),
        ("我想了解新员工培训津贴", False),
        ("帮我写一首诗", False),
        ("帮我看看我们的实习岗", True),
    ],
)
def test_own_facts_or_a_wish_to_work_it_out_make_an_assessment(text: str, own: bool) -> None:
    assert wants_to_know_own_case(said(programme_of(text) or "intern-pay", text), text) is own
