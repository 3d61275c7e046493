"""What a channel delivers unasked, such as a booking's confirmation or reminder."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class NotificationMessage:
    """`url` is where everything is; it may be a path of our own pages, or empty."""

    title: str
    text: str
    url: str = ""


class Deliverer(Protocol):
    """Delivers to `address`, a sender id of its channel (`wechat:<openid>`). Raises when the platform did not take it."""

    async def deliver(self, address: str, message: NotificationMessage) -> None: ...
