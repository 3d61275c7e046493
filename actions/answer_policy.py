"""Answer a policy question, or a tapped button about one."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.hearing import Events, payload_of, text_of
from actions.policy_replies import as_reply, tapped, today
from actions.reassess import reassessed
from actions.saying import say
from policy_kb import live
from policy_kb.pipeline import Context


class ActionAnswerPolicy(Action):
    """The whole of policy_kb behind one action; but what changes the case that was just worked out is worked out again."""

    def name(self) -> str:
        return "action_answer_policy"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        payload = payload_of(tracker)
        again = None if payload else reassessed(dispatcher, tracker)
        if again is not None:
            return again
        context = Context.from_dict(tracker.get_slot("policy_context"))
        if payload is not None:
            outcome, context = tapped(live.current(), payload, context)
        else:
            outcome, context = live.current().ask(text_of(tracker), context, today())
        say(dispatcher, tracker, as_reply(outcome))
        return [SlotSet("policy_context", context.as_dict() if context else None)]
