"""Booking in conversation: the form for a new booking or a move, one's own bookings, and “删除我的信息”.

The slot `booking` holds the enquiry and what the last message led to; `booking_result` says how the form ended.
"""

import re
import secrets
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Literal

from rasa_sdk import Action, Tracker
from rasa_sdk.events import AllSlotsReset, FollowupAction, Restarted, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.hearing import SURE, Events, answer_in_between, intent_of, message_id, payload_of, text_of
from actions.policy_replies import as_reply, today
from actions.saying import in_traditional, say
from actions.smalltalk import SAID
from booking import service, waiting_list
from booking.codes import ALPHABET, CODE_LENGTH, read_code
from booking.enquiry import Enquiry, Said, Turn, ask_again, begin, change, go_on, when_said
from booking.errors import BookingError
from booking.service import BookingView
from booking.waiting_list import WaitingView
from bot.booking_links import booking_address, calendar_address
from bot.database import engine_for
from bot.front_desk import catalogue, desk
from bot.own_data import OwnData
from bot.privacy import revealed
from bot.reply import QuickReply, Reply
from bot.settings import read_settings
from policy_kb import live
from policy_kb.normalise import is_traditional, to_traditional
from policy_kb.rules import PROGRAMMES
from policy_kb.rules.interview import programme_of

EXAMPLE = "(示例数据,不是真的基地。)"
STATUS = {"confirmed": "已预约", "cancelled": "已取消", "attended": "已签到", "no_show": "没有到场"}
SWITCHED = "刚才没办完的预约先放下了,占的名额已经放开。"
# What is said where messages are concealed as a whole, so that Rasa has not seen them.
_ERASE = re.compile(
    r"(?:删|清[除空掉]|抹|注销|销毁).{0,8}(?:信息|资料|数据|记录|账号|隐私)|(?:信息|资料|数据|记录).{0,6}(?:删|清[除空掉]|抹)"
)
_MINE = re.compile(r"我的(?:预约|报名|候补|排队)|我约(?:了|的|过)|查.{0,4}预约|已经约")
_WORK_OUT = re.compile(r"算|测|评估|能领多少")
_SMALLTALK = ((re.compile(r"^(?:谢谢|感谢|多谢|辛苦)"), "thank"), (re.compile(r"^(?:您好|你好|在吗|喂)"), "greet"))
_CODE = re.compile(rf"(?<![A-Z0-9])[{ALPHABET}](?:[ -]?[{ALPHABET}]){{{CODE_LENGTH - 1}}}(?![A-Z0-9])")


def now() -> datetime:
    return datetime.now(timezone.utc)


class ActionStartBooking(Action):
    """Open the booking form with what the first sentence says already."""

    def name(self) -> str:
        return "action_start_booking"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        said = _said(tracker)
        kind, _, code = (said.payload or "").partition(":")
        moving = code if kind == "reschedule" else None
        key = secrets.token_hex(8)
        turn = begin(desk(), tracker.sender_id, said, catalogue()(), now=now(), key=key, moving=moving)
        return _opened(turn, said, dispatcher, tracker)


class ValidateBookingForm(Action):
    """What a message does to the enquiry. Says nothing: the form asks, or ends and tells."""

    def name(self) -> str:
        return "validate_booking_form"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        state = tracker.get_slot("booking") or {}
        enquiry = Enquiry.from_dict(state.get("enquiry"))
        if enquiry is None:
            return [SlotSet("booking_result", "lost")]
        if state["message"] == message_id(tracker):  # Rasa validates twice when a form opens
            return [SlotSet("booking", state), SlotSet("booking_result", state["result"])]
        said = _said(tracker)
        elsewhere = _elsewhere(enquiry, said, tracker)
        if elsewhere:
            if enquiry.slot is not None:
                service.release_hold(desk(), tracker.sender_id, now=now(), key=f"{enquiry.key}:left")
            return [SlotSet("booking_result", elsewhere)]
        turn = go_on(desk(), tracker.sender_id, enquiry, said, catalogue()(), now=now())
        intent, confidence = intent_of(tracker)
        if (
            turn.outcome in ("question", "missed")
            and intent == "leave"
            and confidence >= SURE
            and said.text == text_of(tracker)
        ):
            turn = go_on(desk(), tracker.sender_id, enquiry, Said("", payload="cancel"), catalogue()(), now=now())
        if turn.outcome == "missed" and (_smalltalk(said, tracker) or _WORK_OUT.search(said.text)):
            turn = Turn(turn.enquiry, "question")
        return _kept(turn, said, tracker)


class ActionAskBookingResult(Action):
    """Say what the last message led to, answer what was asked in between, and ask again."""

    def name(self) -> str:
        return "action_ask_booking_result"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        state = tracker.get_slot("booking") or {}
        enquiry = Enquiry.from_dict(state.get("enquiry"))
        if enquiry is None:
            return []
        events: Events = []
        reply = Reply(**state["reply"])
        if state["outcome"] in ("question", "missed", "told"):
            if state["outcome"] == "question":
                events = _answer(dispatcher, tracker)
            turn = ask_again(desk(), tracker.sender_id, enquiry, now=now())
            lead = "接着刚才的预约:" if state["outcome"] == "question" else reply.text
            reply = _reply(turn).copy(update={"text": f"{lead}\n{turn.text}"})
            kept = replace(turn.enquiry, misses=enquiry.misses)
            events.append(SlotSet("booking", {**state, "enquiry": kept.as_dict()}))
        _say(dispatcher, tracker, reply, state)
        return events


class ActionTellBooking(Action):
    """The end of the form: the booking, or a farewell; and on to what was asked for instead."""

    def name(self) -> str:
        return "action_tell_booking"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        state, result = tracker.get_slot("booking") or {}, tracker.get_slot("booking_result") or "lost"
        closed: Events = [SlotSet("booking", None), SlotSet("booking_result", None)]
        if result.startswith("followup:"):
            enquiry = Enquiry.from_dict(state.get("enquiry"))
            if enquiry is not None and enquiry.slot is not None and not enquiry.moving:
                _say(dispatcher, tracker, Reply(kind="notice", text=SWITCHED), state)
            return [*closed, FollowupAction(result.removeprefix("followup:"))]
        if result == "lost":
            say(dispatcher, tracker, Reply(kind="notice", text="刚才的预约没有保存下来,请重新说一下想约什么。"))
        else:
            _say(dispatcher, tracker, Reply(**state["reply"]), state)
        return closed


class ActionManageBooking(Action):
    """One's bookings and places on waiting lists: list, show, move, cancel, accept, decline."""

    def name(self) -> str:
        return "action_manage_booking"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        try:
            done = self._done(tracker)
        except BookingError as error:
            mine = QuickReply(title="我的预约", payload="bookings")
            done = Reply(kind="booking", text=str(error), quick_replies=[mine])
        if isinstance(done, Turn):
            return _opened(done, _said(tracker), dispatcher, tracker)
        say(dispatcher, tracker, done)
        return [FollowupAction("action_listen")]  # it may have been called from a form, which no rule foresees

    def _done(self, tracker: Tracker) -> Reply | Turn:
        """What a button or a message leads to; a Turn where something has to be asked."""
        owner, payload = tracker.sender_id, payload_of(tracker)
        kind, _, rest = (payload or "").partition(":")
        key = f"{message_id(tracker)}:{kind}"
        if kind == "confirm-cancel":
            return booking_reply(service.cancel(desk(), owner, rest, now=now(), key=key), "取消了,名额已经让出来。")
        if kind == "booking":
            return booking_reply(service.find_booking(desk(), owner, rest))
        if kind == "cancel-booking":
            return self._changing("cancel", tracker, rest)
        if kind == "accept":
            accepted = waiting_list.accept_offer(desk(), owner, int(rest), now=now(), key=key)
            return booking_reply(accepted, "候补成功,约好了!")
        if kind in ("decline", "leave-wait"):
            step_back = waiting_list.decline_offer if kind == "decline" else waiting_list.leave_waiting_list
            step_back(desk(), owner, int(rest), now=now(), key=key)
            return Reply(kind="booking", text="好的,名额让给下一位了。" if kind == "decline" else "好的,不排队了。")
        return self._told(tracker, owner)

    def _told(self, tracker: Tracker, owner: str) -> Reply | Turn:
        """What was typed: a change of a booking or of a place in a queue, or just to see what there is."""
        text = revealed(owner, text_of(tracker))
        code = _code_in(text)
        waiting = waiting_list.my_waiting(desk(), owner)
        offered = [place for place in waiting if place.state == "offered"]
        key = f"{message_id(tracker)}:told"
        if len(offered) == 1 and _wants(text, "接受", "要这个名额", "确认候补", "要这个位", "我要这个", "确认名额"):
            accepted = waiting_list.accept_offer(desk(), owner, offered[0].entry_id, now=now(), key=key)
            return booking_reply(accepted, "候补成功,约好了!")
        queue = _wants(text, "候补", "排队", "排了", "等位", "名额")
        if len(waiting) == 1 and queue and _wants(text, "不要", "不排", "退出", "取消", "不等", "不用"):
            waiting_list.leave_waiting_list(desk(), owner, waiting[0].entry_id, now=now(), key=key)
            return Reply(kind="booking", text="好的,不排队了。")
        if not queue and _wants(text, "取消", "不去", "退", "不约", "去不了", "来不了", "去不成", "不上了", "撤"):
            return self._changing("cancel", tracker, code)
        mine = service.my_bookings(desk(), owner, now=now())
        what = ("人数", "几个人", "少去", "多去", "个人", "电话", "手机号", "名字", "姓名", "转给", "换个人")
        if mine and _wants(text, *what) and _wants(text, "改", "错", "换", "加", "少", "转"):
            shown = listed(mine, waiting)
            told = "约好以后,人数、姓名和电话不能直接改:请先取消,再按新的重新约。"
            return shown.copy(update={"text": f"{told}\n{shown.text}"})
        if not queue and _wants(text, "改", "换", "推", "挪", "提前", "延后", "调", "晚一", "早一"):
            return self._changing("move", tracker, code)
        return booking_reply(service.find_booking(desk(), owner, code)) if code else listed(mine, waiting)

    def _changing(self, what: Literal["move", "cancel"], tracker: Tracker, code: str | None) -> Turn:
        owner, said = tracker.sender_id, _said(tracker)
        return change(desk(), owner, what, said, catalogue()(), now=now(), key=secrets.token_hex(8), code=code)


class ActionEraseMe(Action):
    """“删除我的信息”: asked once more, then everything that is kept of the person goes."""

    def name(self) -> str:
        return "action_erase_me"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        if payload_of(tracker) != "confirm-erase" and not re.fullmatch(r"确[定认]删除[吧。!]?", text_of(tracker)):
            text = "会删掉:您的姓名、电话、预约(还没开始的一并取消)、排队、测算结果、上传的名单和聊天记录。删了找不回来,确定吗?"
            yes, no = (
                QuickReply(title="确定删除", payload="confirm-erase"),
                QuickReply(title="不删了", payload="cancel"),
            )
            say(dispatcher, tracker, Reply(kind="notice", text=text, quick_replies=[yes, no]))
            return [FollowupAction("action_listen")]
        owner = tracker.sender_id
        settings = read_settings()
        own_data = OwnData(desk, engine_for(settings.database_url), settings.secret_keys)
        erased = own_data.erase(owner, now())
        also = f"取消了 {len(erased.cancelled)} 个还没开始的预约。" if erased.cancelled else ""
        say(dispatcher, tracker, Reply(kind="notice", text=f"删好了。{also}以后想用,随时再来。"))
        return [AllSlotsReset(), Restarted()]


def booking_reply(booking: BookingView, lead: str = "") -> Reply:
    """A booking with its code, QR code and calendar file."""
    example = EXAMPLE if booking.is_example else ""
    fee = f"{booking.fee_kind}{f',{booking.price}' if booking.price else ''}"
    lines = [
        f"{lead}预约号 {booking.code}({STATUS[booking.status]}){example}",
        f"时间:{when_said(booking.starts_at, booking.ends_at, now())}",
        f"课程:{booking.title}({fee}),{booking.party}人",
        f"地点:{booking.base_name},{booking.address},电话 {booking.base_phone}",
    ]
    quick, attachments = [], []
    keys = read_settings().secret_keys
    page = booking_address(keys, booking.code)
    if booking.status == "confirmed":
        lines.append("到场出示签到二维码。要改期或取消,随时说“我的预约”。")
        quick = [
            QuickReply(title="改期", payload=f"reschedule:{booking.code}"),
            QuickReply(title="取消预约", payload=f"cancel-booking:{booking.code}"),
        ]
        attachments = [
            {"type": "link", "title": "签到二维码", "url": page},
            {"type": "calendar", "title": "加到日历", "url": calendar_address(keys, booking.code)},
        ]
    card = {"type": "booking", "title": booking.title, "url": page, "code": booking.code}
    return Reply(kind="booking", text="\n".join(lines), quick_replies=quick, cards=[card], attachments=attachments)


def listed(mine: tuple[BookingView, ...], waiting: tuple[WaitingView, ...]) -> Reply:
    """Everything that somebody has booked or waits for."""
    if len(mine) == 1 and not waiting:
        return booking_reply(mine[0])
    if not mine and not waiting:
        text = "您现在没有预约。想约实训,直接说想学什么、什么时候,比如“约下周三的数控实训”。"
        return Reply(kind="booking", text=text, quick_replies=[QuickReply(title="看看能约什么", payload="book")])
    lines, quick = [], []
    for number, booking in enumerate(mine, start=1):
        when = when_said(booking.starts_at, booking.ends_at, now())
        lines.append(f"{number}. {when} {booking.title},{booking.base_name},预约号 {booking.code}")
        quick.append(QuickReply(title=f"{number}. {booking.title}"[:40], payload=f"booking:{booking.code}"))
    for place in waiting:
        when = when_said(place.starts_at, place.ends_at, now())
        if place.state == "offered":
            lines.append(f"· {when} {place.title}:有名额留给您,请确认")
            quick.append(QuickReply(title="要这个名额", payload=f"accept:{place.entry_id}"))
            quick.append(QuickReply(title="不要了", payload=f"decline:{place.entry_id}"))
        else:
            lines.append(f"· {when} {place.title}:排队第 {place.position} 位")
            quick.append(QuickReply(title=f"不排了:{place.title}"[:40], payload=f"leave-wait:{place.entry_id}"))
    return Reply(kind="booking", text="您的预约:\n" + "\n".join(lines), quick_replies=quick[:13])


def _elsewhere(enquiry: Enquiry, said: Said, tracker: Tracker) -> str | None:
    """Another task that the message asks for, as the form's result."""
    kind = (said.payload or "").partition(":")[0]
    if kind == "assess":
        return "followup:action_start_assessment"
    if kind in ("bookings", "booking", "cancel-booking", "confirm-cancel", "accept", "decline", "leave-wait"):
        return "followup:action_manage_booking"
    if kind in ("erase", "confirm-erase"):
        return "followup:action_erase_me"
    if kind in ("book", "reschedule"):
        return "followup:action_start_booking"
    if kind:
        return None
    intent, confidence = intent_of(tracker) if said.text == text_of(tracker) else ("", 0.0)
    if _ERASE.search(said.text) or (intent == "erase_me" and confidence >= SURE):
        return "followup:action_erase_me"
    if intent == "start_assessment" and confidence >= SURE and programme_of(text_of(tracker)):
        return "followup:action_start_assessment"
    if _MINE.search(said.text) and enquiry.step not in ("which", "leave"):
        return "followup:action_manage_booking"
    return None


def _smalltalk(said: Said, tracker: Tracker) -> str | None:
    """The small talk that a message is, as an intent."""
    intent, confidence = intent_of(tracker)
    if said.text == text_of(tracker):
        return intent if intent in SAID and intent != "leave" and confidence >= SURE else None
    return next((meant for pattern, meant in _SMALLTALK if pattern.search(said.text)), None)


def _answer(dispatcher: CollectingDispatcher, tracker: Tracker) -> Events:
    """Answer what was asked in between. Of a message that Rasa must not see the question is not remembered either."""
    said = _said(tracker)
    if said.payload is not None or said.text == text_of(tracker):
        return answer_in_between(dispatcher, tracker)
    smalltalk = _smalltalk(said, tracker)
    programme = programme_of(said.text) if _WORK_OUT.search(said.text) else None
    if programme:
        button = QuickReply(title=f"算一算:{PROGRAMMES[programme].title}"[:40], payload=f"assess:{programme}")
        reply = Reply(kind="notice", text="要算这个,点下面的按钮;没办完的预约会先放下。", quick_replies=[button])
    elif smalltalk:
        reply = Reply(kind="chitchat", text=SAID[smalltalk][0])
    else:
        reply = as_reply(live.current().ask(said.text, None, today())[0]).copy(update={"quick_replies": []})
    _say(dispatcher, tracker, reply, tracker.get_slot("booking") or {})
    return []


def _opened(turn: Turn, said: Said, dispatcher: CollectingDispatcher, tracker: Tracker) -> Events:
    """The events that open the form with what a first message led to, or its end when it failed."""
    if turn.outcome == "failed":
        say(dispatcher, tracker, Reply(kind="booking", text=turn.text))
        return [FollowupAction("action_listen")]
    return [*_kept(turn, said, tracker), SlotSet("booking_result", None), FollowupAction("booking_form")]


def _kept(turn: Turn, said: Said, tracker: Tracker) -> Events:
    result = turn.outcome if turn.outcome in ("done", "cancelled", "failed") else None
    earlier = tracker.get_slot("booking") or {}
    plain = said.text
    state = {
        "enquiry": turn.enquiry.as_dict(),
        "message": message_id(tracker),
        "outcome": turn.outcome,
        "result": result,
        "reply": _reply(turn).dict(),
        "traditional": is_traditional(plain) or bool(earlier.get("traditional") and to_traditional(plain) == plain),
    }
    return [SlotSet("booking", state), SlotSet("booking_result", result)]


def _say(dispatcher: CollectingDispatcher, tracker: Tracker, reply: Reply, state: dict[str, Any]) -> None:
    """`say`, in the script that the person has been writing all along: names, numbers and taps do not show it."""
    if state.get("traditional") and not is_traditional(text_of(tracker)):
        reply = in_traditional(reply)
    say(dispatcher, tracker, reply)


def _reply(turn: Turn) -> Reply:
    if turn.booking is not None:
        return booking_reply(turn.booking, turn.text)
    cards: list[dict[str, Any]] = []
    if turn.slots:
        cards = [{"type": "slots", "slots": [_slot_card(slot) for slot in turn.slots]}]
    elif turn.personal and turn.enquiry.step == "contact":
        cards = [{"type": "contact_form", "party": turn.enquiry.wish.party_size}]
    elif turn.personal:  # names may come now too; the word keeps the next message out of Rasa (bot/turns.py)
        cards = [{"type": turn.enquiry.step, "next": "contact_form"}]
    quick = [QuickReply(title=o.title, payload=o.payload) for o in turn.options]
    if turn.place is not None:
        quick = [QuickReply(title="不排了", payload=f"leave-wait:{turn.place.entry_id}")]
    return Reply(kind="booking", text=turn.text, quick_replies=quick, cards=cards)


def _slot_card(slot: Any) -> dict[str, Any]:
    return {
        "id": slot.id,
        "starts_at": slot.starts_at.isoformat(),
        "ends_at": slot.ends_at.isoformat(),
        "title": slot.title,
        "base": slot.base_name,
        "city": slot.city,
        "fee_kind": slot.fee_kind,
        "free": slot.free,
        "full": slot.full,
        "is_example": slot.is_example,
        "url": f"/slots/{slot.id}",
    }


def _said(tracker: Tracker) -> Said:
    payload = payload_of(tracker)
    if payload is not None:
        return Said("", (), payload)
    text = text_of(tracker)
    plain = revealed(tracker.sender_id, text)
    if plain != text:
        return Said(plain)
    intent, confidence = intent_of(tracker)
    entities = tuple((tracker.latest_message or {}).get("entities") or ())
    return Said(text, entities, policy=intent == "ask_policy" and confidence >= SURE)


def _code_in(text: str) -> str | None:
    """The booking code that is somewhere in `text`."""
    found = _CODE.search(text.upper())
    return read_code(found[0]) if found else None


def _wants(text: str, *words: str) -> bool:
    return any(word in text for word in words)
