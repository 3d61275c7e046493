"""The platforms' channels, built from the settings. A channel without its settings is not mounted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import sanic

from bot.settings import LineSettings, Settings, WeChatSettings, WeComSettings
from bot.shared import Shared
from bot.turns import Replies
from channels.inbound import Inbound
from channels.line.channel import LineInput
from channels.line.client import LineClient
from channels.line.notify import LineDeliverer
from channels.line.script import Scripts
from channels.notifications import Deliverer
from channels.wechat.channel import WeChatInput
from channels.wechat.client import WeChatClient, WeChatDeliverer
from channels.wechat.crypto import Cipher
from channels.wecom.channel import WeComInput, WeComKfInput
from channels.wecom.client import WeComClient, WeComDeliverer
from policy_kb.normalise import is_traditional, to_traditional

logger = logging.getLogger(__name__)

Ask = Callable[[str, Inbound], Awaitable[Replies]]


@dataclass
class Webhooks:
    """Builds each channel. `ask(channel)` runs its turns, `page(sender_id)` is the address of a person's web page, `count(channel, what)` counts."""

    settings: Settings
    ask: Callable[[str], Ask]
    page: Callable[[str], str]
    count: Callable[[str, str], None]
    shared: Shared
    deliverers: dict[str, Deliverer] = field(default_factory=dict)
    _clients: list[WeChatClient | WeComClient | LineClient] = field(default_factory=list)

    def mount(self, app: sanic.Sanic, on_new_message: Callable[[Any], Awaitable[Any]]) -> list[str]:
        """Mount what has settings on `app`; the names of the channels that were."""
        inputs = self.inputs()
        for each in inputs:
            app.blueprint(each.blueprint(on_new_message), url_prefix=each.url_prefix())

        @app.after_server_start
        async def check(app: sanic.Sanic, loop: asyncio.AbstractEventLoop) -> None:
            app.ctx.checking = asyncio.ensure_future(self.report_wrong())

        @app.before_server_stop
        async def give_up(app: sanic.Sanic, loop: asyncio.AbstractEventLoop) -> None:
            app.ctx.checking.cancel()

        return [each.name() for each in inputs]

    async def report_wrong(self) -> None:
        """Ask each platform whether it takes our credentials, and log what it says is wrong with them. They may be mended there, so
        the server serves all the same."""
        for problems in await asyncio.gather(*(client.check() for client in self._clients)):
            for problem in problems:
                logger.error("%s。改好后可以用 python -m channels check 核对", problem)

    def inputs(self) -> list[Any]:
        """The channels that have settings; those that deliver unasked are in `deliverers` then."""
        inputs: list[Any] = []
        if self.settings.wechat:
            inputs.append(self._wechat(self.settings.wechat))
        if self.settings.wecom:
            inputs += self._wecom(self.settings.wecom)
        if self.settings.line:
            inputs.append(self._line(self.settings.line))
        return inputs

    def _shared(self, channel: str) -> dict[str, Any]:
        return {
            "ask": self.ask(channel),
            "dedupe": self.shared.dedupe,
            "limiter": self.shared.limiter("messages", self.settings.messages_per_minute),
            "base_url": self.settings.public_url,
            "page": self.page,
            "count": self.count,
        }

    def _wechat(self, own: WeChatSettings) -> WeChatInput:
        client = None
        if own.certified:
            client = WeChatClient(own.app_id, own.app_secret, self.shared.tokens, own.api_base)
            self._clients.append(client)
            if own.template_id:
                self.deliverers["wechat"] = WeChatDeliverer(
                    client, own.template_id, own.template_keywords, self.settings.public_url, own.subscription
                )
        ciphers = [Cipher(key, own.app_id) for key in own.aes_keys]
        return WeChatInput(own.token, own.mode, ciphers, client, kept=self.shared.kept, **self._shared("wechat"))

    def _wecom(self, own: WeComSettings) -> list[WeComInput | WeComKfInput]:
        client = WeComClient(own.corp_id, own.agent_id, own.secret, self.shared.tokens, own.api_base)
        self._clients.append(client)
        ciphers = [Cipher(key, own.corp_id) for key in own.aes_keys]
        self.deliverers["wecom"] = WeComDeliverer(client, self.shared.kept, self.settings.public_url)
        shared = {"kept": self.shared.kept, **self._shared("wecom")}
        return [
            WeComInput(own.token, ciphers, client, **shared),
            WeComKfInput(own.token, ciphers, client, cursors=self.shared.cursors, **shared),
        ]

    def _line(self, own: LineSettings) -> LineInput:
        client = LineClient(own.access_token, own.api_base)
        self._clients.append(client)
        scripts = Scripts(client, self.shared.kept, is_traditional, to_traditional)
        self.deliverers["line"] = LineDeliverer(client, self.settings.public_url, scripts)
        return LineInput(own.secret, client, scripts=scripts, **self._shared("line"))
