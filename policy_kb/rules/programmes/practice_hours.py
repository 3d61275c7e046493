"""实践课时: whether half of a course's hours are practical."""

from policy_kb.rules.engine import Condition, Decision
from policy_kb.rules.inputs import Given, InputError, count
from policy_kb.rules.parameters import Rules
from policy_kb.rules.programme import Programme
from policy_kb.rules.quota import more_than_all, quota

PRACTICE = Condition(
    "practice_share",
    "实践性教学课时的比例",
    "practice_share",
    ("total_hours", "practice_hours"),
    "实践性教学课时占总课时的比例;“不少于”包括本数。",
    exact=True,
)


class PracticeHours(Programme):
    """晋政办发〔2018〕38号(十八): 实践性教学课时不少于总课时的50%。"""

    id = "practice-hours"
    title = "实践性教学课时"
    audience = "给职业院校:实践性教学课时够不够,还差多少课时。"
    clauses = ("sx-2018-38#18",)
    fields = (
        count("total_hours", "总课时", "这个专业(班)一共有多少课时?", "课时", minimum=1),
        count("practice_hours", "实践性教学课时", "其中实践性教学有多少课时?", "课时"),
    )
    conditions = (PRACTICE,)
    office = "文件没有写由哪个部门查;可以问当地教育部门。"
    open_points = (
        "文件没有写实习、实验、军训等算不算实践性教学课时。",
        "文件没有写由谁检查、达不到会怎样。",
    )

    def contradictions(self, given: Given) -> list[InputError]:
        """Practical hours are part of all hours."""
        return more_than_all(given, "practice_hours", "total_hours", "实践性教学课时比总课时还多。")

    def decide(self, given: Given, rules: Rules) -> Decision:
        """Practical hours against all hours."""
        fix = "把 {missing} 课时改为实践性教学(总课时不变)"
        hours = quota(PRACTICE, rules, given, "practice_hours", "total_hours", "课时", fix)
        share = hours.criterion
        return self.settle(
            given,
            rules,
            conditions=(share,),
            headlines={
                "met": f"达到要求:实践性教学课时占 {share.value}。",
                "not_met": f"没有达到要求:实践性教学课时占 {share.value},{share.margin}。",
            },
            facts=hours.facts,
            open_points=hours.open_points,
        )
