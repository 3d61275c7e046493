"""Which detail is asked for, and whether a text states it."""

import pytest

from policy_kb.details import asked, stated


@pytest.mark.parametrize(
    ("question", "detail"),
    [
        ("一个人补多少钱", "amount"),
        ("占几成", "share"),
        ("最长几年", "duration"),
        ("几号截止", "date"),
        ("有什么条件?", "condition"),
        ("归谁管,谁负责", "department"),
        ("去哪投诉", "complaint"),
        ("申请表在哪下载", "form"),
    ],
)
def test_the_detail_that_is_asked_for_is_found(question: str, detail: str) -> None:
    assert detail in asked(question)


def test_a_question_about_no_detail_asks_for_none() -> None:
    assert asked("订单班是啥") == frozenset()


def test_a_text_states_amounts_and_terms_but_never_a_form() -> None:
    text = "培训人员与企业签订6个月以上劳动合同的,政府部门按每人300元给予企业职业培训津贴"
    assert {"amount", "duration"} <= stated(text)
    assert not {"share", "form", "contact"} & stated(text)
