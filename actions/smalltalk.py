"""Greetings, thanks, help, complaints: what is said when nobody asks about policy."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.saying import say
from bot.reply import QuickReply, Reply

CAN_DO = (
    "我能根据山西省产教融合的两份文件(2018年实施方案、2021年基地建设方案)和几项国家规定的摘要,回答学徒制、订单班、实习权益、"
    "培训津贴、实训基地这些问题,每条都给出处;还能帮您测算津贴和义务,约实训的名额。"
)
EXAMPLES = [
    QuickReply(title="实习给不给钱?", payload="ask:intern-pay"),
    QuickReply(title="培训津贴一人多少?", payload="ask:training-allowance"),
    QuickReply(title="订单班谁能优先?", payload="ask:order-class"),
    QuickReply(title="实训基地能干什么?", payload="ask:base-services"),
    QuickReply(title="帮我算一算", payload="assess"),
    QuickReply(title="约实训", payload="book"),
]

# intent -> (text, whether to offer examples)
SAID: dict[str, tuple[str, bool]] = {
    "greet": (f"您好,我是产教通。{CAN_DO}直接用您自己的话问就行。", True),
    "ask_help": (f"{CAN_DO}比如可以这样问:", True),
    "ask_identity": (f"我是产教通,一个自动回答政策问题的助手,不是真人,也不代表任何政府部门。{CAN_DO}", True),
    "thank": ("不客气。还有什么想问的,接着说就行。", False),
    "praise": ("谢谢您。还有什么想问的,接着说就行。", False),
    "goodbye": ("再见,有需要随时来问。", False),
    "leave": ("好的,先到这里。想继续的话,直接提问就行。", False),
    "ask_human": (
        "我是自动助手,这里没有人工坐席。人社方面的事可拨全国热线12333,其他政务问题可拨政务服务热线12345;也可以接着问我文件里的规定。",
        True,
    ),
    "complain": (
        "抱歉没帮上忙。您可以换个说法再问一次,或者只问其中一件事。要反映问题、投诉举报,可拨政务服务热线12345,劳动用工方面可拨12333。",
        True,
    ),
    "insult": ("抱歉让您不高兴了。您想了解哪方面的规定?说一句就行,我尽量答清楚。", True),
}


class ActionSmalltalk(Action):
    """Say the words that belong to the intent."""

    def name(self) -> str:
        return "action_smalltalk"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[dict[str, Any]]:
        text, offer = SAID[tracker.get_intent_of_latest_message()]
        say(dispatcher, tracker, Reply(kind="chitchat", text=text, quick_replies=EXAMPLES if offer else []))
        return []
