"""What people hear first in any messenger."""

from bot.reply import QuickReply, Reply

TRY = [
    QuickReply(title="能问什么", payload="help"),
    QuickReply(title="算算培训津贴", payload="assess:training-allowance"),
    QuickReply(title="预约实训", payload="book"),
]


def welcome(more: str = "") -> Reply:
    """What the assistant can do, and `more` that only this messenger can."""
    text = (
        "您好,我是产教通。用自己的话问我山西省产教融合的政策,每条回答都有出处;也可以帮您算企业能领多少培训津贴、预约实训。\n"
        "比如:“实习给不给钱?”“新招的人培训完,企业每人能领多少津贴?”"
    )
    return Reply(kind="chitchat", text=text + more, quick_replies=TRY)
