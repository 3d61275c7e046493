"""平台载体和实训基地的申报: who may apply, in which mode, on which path, and what must exist first."""

from policy_kb.rules.engine import Condition, Criterion, Decision, Fact
from policy_kb.rules.inputs import Given, InputField, choice, yes_no
from policy_kb.rules.parameters import Rules
from policy_kb.rules.programme import Programme

_APPLICANT = choice(
    "applicant",
    "申报的是谁",
    "你们是哪一类单位?",
    {
        "city_government": "市政府",
        "university": "高等学校",
        "vocational_school": "职业院校",
        "development_zone": "开发区",
        "backbone_firm": "行业骨干企业",
        "other": "其他单位或个人",
    },
)
_FIELD = choice(
    "field",
    "面向的产业",
    "基地面向哪一类产业或人才?",
    {
        "emerging": "战略性新兴产业",
        "local": "特色优势产业",
        "agriculture": "现代农业",
        "manufacturing": "先进制造业",
        "services": "家政、康养、旅游、托育等社会服务",
        "other": "其他",
    },
)
_LEVEL = choice("level", "哪一级", "想申报哪一级的基地?", {"province": "省级", "city_or_county": "市级、县级"})
_GOOD_SCHOOL = yes_no("good_school", "院校条件", "学校的专业师资、设施设备和场地条件比较好吗?")
_LEADING_FIRM = yes_no(
    "leading_firm", "企业条件", "企业是技术水平高、校企合作基础好的上市公司或行业龙头企业,并依法举办职业教育吗?"
)
_PARK_BODY = yes_no("park_body", "独立的运行管理机构", "园区独立设置了基地的运行管理机构吗?")

APPLICANT = Condition(
    "applicant",
    "申报主体",
    "applicant",
    ("applicant",),
    "申报的是文件列出的主体:各市政府、高等学校、职业院校、各类开发区、行业骨干企业。",
    fix="和文件列出的申报主体合作,由它来申报,自己以土地、资本、人力、技术、管理等要素参与建设",
)
FIELD = Condition(
    "field", "聚焦的产业", "fields", ("field",), "面向文件聚焦的产业和人才需求。", states=("met", "unknown")
)
SCHOOL_MODE = Condition(
    "school_mode",
    "院校主导模式",
    "school_mode",
    ("good_school",),
    "院校申报时:依托专业师资、设施设备和场地条件较好的院校。",
    states=("met", "unknown"),
)
FIRM_MODE = Condition(
    "firm_mode",
    "企业主导模式",
    "firm_mode",
    ("leading_firm",),
    "企业申报时:依托技术水平高、校企合作基础好的上市公司、行业龙头企业依法举办职业教育。",
    states=("met", "unknown"),
)
PARK_MODE = Condition(
    "park_mode",
    "园区主导模式",
    "park_body",
    ("park_body",),
    "开发区申报时:独立设置基地的运行管理机构。",
    fix="独立设置基地的运行管理机构",
)
STANDARDS = Condition(
    "standards",
    "国家标准与规范",
    "standards",
    ("standards",),
    "建设符合国家现行相关标准与规范。",
    fix="先让建设方案符合国家现行相关标准与规范",
)
SITING = Condition(
    "siting",
    "国土空间规划",
    "siting",
    ("siting",),
    "选址和布局依据国土空间规划。",
    fix="按国土空间规划确定选址和布局",
)
PATH = Condition(
    "path",
    "申报路径",
    "open_call",
    ("built", "level"),
    "已建成的经评选后可直接授牌;没有建成的,省级的走揭榜。市级、县级的走什么程序,文件没有写。",
    states=("met", "unknown"),
)


class BaseApplication(Programme):
    """晋发改科教发〔2021〕453号 二(二): 支持各市政府、高等学校、职业院校、各类开发区、行业骨干企业作为申报主体,聚焦……; 四(一): 建设必须符合国家现行
    相关标准与规范……依据国土空间规划; 四(二): 省级……采取“揭榜制”方式……已建成的……经评选后,可直接授牌; 四(三): 院校、企业、园区三种主导模式。
    """

    id = "base-application"
    title = "平台载体和实训基地的申报"
    audience = "给学校、企业、开发区和市政府:能不能申报,用什么身份、什么模式、走哪条路,先要具备什么。"
    clauses = ("sx-2021-453#2.2", "sx-2021-453#2.3", "sx-2021-453#4.1", "sx-2021-453#4.2", "sx-2021-453#4.3")
    fields = (
        _APPLICANT,
        _FIELD,
        _GOOD_SCHOOL,
        _LEADING_FIRM,
        _PARK_BODY,
        yes_no("standards", "国家标准与规范", "建设符合国家现行的相关标准与规范吗?"),
        yes_no("siting", "国土空间规划", "选址和布局符合国土空间规划吗?"),
        yes_no("built", "是不是已经建成", "基地已经建成了吗?"),
        _LEVEL,
    )
    conditions = (APPLICANT, FIELD, SCHOOL_MODE, FIRM_MODE, PARK_MODE, STANDARDS, SITING, PATH)
    office = "省级的问省发展改革委(文件这一条排在第一位的部门),市级、县级的问当地发展改革部门。"
    open_points = ("文件没有写今年什么时候发榜、交什么材料、评审打分的标准。",)

    def decide(self, given: Given, rules: Rules) -> Decision:
        """A listed applicant with its mode's conditions, standards and siting, and a path."""
        applicant = given["applicant"]
        mode = _MODES.get(applicant or "")
        conditions = [
            APPLICANT.one_of(
                rules, _APPLICANT, applicant, *(c.value for c in _APPLICANT.options if c.value != "other")
            ),
            _stated_only(FIELD, rules, _FIELD, given, "文件写的是聚焦这几类,没有写别的方向能不能报。", "other"),
        ]
        if applicant in ("university", "vocational_school"):
            note = "文件说依托条件较好的院校,没有写怎样算较好、条件一般的能不能报。"
            conditions.append(_yes_or_open(SCHOOL_MODE, rules, given, note))
        elif applicant == "backbone_firm":
            note = "文件说依托这样的企业,没有写别的骨干企业能不能主导。"
            conditions.append(_yes_or_open(FIRM_MODE, rules, given, note))
        elif applicant == "development_zone":
            conditions.append(PARK_MODE.yes(rules, given["park_body"]))
        conditions += [
            STANDARDS.yes(rules, given["standards"]),
            SITING.yes(rules, given["siting"]),
            _path(given, rules),
        ]
        path = conditions[-1].value
        facts = (
            [Fact("applicant", "申报身份", _APPLICANT.said(applicant))]
            if mode or applicant == "city_government"
            else []
        )
        facts += [Fact("mode", "建设模式", mode)] if mode else []
        facts += [Fact("path", "路径", path)] if path else []
        return self.settle(
            given,
            rules,
            conditions=tuple(conditions),
            headlines={
                "met": f"可以申报:以{_APPLICANT.said(applicant)}的身份,{f'用{mode},' if mode else ''}{path}。"
                if applicant
                else "",
                "not_met": "按文件的条件,现在还不能申报。",
            },
            facts=tuple(facts),
            open_points=("文件的三种模式里没有写市政府主导的模式。",) if applicant == "city_government" else (),
            also=tuple(rules[id].value.citation for id in (*_MODE_CLAUSES.get(mode or "", ()), *_path_clauses(given))),
        )


_MODES = {
    "university": "院校主导模式",
    "vocational_school": "院校主导模式",
    "backbone_firm": "企业主导模式",
    "development_zone": "园区主导模式",
}
_MODE_CLAUSES = {"院校主导模式": ("school_mode",), "企业主导模式": ("firm_mode",), "园区主导模式": ("park_mode",)}


def _path_clauses(given: Given) -> tuple[str, ...]:
    """The clauses on how it goes on: the award, and who may take part without applying."""
    award = {True: ("direct_award",), False: ("award",)}.get(given["built"], ())
    return (*award, "participation") if given["applicant"] == "other" else award


def _path(given: Given, rules: Rules) -> Criterion:
    """已建成的,经评选后可直接授牌; 省级采取“揭榜制”; the procedure of cities and counties is not stated."""
    if given["built"] is None:
        return PATH.judge(rules, "unknown", missing=("built",))
    if given["built"]:
        return PATH.judge(rules, "met", value="已建成,经评选后可直接授牌")
    if given["level"] is None:
        return PATH.judge(rules, "unknown", missing=("level",))
    if given["level"] == "province":
        steps = "公开发榜、自愿申报、专家评议、揭榜落地"
        return PATH.judge(rules, "met", value=f"走揭榜({steps}),建成并经评审认定后授牌")
    return PATH.judge(rules, "unknown", note="文件只写了省级的揭榜程序,没有写市级、县级的程序,要问当地发展改革部门。")


def _yes_or_open(condition: Condition, rules: Rules, given: Given, note: str) -> Criterion:
    """Met by 是; by 否 an open point, for the text names who is relied on and does not shut out the others."""
    if given[condition.inputs[0]] is False:
        return condition.judge(rules, "unknown", value="否", note=note)
    return condition.yes(rules, given[condition.inputs[0]])


def _stated_only(
    condition: Condition, rules: Rules, asked: InputField, given: Given, note: str, other: str
) -> Criterion:
    """Met by any choice the text names; by `other` an open point."""
    answer = given[asked.name]
    if answer == other:
        return condition.judge(rules, "unknown", value=asked.said(other), note=note)
    return condition.one_of(rules, asked, answer, *(option.value for option in asked.options))
