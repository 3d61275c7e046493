"""What a web client may send, checked: pure functions from JSON or form fields to a typed message."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from bot.reply import is_known_payload
from channels.inbound import Inbound

MAX_COMMENT = 500
ANEW = "anew"  # the payload after which nothing said before counts
# A tapped button whose title is nowhere in the history (one of the page's own).
TAPPED = {
    "assess": "帮我算算",
    "book": "约实训",
    "slot": "约这一场",
    "bookings": "我的预约",
    "booking": "看这个预约",
    "cancel-booking": "取消预约",
    "reschedule": "改期",
    "article": "看原文",
    "cancel": "不办了",
    ANEW: "新对话",
}
_MESSAGE_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


class BadMessage(Exception):
    """A message that cannot be taken: HTTP status, short code and Chinese explanation."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def parse(body: object, max_characters: int) -> Inbound:
    """The message in `body`. Raises BadMessage (413 for too long, 422 for anything else wrong)."""
    if not isinstance(body, dict):
        raise BadMessage(422, "invalid_json", '请求内容应是 JSON 对象,例如 {"text": "实习给不给钱?"}')
    unknown = set(body) - {"text", "payload", "message_id"}
    if unknown:
        raise BadMessage(
            422, "unknown_field", f"不认识的字段:{'、'.join(sorted(printable(str(k)[:40]) for k in unknown)[:5])}"
        )
    text, payload, repeated = body.get("text"), body.get("payload"), message_id(body)
    if (text is None) == (payload is None):
        raise BadMessage(422, "text_or_payload", "text 和 payload 要有且只有一个")
    if payload is not None:
        if not isinstance(payload, str) or not is_known_payload(payload):
            raise BadMessage(422, "unknown_payload", "不认识的按钮指令")
        return Inbound(payload=payload, message_id=repeated)
    if not isinstance(text, str):
        raise BadMessage(422, "invalid_text", "text 应是字符串")
    if len(text) > max_characters:
        raise BadMessage(413, "too_long", f"一次最多发 {max_characters} 个字,请分几次说")
    text = printable(text)
    if not text:
        raise BadMessage(422, "empty_text", "没有看到内容,请输入问题")
    return Inbound(text=text, message_id=repeated)


def parse_feedback(body: object) -> tuple[str, bool, str]:
    """(message id, whether the answer was useful, comment) of a JSON body. Raises BadMessage."""
    if not isinstance(body, dict) or set(body) - {"message_id", "useful", "comment"}:
        raise BadMessage(422, "invalid_feedback", '评价要写成 {"message_id": "…", "useful": true, "comment": "…"}')
    about, useful, comment = message_id(body), body.get("useful"), body.get("comment") or ""
    if not about or not isinstance(useful, bool) or not isinstance(comment, str):
        raise BadMessage(422, "invalid_feedback", "评价要有 message_id 和 useful(true 或 false)")
    return about, useful, printable(comment)[:MAX_COMMENT]


def as_shown(exchanges: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The history with `shown` in each exchange: what a person typed, or the title of the button that was tapped."""
    titles: dict[str, str] = {}
    shown = []
    for exchange in exchanges:
        said = exchange["said"]
        tapped = titles.get(said) or (
            TAPPED.get(said.partition(":")[0], "点了一个按钮") if is_known_payload(said) else said
        )
        shown.append({**exchange, "shown": tapped})
        titles.update({q["payload"]: q["title"] for reply in exchange["replies"] for q in reply["quick_replies"]})
    return shown


def since_anew(shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The exchanges of the conversation that goes on, from where the person last asked for a new one."""
    begun = [place for place, exchange in enumerate(shown) if exchange["said"] == ANEW]
    return shown[begun[-1] :] if begun else shown


def page_of(shown: list[dict[str, Any]], asked: Mapping[str, str]) -> list[dict[str, Any]]:
    """The exchanges later than `asked["after"]` (a message id) or earlier than `asked["before"]`; of those the latest `asked["limit"]`.

    Raises BadMessage: 404 where that message is not there (any longer), 422 for a limit that is no number from 1.
    """
    places = {exchange["message_id"]: place for place, exchange in enumerate(shown)}
    try:
        start = places[asked["after"]] + 1 if asked.get("after") else 0
        end = places[asked["before"]] if asked.get("before") else len(shown)
    except KeyError:
        raise BadMessage(404, "unknown_message", "没有找到这条消息") from None
    limit = asked.get("limit") or str(len(shown) or 1)
    if not re.fullmatch(r"[1-9]\d{0,3}", limit, re.ASCII):
        raise BadMessage(422, "invalid_limit", "limit 要写 1 到 9999 的整数")
    return shown[max(start, end - int(limit)) : end]


def message_id(body: Mapping[str, object]) -> str:
    """The client's own id of the message, '' where it gave none. Raises BadMessage."""
    given = body.get("message_id")
    if given is None:
        return ""
    if not (isinstance(given, str) and _MESSAGE_ID.fullmatch(given)):
        raise BadMessage(422, "invalid_message_id", "message_id 应是 1 到 64 个字母、数字或 _.:- 组成的字符串")
    return given


def printable(text: str) -> str:
    """`text` without control characters and lone surrogates, and without a leading `/`, by which Rasa would read a forged intent."""
    kept = "".join(c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    return re.sub(r"^[\s/／]+", "", kept).strip()
