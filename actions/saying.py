"""Handing a Reply to Rasa, in the script that the person writes."""

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from bot.reply import Reply
from policy_kb.normalise import is_traditional, to_traditional


def say(dispatcher: CollectingDispatcher, tracker: Tracker, reply: Reply) -> None:
    """Utter `reply`; in Traditional characters when the message was written in them. Quotes stay in the original."""
    if is_traditional((tracker.latest_message or {}).get("text") or ""):
        reply = in_traditional(reply)
    dispatcher.utter_message(json_message=reply.dict())


def in_traditional(reply: Reply) -> Reply:
    replies = [q.copy(update={"title": to_traditional(q.title)[:40]}) for q in reply.quick_replies]
    citations = [c.copy(update={"label": to_traditional(c.label)}) for c in reply.citations]
    return reply.copy(update={"text": to_traditional(reply.text), "quick_replies": replies, "citations": citations})
