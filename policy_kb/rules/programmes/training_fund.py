"""教育培训经费: whether a firm sets its training fund aside and spends enough of it on front-line staff."""

from policy_kb.rules.engine import Condition, Decision
from policy_kb.rules.inputs import Given, InputError, amount, yes_no
from policy_kb.rules.parameters import Rules
from policy_kb.rules.programme import Programme
from policy_kb.rules.quota import more_than_all, quota

SET_ASIDE = Condition(
    "set_aside",
    "足额提取",
    "set_aside",
    ("set_aside",),
    "按规定足额提取职工教育培训经费。",
    fix="按规定足额提取教育培训经费",
)
FRONT_LINE = Condition(
    "front_line_share",
    "用于一线职工的比例",
    "front_line_share",
    ("fund", "front_line"),
    "教育培训经费里用在一线职工身上的比例;“以上”包括本数。",
    exact=True,
)


class TrainingFund(Programme):
    """晋政办发〔2018〕38号(十四): 落实企业职工培训制度,足额提取教育培训经费,确保教育培训经费60%以上用于一线职工。……将未按规定提取使用教育培训
    经费并拒不改正的行为,及时推送省信用信息共享平台,记入企业信用记录,对严重失信行为实施联合惩戒。
    """

    id = "training-fund"
    title = "职工教育培训经费"
    audience = "给企业:教育培训经费有没有提够,用在一线职工身上的够不够,不改正会怎样。"
    clauses = ("sx-2018-38#14",)
    fields = (
        yes_no(
            "set_aside", "是不是足额提取", "贵公司按规定足额提取职工教育培训经费了吗?", "提取比例和基数文件没有写。"
        ),
        amount("fund", "教育培训经费总额", "一年的教育培训经费一共多少元?", minimum="0.01"),
        amount("front_line", "用于一线职工的经费", "其中用在一线职工身上的有多少元?"),
    )
    conditions = (SET_ASIDE, FRONT_LINE)
    office = "文件没有写由哪个部门管;可以问当地人社部门(12333),税前扣除的事问当地税务部门。"
    open_points = (
        "文件没有写经费按多少比例、什么基数提取,也没有写哪些人算一线职工。",
        "文件没有写由谁来查、多久算拒不改正。",
    )

    def contradictions(self, given: Given) -> list[InputError]:
        """No more can go to front-line staff than there is."""
        return more_than_all(given, "front_line", "fund", "用于一线职工的经费比教育培训经费总额还多。")

    def decide(self, given: Given, rules: Rules) -> Decision:
        """Set aside in full, and at least the share spent on front-line staff."""
        front_line = quota(FRONT_LINE, rules, given, "front_line", "fund", "元", "再拿出 {missing} 元用在一线职工身上")
        conditions = (SET_ASIDE.yes(rules, given["set_aside"]), front_line.criterion)
        failed = [condition.id for condition in conditions if condition.state == "not_met"]
        return self.settle(
            given,
            rules,
            conditions=conditions,
            headlines={
                "met": "符合这一条:经费足额提取,用于一线职工的比例达到要求。",
                "not_met": f"不符合这一条:{','.join(_FAILURES[id] for id in failed)}。",
            },
            facts=front_line.facts,
            notes=(_CONSEQUENCE,) if failed else (),
            also=(rules["credit_record"].value.citation,) if failed else (),
        )


_FAILURES = {SET_ASIDE.id: "没有足额提取教育培训经费", FRONT_LINE.id: "用于一线职工的比例不够"}
_CONSEQUENCE = (
    "未按规定提取使用教育培训经费并拒不改正的,会推送省信用信息共享平台,记入企业信用记录;严重失信的,实施联合惩戒。"
)
