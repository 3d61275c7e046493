"""订单班优先: whether the plan gives a student priority for an order class, and what it leaves open."""

from policy_kb.rules.engine import Condition, Criterion, Decision
from policy_kb.rules.inputs import Given, choice, yes_no
from policy_kb.rules.parameters import Rules
from policy_kb.rules.programme import Programme

_FAMILY = choice(
    "family",
    "家庭情况",
    "家里是不是被认定为贫困家庭?",
    {"recognised": "已经认定为贫困家庭", "hardship": "有困难,但没有认定", "none": "不是贫困家庭"},
)

ORDER_CLASS = Condition(
    "order_class", "校企合作订单班", "order_class", ("order_class",), "要进的是学校和企业合作的订单班。"
)
POOR_FAMILY = Condition(
    "poor_family",
    "贫困家庭学生",
    "poor_family",
    ("family",),
    "学生来自贫困家庭。怎么认定,文件没有写:有困难但没有认定的,这里不下结论。",
)


class OrderClassPriority(Programme):
    """晋政办发〔2018〕38号(五): 面向脱贫攻坚主战场,优先安排贫困家庭学生到校企合作订单班学习。"""

    id = "order-class-priority"
    title = "订单班优先"
    audience = "给学生和家长:能不能优先进校企合作订单班,哪些事文件没有写。"
    clauses = ("sx-2018-38#5",)
    fields = (yes_no("order_class", "是不是校企合作订单班", "想进的是学校和企业合作的订单班吗?"), _FAMILY)
    conditions = (ORDER_CLASS, POOR_FAMILY)
    office = "文件没有写由谁安排;可以问学校和当地教育部门。"
    open_points = (
        "文件没有写贫困家庭怎么认定、交什么材料、找谁报名。",
        "文件没有写名额多少、名额不够怎么办,也没有写哪些学校有订单班、要不要交学费。",
        "文件写的是“面向脱贫攻坚主战场”,现在怎么执行没有写。",
    )

    def decide(self, given: Given, rules: Rules) -> Decision:
        """An order class, and a poor family."""
        return self.settle(
            given,
            rules,
            scope=(ORDER_CLASS.yes(rules, given["order_class"]),),
            conditions=(_poor_family(given, rules),),
            headlines={
                "met": "文件写了优先安排;但优先不等于一定能进,名额和手续文件没有写。",
                "not_met": "文件写的优先只给贫困家庭学生,没有写给其他学生优先。",
                "not_applicable": "不适用:这一条写的是校企合作订单班。",
            },
        )


def _poor_family(given: Given, rules: Rules) -> Criterion:
    """Hardship that nobody recognised is an open point: the text does not say who is poor."""
    if given["family"] == "hardship":
        note = "文件没有写怎样算贫困家庭,要问学校或当地教育部门。"
        return POOR_FAMILY.judge(rules, "unknown", value=_FAMILY.said("hardship"), note=note)
    return POOR_FAMILY.one_of(rules, _FAMILY, given["family"], "recognised")
