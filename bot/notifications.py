"""Bringing booking's notices to people: into the web session's history, or through the channel that they write in."""

from collections.abc import Mapping, Sequence

from booking.notices import Notice
from booking.worker import GiveUp
from bot.booking_links import booking_address
from bot.reply import QuickReply, Reply
from bot.transcript import Transcript
from channels.notifications import Deliverer, NotificationMessage

TITLES = {
    "confirmed": "预约成功",
    "reminder_day": "明天的预约",
    "reminder_hour": "预约快开始了",
    "changed": "预约改期",
    "cancelled": "预约取消",
    "promoted": "候补有名额了",
    "offer_expiring": "候补名额快过期了",
    "slot_cancelled": "基地取消了一场",
}


class Notifications:
    """A booking.worker.Deliverer over all channels. `channels` are deliverers by the first part of a sender id."""

    def __init__(self, transcript: Transcript, channels: Mapping[str, Deliverer], secret_keys: Sequence[str]) -> None:
        self.transcript, self.channels, self.secret_keys = transcript, channels, secret_keys

    async def deliver(self, address: str, message: Notice) -> None:
        """Raises booking.worker.GiveUp when the channel is not there (any more)."""
        channel = address.partition(":")[0]
        if channel == "web":
            # What was delivered before has the same message id and stays as it is.
            self.transcript.add(address, message_id(message), "", [notice_reply(message).dict()])
        elif channel in self.channels:
            await self.channels[channel].deliver(address, as_notification(message, self.secret_keys))
        else:
            raise GiveUp(f"no channel {channel}")

    async def forget(self, address: str, message: Notice) -> None:
        """Take the notice out of the history again; what a platform has delivered is out of our hands."""
        self.transcript.remove(address, message_id(message))


def message_id(notice: Notice) -> str:
    """The notice's place in a history, the same at every delivery."""
    return f"notice-{notice.key}"[:80]


def as_notification(notice: Notice, secret_keys: Sequence[str]) -> NotificationMessage:
    """The notice for another platform, with a link that opens there."""
    url = booking_address(secret_keys, notice.code) if notice.code else ""
    return NotificationMessage(title=TITLES.get(notice.kind, "预约通知"), text=notice.text, url=url)


def notice_reply(notice: Notice) -> Reply:
    """The notice in a conversation, with what can be done about it."""
    quick = []
    if notice.kind in ("promoted", "offer_expiring") and notice.entry_id is not None:
        quick.append(QuickReply(title="要这个名额", payload=f"accept:{notice.entry_id}"))
        quick.append(QuickReply(title="不要了", payload=f"decline:{notice.entry_id}"))
    elif notice.kind == "slot_cancelled":
        quick += [QuickReply(title=o.label[:40], payload=f"slot:{o.slot_id}") for o in notice.alternatives]
    elif notice.code is not None and notice.kind != "cancelled":
        quick.append(QuickReply(title="看这个预约", payload=f"booking:{notice.code}"))
    return Reply(kind="booking", text=notice.text, quick_replies=quick)
