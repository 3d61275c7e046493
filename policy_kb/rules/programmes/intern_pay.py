"""岗位实习报酬: a student's pay against the same post's wage standard and the unit's lowest wage grade."""

from decimal import Decimal

from policy_kb.rules.engine import EXACTLY, Condition, Criterion, Decision, Fact, Group
from policy_kb.rules.inputs import Given, amount, choice, plain, yes_no
from policy_kb.rules.parameters import Rules
from policy_kb.rules.programme import Programme
from policy_kb.rules.quota import quota

_KIND = choice(
    "internship",
    "实习种类",
    "是哪一种实习?",
    {"post": "岗位实习(过去叫顶岗实习、跟岗实习)", "observation": "认识实习"},
)
_SAME_PERIOD = "都按同一种口径填,比如都按月。"

POST_INTERNSHIP = Condition(
    "post_internship", "岗位实习", "post_internship", ("internship",), "是岗位实习,不是认识实习。"
)
INDEPENDENT = Condition(
    "independent", "能相对独立工作", "independent", ("independent",), "学生能够相对独立参加实际工作。"
)
WAGE_SHARE = Condition(
    "wage_share",
    "和相同岗位工资标准比",
    "wage_share",
    ("pay", "post_wage"),
    "报酬占本单位相同岗位工资标准的比例;“不低于”包括本数。基数是相同岗位的工资标准,不是试用期工资。",
    exact=True,
)
LOWEST_GRADE = Condition(
    "lowest_grade",
    "和工资最低档比",
    "lowest_grade",
    ("pay", "lowest_grade"),
    "报酬不低于本单位工资的最低档标准。和上一项满足一项就行。",
    exact=True,
)


class InternPay(Programme):
    """教职成〔2021〕4号 第十八条(摘要): 对能够相对独立参加实际工作的学生,报酬原则上应当不低于本单位相同岗位工资标准的80%,或者不低于本单位工资的最低档
    标准。
    """

    id = "intern-pay"
    title = "岗位实习报酬"
    audience = "给实习学生、家长和学校:实习报酬有没有达到国家规定的标准,还差多少。"
    clauses = ("cn-intern-2021-4#18",)
    fields = (
        _KIND,
        yes_no("independent", "能不能相对独立工作", "学生能够相对独立地参加实际工作吗?"),
        amount("pay", "实习报酬", "实习报酬是多少元?", help=_SAME_PERIOD),
        amount("post_wage", "相同岗位的工资标准", "本单位相同岗位的工资标准是多少元?", "0.01", _SAME_PERIOD),
        amount("lowest_grade", "工资的最低档标准", "本单位工资的最低档标准是多少元?", "0.01", _SAME_PERIOD),
    )
    conditions = (POST_INTERNSHIP, INDEPENDENT, WAGE_SHARE, LOWEST_GRADE)
    office = "可以向学校反映,也可以向教育主管部门投诉;劳动方面的事打 12333。"
    open_points = (
        "规定写的是“原则上”,哪些情况可以例外没有写。",
        "怎样算“相对独立”、多少算“适当的报酬”,没有写。",
    )

    def decide(self, given: Given, rules: Rules) -> Decision:
        """For a student who works relatively independently: the share of the same post's wage, or the lowest grade."""
        share = quota(WAGE_SHARE, rules, given, "pay", "post_wage", "元", "报酬再加 {missing} 元")
        lowest = _lowest_grade(given, rules)
        missing = [short for short in (share.missing, _short_of_lowest(given)) if short]
        nearer_first = (
            (share.criterion, lowest) if not missing or share.missing == min(missing) else (lowest, share.criterion)
        )
        enough = Group("standard", "两个标准满足一个", "any", nearer_first)
        facts: list[Fact] = []
        if share.required is not None:
            facts.append(Fact("wage_share", f"相同岗位工资标准的 {rules['wage_share']}", share.required, "元"))
        if enough.state == "not_met":
            facts.append(Fact("missing", "至少还差", min(missing), "元"))
        observation = given["internship"] == "observation"
        return self.settle(
            given,
            rules,
            scope=(
                POST_INTERNSHIP.one_of(rules, _KIND, given["internship"], "post"),
                INDEPENDENT.yes(rules, given["independent"]),
            ),
            conditions=(enough,),
            headlines={
                "met": "实习报酬达到了规定的标准。",
                "not_met": f"实习报酬低于规定的标准,至少还差 {plain(min(missing))} 元。" if missing else "",
                "not_applicable": "不适用:这个标准写的是岗位实习。"
                if observation
                else "不适用:这个标准写的是能够相对独立参加实际工作的学生;单位仍然应当给适当的报酬。",
            },
            facts=tuple(facts),
            also=(rules["payment"].value.citation,),
            notes=("实习报酬要用货币形式,及时、足额、直接支付给学生本人。",),
        )


def _short_of_lowest(given: Given) -> Decimal | None:
    """Yuan missing to the lowest grade; nothing or less when it is reached."""
    pay, lowest = given["pay"], given["lowest_grade"]
    return None if pay is None or lowest is None else max(lowest - pay, Decimal(0))


def _lowest_grade(given: Given, rules: Rules) -> Criterion:
    """或者不低于本单位工资的最低档标准."""
    pay, lowest = given["pay"], given["lowest_grade"]
    threshold = f"不低于 {plain(lowest)} 元" if lowest is not None else None
    if pay is None or lowest is None:
        missing = given.missing("pay", "lowest_grade")
        return LOWEST_GRADE.judge(rules, "unknown", threshold=threshold, missing=missing)
    value, apart = f"{plain(pay)} 元", plain(abs(pay - lowest))
    if pay < lowest:
        fix, margin = f"报酬再加 {apart} 元", f"还差 {apart} 元"
        return LOWEST_GRADE.judge(rules, "not_met", value=value, threshold=threshold, margin=margin, fix=fix)
    margin = EXACTLY if pay == lowest else f"高出 {apart} 元"
    return LOWEST_GRADE.judge(rules, "met", value=value, threshold=threshold, margin=margin)
