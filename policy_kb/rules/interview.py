"""Asking for a programme's inputs one by one, in the order the programme itself finds: a conversation's state and what a message does to it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from policy_kb.normalise import same_length
from policy_kb.rules import PROGRAMMES, Decision, InputField, InvalidInput, assess
from policy_kb.rules.hearing import NOT_UNDERSTOOD, RESTART, REVIEW, UNKNOWN, WISH, Heard, Quantity, hear, leaves, words
from policy_kb.rules.inputs import plain

MISSES_BEFORE_OFFER = 3
ROUGHLY = "(您说的是大概数,先按这个算)"

Kind = Literal[
    "begun", "answered", "question", "missed", "unclear", "contradiction", "restarted", "review", "cancelled"
]


@dataclass(frozen=True)
class Interview:
    """Answers so far, in the order they were given (None: 不知道), what was asked last, and how often in a row it was not understood.

    `rough` names the answers that were given as a rough number.
    """

    programme: str
    answers: Mapping[str, Any] = field(default_factory=dict)
    asked: str | None = None
    misses: int = 0
    rough: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, stored: Any) -> "Interview | None":
        """An interview as `as_dict` made it; None for anything else, and for a programme that no longer exists."""
        if not isinstance(stored, Mapping) or stored.get("programme") not in PROGRAMMES:
            return None
        known = fields(stored["programme"])
        answers = {name: value for name, value in (stored.get("answers") or {}).items() if name in known}
        asked = stored.get("asked")
        rough = tuple(name for name in stored.get("rough") or () if name in answers)
        return cls(
            stored["programme"], answers, asked if asked in known else None, int(stored.get("misses") or 0), rough
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "programme": self.programme,
            "answers": dict(self.answers),
            "asked": self.asked,
            "misses": self.misses,
            "rough": list(self.rough),
        }

    def decision(self, on: date) -> Decision:
        """The decision as far as the answers go."""
        return assess(self.programme, self.answers, on)

    def summary(self) -> str:
        """What has been answered, in words."""
        return self.said(tuple(self.answers))

    def said(self, names: Iterable[str]) -> str:
        """The answers to `names`, in words."""
        known = fields(self.programme)
        return ";".join(
            stated(known[name], self.answers[name]) + (ROUGHLY if name in self.rough else "") for name in names
        )

    def basis(self) -> str:
        """What a result rests on, so that a misheard answer shows."""
        return f"按您说的算的:{self.summary()}。"


@dataclass(frozen=True)
class Step:
    """What a message did: the interview after it, and what is to be said about it. `new` names the answers it brought."""

    interview: Interview
    kind: Kind
    new: tuple[str, ...] = ()
    problem: str = ""


def programme_of(text: str) -> str | None:
    """The programme whose words cover most of `text`; of two, the first in the order of cues.yml. None where no word is any's."""
    text = same_length(text)
    covered = {name: own.covered(text) for name, own in words().items() if name in PROGRAMMES}
    most = max(covered, key=lambda name: covered[name])
    return most if covered[most] else None


def wants_to_know_own_case(step: Step | None, text: str) -> bool:
    """Whether `text` gives a number or a choice of one's own or asks to work it out; else it asks for the rule: 一线经费占比要求是多少."""
    own = step is not None and any(type(step.interview.answers[name]) in (int, str) for name in step.new)
    return own or bool(WISH.search(same_length(text)))


def fields(programme: str) -> dict[str, InputField]:
    return {f.name: f for f in PROGRAMMES[programme].fields}


def begin(programme: str, text: str, quantities: Iterable[Quantity], on: date) -> Step:
    """A new interview, with what the first sentence says already."""
    heard = hear(programme, fields(programme), text, quantities, None, {})
    step = _with(Interview(programme), heard, "begun", on)
    if step.kind == "begun":
        return step
    # A first sentence that contradicts itself still begins; nothing of it is taken.
    return replace(_with(Interview(programme), Heard({}), "begun", on), problem=step.problem)


def listen(interview: Interview, text: str, quantities: Iterable[Quantity], on: date) -> Step:
    """What `text` means in the middle of `interview`."""
    if leaves(text):
        return Step(interview, "cancelled")
    said = same_length(text).strip()
    if RESTART.search(said):
        return _with(Interview(interview.programme), Heard({}), "restarted", on)
    if REVIEW.search(said):
        return Step(interview, "review")
    if NOT_UNDERSTOOD.search(said):
        return Step(interview, "unclear", problem="我说细一点:")
    quantities = list(quantities)
    asks = looks_like_a_question(UNKNOWN.sub("", said))
    # 300 块是一次性的吗? asks; 8 个?  and 签6个月行吗? say something.
    asked = None if asks and not _hardly_more_than_a_number(said, quantities) else interview.asked
    refused = interview.misses > 0
    heard = hear(interview.programme, fields(interview.programme), text, quantities, asked, interview.answers, refused)
    if asks and not any(type(value) in (int, str) for value in heard.values.values()):
        return Step(interview, "question")
    if heard.values:
        return _with(interview, heard, "answered", on)
    return replace(missed(interview), kind="unclear", problem=heard.unclear) if heard.unclear else missed(interview)


def _hardly_more_than_a_number(said: str, quantities: Iterable[Quantity]) -> bool:
    numbers = sum(q.end - q.start for q in quantities) or sum(len(digits) for digits in re.findall(r"\d+", said))
    return numbers > 0 and len(said) - numbers <= 4


def choose(interview: Interview, choice: str, on: date) -> Step:
    """What a tapped button says: yes, no, unknown, or the value of an option of the asked input."""
    asked = fields(interview.programme).get(interview.asked or "")
    values: dict[str, Any] = {"unknown": None, "yes": True, "no": False}
    if asked is None:
        return missed(interview)
    value = values[choice] if asked.kind != "choice" and choice in values else None if choice == "unknown" else choice
    try:
        asked.parse(value)
    except ValueError:
        return missed(interview)
    return _with(interview, Heard({asked.name: value}), "answered", on)


def missed(interview: Interview) -> Step:
    """Not understood, once more."""
    return Step(replace(interview, misses=interview.misses + 1), "missed")


def _with(interview: Interview, heard: Heard, kind: Kind, on: date) -> Step:
    """`interview` with new answers, or as it was when they contradict the others."""
    new = heard.values
    kept = {name: value for name, value in interview.answers.items() if name not in new}
    rough = (*(name for name in interview.rough if name not in new), *heard.rough)
    changed = replace(interview, answers={**kept, **new}, misses=0, rough=rough)
    try:
        following = changed.decision(on).next_input
    except InvalidInput as error:
        return replace(missed(interview), kind="contradiction", problem=str(error))
    return Step(replace(changed, asked=following.name if following else None), kind, tuple(new))


def stated(asked: InputField, value: Any) -> str:
    """An answer in words: 人数:8 人; 是新招聘人员; 不知道是不是中小微企业."""
    if value is None:
        return f"不知道{asked.label}"
    if asked.kind == "boolean" and asked.label.startswith("是不是"):
        return ("" if value else "不") + asked.label.removeprefix("是不")
    return f"{asked.label}:{worded(asked, value)}"


def worded(asked: InputField, value: Any) -> str:
    """A value in words: 8 人, 是, 2026年3月1日."""
    if value is None:
        return "不知道"
    if asked.kind == "boolean":
        return "是" if value else "否"
    if asked.kind == "choice":
        return next(option.label for option in asked.options if option.value == value)
    if asked.kind == "date":
        day = date.fromisoformat(str(value))
        return f"{day.year}年{day.month}月{day.day}日"
    number = plain(Decimal(str(value)))
    return f"{number}%" if asked.kind == "percentage" else f"{number}{asked.unit}"


def looks_like_a_question(text: str) -> bool:
    """Whether `text` asks for something, by its words."""
    return bool(_QUESTION.search(text))


_QUESTION = re.compile(
    r"[?？]|吗|么$|呢[?？。!！]?$|什么|啥|甚|咋|怎么|怎样|为什么|为何|多少|几(?:个|年|月|块|次|天)|哪|谁|能不能|可不可以|是不是|有没有|算不算|行不行|要不要"
)
