"""What LINE's events mean to us and what we say there: a turn's Replies as at most five messages, nothing left out without a link to where it is."""

from collections.abc import Sequence

from bot.reply import QuickReply, Reply
from channels.inbound import Inbound, Place
from channels.line.events import Event, FileSent, Followed, Joined, Location, Tapped, Text, Unreadable
from channels.line.flex import (
    MAX_LABEL,
    Json,
    Words,
    attachment_bubble,
    card_bubble,
    carousel,
    citation_bubble,
    postback,
    units,
    uri,
)
from channels.notifications import NotificationMessage
from channels.text import shorten, split
from channels.welcome import TRY, welcome

MAX_MESSAGES = 5
MAX_TEXT = 5000  # UTF-16 units
MAX_QUICK_REPLIES = 13

MAX_FILE_BYTES = 5 * 1024 * 1024

WELCOME = welcome("\n要交员工名单算津贴,把表格(Excel)直接发给我就行。")
GROUP_WELCOME = Reply(
    kind="chitchat",
    text="大家好,我是产教通,回答山西省产教融合的政策问题。在群里要先@我再提问,我才会回答。预约和员工名单涉及个人信息,请加我好友单独聊。",
)
NOTHING_ASKED = Reply(kind="notice", text="我在。想问什么,请直接打字,比如“实习给不给钱?”。", quick_replies=TRY[:1])
NOT_READABLE = Reply(
    kind="notice",
    text="图片、视频、语音和贴图我看不懂,请打字告诉我想问什么,比如“实习给不给钱?”。要交员工名单,请发表格文件(Excel)。",
    quick_replies=TRY[:1],
)
BUTTON_GONE = Reply(
    kind="notice", text="这个按钮现在不能用了。您可以直接打字问我,或者从下面选一个。", quick_replies=TRY
)
FILE_TOO_BIG = Reply(
    kind="notice", text=f"这个文件太大了,最多 {MAX_FILE_BYTES // 1024 // 1024} MB。请分成几个文件再发。"
)
FILE_NOT_FETCHED = Reply(kind="notice", text="文件没有收到,请再发一次。")


def understood(event: Event) -> Inbound | FileSent | Reply | None:
    """What to hand to the assistant (a file is still to be fetched), what to answer at once, or None for what asks for no answer.

    In a group or room only what is meant for us is answered: a mention, a tap on our button, being taken in.
    """
    if event.standby or event.source is None:
        return None
    private = event.source.is_private
    match event.content:
        case Text(text, to_us) if private or to_us:
            return Inbound(text=text, message_id=event.id) if text else NOTHING_ASKED
        case Tapped(payload):
            return Inbound(payload=payload, message_id=event.id) if payload else BUTTON_GONE
        case Location(latitude, longitude, name) if private:
            return Inbound(place=Place(latitude, longitude, name), message_id=event.id)
        case FileSent() as file if private:
            return file if file.size <= MAX_FILE_BYTES else FILE_TOO_BIG
        case Unreadable() if private:
            return NOT_READABLE
        case Followed():
            return WELCOME
        case Joined():
            return GROUP_WELCOME
    return None


def render(reply: Reply, base_url: str, page: str, words: Words = str) -> list[Json]:
    """`reply` as LINE messages: its text, then cards, citations and attachments as Flex, and the buttons on the last one.

    `base_url` makes our pages' addresses absolute, `page` is where the conversation can be read in full, and `words` puts everything
    but the quotes into the reader's script.
    """
    cards = [card_bubble(card, base_url, page, words) for card in reply.cards]
    clauses = [citation_bubble(citation, base_url, words) for citation in reply.citations]
    files = [attachment_bubble(attachment, base_url, words) for attachment in reply.attachments]
    flex = [
        carousel(bubbles, words(alt_text), page, words)
        for bubbles, alt_text in (
            (cards, "、".join(str(card.get("title") or "") for card in reply.cards) or "详细信息"),
            (clauses, f"出处:{'、'.join(citation.label for citation in reply.citations)}"),
            (files, f"文件:{'、'.join(str(file.get('title') or '') for file in reply.attachments)}"),
        )
        if bubbles
    ]
    buttons = _own_buttons(reply)
    text = words("\n".join((reply.text, *_unreadable(buttons))))
    messages = [*_texts(text, MAX_MESSAGES - len(flex), page, words), *flex]
    if messages and buttons:
        items = [
            {"type": "action", "action": postback(words(button.title), button.payload)}
            for button in buttons[:MAX_QUICK_REPLIES]
        ]
        messages[-1] = {**messages[-1], "quickReply": {"items": items}}
    return messages


def render_notification(message: NotificationMessage, base_url: str, words: Words = str) -> list[Json]:
    """A notification as text: title, what there is to say, and the way to it."""
    text = words(f"{message.title}\n{message.text}".strip())
    link = uri(message.url, base_url) if message.url else ""
    return _texts(f"{text}\n{link}", MAX_MESSAGES, link or base_url, words)


def _texts(text: str, room: int, page: str, words: Words) -> list[Json]:
    """`text` in at most `room` messages, cut between sentences; what has no room is behind `page`."""
    parts = split(text, MAX_TEXT, units)
    if len(parts) > room:
        rest = "\n".join(parts[room - 1 :])
        parts = [*parts[: room - 1], shorten(rest, MAX_TEXT, f"{words('太长了,全文在这里:')}{page}", units)]
    return [{"type": "text", "text": part} for part in parts]


def _own_buttons(reply: Reply) -> list[QuickReply]:
    """The buttons that stand on no card; a card shows its own."""
    on_cards = {button["payload"] for card in reply.cards for button in card.get("quick_replies") or ()}
    return [button for button in reply.quick_replies if button.payload not in on_cards]


def _unreadable(buttons: Sequence[QuickReply]) -> list[str]:
    """The titles that a quick reply would cut (20 units) or has no place for (13), as lines of the text."""
    return [f"・{b.title}" for n, b in enumerate(buttons) if n >= MAX_QUICK_REPLIES or units(b.title) > MAX_LABEL]
