"""Booking in conversation: from a wish to a confirmed place, one message at a time. Knows what was said, not who says it how.

An `Enquiry` is all that is remembered between two messages; it holds no name and no number, only a vault token of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from booking import service, waiting_list
from booking.about_slot import about, topics_of
from booking.database import reading, transact
from booking.dates import Interval, Window, fold, say_day, when
from booking.desk import Desk
from booking.errors import (
    AlreadyBooked,
    BookingError,
    DeadlinePassed,
    LimitReached,
    NotChangeable,
    Overlap,
    PartySize,
    SlotFull,
    SlotNotFound,
    StillFree,
)
from booking.find import Alternative, Found, FoundSlot, find, slot_of
from booking.models import SHANGHAI, VaultEntry
from booking.service import BookingView
from booking.vault import mask
from booking.waiting_list import WaitingView
from booking.who import Contact, hear, party_said, wrong_number
from booking.wishes import Catalogue, Wish, _words, wish_from

SHOWN, NUMBERED = 5, 10
CONTACT_KEPT = timedelta(hours=1)  # of an enquiry that is not finished
MISSES_BEFORE_OFFER = 3
BARE_QUESTION = 6  # characters of a question without a question word: 地址, 上课时间
CONSENT = "预约要留姓名和手机号:加密保存,只用来办这次预约、通知您和签到,培训结束一年后清掉;您随时可以说“删除我的信息”。同意吗?"

Step = Literal["choose", "full", "party", "consent", "contact", "confirm", "which", "leave"]
Outcome = Literal["asking", "told", "question", "missed", "cancelled", "done", "failed"]
Change = Literal["move", "cancel"]


@dataclass(frozen=True)
class Said:
    """A message: its text with personal values put back, Rasa's entities in it, and the payload of a tapped button.

    `policy` when it is known to ask about policy.
    """

    text: str
    entities: tuple[Mapping[str, Any], ...] = ()
    payload: str | None = None
    policy: bool = False


@dataclass(frozen=True)
class Option:
    title: str
    payload: str


@dataclass(frozen=True)
class Enquiry:
    """Where the conversation stands. `moving` and `leaving` are codes of a booking to be moved or cancelled."""

    key: str  # of this enquiry; the commands' idempotency keys are made of it
    step: Step = "choose"
    wish: Wish = field(default_factory=Wish)
    offered: tuple[int, ...] = ()
    seen: tuple[int, ...] = ()  # offered before, and not wanted
    slot: int | None = None
    moving: str | None = None
    old_slot: int | None = None  # that of the booking to be moved
    leaving: str | None = None
    change: Change | None = None  # what is to be done to one of `codes`
    codes: tuple[str, ...] = ()
    waiting: bool = False  # whether a full slot is waited for
    consented: bool = False
    contact: str | None = None  # vault token of booking.who.Contact.lines
    misses: int = 0
    turn: int = 0

    def as_dict(self) -> dict[str, Any]:
        stored = asdict(self)
        if self.wish.windows is not None:
            intervals = [[one.start.isoformat(), one.end.isoformat()] for one in self.wish.windows.intervals]
            stored["wish"]["windows"] = {**stored["wish"]["windows"], "intervals": intervals}
        return stored

    @classmethod
    def from_dict(cls, stored: Any) -> Enquiry | None:
        """An enquiry as `as_dict` made it; None for anything else."""
        if not isinstance(stored, Mapping) or "key" not in stored:
            return None
        wish = dict(stored["wish"])
        if wish.get("windows"):
            window = wish["windows"]
            spans = (Interval(*(datetime.fromisoformat(end) for end in span)) for span in window["intervals"])
            wish["windows"] = Window(tuple(spans), window["label"], window["note"])
        for name in ("fields", "audience"):
            wish[name] = tuple(wish.get(name) or ())
        kept = {name: stored[name] for name in stored if name in cls.__dataclass_fields__}
        for name in ("offered", "seen", "codes"):
            kept[name] = tuple(kept.get(name) or ())
        return cls(**{**kept, "wish": Wish(**wish)})


@dataclass(frozen=True)
class Turn:
    """What a message led to: the enquiry after it, and what to say."""

    enquiry: Enquiry
    outcome: Outcome
    text: str = ""
    options: tuple[Option, ...] = ()
    slots: tuple[FoundSlot, ...] = ()
    booking: BookingView | None = None
    place: WaitingView | None = None

    @property
    def personal(self) -> bool:
        """Whether the next message may hold names and numbers."""
        return self.outcome == "asking" and self.enquiry.step in ("consent", "contact", "confirm")


LEAVE = Option("不约了", "cancel")
KEEP = Option("不改了", "cancel")
AGREE, REFUSE = Option("同意", "reply:yes"), Option("不同意", "reply:no")
CONFIRM, OTHER_CONTACT, OTHER_SLOT = (
    Option("确认预约", "reply:yes"),
    Option("改联系方式", "reply:contact"),
    Option("换一场", "reply:slot"),
)

_YES = re.compile(
    r"^(?:嗯+|好的?|行|中|可以|同意|是的?|对的?|没错|确认(?:预约|排队|改期)?|确定|没问题|ok|yes|就这[个样场]?|约吧|订吧|约|要|愿意|妥|得|能行|成|没意见|我|都)+"
    r"[的了吧呀啊哦嘞哇呗!。.,\s]*$",
    re.I,
)
_NO = re.compile(
    r"^(?:不同意|不行|不要|不是|不对|不用|不可以|不愿意|不想|不|否|no|错了|有错)[的了吧呀啊!。.\s]*$", re.I
)
_CANCEL = re.compile(
    r"^(?:没有?(?:的话)?|那|还是|我|先|就|这次)*(?:算了吧?|不约了?|不预约了?|不订了?|不要了|不去了|不改了?|不报了?|取消(?:预约)?|退出|停止?|结束|不用了|拉倒|下次再说|改天再[说约]|quit|cancel|stop)[吧了啊。!\s]*$",
    re.I,
)
_QUEUE = re.compile(r"排队|候补|排[着上]|等名额|等位|排一个")
_NUMBER = "一二三四五六七八九十"
_ORDINAL = re.compile(
    rf"^\s*(?:我?[要约选订就]*)?(?:第\s*)?(?P<alone>[{_NUMBER}]|10|[1-9])\s*(?:个|场|项|条|、|\.)?\s*(?:吧|的|那个|那场)?\s*$"
    rf"|第\s*(?P<within>[{_NUMBER}]|10|[1-9])\s*[个场项条]|(?P<last>最后[一那]?[个场])|(?P<first>最早的?那?[个场]|头一[个场]|上面那?[个场])"
)
_ANOTHER = re.compile(
    r"换(?!个?说法|句话)|改(?:到|成|为|期|时间)|别的|其他|其它|另外|还有(?:别的|其他|吗|没)|再(?:找|看)|不要这|都不(?:行|合适|要)|下一(?:页|批)|更多|"
    r"时间不|来不了|去不了|没空|太早|太晚|太远|不合适"
)
_MORE = re.compile(
    r"^.{0,4}(?:还有(?:别的|其他|其它|吗|没|没有)|别的|其他的?|其它的?|更多|下一[页批]|换一批|都不(?:行|合适|要))[^,]{0,5}$"
)
_OTHER_TIME = re.compile(r"(?:换|改)个?(?:时间|日子|[一]?天)|时间不|来不了|没空|太早|太晚")
_QUESTION = re.compile(
    r"[?]|吗|什么|啥|甚|咋|怎么|怎样|为什么|为啥|多[少久长大]|几[个点天号]|哪|谁|能不能|可不可以|是不是|有没有|要不要|给不给|算不算|安全不|呢[。!\s]*$"
)
_AVAILABLE = re.compile(r"有(?:没有|吗|不|没|么)|还有|能[约报]|可以[约报]|空位|名额|[行好]吗|行不|可以吗|呢[?。!\s]*$")
_UNSURE = re.compile(r"不知道|不清楚|没想好|随便|都行|都可以|你(?:们)?(?:推荐|定|看)|无所谓")
_WEEKDAYS = "一二三四五六日"
_SUBJECTS = re.compile("|".join(sorted({word for group in _words["fields"] for word in group}, key=len, reverse=True)))


# -- the conversation --------------------------------------------------------------------------------------------------


def begin(
    desk: Desk, owner: str, said: Said, known: Catalogue, *, now: datetime, key: str, moving: str | None = None
) -> Turn:
    """A new enquiry, from what was said or tapped. With `moving` it finds another slot for that booking."""
    enquiry = Enquiry(key, moving=moving)
    if moving is not None:
        try:
            old = _movable(service.find_booking(desk, owner, moving), now)
        except BookingError as error:
            return Turn(enquiry, "failed", str(error))
        wish = Wish(fields=(old.field,), service=old.service, party_size=old.party)
        enquiry = replace(enquiry, wish=wish, old_slot=old.slot_id)
    kind, _, number = (said.payload or "").partition(":")
    if kind in ("slot", "wait"):
        return _pick(desk, owner, replace(enquiry, waiting=kind == "wait"), int(number), now)
    if kind == "base":
        return _search(desk, replace(enquiry, wish=Wish(base=int(number))), now)
    if said.payload is None:
        wish = wish_from(said.text, said.entities, now, known)
        party = None if moving else party_said(said.text)
        enquiry = replace(
            enquiry, wish=replace(enquiry.wish.refined(wish), party_size=party or enquiry.wish.party_size)
        )
        if not moving and (contact := hear(said.text, party=enquiry.wish.party_size)):
            enquiry = _keep(desk, owner, enquiry, contact, now)
        return _without_subject(_search(desk, enquiry, now), said.text, wish)
    return _search(desk, enquiry, now)


def _without_subject(turn: Turn, text: str, wish: Wish) -> Turn:
    """Say so when nobody teaches what is wished, before anything else is listed."""
    subject = _SUBJECTS.search(fold(text))
    if subject is None or wish.fields or wish.title:
        return turn
    return replace(turn, text=f"现在没有“{subject[0]}”的场次。\n{turn.text}")


def change(
    desk: Desk,
    owner: str,
    what: Change,
    said: Said,
    known: Catalogue,
    *,
    now: datetime,
    key: str,
    code: str | None = None,
) -> Turn:
    """Move or cancel a booking: the one with `code`, the one that is meant by what was said, or the only one. Asks which otherwise."""
    enquiry = Enquiry(key, change=what)
    try:
        mine = [service.find_booking(desk, owner, code)] if code else list(service.my_bookings(desk, owner, now=now))
    except BookingError as error:
        return Turn(enquiry, "failed", str(error))
    open_ones = [booking for booking in mine if booking.status == "confirmed"]
    if not open_ones:
        refused = NotChangeable(mine[0].status) if mine else "您现在没有预约。"
        return Turn(enquiry, "failed", str(refused))
    meant = _meant(open_ones, said, known, now, what)
    if len(meant) == 1:
        return _change_one(desk, owner, enquiry, meant[0], said, known, now)
    verb = {"move": "改期", "cancel": "取消"}[what]
    kind = {"move": "reschedule", "cancel": "cancel-booking"}[what]
    lines = [f"您有{len(meant)}个预约,要{verb}哪一个?"]
    for number, booking in enumerate(meant, start=1):
        lines.append(
            f"{number}. {when_said(booking.starts_at, booking.ends_at, now)} {booking.title},{booking.base_name}"
        )
    options = tuple(Option(f"{n}. {b.title}"[:40], f"{kind}:{b.code}") for n, b in enumerate(meant, start=1))
    enquiry = replace(enquiry, step="which", codes=tuple(booking.code for booking in meant))
    return Turn(enquiry, "asking", "\n".join(lines), (*options, replace(KEEP, title=f"不{verb}了")))


def go_on(desk: Desk, owner: str, enquiry: Enquiry, said: Said, known: Catalogue, *, now: datetime) -> Turn:
    """What a message means in the middle of an enquiry. Personal values in `said.text` go to the vault and nowhere else."""
    enquiry = replace(enquiry, turn=enquiry.turn + 1)
    if said.payload is not None:
        return _tapped(desk, owner, enquiry, said.payload, now)
    text = fold(said.text).strip()
    if enquiry.step == "leave":
        return _leave_or_stay(desk, owner, enquiry, text, now)
    if _CANCEL.search(text):
        return _leave(desk, owner, enquiry, now)
    if enquiry.step == "which":
        return _which(desk, owner, enquiry, said, known, now)
    asks = _QUESTION.search(text) or (len(text) <= BARE_QUESTION and "我" not in text)
    if asks and (topics := topics_of(text)) and not _ANOTHER.search(text):
        before_one = (enquiry.slot,) if enquiry.slot is not None else enquiry.offered
        with reading(desk.engine) as connection:
            told = about(connection, before_one, topics, text, now)
        if told:
            return Turn(replace(enquiry, misses=0), "told", told)
    answer = True if _YES.search(text) else False if _NO.search(text) else None
    if answer is not None and (turn := _answered(desk, owner, enquiry, answer, now)):
        return turn
    return _taken_in(desk, owner, enquiry, said, text, known, now)


def ask_again(desk: Desk, owner: str, enquiry: Enquiry, *, now: datetime) -> Turn:
    """The question that is open, once more; after an answer to something else."""
    if enquiry.step == "leave" and enquiry.leaving:
        return _about_to_cancel(enquiry, service.find_booking(desk, owner, enquiry.leaving), now)
    if enquiry.step == "which" and enquiry.change:
        return change(desk, owner, enquiry.change, Said(""), Catalogue(), now=now, key=enquiry.key)
    if enquiry.step == "full" and enquiry.slot is not None:
        return _full(enquiry, enquiry.slot, "这一场约满了。")
    if enquiry.step == "choose" or enquiry.slot is None:
        return _search(desk, enquiry, now)
    return _next(desk, owner, enquiry, now)


def _tapped(desk: Desk, owner: str, enquiry: Enquiry, payload: str, now: datetime) -> Turn:
    kind, _, rest = payload.partition(":")
    if kind == "cancel":
        return _leave(desk, owner, enquiry, now)
    if kind in ("slot", "wait"):
        return _pick(desk, owner, replace(enquiry, waiting=kind == "wait"), int(rest), now)
    if kind != "reply":
        return Turn(enquiry, "question")
    if rest == "slot":
        return _search(desk, _let_go(desk, owner, enquiry, now), now)
    if rest == "contact" and enquiry.slot is not None:
        return _ask_contact(replace(enquiry, contact=None))
    if rest.startswith("party-") and rest[6:].isdecimal() and enquiry.slot is not None:
        wish = replace(enquiry.wish, party_size=max(1, int(rest[6:])))
        return _pick(desk, owner, replace(enquiry, wish=wish), enquiry.slot, now)
    answer = {"yes": True, "no": False}.get(rest)
    turn = _answered(desk, owner, enquiry, answer, now) if answer is not None else None
    return turn or ask_again(desk, owner, enquiry, now=now)


def _answered(desk: Desk, owner: str, enquiry: Enquiry, yes: bool, now: datetime) -> Turn | None:
    """What a plain yes or no means here; None when it means nothing."""
    if enquiry.step == "consent":
        if yes:
            return _next(desk, owner, replace(enquiry, consented=True), now)
        turn = _leave(desk, owner, enquiry, now)
        return replace(turn, text="好的,不留信息就不能预约,这次先不约了。您的姓名和号码没有保存。")
    if enquiry.step == "confirm":
        if yes:
            return _finish(desk, owner, enquiry, now)
        options = (OTHER_SLOT, KEEP) if enquiry.moving else (OTHER_CONTACT, OTHER_SLOT, LEAVE)
        return Turn(enquiry, "asking", "哪里不对?直接说要改什么,比如“手机号错了,是……”“换到周四”。", options)
    if enquiry.step == "full" and enquiry.slot is not None:
        if yes:
            return _pick(desk, owner, replace(enquiry, waiting=True), enquiry.slot, now)
        return _search(desk, replace(enquiry, slot=None), now)
    if enquiry.step == "contact":
        return _next(desk, owner, enquiry, now) if yes else None
    if enquiry.step == "choose":
        if yes and len(enquiry.offered) == 1:
            return _pick(desk, owner, enquiry, enquiry.offered[0], now)
        turn = _search(desk, enquiry, now)
        return turn if yes else replace(turn, text=f"那您说说想约什么课、哪天、在哪个城市,我再找。\n{turn.text}")
    return None


def _taken_in(desk: Desk, owner: str, enquiry: Enquiry, said: Said, text: str, known: Catalogue, now: datetime) -> Turn:
    """Everything that a message says at once: who comes, how many, which one of the list, what else is wished."""
    asks, another = bool(_QUESTION.search(text)), bool(_ANOTHER.search(text))
    only_asks = asks and not another and (said.policy or not _AVAILABLE.search(text))  # 一人多少钱 is no party of one
    party = None if enquiry.moving or only_asks else party_said(said.text, enquiry.wish.party_size)
    party_changed = party is not None and party != enquiry.wish.party_size
    if party is not None:
        enquiry = replace(enquiry, wish=replace(enquiry.wish, party_size=party))
    contact = _contact(desk, owner, enquiry)
    heard = contact
    if not enquiry.moving:
        heard = hear(said.text, contact, enquiry.wish.party_size, asked=enquiry.step == "contact" and not asks)
    if heard != contact:
        enquiry = _keep(desk, owner, enquiry, heard, now)
    if enquiry.step == "choose" and (number := _ordinal(text, len(enquiry.offered))) is not None:
        return _pick(desk, owner, enquiry, enquiry.offered[number], now)
    if enquiry.step == "full" and _QUEUE.search(text) and enquiry.slot is not None:
        return _pick(desk, owner, replace(enquiry, waiting=True), enquiry.slot, now)
    wish = replace(wish_from(said.text, said.entities, now, known), party_size=1)
    if party is not None or enquiry.step != "choose":
        wish = replace(wish, audience=())  # 我和同学两个人 tells how many, not for whom; 我是老师 who one is
    # 周四有吗 is a wish; 企业培训员工有没有补贴 is none, though it names people and a service.
    told_apart = replace(wish, audience=(), service=None) != Wish()
    available = bool(_AVAILABLE.search(text)) and told_apart and not said.policy
    wishes = (wish != Wish() or bool(_SUBJECTS.search(text) and another)) and (not asks or another or available)
    if wishes and not (heard != contact and not another):
        wish = replace(wish, windows=_in_one(enquiry.wish.windows, wish.windows, now))
        refined = replace(enquiry.wish.refined(wish), party_size=enquiry.wish.party_size)
        turn = _search(desk, replace(_let_go(desk, owner, enquiry, now), wish=refined, seen=()), now)
        return _without_subject(turn, said.text, wish)
    if party_changed and enquiry.slot is not None:
        return _pick(desk, owner, enquiry, enquiry.slot, now)
    if heard != contact or party is not None:
        return _next(desk, owner, enquiry, now, contact=heard)
    if _MORE.search(text) or (another and not said.policy):
        wish = replace(enquiry.wish, windows=None) if _OTHER_TIME.search(text) else enquiry.wish
        seen = (*enquiry.seen, *enquiry.offered) if enquiry.step == "choose" and wish == enquiry.wish else ()
        return _search(desk, replace(_let_go(desk, owner, enquiry, now), wish=wish, seen=seen), now)
    if asks or said.policy:
        return Turn(enquiry, "question")
    if enquiry.step == "contact" and wrong_number(said.text):
        return _ask_contact(enquiry, "电话号码不对。请写11位手机号,或带区号的座机号。")
    if enquiry.step == "choose" and _UNSURE.search(text):
        turn = _search(desk, replace(enquiry, wish=Wish(party_size=enquiry.wish.party_size)), now)
        return replace(turn, text=f"没想好也没关系,先看看最近的。\n{turn.text}")
    return missed(enquiry)


def missed(enquiry: Enquiry) -> Turn:
    """Not understood, once more; after some times with an offer to stop."""
    enquiry = replace(enquiry, misses=enquiry.misses + 1)
    if enquiry.misses >= MISSES_BEFORE_OFFER:
        return Turn(enquiry, "missed", "这一步我一直没听明白,要不先停下?点“不约了”停下,也可以换个说法再说一次。")
    return Turn(enquiry, "missed", "没听懂这一句。")


def _ordinal(text: str, of: int) -> int | None:
    """Which one of so many is chosen, counted from 0."""
    found = _ORDINAL.search(text)
    if not found or not of:
        return None
    if found["last"] or found["first"]:
        return of - 1 if found["last"] else 0
    number = found["alone"] or found["within"]
    index = int(number) - 1 if number.isdecimal() else _NUMBER.find(number)
    return index if index < of else None


def _in_one(old: Window | None, new: Window | None, now: datetime) -> Window | None:
    """下午 after 周四 is Thursday afternoon, and 周四 after 下午 too; anything else takes the old window's place."""
    any_day = when("哪天都行", now)
    if old is None or new is None or any_day is None:
        return new
    for days, hours in ((old, new), (new, old)):
        rest = hours.label.removeprefix(any_day.label)
        if rest == hours.label or not rest or days.label.startswith(any_day.label):
            continue
        dates = sorted({one.start.astimezone(SHANGHAI).date() for one in days.intervals})
        spans = [
            Interval(max(one.start, two.start), min(one.end, two.end))
            for one in (hours.intervals if rest.startswith("的") else days.intervals)
            for two in ([one] if rest.startswith("的") else hours.intervals)
            if one.start.astimezone(SHANGHAI).date() in dates and max(one.start, two.start) < min(one.end, two.end)
        ]
        today = now.astimezone(SHANGHAI).date()
        named = [say_day(day, today) for day in dates]
        label = "、".join(named) if len(named) < 4 else f"{named[0]}到{named[-1]}"
        return Window(tuple(spans), label + rest, days.note)
    return new


# -- finding -----------------------------------------------------------------------------------------------------------


def _search(desk: Desk, enquiry: Enquiry, now: datetime) -> Turn:
    hidden = {*enquiry.seen, enquiry.old_slot}
    with reading(desk.engine) as connection:
        found = find(connection, enquiry.wish, now, SHOWN + len(hidden) - 1)
    fresh = tuple(slot for slot in found.slots if slot.id not in hidden)[:SHOWN]
    lead = ""
    if enquiry.seen and not fresh and found.slots:
        lead, enquiry = "没有别的场次了,还是这些。\n", replace(enquiry, seen=())
        fresh = tuple(slot for slot in found.slots if slot.id != enquiry.old_slot)[:SHOWN]
    others = tuple(
        Alternative(one.relaxed, one.text, kept)
        for one in found.alternatives
        if (kept := tuple(slot for slot in one.slots if slot.id != enquiry.old_slot))
    )
    found = Found(fresh, others, found.reason)
    slots = (*fresh, *(slot for other in others for slot in other.slots))[:NUMBERED]
    enquiry = replace(enquiry, step="choose", slot=None, offered=tuple(slot.id for slot in slots), misses=0)
    options = tuple(_option(number, slot) for number, slot in enumerate(slots, start=1))
    return Turn(enquiry, "asking", lead + _listed(enquiry.wish, found, now), (*options, _way_out(enquiry)), slots)


def _way_out(enquiry: Enquiry) -> Option:
    return KEEP if enquiry.moving else LEAVE


def _listed(wish: Wish, found: Found, now: datetime) -> str:
    note = f"{wish.windows.note}。\n" if wish.windows and wish.windows.note else ""
    wished = wish.described()
    number = 0
    lines = []
    if found.slots:
        lines.append(f"{note}{f'“{wished}”' if wished else '最近'}能约的有这些,点一个或者回复序号:")
    for slot in found.slots:
        number += 1
        lines.append(_line(number, slot, now))
    if found.reason:
        lines.insert(0, f"{'' if found.slots else note}{found.reason}")
    for other in found.alternatives:
        if number < NUMBERED:
            lines.append(f"{other.text}:{_most(wish, other)}")
        for slot in other.slots:
            number += 1
            if number <= NUMBERED:
                lines.append(_line(number, slot, now))
    if not number:
        lines.append("换个时间、课程或者地方说说看,比如“下周三的电工实训”“太原的都行”。")
    elif any(slot.is_example for slot in (*found.slots, *(s for o in found.alternatives for s in o.slots))):
        lines.append("(标“示例”的是试用数据,不是真的基地。)")
    return "\n".join(lines)


def _most(wish: Wish, other: Alternative) -> str:
    """How many may come at once, where the party is too large."""
    most = max(slot.max_party for slot in other.slots)
    return f"一次最多约{most}人,人多可以分几场约" if other.relaxed == "party_size" and wish.party_size > most else ""


def _line(number: int, slot: FoundSlot, now: datetime) -> str:
    places = "满了,可以排队" if slot.full else f"剩{slot.free}个名额"
    return f"{number}. {when_said(slot.starts_at, slot.ends_at, now)} {slot.title},{slot.base_name}({slot.city}),{_fee(slot)},{places}"


def _fee(slot: FoundSlot) -> str:
    return f"{slot.fee_kind}{f',{slot.price}' if slot.price else ''}"


def _option(number: int, slot: FoundSlot) -> Option:
    begins = slot.starts_at.astimezone(SHANGHAI)
    title = f"{number}. {begins.month}/{begins.day}周{_WEEKDAYS[begins.weekday()]} {begins:%H:%M} {slot.title}"
    return Option((title + ("(排队)" if slot.full else ""))[:40], f"{'wait' if slot.full else 'slot'}:{slot.id}")


def when_said(starts_at: datetime, ends_at: datetime, now: datetime) -> str:
    """明天11月25日(周三)14:00–17:00, Asia/Shanghai."""
    begins, ends = starts_at.astimezone(SHANGHAI), ends_at.astimezone(SHANGHAI)
    return f"{say_day(begins.date(), now.astimezone(SHANGHAI).date())}{begins:%H:%M}–{ends:%H:%M}"


# -- a slot is chosen --------------------------------------------------------------------------------------------------


def _pick(desk: Desk, owner: str, enquiry: Enquiry, slot_id: int, now: datetime) -> Turn:
    """Hold the places, where there is something to hold, and ask for what is missing."""
    enquiry = replace(enquiry, slot=slot_id, misses=0)
    party = enquiry.wish.party_size
    try:
        slot = _slot(desk, slot_id)
        if not slot.min_party <= party <= min(slot.max_party, slot.capacity):
            raise PartySize(slot.min_party, min(slot.max_party, slot.capacity))
        if not enquiry.waiting and not enquiry.moving:
            service.hold(desk, owner, slot_id, party, now=now, key=f"{enquiry.key}:{enquiry.turn}:hold")
    except SlotFull as error:
        return _full(enquiry, slot_id, str(error))
    except PartySize as error:
        size = error.most if party > error.most else error.least
        options = (Option(f"改成{size}人", f"reply:party-{size}"), OTHER_SLOT, LEAVE)
        return Turn(replace(enquiry, step="party"), "asking", str(error), options)
    except BookingError as error:
        return _refused(desk, enquiry, error, now)
    kept = "排队等名额" if enquiry.waiting else f"给您占住了,请在{desk.policy.hold_minutes}分钟内办完"
    people = f",{party}人" if party > 1 else ""
    lead = f"{when_said(slot.starts_at, slot.ends_at, now)} {slot.title},{slot.base_name}{people}:{kept}。\n"
    return _next(desk, owner, enquiry, now, slot=slot, lead=lead)


def _slot(desk: Desk, slot_id: int) -> FoundSlot:
    """Raises SlotNotFound."""
    with reading(desk.engine) as connection:
        found = slot_of(connection, slot_id)
    if found is None:
        raise SlotNotFound
    return found


def _let_go(desk: Desk, owner: str, enquiry: Enquiry, now: datetime) -> Enquiry:
    """The enquiry without a slot, whose places are free again."""
    if (
        enquiry.slot is not None
        and enquiry.step in ("consent", "contact", "confirm")
        and not enquiry.waiting
        and not enquiry.moving
    ):
        service.release_hold(desk, owner, now=now, key=f"{enquiry.key}:{enquiry.turn}:release")
    return replace(enquiry, slot=None, waiting=False)


def _full(enquiry: Enquiry, slot_id: int, why: str) -> Turn:
    if enquiry.moving:
        return Turn(replace(enquiry, step="choose"), "asking", f"{why}", (OTHER_SLOT, KEEP))
    options = (Option("排队等名额", f"wait:{slot_id}"), Option("看看别的", "reply:slot"), LEAVE)
    text = f"{why}要排队吗?有人退出来就按顺序通知您。"
    return Turn(replace(enquiry, slot=slot_id, step="full", waiting=False), "asking", text, options)


def _refused(desk: Desk, enquiry: Enquiry, error: BookingError, now: datetime) -> Turn:
    """The reason, with a way to what stands in the way, and other slots."""
    turn = _search(desk, replace(enquiry, slot=None, waiting=False), now)
    first: tuple[Option, ...] = ()
    if isinstance(error, (AlreadyBooked, Overlap)) and error.booking:
        first = (Option("看已有的预约", f"booking:{error.booking}"),)
    elif isinstance(error, LimitReached):
        first = (Option("我的预约", "bookings"),)
    return replace(turn, text=f"{error}\n{turn.text}", options=(*turn.options[:-1], *first, turn.options[-1]))


def _next(
    desk: Desk,
    owner: str,
    enquiry: Enquiry,
    now: datetime,
    *,
    slot: FoundSlot | None = None,
    contact: Contact | None = None,
    lead: str = "",
) -> Turn:
    """The first question that is still open."""
    if enquiry.slot is None:
        return _search(desk, enquiry, now)
    if not enquiry.moving:
        if not enquiry.consented:
            noted = "您写的联系方式先记下了。\n" if enquiry.contact and not lead else ""
            return Turn(replace(enquiry, step="consent"), "asking", f"{lead}{noted}{CONSENT}", (AGREE, REFUSE, LEAVE))
        contact = contact or _contact(desk, owner, enquiry)
        if missing := contact.missing(enquiry.wish.party_size):
            return _ask_contact(enquiry, missing if contact else "", lead)
    slot = slot or _slot(desk, enquiry.slot)
    return _ask_to_confirm(enquiry, slot, contact, now)


def _ask_contact(enquiry: Enquiry, missing: str = "", lead: str = "") -> Turn:
    party = enquiry.wish.party_size
    if party > 1:
        text = f"请发{party}位学员的姓名(用顿号隔开)和一个联系手机号,可以分几条发,比如:张三、李四 139 开头的手机号。"
    else:
        text = "请把姓名和手机号一起发来,比如:张三 139 开头的手机号。"
    return Turn(replace(enquiry, step="contact"), "asking", lead + (missing or text), (LEAVE,))


def _ask_to_confirm(enquiry: Enquiry, slot: FoundSlot, contact: Contact | None, now: datetime) -> Turn:
    party = enquiry.wish.party_size
    lines = [
        "要改到这一场:" if enquiry.moving else "请核对:",
        f"时间:{when_said(slot.starts_at, slot.ends_at, now)}",
        f"课程:{slot.title}({_fee(slot)})",
        f"地点:{slot.base_name},{slot.address}",
    ]
    if contact is not None:
        who = "、".join(mask("name", name) for name in contact.names)
        person = f",联系人{mask('name', contact.person)}" if contact.person else ""
        lines.append(f"{f'{party}人:' if party > 1 else '姓名:'}{who}{person},手机 {mask('phone', contact.phone)}")
    lines.append("确认改期吗?" if enquiry.moving else "确认排队吗?" if enquiry.waiting else "确认预约吗?")
    if enquiry.moving:
        options: tuple[Option, ...] = (replace(CONFIRM, title="确认改期"), OTHER_SLOT, KEEP)
    else:
        confirm = replace(CONFIRM, title="确认排队") if enquiry.waiting else CONFIRM
        options = (confirm, OTHER_CONTACT, OTHER_SLOT, LEAVE)
    return Turn(replace(enquiry, step="confirm"), "asking", "\n".join(lines), options)


# -- names and numbers -------------------------------------------------------------------------------------------------


def _contact(desk: Desk, owner: str, enquiry: Enquiry) -> Contact:
    """What has been said of who comes; nothing when it has expired."""
    return Contact.of((enquiry.contact and desk.vault.reveal(owner, enquiry.contact)) or "")


def _keep(desk: Desk, owner: str, enquiry: Enquiry, contact: Contact, now: datetime) -> Enquiry:
    """The enquiry with `contact` in the vault for as long as it may take to finish."""
    token = desk.vault.put(owner, "contact", contact.lines, now=now, expires_at=now + CONTACT_KEPT)
    return replace(enquiry, contact=token, misses=0)


def _forget(desk: Desk, owner: str) -> None:
    """Delete what the person typed for an enquiry that came to nothing."""
    typed = sa.delete(VaultEntry).where(
        VaultEntry.owner.in_(desk.vault.owner_digests(owner)), VaultEntry.kind.in_(("contact", "said"))
    )
    transact(desk.engine, lambda connection: connection.execute(typed))


# -- the end -----------------------------------------------------------------------------------------------------------


def _finish(desk: Desk, owner: str, enquiry: Enquiry, now: datetime) -> Turn:
    """Move the booking, get in line, or book."""
    if enquiry.slot is None:
        return _search(desk, enquiry, now)
    try:
        if enquiry.moving:
            key = f"{enquiry.key}:{enquiry.turn}:move"
            moved = service.reschedule(desk, owner, enquiry.moving, enquiry.slot, now=now, key=key)
            return Turn(enquiry, "done", "改好了,原来的名额已经让出来。", booking=moved)
        who = _contact(desk, owner, enquiry)
        party = enquiry.wish.party_size
        if missing := who.missing(party):
            return _ask_contact(enquiry, missing if who else "")
        contact: dict[str, Any] = {
            "name": who.person or who.names[0],
            "phone": who.phone,
            "consent": enquiry.consented,
            "now": now,
            "party": party,
            "participants": who.names if party > 1 else (),
        }
        if enquiry.waiting:
            place = waiting_list.join_waiting_list(desk, owner, enquiry.slot, key=f"{enquiry.key}:wait", **contact)
            text = f"排上了,您现在是第 {place.position} 位。轮到您会马上通知,请留意。"
            return Turn(enquiry, "done", text, place=place)
        booked = service.book(desk, owner, enquiry.slot, key=f"{enquiry.key}:{enquiry.slot}:book", **contact)
        return Turn(enquiry, "done", "约好了!", booking=booked)
    except StillFree:
        turn = _pick(desk, owner, replace(enquiry, waiting=False), enquiry.slot, now)
        return replace(turn, text=f"刚好有名额了,不用排队。\n{turn.text}")
    except SlotFull as error:
        return _full(enquiry, enquiry.slot, str(error))
    except BookingError as error:
        return _refused(desk, enquiry, error, now)


def _leave(desk: Desk, owner: str, enquiry: Enquiry, now: datetime) -> Turn:
    if enquiry.moving or enquiry.change:
        return Turn(enquiry, "cancelled", "好的,没有改动,您的预约还在。")
    _let_go(desk, owner, enquiry, now)
    if enquiry.contact or enquiry.step in ("consent", "contact", "confirm"):
        _forget(desk, owner)
    freed = ",占的名额已经放开" if enquiry.slot is not None and not enquiry.waiting else ""
    return Turn(enquiry, "cancelled", f"好的,这次不约了{freed}。想约随时说。")


# -- a booking that exists ---------------------------------------------------------------------------------------------


def _movable(booking: BookingView, now: datetime) -> BookingView:
    """`booking` if it may be given up for another. Raises NotChangeable, DeadlinePassed."""
    if booking.status != "confirmed":
        raise NotChangeable(booking.status)
    if now >= booking.cancellation_deadline:
        raise DeadlinePassed("改期", booking.cancellation_deadline, booking.base_phone)
    return booking


def _meant(
    mine: Sequence[BookingView], said: Said, known: Catalogue, now: datetime, what: Change | None
) -> list[BookingView]:
    """The bookings that are spoken of: by number, by what is learned, or (of one to be cancelled) by its day. All when none is."""
    number = _ordinal(fold(said.text), len(mine))
    if number is not None and said.text:
        return [mine[number]]
    wish = wish_from(said.text, said.entities, now, known)
    narrowed = [
        booking
        for booking in mine
        if (not wish.fields or booking.field in wish.fields)
        and (not wish.title or wish.title in booking.title)
        and (not wish.city or booking.city.startswith(wish.city))
        and (what == "move" or wish.windows is None or booking.starts_at in wish.windows)
    ]
    return narrowed or list(mine)


def _which(desk: Desk, owner: str, enquiry: Enquiry, said: Said, known: Catalogue, now: datetime) -> Turn:
    mine = [booking for booking in service.my_bookings(desk, owner, now=now) if booking.code in enquiry.codes]
    meant = _meant(mine, said, known, now, None)
    if len(meant) == 1:
        return _change_one(desk, owner, enquiry, meant[0], said, known, now)
    return Turn(enquiry, "question") if _QUESTION.search(fold(said.text)) else missed(enquiry)


def _change_one(
    desk: Desk, owner: str, enquiry: Enquiry, booking: BookingView, said: Said, known: Catalogue, now: datetime
) -> Turn:
    if enquiry.change == "cancel":
        if now >= booking.cancellation_deadline:
            late = DeadlinePassed("取消", booking.cancellation_deadline, booking.base_phone)
            return Turn(enquiry, "failed", str(late), booking=booking)
        return _about_to_cancel(enquiry, booking, now)
    spoken = said if enquiry.step != "which" else Said("")
    return begin(desk, owner, spoken, known, now=now, key=f"{enquiry.key}:{enquiry.turn}", moving=booking.code)


def _about_to_cancel(enquiry: Enquiry, booking: BookingView, now: datetime) -> Turn:
    which = when_said(booking.starts_at, booking.ends_at, now)
    options = (Option("确定取消", f"confirm-cancel:{booking.code}"), Option("不取消", f"booking:{booking.code}"))
    enquiry = replace(enquiry, step="leave", leaving=booking.code)
    return Turn(enquiry, "asking", f"要取消 {which} 的“{booking.title}”吗?", options)


_STAY = re.compile(r"^(?:先|还是|那)?(?:不取消|不退|别取消|别退|不了|算了|留着|保留|不)")
_GO = re.compile(r"取消|退|不去|删")


def _leave_or_stay(desk: Desk, owner: str, enquiry: Enquiry, text: str, now: datetime) -> Turn:
    """The answer to whether a booking is to be cancelled."""
    if enquiry.leaving is None or _STAY.search(text) or _NO.search(text):
        return Turn(enquiry, "cancelled", "好的,没有取消,您的预约还在。")
    if _YES.search(text) or _GO.search(text):
        try:
            gone = service.cancel(desk, owner, enquiry.leaving, now=now, key=f"{enquiry.key}:cancel")
        except BookingError as error:
            return Turn(enquiry, "failed", str(error))
        return Turn(enquiry, "done", "取消了,名额已经让出来。", booking=gone)
    return Turn(enquiry, "question") if _QUESTION.search(text) else missed(enquiry)
