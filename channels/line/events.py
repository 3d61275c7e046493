"""What LINE tells us, typed: a webhook body becomes events. An event type that we do not know is one more event, never an error."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.reply import is_known_payload


class BadBody(Exception):
    """A signed body that is no webhook call; `str()` is one Chinese line."""


@dataclass(frozen=True)
class Source:
    """Where an event happened: `chat_id` is the user, group or room to answer to. A group may keep its member's id to itself."""

    kind: str
    chat_id: str
    user_id: str | None

    @property
    def is_private(self) -> bool:
        return self.kind == "user"

    @property
    def sender_id(self) -> str:
        """Whose conversation it is. In a group it is not the member's private one, whose bookings are nobody else's business."""
        return f"line:{self.chat_id}" if self.is_private else f"line:{self.chat_id}:{self.user_id or ''}"


@dataclass(frozen=True)
class Text:
    """Typed text without LINE emoji and without the mention of ourselves; `to_us` when we were mentioned."""

    text: str
    to_us: bool


@dataclass(frozen=True)
class FileSent:
    """A file that can be fetched by its message id for a while. The name and size are as told."""

    message_id: str
    name: str
    size: int


@dataclass(frozen=True)
class Location:
    """Degrees, and the name or address that LINE gives the place."""

    latitude: float
    longitude: float
    name: str


@dataclass(frozen=True)
class Unreadable:
    """An image, video, audio or sticker, or a message of a type that came after this was written."""

    kind: str


@dataclass(frozen=True)
class Tapped:
    """A postback: a payload of the closed list, or None for anything else."""

    payload: str | None


@dataclass(frozen=True)
class Followed:
    """Somebody added or unblocked the account."""


@dataclass(frozen=True)
class Joined:
    """The account was taken into a group or room."""


@dataclass(frozen=True)
class Left:
    """Somebody blocked the account, or it was put out of a group: nothing can be said there any more."""


@dataclass(frozen=True)
class Other:
    """Anything that asks for no answer."""

    type: str


Content: TypeAlias = Text | FileSent | Location | Unreadable | Tapped | Followed | Joined | Left | Other


@dataclass(frozen=True)
class Event:
    """One webhook event. `id` is the same in every delivery of it; a standby event belongs to another module's turn."""

    id: str
    source: Source | None
    content: Content
    reply_token: str | None
    standby: bool
    redelivered: bool


def parse(body: bytes) -> list[Event]:
    """The events of a webhook body, none for the console's "Verify". Raises BadBody when it is no webhook call at all."""
    try:
        call = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadBody("请求内容不是 JSON") from error
    events = call.get("events") if isinstance(call, dict) else None
    if not isinstance(events, list):
        raise BadBody("请求内容里没有 events")
    return [_event(event) for event in events if isinstance(event, dict)]


def _event(event: Mapping[str, Any]) -> Event:
    return Event(
        id=_string(event, "webhookEventId") or _digest(event),
        source=_source(_object(event, "source")),
        content=_content(event),
        reply_token=_string(event, "replyToken") or None,
        standby=event.get("mode") == "standby",
        redelivered=_object(event, "deliveryContext").get("isRedelivery") is True,
    )


def _digest(event: Mapping[str, Any]) -> str:
    """An id for an event that LINE gave none: the same for every delivery of it."""
    told = {name: value for name, value in event.items() if name != "deliveryContext"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _source(source: Mapping[str, Any]) -> Source | None:
    kind, user_id = _string(source, "type"), _string(source, "userId")
    chat_id = _string(source, {"user": "userId", "group": "groupId", "room": "roomId"}.get(kind, ""))
    return Source(kind, chat_id, user_id or None) if chat_id else None


def _content(event: Mapping[str, Any]) -> Content:
    kind = _string(event, "type")
    if kind == "message":
        return _message(_object(event, "message"))
    if kind == "postback":
        data = _string(_object(event, "postback"), "data")
        return Tapped(data if is_known_payload(data) else None)
    plain: dict[str, Content] = {"follow": Followed(), "join": Joined(), "unfollow": Left(), "leave": Left()}
    return plain.get(kind, Other(kind))


def _message(message: Mapping[str, Any]) -> Content:
    kind = _string(message, "type")
    if kind == "text":
        ours = [m for m in _objects(_object(message, "mention"), "mentionees") if m.get("isSelf") is True]
        text = _without(_string(message, "text"), [*ours, *_objects(message, "emojis")])
        return Text(text.strip(), bool(ours))
    if kind == "file":
        return FileSent(_string(message, "id"), _string(message, "fileName"), int(_number(message, "fileSize")))
    if kind == "location":
        latitude, longitude = _number(message, "latitude"), _number(message, "longitude")
        if abs(latitude) <= 90 and abs(longitude) <= 180:
            return Location(latitude, longitude, _string(message, "title") or _string(message, "address"))
    return Unreadable(kind)


def _without(text: str, spans: list[Mapping[str, Any]]) -> str:
    """`text` without `spans`, whose index and length count UTF-16 units."""
    units = text.encode("utf-16-le", "surrogatepass")
    for span in sorted(spans, key=lambda s: -_number(s, "index")):
        start, length = int(_number(span, "index")), int(_number(span, "length"))
        if start >= 0 and length > 0:
            units = units[: 2 * start] + units[2 * (start + length) :]
    return units.decode("utf-16-le", "replace")


def _object(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def _objects(holder: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    value = holder.get(name)
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def _string(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def _number(holder: Mapping[str, Any], name: str) -> float:
    """A finite number, 0 for anything else."""
    value = holder.get(name)
    return value if isinstance(value, (int, float)) and abs(value) < 1e15 else 0
