"""成果转化奖励: how much of a transfer's net income may go to the people who made the result."""

from dataclasses import replace

from policy_kb.rules.engine import Condition, Criterion, Decision, Fact, State
from policy_kb.rules.inputs import MOST_YUAN, Given, InputField, choice, plain
from policy_kb.rules.parameters import Rules
from policy_kb.rules.programme import Programme
from policy_kb.rules.quota import at_least

_INSTITUTION = choice(
    "institution",
    "单位类型",
    "成果是哪种单位的?",
    {
        "university": "高等学校(包括高等职业学校)",
        "research_institute": "科研机构",
        "other": "企业、中等职业学校等其他单位",
    },
)
_NET_INCOME = InputField(
    "net_income",
    "amount",
    "科技成果转化净收入",
    "这项科技成果转化的净收入是多少元?",
    "净收入怎么扣成本,文件没有写。亏损填负数。",
    (),
    " 元",
    -MOST_YUAN,
    MOST_YUAN,
)

INSTITUTION = Condition(
    "institution", "科研机构、高校", "institution", ("institution",), "单位是科研机构或高校;文件没有写其他单位。"
)
NET_INCOME = Condition(
    "net_income", "科技成果转化净收入", "net_income", ("net_income",), "科技成果转化有净收入(大于 0)。", exact=True
)


class ResearchReward(Programme):
    """晋政办发〔2018〕38号(三十三): 科研机构、高校可以自主决定科技成果转化收益分配和奖励办法,科技成果转化净收入的70%以上可用于奖励个人和团队,
    分配奖励要向科技成果的主要完成人或作出重要贡献的科技人员倾斜。

    “可用于”: the institution may, it need not; the amount is what may be used at the least.
    """

    id = "research-reward"
    title = "科技成果转化奖励"
    audience = "给科研机构、高校和科研人员:转化净收入里至少有多少可以用来奖励个人和团队。"
    clauses = ("sx-2018-38#33", "sx-2018-38#28")
    fields = (_INSTITUTION, _NET_INCOME)
    conditions = (INSTITUTION, NET_INCOME)
    office = "由科研机构、高校自主决定,问本单位;个人所得税问当地税务部门。"
    open_points = (
        "文件没有写净收入怎么算、每个人分几成、什么时候发。",
        "文件没有写奖励要不要交个人所得税。",
    )

    def decide(self, given: Given, rules: Rules) -> Decision:
        """The share of the net income that may be used as reward, rounded up to the fen so that it is not less."""
        income = given["net_income"]
        citations = [
            rules[id].value.citation for id in ("reward_share", "main_contributors", "outside_performance_pay")
        ]
        reward = None if income is None or income <= 0 else at_least(rules, "reward_share", income)
        share = rules["reward_share"]
        decision = self.settle(
            given,
            rules,
            scope=(INSTITUTION.one_of(rules, _INSTITUTION, given["institution"], "university", "research_institute"),),
            conditions=(_net_income(given, rules),),
            headlines={
                "met": f"净收入的 {share} 以上可以用来奖励个人和团队,也就是至少 {plain(reward)} 元。" if reward else "",
                "not_met": "没有净收入,就没有可以用来奖励的钱。",
                "not_applicable": "不适用:这一条写的是科研机构、高校。",
            },
            facts=(Fact("reward", "至少可以用来奖励", reward, "元"),) if reward else (),
            notes=(
                "“可用于”是可以用,不是必须用;分配和奖励办法由科研机构、高校自主决定,要向主要完成人或作出重要贡献的科技人员倾斜。",
                "职业院校、高等学校科研人员依法取得的这项奖励收入不纳入绩效工资,不纳入单位工资总额基数。",
            ),
            also=tuple(citations),
        )
        due = reward if decision.outcome == "met" else None
        return replace(decision, amount=due, amount_possible=due)


def _net_income(given: Given, rules: Rules) -> Criterion:
    income = given["net_income"]
    if income is None:
        return NET_INCOME.judge(rules, "unknown", threshold="大于 0 元", missing=("net_income",))
    state: State = "met" if income > 0 else "not_met"
    margin = f"高出 {plain(income)} 元" if income > 0 else f"低 {plain(-income)} 元" if income < 0 else "正好是 0 元"
    return NET_INCOME.judge(rules, state, value=f"{plain(income)} 元", threshold="大于 0 元", margin=margin)
