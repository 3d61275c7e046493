"""职工培训年参与率: whether enough of the staff took part in training within a year."""

from policy_kb.rules.engine import Condition, Decision
from policy_kb.rules.inputs import Given, InputError, count
from policy_kb.rules.parameters import Rules
from policy_kb.rules.programme import Programme
from policy_kb.rules.quota import more_than_all, quota

PARTICIPATION = Condition(
    "participation",
    "职工教育培训年参与率",
    "participation",
    ("staff", "participants"),
    "一年里参加教育培训的职工占全部职工的比例;“以上”包括本数。",
    exact=True,
)


class TrainingParticipation(Programme):
    """晋政办发〔2018〕38号(十四): 到2020年,职工教育培训年参与率要达到50%以上。"""

    id = "training-participation"
    title = "职工培训年参与率"
    audience = "给企业:一年里参加教育培训的职工比例,和文件定的目标差多少。"
    clauses = ("sx-2018-38#14",)
    fields = (
        count("staff", "职工人数", "贵公司一共有多少职工?", "人", minimum=1),
        count(
            "participants",
            "参加培训的人数",
            "这一年里有多少职工参加了教育培训?",
            "人",
            help="一个人参加几次也算 1 人。",
        ),
    )
    conditions = (PARTICIPATION,)
    office = "文件没有写由哪个部门管;可以问当地人力资源和社会保障部门(12333)。"
    open_points = (
        "文件没有写这个目标是对每家企业的,还是对全省的;也没有写达不到会怎样。",
        "文件没有写参与率怎么统计、哪些培训算数。",
    )

    def contradictions(self, given: Given) -> list[InputError]:
        """No more can take part than there are."""
        message = "参加培训的人数比职工人数还多;请按人算,不按人次算。"
        return more_than_all(given, "participants", "staff", message)

    def decide(self, given: Given, rules: Rules) -> Decision:
        """Participants of a year against all staff."""
        taking_part = quota(
            PARTICIPATION, rules, given, "participants", "staff", "人", "再安排 {missing} 名职工参加培训"
        )
        share = taking_part.criterion
        return self.settle(
            given,
            rules,
            conditions=(share,),
            headlines={
                "met": f"达到文件的目标:年参与率 {share.value}。",
                "not_met": f"没有达到文件的目标:年参与率 {share.value},{share.margin}。",
            },
            facts=taking_part.facts,
            open_points=taking_part.open_points,
            notes=(f"文件定的是到{rules['target_year']}的目标。",),
        )
