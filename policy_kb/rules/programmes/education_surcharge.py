"""地方教育附加费: whether enough of the local education surcharge goes to vocational education."""

from policy_kb.rules.engine import Condition, Decision
from policy_kb.rules.inputs import Given, InputError, amount
from policy_kb.rules.parameters import Rules
from policy_kb.rules.programme import Programme
from policy_kb.rules.quota import more_than_all, quota

VOCATIONAL = Condition(
    "vocational_share",
    "用于职业教育的比例",
    "vocational_share",
    ("surcharge", "vocational"),
    "地方教育附加费里用于职业教育的比例;“不低于”包括本数。",
    exact=True,
)


class EducationSurcharge(Programme):
    """晋政办发〔2018〕38号(二十八): 严格执行地方教育附加费用于职业教育的比例不低于30%的规定,推进地方产教融合工作。"""

    id = "education-surcharge"
    title = "地方教育附加费用于职业教育"
    audience = "给财政、教育部门和学校:地方教育附加费用于职业教育的够不够,还差多少钱。"
    clauses = ("sx-2018-38#28",)
    fields = (
        amount("surcharge", "地方教育附加费总额", "这一年的地方教育附加费一共多少元?", minimum="0.01"),
        amount("vocational", "用于职业教育的金额", "其中用于职业教育的有多少元?"),
    )
    conditions = (VOCATIONAL,)
    office = "文件没有写由哪个部门查;可以问当地财政部门、教育部门。"
    open_points = ("文件没有写怎么分到各县各校、按收入还是按支出算、达不到会怎样。",)

    def contradictions(self, given: Given) -> list[InputError]:
        """The part cannot be more than the whole."""
        return more_than_all(given, "vocational", "surcharge", "用于职业教育的金额比地方教育附加费总额还多。")

    def decide(self, given: Given, rules: Rules) -> Decision:
        """What goes to vocational education against the whole."""
        fix = "再安排 {missing} 元用于职业教育"
        money = quota(VOCATIONAL, rules, given, "vocational", "surcharge", "元", fix)
        share = money.criterion
        return self.settle(
            given,
            rules,
            conditions=(share,),
            headlines={
                "met": f"达到规定:用于职业教育的占 {share.value}。",
                "not_met": f"没有达到规定:用于职业教育的占 {share.value},{share.margin}。",
            },
            facts=money.facts,
        )
