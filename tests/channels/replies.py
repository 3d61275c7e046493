"""The Replies that every channel's rendering is tested with. A card is `title`, `text`, `lines`, `url`, `quick_replies`; an attachment `title`, `url`."""

from bot.reply import Citation, QuickReply, Reply

BASE_URL = "https://cjt.example.cn"
_QUOTE = "培训人员与企业签订6个月以上劳动合同的,政府部门按每人300元给予企业职业培训津贴"
ALLOWANCE = Citation(
    article="sx-2018-38#16",
    label="晋政办发〔2018〕38号（十六） 大力发挥中小企业作用",
    quote=_QUOTE,
    url="/policies/sx-2018-38?quote=%E5%9F%B9%E8%AE%AD%E4%BA%BA%E5%91%98#16",
)
BASES = Citation(
    article="sx-2021-453#2.2",
    label="晋发改科教发〔2021〕453号 二（二） 产教融合重大平台载体和实训基地的布局",
    quote="在全省范围内建设 10 个左右的省级专业性产教融合重大平台载体和实训基地",
    url="/policies/sx-2021-453?quote=%E5%9C%A8%E5%85%A8%E7%9C%81#2.2",
)

ANSWER = Reply(
    kind="answer",
    text="每人300元。中小微企业和职业院校合作培训新招的人,并签6个月以上劳动合同的,政府按每人300元给企业职业培训津贴。\n"
    "依据2018年《山西省促进产教融合实施方案》(晋政办发〔2018〕38号)（十六）。现在怎么执行,以主管部门的答复为准。",
    citations=[ALLOWANCE, BASES],
)
NO_ANSWER = Reply(
    kind="no_answer",
    text="这个问题不在我能回答的范围里。",
    quick_replies=[
        QuickReply(title="实习给不给钱?", payload="ask:intern-pay"),
        QuickReply(title="订单班是啥?", payload="ask:order-class"),
    ],
)
CLARIFY = Reply(
    kind="clarify",
    text="您想了解“基地”的哪一方面?",
    quick_replies=[
        QuickReply(title="产教融合重大平台载体和实训基地的功能", payload="article:sx-2021-453#2.3"),
        QuickReply(title="鼓励多种模式建设运行", payload="article:sx-2021-453#4.3"),
        QuickReply(title="建立绩效评价机制", payload="article:sx-2021-453#5.2"),
    ],
)
ASSESSMENT = Reply(
    kind="assessment",
    text="按您说的,可以领3300元:8个人每人300元,其中3个人考了证再各加300元。\n能不能领、领多少,以主管部门的决定为准。",
    citations=[ALLOWANCE],
    quick_replies=[QuickReply(title="重新算", payload="restart"), QuickReply(title="不算了", payload="cancel")],
    attachments=[{"title": "计算过程", "url": "/assessments/3f9c"}],
)
BOOKING = Reply(
    kind="booking",
    text="找到2个场次,选一个:",
    cards=[
        {
            "title": "数控车床实训(示例)",
            "lines": ["11月25日(周三)9:00–12:00", "示例实训基地", "还剩3个名额"],
            "url": "/slots/42",
            "quick_replies": [{"title": "约11月25日上午", "payload": "slot:42"}],
        },
        {
            "title": "数控铣床实训(示例)",
            "lines": ["11月26日(周四)14:00–17:00", "示例实训基地", "还剩1个名额"],
            "url": "/slots/43",
            "quick_replies": [{"title": "约11月26日下午", "payload": "slot:43"}],
        },
    ],
    quick_replies=[QuickReply(title="不约了", payload="cancel")],
)
BOOKED = Reply(
    kind="booking",
    text="约好了,预约码 K7M2Q9。",
    cards=[
        {
            "title": "数控车床实训(示例)",
            "lines": ["11月25日(周三)9:00–12:00", "示例实训基地"],
            "url": "/bookings/K7M2Q9",
        }
    ],
)
LONG = Reply(
    kind="answer",
    text="\n".join(f"第{n}条:" + "企业和学校一起培养人,学生在岗位上学,师傅带着做,学完考核。" * 7 for n in range(1, 30))[
        :6000
    ],
    citations=[ALLOWANCE],
    quick_replies=[QuickReply(title="还有呢", payload="ask:order-class")],
)
EMOJI = Reply(kind="chitchat", text="不客气😀👨‍👩‍👧‍👦👍🏽,随时问我。]]> <b>&amp;</b>")
TRADITIONAL = Reply(
    kind="answer",
    text="每人300元。中小微企業和職業院校合作培訓新招的人,並簽6個月以上勞動合同的,政府按每人300元給企業職業培訓津貼。",
    citations=[ALLOWANCE.copy(update={"label": "晉政辦發〔2018〕38號（十六） 大力發揮中小企業作用"})],
    quick_replies=[QuickReply(title="訂單班是啥?", payload="ask:order-class")],
)

EVERY: dict[str, Reply] = {
    "answer": ANSWER,
    "no_answer": NO_ANSWER,
    "clarify": CLARIFY,
    "assessment": ASSESSMENT,
    "booking": BOOKING,
    "booked": BOOKED,
    "long": LONG,
    "emoji": EMOJI,
    "traditional": TRADITIONAL,
}
