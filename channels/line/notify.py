"""Booking notifications by push."""

import uuid

from channels.line.client import LineClient
from channels.line.messages import render_notification
from channels.line.script import Scripts
from channels.notifications import NotificationMessage

# Any fixed UUID will do; it keeps our keys apart from everybody else's.
_NAMESPACE = uuid.UUID("6f0a1c8e-5f0c-4f5e-9a51-7d1f6d1c2b3a")


def retry_key(*what: str) -> str:
    """The X-Line-Retry-Key of a push, from what it is about, so that a repeated one is told from a new one."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join(what)))


class LineDeliverer:
    """Delivers to `line:<user id>`, or to the member of `line:<group id>:<user id>` alone: a booking is nobody else's business."""

    def __init__(self, client: LineClient, base_url: str, scripts: Scripts) -> None:
        self.client, self.base_url, self.scripts = client, base_url, scripts

    async def deliver(self, address: str, message: NotificationMessage) -> None:
        """Push `message`, at most once a day for the same words to the same person. Raises LineError."""
        user_id = address.rpartition(":")[2]
        messages = render_notification(message, self.base_url, await self.scripts.words(user_id))
        key = retry_key("notification", address, message.title, message.text, message.url)
        await self.client.push(user_id, messages, key)
