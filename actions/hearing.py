"""What actions read of the latest message, and how they answer something else without leaving what they are at."""

from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.policy_replies import as_reply, tapped, today
from actions.saying import say
from actions.smalltalk import SAID
from bot.reply import Reply
from policy_kb import live
from policy_kb.pipeline import Context

Events = list[dict[str, Any]]
SURE = 0.7


def text_of(tracker: Tracker) -> str:
    return str((tracker.latest_message or {}).get("text") or "")


def payload_of(tracker: Tracker) -> str | None:
    return next(tracker.get_latest_entity_values("payload"), None)


def message_id(tracker: Tracker) -> str:
    return str((tracker.latest_message or {}).get("message_id") or "")


def intent_of(tracker: Tracker) -> tuple[str, float]:
    """The intent and Rasa's confidence in it."""
    intent = (tracker.latest_message or {}).get("intent") or {}
    return str(intent.get("name") or ""), float(intent.get("confidence") or 0)


def answer_in_between(dispatcher: CollectingDispatcher, tracker: Tracker) -> Events:
    """Answer small talk or a policy question that came in the middle of a form."""
    intent, confidence = intent_of(tracker)
    payload = payload_of(tracker)
    if payload is None and intent in SAID and confidence >= SURE:
        say(dispatcher, tracker, Reply(kind="chitchat", text=SAID[intent][0]))
        return []
    context = Context.from_dict(tracker.get_slot("policy_context"))
    if payload is not None:
        outcome, context = tapped(live.current(), payload, context)
    else:
        outcome, context = live.current().ask(text_of(tracker), context, today())
    say(dispatcher, tracker, as_reply(outcome).copy(update={"quick_replies": []}))
    return [SlotSet("policy_context", context.as_dict() if context else None)]
