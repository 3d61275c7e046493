"""What policy_kb finds, as a Reply: the answer to a question or to a tapped button about one."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from actions.smalltalk import SAID
from bot.reply import Citation, QuickReply, Reply
from policy_kb.pipeline import EXAMPLE_QUESTIONS, Context, Pipeline
from policy_kb.rules import PROGRAMMES
from policy_kb.wording import Outcome

UNKNOWN_BUTTON = "这个按钮现在不能用,请直接用文字提问。"


def today() -> date:
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


def tapped(pipeline: Pipeline, payload: str, context: Context | None) -> tuple[Outcome, Context | None]:
    """What a quick reply's payload asks for."""
    kind, _, rest = payload.partition(":")
    if kind == "ask" and rest in EXAMPLE_QUESTIONS:
        return pipeline.ask(EXAMPLE_QUESTIONS[rest], None, today())
    outcome = None
    if kind == "article":
        outcome = pipeline.open_article(rest, context, today())
    elif kind == "answer":
        outcome = pipeline.open_answer(rest, today())
    if outcome is None:
        text = SAID["ask_help"][0] if payload == "help" else UNKNOWN_BUTTON
        return Outcome("clarify", text), context
    return outcome, Context(outcome.article or "", outcome.answer, context.question if context else "")


def as_reply(outcome: Outcome) -> Reply:
    text = outcome.text
    if outcome.kind == "answer" and outcome.options:
        text += "\n您是不是想问:"
    return Reply(
        kind=outcome.kind,
        text=text,
        citations=[Citation(**vars(c)) for c in outcome.citations],
        quick_replies=[
            *(QuickReply(title=o.title, payload=o.payload) for o in outcome.options),
            *_working_out(outcome),
        ],
    )


def _working_out(outcome: Outcome) -> list[QuickReply]:
    """Where a rule can work out one's own case, the offer to do so: at most two programmes of the article at hand."""
    if outcome.kind == "clarify":
        return []
    about = [p for p in PROGRAMMES.values() if outcome.article in p.clauses]
    return [QuickReply(title=f"算一算:{p.title}", payload=f"assess:{p.id}") for p in about[:2]]
