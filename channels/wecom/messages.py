"""What 微信客服 gives when asked, typed, and what goes out to members and customers. Members' messages are parsed as WeChat's."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.reply import QuickReply, Reply, is_known_payload
from channels.inbound import Inbound, Place
from channels.text import fitted, in_full, menu_text, picked, pieces, utf8_bytes
from channels.wechat.messages import (
    MENU_CHANGED,
    NOT_HEARD,
    NOT_READABLE,
    TEXT_BYTES,
    WELCOME,
    Clicked,
    FileSent,
    Image,
    Link,
    Location,
    OtherMessage,
    Subscribed,
    Text,
    Video,
    Voice,
)

# Longer texts are cut off without a word (WeCom) or refused (微信客服).
MOST_TEXTS = 3
# 微信客服: messages that may follow one of the customer's, in 48 h.
KF_QUOTA = 5
KF_MENU_HEAD_BYTES, KF_MENU_ITEMS, KF_ITEM_ID_BYTES, KF_ITEM_BYTES = 1024, 10, 64, 128
FROM_CUSTOMER, FROM_SYSTEM = 3, 4


@dataclass(frozen=True)
class CustomerMessage:
    """One entry of `sync_msg`: what a customer sent to the service account `open_kfid` at `sent_at` (Unix seconds)."""

    id: str
    open_kfid: str
    customer: str
    sent_at: int
    content: "KfContent"


@dataclass(frozen=True)
class Entered:
    """A customer opened the conversation. A welcome may be said once within 20 s, with the code if there is one."""

    welcome_code: str
    scene: str


@dataclass(frozen=True)
class SendFailed:
    """A message that the API had accepted did not arrive. `kind` 4: the session is over, 5: 48 h or 5 messages are used up."""

    message_id: str
    kind: int


@dataclass(frozen=True)
class NotForUs:
    """Sent by our staff, or an event that asks for nothing."""

    kind: str


KfContent: TypeAlias = (
    Text | Image | Voice | Video | Location | Link | FileSent | OtherMessage | Entered | SendFailed | NotForUs
)


def parse_customer_message(entry: Mapping[str, Any]) -> CustomerMessage:
    """One entry of `msg_list`. What is not known or not as described becomes OtherMessage."""
    event = _part(entry, "event")
    return CustomerMessage(
        id=str(entry.get("msgid", "")),
        open_kfid=str(entry.get("open_kfid") or event.get("open_kfid") or ""),
        customer=str(entry.get("external_userid") or event.get("external_userid") or ""),
        sent_at=_whole(entry.get("send_time")),
        content=_content(str(entry.get("msgtype", "")), entry),
    )


def _content(kind: str, entry: Mapping[str, Any]) -> KfContent:
    if kind == "event":
        event = _part(entry, "event")
        what = str(event.get("event_type", ""))
        if what == "enter_session":
            return Entered(str(event.get("welcome_code", "")), str(event.get("scene_param", "")))
        if what == "msg_send_fail":
            return SendFailed(str(event.get("fail_msgid", "")), _whole(event.get("fail_type")))
        return NotForUs(what)
    if entry.get("origin") != FROM_CUSTOMER:
        return NotForUs(kind)
    part = _part(entry, kind)

    def get(name: str) -> str:
        return str(part.get(name, ""))

    match kind:
        case "text":
            return Text(get("content"), get("menu_id"))
        case "image":
            return Image(get("media_id"), "")
        case "voice":
            return Voice(get("media_id"), "", "")
        case "video":
            return Video(get("media_id"), "", False)
        case "file":
            return FileSent(get("media_id"), "")
        case "link":
            return Link(get("title"), get("desc"), get("url"))
        case "location":
            try:
                latitude, longitude = float(part["latitude"]), float(part["longitude"])
            except (KeyError, TypeError, ValueError):
                return OtherMessage(kind)
            if abs(latitude) <= 90 and abs(longitude) <= 180:
                return Location(latitude, longitude, "", get("name") or get("address"))
    return OtherMessage(kind)


def _part(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = entry.get(name)
    return part if isinstance(part, dict) else {}


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


_HELP = [QuickReply(title="能问什么", payload="help")]
SEND_A_FILE = Reply(
    kind="notice",
    text="我看不了图片、视频和链接,请打字告诉我想问什么。要交员工名单算补贴,请把表格(Excel 文件)直接发给我。",
    quick_replies=_HELP,
)
FILE_NOT_TAKEN = Reply(kind="notice", text="这个文件没有取到,可能太大或者已经过期。请再发一次,或者打字告诉我想问什么。")


def understood(content: object, labels: Mapping[str, str], key: str) -> Inbound | FileSent | Reply | None:
    """What to hand to the assistant (a file is still to be fetched), what to answer at once, or None for what asks for no answer."""
    match content:
        case Text(text, menu_id):
            payload = menu_id if is_known_payload(menu_id) else picked(text, labels)
            return Inbound(payload=payload, message_id=key) if payload else Inbound(text=text, message_id=key)
        case Location(latitude, longitude, _, label):
            return Inbound(place=Place(latitude, longitude, label), message_id=key)
        case Clicked(item):
            return Inbound(payload=item, message_id=key) if is_known_payload(item) else MENU_CHANGED
        case Subscribed():
            return WELCOME
        case FileSent():
            return content
        case Voice():
            return NOT_HEARD
        case Image() | Video() | Link():
            return SEND_A_FILE
        case OtherMessage():
            return NOT_READABLE
    return None


# -- what goes out ---------------------------------------------------------------------------------------------------------


def to_member(reply: Reply, base_url: str, page: str) -> list[dict[str, Any]]:
    """`reply` as application messages (without whom they are for). Choices are typed."""
    texts = pieces(reply, base_url, page, TEXT_BYTES, MOST_TEXTS, menu_text(reply, page))
    return [_text_message(text) for text in texts]


def to_customer(reply: Reply, base_url: str, page: str) -> list[dict[str, Any]]:
    """`reply` as at most KF_QUOTA messages of 微信客服; buttons where they fit its menu, else choices to be typed."""
    menu = kf_menu(reply)
    if menu is None:
        return to_member(reply, base_url, page)
    whole = in_full(reply, base_url)
    if utf8_bytes(whole) <= KF_MENU_HEAD_BYTES:
        return [_menu_message(whole, menu)]
    texts = pieces(reply, base_url, page, TEXT_BYTES, MOST_TEXTS)
    return [*(_text_message(text) for text in texts), _menu_message("您可以选:", menu)]


def in_one(reply: Reply, base_url: str, page: str) -> dict[str, Any]:
    """`reply` as the one message that may greet a customer."""
    messages = to_customer(reply, base_url, page)
    return (
        messages[0]
        if len(messages) == 1
        else _text_message(fitted(reply, base_url, page, TEXT_BYTES, menu_text(reply, page)))
    )


def _text_message(text: str) -> dict[str, Any]:
    return {"msgtype": "text", "text": {"content": text}}


def _menu_message(head: str, menu: Mapping[str, Any]) -> dict[str, Any]:
    return {"msgtype": "msgmenu", "msgmenu": {"head_content": head, **menu}}


def kf_menu(reply: Reply) -> dict[str, Any] | None:
    """The buttons as a menu without its head, or None when there are none or 微信客服 would refuse them."""
    buttons = reply.quick_replies
    fits = all(utf8_bytes(b.payload) <= KF_ITEM_ID_BYTES and utf8_bytes(b.title) <= KF_ITEM_BYTES for b in buttons)
    if not buttons or len(buttons) > KF_MENU_ITEMS or not fits:
        return None
    items = [{"type": "click", "click": {"id": b.payload, "content": b.title}} for b in buttons]
    return {"list": items, "tail_content": "也可以直接打字问我。"}


def own_message_id(about: str, number: int) -> str:
    """The id of our `number`-th message about the customer's message `about`: the same when it is tried again, so that 微信客服
    refuses to send it twice (at most 32 plain characters)."""
    return hashlib.sha256(f"{about}:{number}".encode()).hexdigest()[:32]
