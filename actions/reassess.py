"""“要是 5 个考了证呢?”, “不对,是 9 个人”: the case that was just worked out, with something changed."""

import re

from rasa_sdk import Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.assessment_replies import opened, quantities_of, result_reply
from actions.hearing import Events, text_of
from actions.policy_replies import today
from actions.saying import say
from policy_kb.rules.hearing import CORRECTION
from policy_kb.rules.interview import Interview, listen

_SUPPOSING = re.compile(r"要是|如果|假如|假设|万一|换成|那.{0,15}呢[?？。]?$|再(?:多|加|招)|少")
_SUPPOSED = re.compile(r"要是|如果|假如|假设|万一|的话|那(?=\s*[\d一二两三四五六七八九十])|呢")


def reassessed(dispatcher: CollectingDispatcher, tracker: Tracker) -> Events | None:
    """The result for the changed case, or the form where that opens a question; None when the message changes nothing."""
    interview, text = Interview.from_dict(tracker.get_slot("assessed")), text_of(tracker)
    if interview is None or not (_SUPPOSING.search(text) or CORRECTION.search(text)):
        return None
    # A supposition states nothing by itself; of the last case it does.
    plain = _SUPPOSED.sub(lambda found: " " * len(found[0]), text).replace("?", " ").replace("？", " ")
    step = listen(interview, plain, quantities_of(tracker), today())
    if step.kind != "answered" or not step.new:
        return None
    if step.interview.asked is not None:
        return opened(step, tracker)
    decision = step.interview.decision(today())
    say(dispatcher, tracker, result_reply(decision, tracker.sender_id, step.interview.basis()))
    return [SlotSet("assessed", step.interview.as_dict())]
