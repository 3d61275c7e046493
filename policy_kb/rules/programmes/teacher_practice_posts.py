"""教师企业实践岗位: how many practice posts for teachers a large or medium firm is to offer a year."""

from policy_kb.rules.engine import Condition, Decision
from policy_kb.rules.inputs import Given, choice, count
from policy_kb.rules.parameters import Rules
from policy_kb.rules.programme import Programme
from policy_kb.rules.quota import quota

_SIZE = choice(
    "size",
    "企业规模",
    "贵公司是大型、中型、小型还是微型企业?",
    {"large": "大型", "medium": "中型", "small": "小型", "micro": "微型"},
    "文件没有写怎么划型;不清楚可以问当地统计部门。",
)
_STAFF = count("staff", "在职员工数", "贵公司有多少在职员工?", "人", minimum=1)
_POSTS = count("teacher_posts", "教师企业实践岗位数", "一年给职业院校教师提供多少个企业实践岗位?", "个")

ENTERPRISE = Condition(
    "enterprise", "大中型企业", "enterprise", ("size",), "企业是大型或中型企业;文件没有给小型、微型企业定这个标准。"
)
POST_SHARE = Condition(
    "post_share",
    "教师实践岗位占在职员工的比例",
    "post_share",
    ("staff", "teacher_posts"),
    "每年提供的职业院校教师企业实践岗位数,占在职员工数的比例;“不少于”包括本数。",
    exact=True,
)


class TeacherPracticePosts(Programme):
    """晋政办发〔2018〕38号(十二): 大中型企业每年提供的职业院校教师企业实践岗位数不少于在职员工数0.5%的标准,引导企业落实接收学生实习实训和
    教师企业实践的责任。
    """

    id = "teacher-practice-posts"
    title = "教师企业实践岗位数"
    audience = "给大中型企业:每年要给职业院校教师提供多少个企业实践岗位,还差几个。"
    clauses = ("sx-2018-38#12",)
    fields = (_SIZE, _STAFF, _POSTS)
    conditions = (ENTERPRISE, POST_SHARE)
    office = "文件没有写由哪个部门管;可以问当地教育部门、人社部门(12345)。"
    open_points = (
        "文件没有写“大中型”怎么划、在职员工按哪一天的人数算。",
        "文件没有写达不到会怎样;文件的说法是按这个标准“引导企业落实”责任。",
    )

    def decide(self, given: Given, rules: Rules) -> Decision:
        """Posts offered in a year against the share of staff."""
        posts = quota(
            POST_SHARE, rules, given, "teacher_posts", "staff", "个", "每年再提供 {missing} 个教师企业实践岗位"
        )
        offered = given["teacher_posts"]
        return self.settle(
            given,
            rules,
            scope=(ENTERPRISE.one_of(rules, _SIZE, given["size"], "large", "medium"),),
            conditions=(posts.criterion,),
            headlines={
                "met": f"达到标准:每年至少要 {posts.required} 个教师企业实践岗位,现在有 {offered} 个。",
                "not_met": f"没有达到标准:每年至少要 {posts.required} 个教师企业实践岗位,现在有 {offered} 个,"
                f"还差 {posts.missing} 个。",
                "not_applicable": "不适用:这个标准写的是大中型企业。",
            },
            facts=posts.facts,
            open_points=posts.open_points,
        )
