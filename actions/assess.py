"""Assessments in conversation: one form per programme, driven by the order in which the programme's rules need its inputs.

The slot `assessment` holds the interview and what the last message did to it; `assessment_result` says how the form ended.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.answer_policy import ActionAnswerPolicy
from actions.assessment_replies import form_of, opened, quantities_of, result_reply, state_of
from actions.hearing import SURE, Events, answer_in_between, intent_of, message_id, payload_of, text_of
from actions.policy_replies import today
from actions.reassess import reassessed
from actions.saying import say
from actions.smalltalk import SAID
from bot.reply import QuickReply, Reply
from policy_kb.pipeline import Context
from policy_kb.rules import PROGRAMMES, InputField
from policy_kb.rules.interview import (
    MISSES_BEFORE_OFFER,
    Interview,
    Step,
    begin,
    choose,
    listen,
    programme_of,
    wants_to_know_own_case,
)

LEAVE = QuickReply(title="不算了", payload="cancel")
UNKNOWN = QuickReply(title="不知道", payload="reply:unknown")
RESTART = QuickReply(title="从头再来", payload="restart")
CANCELLED = "好的,测算停在这里。想再算,随时说“帮我算算”。"
WHICH = "您想算哪一项?点一个,或者直接说您的情况,比如“新招了 8 个人,都签了一年合同,3 个考了证,能领多少”。"


class ActionStartAssessment(Action):
    """Find out which programme is meant and open its form, with what the first sentence says already."""

    def name(self) -> str:
        return "action_start_assessment"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        payload = next(tracker.get_latest_entity_values("payload"), None)
        text = text_of(tracker)
        programme = (payload.partition(":")[2] if payload else programme_of(text)) or ""
        known = programme in PROGRAMMES
        step = begin(programme, "" if payload else text, quantities_of(tracker), today()) if known else None
        again = (
            None
            if payload or (step and step.kind == "begun" and step.interview.answers)
            else reassessed(dispatcher, tracker)
        )
        if again is not None:
            return again
        if payload is None and not wants_to_know_own_case(step, text):
            # No followup action: behind one that opens no form no rule fits, and Rasa's fallback would answer again and again.
            return ActionAnswerPolicy().run(dispatcher, tracker, domain)
        if step is None:
            offered = [QuickReply(title=p.title, payload=f"assess:{p.id}") for p in PROGRAMMES.values()]
            say(dispatcher, tracker, Reply(kind="clarify", text=WHICH, quick_replies=offered))
            return []
        return opened(step, tracker)


class _ValidateForm(Action, ABC):
    """What a message does to the interview of one programme's form. Says nothing: the form asks, or ends and tells."""

    @property
    @abstractmethod
    def programme(self) -> str: ...

    def name(self) -> str:
        return f"validate_{form_of(self.programme)}"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        state = tracker.get_slot("assessment") or {}
        interview = Interview.from_dict(state)
        if interview is None or interview.programme != self.programme:
            return [SlotSet("assessment_result", "lost")]
        if state.get("message") == message_id(tracker):
            # Rasa validates twice when a form opens.
            step, way_out = Step(interview, state["kind"], tuple(state["new"]), state["problem"]), state["way_out"]
        else:
            step, way_out = _step(interview, tracker)
        if step.kind == "cancelled":
            way_out = "cancelled"
        elif step.interview.asked is None and not way_out:
            way_out = "settled"
        return [SlotSet("assessment", state_of(step, tracker, way_out)), SlotSet("assessment_result", way_out)]


def _forms() -> dict[str, type[Action]]:
    """A validation action for every programme's form, under its class name."""
    made = {}
    for programme in PROGRAMMES:
        name = f"Validate{programme.title().replace('-', '')}Form"
        made[name] = type(name, (_ValidateForm,), {"programme": programme, "__module__": __name__})
    return made


globals().update(_forms())  # the action executor finds actions as classes of modules


class ActionAskAssessmentResult(Action):
    """Say what was understood, answer what was asked in between, and ask for the next input."""

    def name(self) -> str:
        return "action_ask_assessment_result"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        state = tracker.get_slot("assessment")
        interview = Interview.from_dict(state)
        if interview is None:
            return []
        decision = interview.decision(today())
        asked = decision.next_input
        if asked is None:
            return []
        events: Events = []
        if state["kind"] == "question":
            events = answer_in_between(dispatcher, tracker)
        say(dispatcher, tracker, _question(interview, state, asked))
        return events


class ActionTellAssessment(Action):
    """The end of a form: the result with its reasons and clauses, or a farewell; and on to what was asked for instead."""

    def name(self) -> str:
        return "action_tell_assessment"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        interview = Interview.from_dict(tracker.get_slot("assessment"))
        result = tracker.get_slot("assessment_result") or "lost"
        closed: Events = [SlotSet("assessment", None), SlotSet("assessment_result", None)]
        kind, _, other = result.partition(":")
        if kind == "switch":
            step = begin(other, "" if payload_of(tracker) else text_of(tracker), quantities_of(tracker), today())
            return opened(step, tracker)
        if kind == "which":
            return [*closed, *ActionStartAssessment().run(dispatcher, tracker, domain)]
        if kind == "followup":
            return [*closed, FollowupAction(other)]
        if kind == "settled" and interview is not None:
            decision = interview.decision(today())
            say(dispatcher, tracker, result_reply(decision, tracker.sender_id, interview.basis()))
            context = Context(PROGRAMMES[decision.programme].clauses[0], None, "")
            remembered = [SlotSet("assessed", interview.as_dict()), SlotSet("policy_context", context.as_dict())]
            return [*closed, *remembered]
        text = CANCELLED if kind == "cancelled" else "刚才的测算没有保存下来,请重新说一下您的情况。"
        again = [QuickReply(title="重新算", payload=f"assess:{interview.programme}")] if interview else []
        say(dispatcher, tracker, Reply(kind="notice", text=text, quick_replies=again))
        return closed


def _step(interview: Interview, tracker: Tracker) -> tuple[Step, str | None]:
    """What the latest message does, and the way out of the form that it takes, if any."""
    payload = payload_of(tracker)
    if payload is not None:
        return _tapped(interview, payload)
    text = text_of(tracker)
    intent, confidence = intent_of(tracker)
    other = programme_of(text)
    if intent == "start_assessment" and other not in (None, interview.programme) and confidence >= SURE:
        return Step(interview, "answered"), f"switch:{other}"
    step = listen(interview, text, quantities_of(tracker), today())
    if step.kind in ("missed", "question"):
        if intent in ("leave", "goodbye") and confidence >= SURE and step.kind == "missed":
            return Step(interview, "cancelled"), None
        if intent in ("book_slot", "manage_booking") and confidence >= SURE:
            return Step(interview, "answered"), "followup:action_start_booking"
        if step.kind == "missed" and intent in SAID and confidence >= SURE:
            return Step(interview, "question"), None
    return step, None


def _tapped(interview: Interview, payload: str) -> tuple[Step, str | None]:
    kind, _, rest = payload.partition(":")
    if kind == "reply":
        return choose(interview, rest, today()), None
    if kind == "cancel":
        return Step(interview, "cancelled"), None
    if kind == "restart" or (kind == "assess" and rest == interview.programme):
        return begin(interview.programme, "", [], today()), None
    if kind == "assess":
        way_out = f"switch:{rest}" if rest in PROGRAMMES else "which"
        return Step(interview, "answered"), way_out
    if kind in ("book", "slot"):
        return Step(interview, "answered"), "followup:action_start_booking"
    return Step(interview, "question"), None


def _question(interview: Interview, state: Mapping[str, Any], asked: InputField) -> Reply:
    """The next question, after what was understood of the last message."""
    programme = PROGRAMMES[interview.programme]
    lines = []
    if state["kind"] == "begun":
        lines.append(f"好,来算“{programme.title}”。要问您几句,不清楚的答“不知道”,随时可以说“不算了”。")
    elif state["kind"] == "restarted":
        lines.append("好,从头来。")
    elif state["kind"] == "review":
        lines.append(f"您已经说了:{interview.summary() or '还没有'}。")
    elif state["kind"] == "question":
        lines.append("接着刚才的测算:")
    elif state["kind"] == "missed":
        lines.append(_not_understood(interview, asked))
    if state["problem"]:
        lines.append(state["problem"])
    if state["new"]:
        lines.append(f"记下了:{interview.said(state['new'])}。")
    lines.append(asked.question + (asked.help if state["kind"] not in ("answered", "question", "review") else ""))
    out = [RESTART, LEAVE] if interview.misses >= MISSES_BEFORE_OFFER else [LEAVE]
    return Reply(kind="clarify", text="\n".join(lines), quick_replies=[*_choices(asked), UNKNOWN, *out])


def _not_understood(interview: Interview, asked: InputField) -> str:
    if interview.misses >= MISSES_BEFORE_OFFER:
        return "这一步我一直没听明白,要不先停下?您说过的都还在,点“不算了”停下,也可以换个说法再答一次。"
    example = {
        "count": "比如“8 个”",
        "months": "比如“一年”或“6 个月”",
        "amount": "比如“3 万”",
        "percentage": "比如“50%”",
        "date": "比如“2026年3月1日”",
    }
    return f"没听懂这句回答。{example.get(asked.kind, '')}".rstrip() + ("。" if asked.kind in example else "")


def _choices(asked: InputField) -> list[QuickReply]:
    if asked.kind == "boolean":
        return [QuickReply(title="是", payload="reply:yes"), QuickReply(title="不是", payload="reply:no")]
    return [QuickReply(title=option.label[:40], payload=f"reply:{option.value}") for option in asked.options]
