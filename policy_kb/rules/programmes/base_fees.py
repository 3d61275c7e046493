"""实训基地的收费: whether a training is compensated by government purchase or charged to who benefits."""

from policy_kb.rules.engine import Condition, Criterion, Decision, Fact
from policy_kb.rules.inputs import Given, choice, yes_no
from policy_kb.rules.parameters import Rules
from policy_kb.rules.programme import Programme

_PROJECT = choice(
    "project",
    "培训的类型",
    "是哪一种培训?",
    {
        "vocational_practice": "职业院校学生的实习实训",
        "other_public": "其他自称公益的项目",
        "staff_training": "企业员工培训",
        "social_training": "面向社会人员的技能培训、创业培训",
    },
)

PUBLIC_PROJECT = Condition(
    "public_project",
    "面向职业教育的公益性项目",
    "public_project",
    ("project",),
    "是面向职业教育开展的实习实训等公益性项目。别的项目算不算公益性,文件没有写。",
)
GOVERNMENT_PURCHASE = Condition(
    "government_purchase",
    "政府购买服务",
    "government_purchase",
    ("government_purchase",),
    "有政府购买服务来补偿;文件写的是“可”通过政府购买服务补偿。",
    states=("met", "unknown"),
)


class BaseFees(Programme):
    """晋发改科教发〔2021〕453号 四(四): 对承担的面向职业教育开展的实习实训等公益性项目,可通过政府购买服务予以补偿;对其他项目,按照“谁受益谁承担”
    原则,合理收取费用。

    Nowhere does it say that a training is free for those who take part.
    """

    id = "base-fees"
    title = "实训基地的收费"
    audience = "给学生、员工和企业:基地的培训由政府购买服务补偿,还是要收费。"
    clauses = ("sx-2021-453#4.4",)
    fields = (
        _PROJECT,
        yes_no("government_purchase", "有没有政府购买服务", "这个项目有政府购买服务来补偿吗?", "可以问办培训的基地。"),
    )
    conditions = (PUBLIC_PROJECT, GOVERNMENT_PURCHASE)
    office = "收多少钱问所在的基地;文件没有写由哪个部门定价,可以问当地人社部门(12333)或教育部门。"
    open_points = (
        "文件没有写收费标准,也没有写参加的人一分钱不用交。",
        "文件没有写政府购买服务补多少、向谁申请。",
    )

    def decide(self, given: Given, rules: Rules) -> Decision:
        """A public project of vocational education that the government pays for; other projects are charged."""
        charged = given["project"] in ("staff_training", "social_training")
        also = ["other_projects"] if charged else []
        also += ["paid_training"] if given["project"] == "social_training" else []
        payer = "谁受益谁承担,合理收取费用" if charged else "政府购买服务补偿" if given["government_purchase"] else None
        return self.settle(
            given,
            rules,
            conditions=(_project(given, rules), _purchase(given, rules)),
            headlines={
                "met": "由政府购买服务来补偿;参加的人是不是一分钱不用交,文件没有写。",
                "not_met": "要收费:这类培训按“谁受益谁承担”的原则合理收取费用。",
            },
            facts=(Fact("payer", "费用", payer),) if payer and given["project"] != "other_public" else (),
            also=tuple(rules[id].value.citation for id in also),
        )


def _project(given: Given, rules: Rules) -> Criterion:
    """实习实训等公益性项目: students' practice is named; what else is public the text leaves open."""
    if given["project"] == "other_public":
        note = "文件没有写哪些算公益性项目,要问办培训的基地和主管部门。"
        return PUBLIC_PROJECT.judge(rules, "unknown", value=_PROJECT.said("other_public"), note=note)
    return PUBLIC_PROJECT.one_of(rules, _PROJECT, given["project"], "vocational_practice")


def _purchase(given: Given, rules: Rules) -> Criterion:
    """可通过政府购买服务予以补偿: who pays when the government does not is not stated."""
    if given["government_purchase"] is False:
        note = "没有政府购买服务的时候由谁出钱,文件没有写。"
        return GOVERNMENT_PURCHASE.judge(rules, "unknown", value="否", note=note)
    return GOVERNMENT_PURCHASE.yes(rules, given["government_purchase"])
