"""Every number we say can be found in a clause, however it is written."""

import pytest

from policy_kb.numbers import chinese_to_int, numbers_in, unsupported_numbers


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("按每人300元给予", {"300"}),
        ("按每人３００元给予", {"300"}),
        ("不少于在职员工数0.5%", {"0.5"}),
        ("达到100万人,其中40万人", {"1000000", "400000"}),
        ("六个月以上", {"6"}),
        ("两年内", {"2"}),
        ("百分之六十", {"60"}),
        ("二〇二一年", {"2021"}),
        ("一批优质项目,一个等级", set()),
        ("一线职工、双师型、三无三可", set()),
    ],
)
def test_numbers_are_found(text: str, found: set[str]) -> None:
    assert numbers_in(text) == found


@pytest.mark.parametrize(
    ("text", "value"), [("一百二十", 120), ("两千", 2000), ("十二", 12), ("三万五千", 35000), ("甲", None)]
)
def test_chinese_numerals(text: str, value: int | None) -> None:
    assert chinese_to_int(text) == value


def test_a_number_in_the_other_script_is_supported() -> None:
    assert unsupported_numbers("要签六个月以上的合同", ["签订6个月以上劳动合同"]) == set()


def test_an_invented_number_is_not() -> None:
    assert unsupported_numbers("每人500元", ["按每人300元给予企业职业培训津贴"]) == {"500"}
