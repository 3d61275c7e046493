"""实习岗位: how many intern posts a firm above designated size is to offer."""

from policy_kb.rules.engine import Condition, Decision
from policy_kb.rules.inputs import Given, choice, count
from policy_kb.rules.parameters import Rules
from policy_kb.rules.programme import Programme
from policy_kb.rules.quota import quota

_SIZE = choice(
    "designated_size",
    "企业规模",
    "贵公司是规模以上企业吗?",
    {"above": "规模以上", "below": "规模以下"},
    "文件没有写怎么认定;不清楚可以问当地统计部门。",
)
_TECHNICAL = count("technical_posts", "技术岗位数", "贵公司一共有多少个技术岗位?", "个")
_INTERN = count(
    "intern_posts",
    "实习岗位数",
    "现在给职业院校学生提供多少个顶岗实习岗位?",
    "个",
    help="“顶岗实习”是旧叫法,现在叫岗位实习。",
)

ENTERPRISE = Condition(
    "enterprise",
    "规模以上企业",
    "enterprise",
    ("designated_size",),
    "企业是规模以上企业;文件没有给规模以下的企业定这个标准。",
)
POST_SHARE = Condition(
    "post_share",
    "实习岗位占技术岗位的比例",
    "post_share",
    ("technical_posts", "intern_posts"),
    "接受职业院校学生顶岗实习的岗位数,占企业技术岗位数的比例;“不少于”包括本数。",
    exact=True,
)


class InternshipPosts(Programme):
    """晋政办发〔2018〕38号(十二): 按照规模以上企业接受职业院校学生顶岗实习岗位数不少于企业技术岗位数10%……的标准,引导企业落实接收学生
    实习实训和教师企业实践的责任。
    """

    id = "internship-posts"
    title = "企业实习岗位数"
    audience = "给规模以上企业:要提供多少个实习岗位,还差几个。"
    clauses = ("sx-2018-38#12",)
    fields = (_SIZE, _TECHNICAL, _INTERN)
    conditions = (ENTERPRISE, POST_SHARE)
    office = "文件没有写由哪个部门管;可以问当地教育部门、人社部门(12345)。"
    open_points = (
        "文件没有写“规模以上”和“技术岗位”怎么认定。",
        "文件没有写达不到会怎样;文件的说法是按这个标准“引导企业落实”责任。",
    )

    def decide(self, given: Given, rules: Rules) -> Decision:
        """Posts offered against the share of technical posts."""
        posts = quota(POST_SHARE, rules, given, "intern_posts", "technical_posts", "个", "再提供 {missing} 个实习岗位")
        offered = given["intern_posts"]
        return self.settle(
            given,
            rules,
            scope=(ENTERPRISE.one_of(rules, _SIZE, given["designated_size"], "above"),),
            conditions=(posts.criterion,),
            headlines={
                "met": f"达到标准:至少要 {posts.required} 个实习岗位{'' if offered is None else f',现在有 {offered} 个'}。",
                "not_met": f"没有达到标准:至少要 {posts.required} 个实习岗位,现在有 {offered} 个,还差 {posts.missing} 个。",
                "not_applicable": "不适用:这个标准写的是规模以上企业。",
            },
            facts=posts.facts,
            open_points=posts.open_points,
        )
