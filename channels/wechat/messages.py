"""What WeChat sends, typed, and what we send back: pure functions from XML fields to a message and from a Reply to WeChat's messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.reply import Reply, is_known_payload
from channels import xml
from channels.inbound import Inbound, Place
from channels.text import absolute, fitted, menu_text, picked, pieces
from channels.welcome import TRY, welcome
from channels.xml import Fields

TEXT_BYTES = 2048
# What a customer-service message may follow: a message of the user's (5 in 48 h) or a tap, scan or follow (3 in a minute).
QUOTA_AFTER_MESSAGE, QUOTA_AFTER_EVENT = 5, 3
NEWS_TITLE, NEWS_TEXT = 64, 120


def is_scene(scene: str) -> bool:
    """Whether a QR code's scene is one of ours, to be handed to the assistant as a payload: on a poster a base, whose slots to show,
    on a booking the booking to open."""
    return scene.startswith(("base:", "booking:")) and is_known_payload(scene)


class BadMessage(Exception):
    """XML that is no message of WeChat's."""


@dataclass(frozen=True)
class Text:
    """`menu_id`: the item of a tapped msgmenu."""

    content: str
    menu_id: str = ""


@dataclass(frozen=True)
class Image:
    media_id: str
    url: str


@dataclass(frozen=True)
class Voice:
    """`recognition`: WeChat's own transcript, which Tencent may withdraw; empty when there is none."""

    media_id: str
    format: str
    recognition: str


@dataclass(frozen=True)
class Video:
    media_id: str
    thumb_media_id: str
    short: bool


@dataclass(frozen=True)
class Location:
    latitude: float
    longitude: float
    scale: str
    label: str


@dataclass(frozen=True)
class Link:
    title: str
    description: str
    url: str


@dataclass(frozen=True)
class FileSent:
    """A file (WeCom only; an Official Account is not given any)."""

    media_id: str
    name: str


@dataclass(frozen=True)
class Subscribed:
    """`scene`: what the scanned QR code says, empty when there was none."""

    scene: str
    ticket: str


@dataclass(frozen=True)
class Unsubscribed:
    pass


@dataclass(frozen=True)
class Scanned:
    scene: str
    ticket: str


@dataclass(frozen=True)
class Clicked:
    """A tapped item of the account's menu."""

    key: str


@dataclass(frozen=True)
class Viewed:
    url: str


@dataclass(frozen=True)
class Located:
    """Where the person is, reported by WeChat unasked."""

    latitude: float
    longitude: float
    precision: float


@dataclass(frozen=True)
class TemplateSent:
    message_id: str
    status: str

    @property
    def arrived(self) -> bool:
        return self.status == "success"


@dataclass(frozen=True)
class ScannedInMenu:
    """A menu item that scans: `result` is what the code says."""

    key: str
    kind: str
    result: str


@dataclass(frozen=True)
class OtherEvent:
    """Any other event: cards, shops, verification, customer-service sessions, and what comes after this was written."""

    event: str
    key: str


@dataclass(frozen=True)
class OtherMessage:
    """A message of a type that is not known."""

    kind: str


Content: TypeAlias = (
    Text
    | Image
    | Voice
    | Video
    | Location
    | Link
    | FileSent
    | Subscribed
    | Unsubscribed
    | Scanned
    | Clicked
    | Viewed
    | Located
    | TemplateSent
    | ScannedInMenu
    | OtherEvent
    | OtherMessage
)


@dataclass(frozen=True)
class Message:
    """One message or event. `key` is the same in every delivery of it: the message id, or for an event who, when and what."""

    account: str
    sender: str
    created_at: int
    key: str
    content: Content

    @property
    def is_typed(self) -> bool:
        """Whether the person wrote it; what they tap counts less for the quota."""
        content = self.content
        return not isinstance(content, (Subscribed, Scanned, Clicked)) and not (
            isinstance(content, Text) and content.menu_id
        )


def parse(fields: Fields) -> Message:
    """The message in `fields`. Raises BadMessage when it does not say from whom or of what type it is."""
    sender, kind = xml.text(fields, "FromUserName"), xml.text(fields, "MsgType")
    if not sender or not kind:
        raise BadMessage("消息里没有 FromUserName 或 MsgType")
    created = xml.text(fields, "CreateTime")
    content = _event(fields) if kind == "event" else _message(kind, fields)
    # Events have no id, and two may come in the same second.
    key = xml.text(fields, "MsgId") or ":".join(
        (sender, created, xml.text(fields, "Event"), xml.text(fields, "EventKey"))
    )
    created_at = int(created) if created.isascii() and created.isdigit() else 0
    return Message(xml.text(fields, "ToUserName"), sender, created_at, key, content)


def _message(kind: str, fields: Fields) -> Content:
    def get(name: str) -> str:
        return xml.text(fields, name)

    if kind == "text":
        return Text(get("Content"), get("bizmsgmenuid"))
    if kind == "image":
        return Image(get("MediaId"), get("PicUrl"))
    if kind == "voice":
        return Voice(get("MediaId"), get("Format"), get("Recognition"))
    if kind in ("video", "shortvideo"):
        return Video(get("MediaId"), get("ThumbMediaId"), kind == "shortvideo")
    if kind == "location" and (place := _degrees(get("Location_X"), get("Location_Y"))):
        return Location(*place, get("Scale"), get("Label"))
    if kind == "link":
        return Link(get("Title"), get("Description"), get("Url"))
    if kind == "file":
        return FileSent(get("MediaId"), get("FileName") or get("Title"))
    return OtherMessage(kind)


def _event(fields: Fields) -> Content:
    def get(name: str) -> str:
        return xml.text(fields, name)

    event, key = get("Event"), get("EventKey")
    match event.lower():
        case "subscribe":
            # A followed product code puts its own words here (scanimage|…), which are no scene of ours.
            return Subscribed(key.removeprefix("qrscene_") if key.startswith("qrscene_") else "", get("Ticket"))
        case "unsubscribe":
            return Unsubscribed()
        case "scan":
            return Scanned(key, get("Ticket"))
        case "click":
            return Clicked(key)
        case "view":
            return Viewed(key)
        case "location" if place := _degrees(get("Latitude"), get("Longitude")):
            return Located(*place, _number(get("Precision")) or 0.0)
        case "templatesendjobfinish":
            return TemplateSent(get("MsgID"), get("Status"))
        case "scancode_push" | "scancode_waitmsg":
            scan = fields.get("ScanCodeInfo")
            scan = scan if isinstance(scan, dict) else {}
            return ScannedInMenu(key, xml.text(scan, "ScanType"), xml.text(scan, "ScanResult"))
    return OtherEvent(event, key)


def _degrees(latitude: str, longitude: str) -> tuple[float, float] | None:
    x, y = _number(latitude), _number(longitude)
    return (x, y) if x is not None and y is not None and abs(x) <= 90 and abs(y) <= 180 else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


# -- what it means ---------------------------------------------------------------------------------------------------------

WELCOME = welcome()
NOT_HEARD = Reply(kind="notice", text="这段语音没有听清,请打字再说一次。", quick_replies=TRY[:1])
MENU_CHANGED = Reply(kind="notice", text="这个菜单已经更新了。您可以直接打字问我,或者从下面选一个。", quick_replies=TRY)
NOT_READABLE = Reply(
    kind="notice", text="我看不了这种消息,请打字告诉我想问什么,比如“实习给不给钱?”。", quick_replies=TRY[:1]
)


def picture_help(page: str) -> Reply:
    """The answer to an image or a video. `page` is the person's web page, where files can be handed in."""
    return Reply(
        kind="notice",
        text="我看不了图片和视频,请打字告诉我想问什么。\n"
        f"要交员工名单算补贴,公众号里收不到文件,请在网页里上传表格(Excel):\n{page}",
        quick_replies=TRY[:1],
    )


def understood(content: Content, labels: Mapping[str, str], page: str, key: str) -> Inbound | Reply | None:
    """What to hand to the assistant, what to answer at once, or None for what asks for no answer. `labels` is the person's last menu."""
    match content:
        case Text(text, menu_id):
            if "收到不支持的消息类型" in text:  # what WeChat writes in place of a sticker
                return NOT_READABLE
            payload = menu_id if is_known_payload(menu_id) else picked(text, labels)
            return Inbound(payload=payload, message_id=key) if payload else Inbound(text=text, message_id=key)
        case Voice(_, _, recognition):
            return Inbound(text=recognition, message_id=key) if recognition else NOT_HEARD
        case Location(latitude, longitude, _, label):
            return Inbound(place=Place(latitude, longitude, label), message_id=key)
        case Subscribed(scene, _):
            return Inbound(payload=scene, message_id=key) if is_scene(scene) else WELCOME
        case Scanned(scene, _):
            return Inbound(payload=scene, message_id=key) if is_scene(scene) else WELCOME
        case Clicked(item):
            return Inbound(payload=item, message_id=key) if is_known_payload(item) else MENU_CHANGED
        case ScannedInMenu(_, _, result):
            return Inbound(payload=result, message_id=key) if is_scene(result) else NOT_READABLE
        case Image() | Video() | FileSent():
            return picture_help(page)
        case Link() | OtherMessage():
            return NOT_READABLE
    return None


# -- what goes out ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TextOut:
    content: str

    def passive(self) -> dict[str, object]:
        return {"MsgType": "text", "Content": self.content}

    def customer(self) -> dict[str, Any]:
        return {"msgtype": "text", "text": {"content": self.content}}


@dataclass(frozen=True)
class NewsOut:
    """One card to open; WeChat takes no more than one since 2018."""

    title: str
    description: str
    url: str
    picture: str = ""

    def passive(self) -> dict[str, object]:
        item = {"Title": self.title, "Description": self.description, "PicUrl": self.picture, "Url": self.url}
        return {"MsgType": "news", "ArticleCount": 1, "Articles": [item]}

    def customer(self) -> dict[str, Any]:
        article = {"title": self.title, "description": self.description, "url": self.url, "picurl": self.picture}
        return {"msgtype": "news", "news": {"articles": [article]}}


@dataclass(frozen=True)
class MenuOut:
    """Buttons (customer-service message only)."""

    head: str
    items: tuple[tuple[str, str], ...]

    def customer(self) -> dict[str, Any]:
        items = [{"id": payload, "content": title} for title, payload in self.items]
        return {
            "msgtype": "msgmenu",
            "msgmenu": {"head_content": self.head, "list": items, "tail_content": "也可以直接打字问我。"},
        }


def passive(reply: Reply, base_url: str, page: str) -> TextOut | NewsOut:
    """`reply` as the one message that may answer a delivery. What does not fit is under `page`."""
    return _as_news(reply, base_url) or TextOut(fitted(reply, base_url, page, TEXT_BYTES, menu_text(reply, page)))


def customer(reply: Reply, base_url: str, page: str, quota: int) -> list[TextOut | NewsOut | MenuOut]:
    """`reply` as at most `quota` customer-service messages, the buttons last. What does not fit is under `page`."""
    if news := _as_news(reply, base_url):
        return [news]
    items = tuple((quick.title, quick.payload) for quick in reply.quick_replies)
    buttons = [MenuOut("您可以选:", items)] if items else []
    return [*map(TextOut, pieces(reply, base_url, page, TEXT_BYTES, max(1, quota - len(buttons)))), *buttons]


def _as_news(reply: Reply, base_url: str) -> NewsOut | None:
    """A short reply with one card and nothing to choose: the card is the answer."""
    if len(reply.cards) != 1 or reply.citations or reply.quick_replies or reply.attachments:
        return None
    card = reply.cards[0]
    said = "\n".join([reply.text, str(card.get("text") or ""), *map(str, card.get("lines") or ())])
    said = "\n".join(line for line in said.split("\n") if line)
    title = str(card.get("title") or "")
    if not card.get("url") or not title or len(title) > NEWS_TITLE or len(said) > NEWS_TEXT:
        return None
    return NewsOut(title, said, absolute(str(card["url"]), base_url))


def answer_xml(message: Message, out: TextOut | NewsOut, now: float) -> str:
    """`out` as the passive answer to `message`."""
    return xml.render(
        {"ToUserName": message.sender, "FromUserName": message.account, "CreateTime": int(now), **out.passive()}
    )


def envelope_xml(encrypted: str, signature: str, timestamp: str, nonce: str) -> str:
    """An encrypted answer."""
    return xml.render({"Encrypt": encrypted, "MsgSignature": signature, "TimeStamp": int(timestamp), "Nonce": nonce})
