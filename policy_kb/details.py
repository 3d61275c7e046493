"""Which detail a question asks for (an amount, a share, a date …), and which details a text states."""

import re

# name: (how it is asked for, what stating it looks like); a detail that no text of ours can state has a pattern that never matches
_NEVER = r"(?!)"
_DETAILS = {
    "amount": (
        r"多少钱|几个钱|[几多]少?[块元]|[给补拿领发退]多少|[给补发][几百千万]|几[百千万]|金额|补贴标准|价|奖金|学费|费多少|多少(经费|补)",
        r"\d元",
    ),
    "fee": (r"要钱|花钱|收费|掏钱|免费", r"收取费用|有偿|不得.{0,6}收|保险费"),
    "share": (r"几成|百分之[几多]|比例|占多|几个点|几分之|占比|几倍|多少倍", r"\d%|[一二两三五]倍"),
    "duration": (r"多久|多长|几年|几个?月|几天|期限|周期|时长|多少[天年]", r"(?<!\d)\d(-\d)?(至\d)?(年|个月)|定期"),
    "date": (r"几号|哪[天年]|几月|[啥甚]时候|什么时[候间]|何时|几时|截止|多会儿|日期", r"施行|到20\d\d年"),
    "condition": (r"条件|前提|要求|资格|够不够格|门槛", r"的,|符合|应当|不得|原则上|必须|以上"),
    "list": (r"名单|有哪几家|都有谁|哪个(银行|公司|厂)", _NEVER),
    "contact": (r"电话|网址|微信|联系方式|邮箱|热线|公众号|链接|官网|入口|窗口", r"12333"),
    "complaint": (r"找谁|[去往上到]哪.{0,2}[告反投]|投诉|举报|说理|评理", r"投诉|12333"),
    "department": (
        r"谁[来]?(管|负责|牵头|主管|统筹)|(哪个|哪些|什么|啥)(部门|厅)|归谁|谁说了算|谁定|谁来定",
        r"部门|厅|成员单位|自主|学校|企业负责",
    ),
    "penalty": (r"[怎咋]么?(罚|处)|罚|处分|后果|[怎咋]样$", r"罚|惩戒|没收|收回|信用"),
    "form": (r"表格|申请表|材料|[哪咋怎].{0,2}[填交办报]|报名|预约|手续|下载", _NEVER),
    "progress": (r"完成了[没吗]|[建评做]好了[没吗]|到账|进度", _NEVER),
    "elsewhere": (r"外省|外地|河[北南]|陕西|内蒙|外资|外国", r"京津冀|省外|国外|外国"),
}
_ASKED = {name: re.compile(asked) for name, (asked, _) in _DETAILS.items()}
_STATED = {name: re.compile(stated) for name, (_, stated) in _DETAILS.items()}


def asked(question: str) -> frozenset[str]:
    """The details that cleaned `question` asks for."""
    return frozenset(name for name, pattern in _ASKED.items() if pattern.search(question))


def stated(text: str) -> frozenset[str]:
    """The details that `text` states."""
    return frozenset(name for name, pattern in _STATED.items() if pattern.search(text))


EVIDENCE = ("detail stated", "detail lacking")


def evidence(question: str, details: frozenset[str], clearness: float) -> tuple[float, float]:
    """Whether an article that states `details` settles what `question` asks for, as far as the question is clearly about it."""
    wanted, weight = asked(question), max(clearness, 0.0)
    if not wanted:
        return 0.0, 0.0
    return (weight, 0.0) if wanted <= details else (0.0, weight)
