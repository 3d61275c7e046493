"""The one answer shape that every action returns and every channel renders. No platform term appears in it."""

import re
from typing import Any, Literal

from pydantic import BaseModel, Extra, Field, validator

ReplyKind = Literal["answer", "no_answer", "clarify", "assessment", "booking", "notice", "chitchat"]

# The closed list of commands that a quick reply may carry. A payload is typed or tapped text, so it is validated, never trusted.
PAYLOAD_PATTERNS: dict[str, re.Pattern[str]] = {
    "article": re.compile(r"article:[a-z0-9-]{1,40}(#\d{1,3}(\.\d{1,3})?)?"),
    "answer": re.compile(r"answer:[a-z0-9.-]{1,120}"),
    "ask": re.compile(r"ask:[a-z0-9-]{1,60}"),
    "assess": re.compile(r"assess(:[a-z-]{1,40})?"),
    "reply": re.compile(r"reply:[a-z0-9_-]{1,40}"),
    "book": re.compile(r"book"),
    "base": re.compile(r"base:\d{1,10}"),
    "slot": re.compile(r"slot:\d{1,10}"),
    "wait": re.compile(r"wait:\d{1,10}"),
    "bookings": re.compile(r"bookings"),
    "booking": re.compile(r"(booking|cancel-booking|confirm-cancel|reschedule):[A-Z0-9]{6,16}"),
    "place": re.compile(r"(accept|decline|leave-wait):\d{1,10}"),
    "erase": re.compile(r"erase|confirm-erase"),
    "roster": re.compile(r"roster:[A-Za-z0-9_-]{22}:(yes|no)"),
    "command": re.compile(r"cancel|restart|anew|help|human"),
}


# What a tapped button wants to do, as Rasa's intents say it; everything else opens something of the policy.
_INTENTS = {
    "assess": "start_assessment",
    **dict.fromkeys(("book", "base", "slot", "wait", "reschedule"), "book_slot"),
    **dict.fromkeys(("bookings", "booking", "cancel-booking", "confirm-cancel"), "manage_booking"),
    **dict.fromkeys(("accept", "decline", "leave-wait"), "manage_booking"),
    **dict.fromkeys(("erase", "confirm-erase"), "erase_me"),
    "cancel": "leave",
    "anew": "restart",  # Rasa's own: forgets the conversation, whatever form is open
}


def intent_of(payload: str) -> str:
    """The intent of a known payload."""
    return _INTENTS.get(payload.partition(":")[0], "ask_policy")


def is_known_payload(payload: str) -> bool:
    """Whether `payload` is one of the closed list of quick-reply commands (at most 128 characters)."""
    return len(payload) <= 128 and any(p.fullmatch(payload) for p in PAYLOAD_PATTERNS.values())


class _Model(BaseModel):
    class Config:
        extra = Extra.forbid
        allow_mutation = False


class Citation(_Model):
    """A clause that a reply relies on: article id, human label, exact quote, and the reader page's address."""

    article: str
    label: str
    quote: str
    url: str


class QuickReply(_Model):
    title: str = Field(..., max_length=40)
    payload: str

    @validator("payload")
    def _known(cls, value: str) -> str:
        if not is_known_payload(value):
            raise ValueError(f"not a known quick-reply payload: {value!r}")
        return value


class Reply(_Model):
    """What the assistant says, once: the text, the clauses it rests on, and what can be tapped next."""

    kind: ReplyKind
    text: str
    citations: list[Citation] = []
    quick_replies: list[QuickReply] = []
    cards: list[dict[str, Any]] = []
    attachments: list[dict[str, Any]] = []

    def dict(self, **how: Any) -> dict[str, Any]:
        """As pydantic's, which looks into every value for models (0.1 ms a turn); they are in two places."""
        if how:
            return super().dict(**how)
        parts = {name: [{**vars(each)} for each in getattr(self, name)] for name in ("citations", "quick_replies")}
        return {**vars(self), **parts}
