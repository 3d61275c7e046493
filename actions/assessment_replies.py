"""An assessment's result as a Reply, its slots, and what a message holds for it."""

from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import FollowupAction, SlotSet

from actions.hearing import Events, message_id
from bot.database import engine_for
from bot.reply import Citation, QuickReply, Reply
from bot.settings import read_settings
from policy_kb import live
from policy_kb.rules import Decision, citations, explain
from policy_kb.rules.hearing import Quantity
from policy_kb.rules.interview import Step
from policy_kb.rules.store import DecisionStore
from policy_kb.wording import cite


@lru_cache(maxsize=1)
def store() -> DecisionStore:
    return DecisionStore(engine_for(read_settings().database_url))


def form_of(programme: str) -> str:
    """training-allowance -> training_allowance_form."""
    return f"{programme.replace('-', '_')}_form"


def result_reply(decision: Decision, owner: str, basis: str) -> Reply:
    """The decision as a Reply, kept under its own link; `basis` is said at its end."""
    explanation = f"{explain(decision)}\n{basis}"
    id = store().add(owner, decision.as_dict(), datetime.now(timezone.utc))
    corpus = live.current().knowledge.corpus
    return Reply(
        kind="assessment",
        text=explanation,
        citations=[Citation(**vars(cite(corpus, article, quote))) for article, quote in citations(decision)],
        quick_replies=[
            QuickReply(title="换个情况再算", payload=f"assess:{decision.programme}"),
            QuickReply(title="算别的", payload="assess"),
        ],
        cards=[{"type": "assessment", "title": decision.title, "decision": decision.as_dict()}],
        attachments=[{"type": "link", "title": "打开、打印这份结果", "url": f"/assessments/{id}"}],
    )


def opened(step: Step, tracker: Tracker) -> Events:
    return [
        SlotSet("assessment", state_of(step, tracker, None)),
        SlotSet("assessment_result", None),
        FollowupAction(form_of(step.interview.programme)),
    ]


def state_of(step: Step, tracker: Tracker, way_out: str | None) -> dict[str, Any]:
    return {
        **step.interview.as_dict(),
        "message": message_id(tracker),
        "kind": step.kind,
        "new": list(step.new),
        "problem": step.problem,
        "way_out": way_out,
    }


def quantities_of(tracker: Tracker) -> list[Quantity]:
    return [
        Quantity(entity["entity"], entity["value"], entity["start"], entity["end"])
        for entity in (tracker.latest_message or {}).get("entities") or []
        if entity["entity"] != "payload"
    ]
