"""WeChat's API for an Official Account: customer-service messages, menu, QR codes, template and subscription messages."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from channels.notifications import NotificationMessage
from channels.platform_api import TIMEOUT_SECONDS, PlatformApi, PlatformError
from channels.text import absolute
from channels.tokens import Token, Tokens
from channels.wechat.messages import MenuOut, NewsOut, TextOut

API_BASE = "https://api.weixin.qq.com"
QUOTA_USED_UP, WINDOW_CLOSED, MENU_TOO_LONG, TYPING_ALREADY = 45047, 45015, 45098, 45081
MAX_QR_SECONDS = 2_592_000
_SCENE = re.compile(r"[\x21-\x7e]{1,64}")
EXPLAINED = {
    -1: "微信系统繁忙,请稍后再试",
    40001: "AppSecret 不对,或者访问凭证已失效,请检查 WECHAT_APP_SECRET",
    40013: "AppID 不对,请检查 WECHAT_APP_ID",
    40125: "AppSecret 不对,请检查 WECHAT_APP_SECRET",
    40164: "服务器的 IP 不在公众号的 IP 白名单里,请在“设置与开发 → 基本配置”里加上",
    43004: "用户没有关注公众号",
    45002: "消息太长",
    45009: "接口今天的调用次数用完了",
    QUOTA_USED_UP: "客服消息的条数用完了,要等用户再发一条消息",
    WINDOW_CLOSED: "用户超过 48 小时没有互动,或者已经取消关注",
    MENU_TOO_LONG: "菜单消息的选项太多",
    48001: "公众号没有这个接口的权限,多半是还没有认证",
    50002: "公众号被限制,不能使用这个接口",
}


@dataclass(frozen=True)
class QrCode:
    """A QR code: its `url` is what it says, `image_url` the picture; it is good for `seconds`, None for ever."""

    ticket: str
    url: str
    seconds: int | None

    @property
    def image_url(self) -> str:
        return f"https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket={quote(self.ticket)}"


class WeChatClient:
    """One Official Account. Every method raises PlatformError with a Chinese explanation."""

    def __init__(
        self, app_id: str, secret: str, tokens: Tokens, base: str = API_BASE, timeout: float = TIMEOUT_SECONDS
    ) -> None:
        self.app_id, self._secret = app_id, secret
        self._api = PlatformApi(f"wechat:{app_id}", base, tokens, EXPLAINED, timeout)

    async def send(self, openid: str, message: TextOut | NewsOut | MenuOut) -> None:
        """A customer-service message, from certified accounts, as far as the quota goes."""
        await self._call("/cgi-bin/message/custom/send", {"touser": openid, **message.customer()})

    async def show_typing(self, openid: str) -> None:
        """ "对方正在输入" for 15 seconds."""
        try:
            await self._call("/cgi-bin/message/custom/typing", {"touser": openid, "command": "Typing"})
        except PlatformError as error:
            if error.code != TYPING_ALREADY:
                raise

    async def create_menu(self, menu: Mapping[str, Any]) -> None:
        """Replace the account's menu; people see it within 5 minutes."""
        await self._call("/cgi-bin/menu/create", menu)

    async def create_qr_code(self, scene: str, seconds: int | None = None) -> QrCode:
        """A QR code that brings `scene` (1 to 64 plain characters): for ever, or for `seconds` (at most 30 days)."""
        if not _SCENE.fullmatch(scene) or (seconds is not None and not 60 <= seconds <= MAX_QR_SECONDS):
            raise ValueError("场景值应是 1 到 64 个英文字符,有效期应在 60 秒到 30 天之间")
        kind = (
            {"action_name": "QR_LIMIT_STR_SCENE"}
            if seconds is None
            else {"action_name": "QR_STR_SCENE", "expire_seconds": seconds}
        )
        made = await self._call("/cgi-bin/qrcode/create", {**kind, "action_info": {"scene": {"scene_str": scene}}})
        return QrCode(str(made.get("ticket", "")), str(made.get("url", "")), seconds)

    async def send_template(self, openid: str, template_id: str, values: Mapping[str, str], url: str) -> None:
        """A template message (模板消息) with `values` by keyword."""
        body = {"touser": openid, "template_id": template_id, "data": _values(values)}
        await self._call("/cgi-bin/message/template/send", {**body, "url": url} if url else body)

    async def send_subscription(self, openid: str, template_id: str, values: Mapping[str, str], url: str) -> None:
        """A subscription notice (订阅通知), which the person has allowed before."""
        body = {"touser": openid, "template_id": template_id, "data": _values(values)}
        await self._call("/cgi-bin/message/subscribe/bizsend", {**body, "page": url} if url else body)

    async def check(self) -> list[str]:
        """What is wrong with the credentials, a Chinese line each; none when calls are accepted."""
        try:
            await self._call("/cgi-bin/get_api_domain_ip", None)
        except PlatformError as error:
            return [f"微信公众号:{error}"]
        return []

    async def close(self) -> None:
        await self._api.close()

    async def _call(self, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        return await self._api.call(path, body, self._fetch)

    async def _fetch(self, force: bool) -> Token:
        """A stable token: asking again gives the same one, so that processes do not take it from each other."""
        asked = {
            "grant_type": "client_credential",
            "appid": self.app_id,
            "secret": self._secret,
            "force_refresh": force,
        }
        given = await self._api.ask("/cgi-bin/stable_token", asked, {})
        return Token(str(given.get("access_token", "")), float(given.get("expires_in", 0)))


def _values(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {keyword: {"value": value} for keyword, value in values.items()}


class WeChatDeliverer:
    """Notifications by a template. `keywords` says which of `title` and `text` each keyword of the template takes, for example
    {"thing1": "title", "thing2": "text"}; a `thing` holds 20 characters, so the rest is behind the link."""

    def __init__(
        self,
        client: WeChatClient,
        template_id: str,
        keywords: Mapping[str, str],
        base_url: str,
        subscription: bool,
    ) -> None:
        unknown = set(keywords.values()) - {"title", "text"}
        if unknown:
            raise ValueError(f"模板关键词只能对应 title 或 text,现在有:{'、'.join(sorted(unknown))}")
        self.client, self.template_id, self.keywords = client, template_id, keywords
        self.base_url, self.subscription = base_url, subscription

    async def deliver(self, address: str, message: NotificationMessage) -> None:
        said = {"title": message.title, "text": message.text}
        values = {
            keyword: _cut(said[part], 20 if keyword.startswith("thing") else 200)
            for keyword, part in self.keywords.items()
        }
        send = self.client.send_subscription if self.subscription else self.client.send_template
        url = absolute(message.url, self.base_url) if message.url else ""
        await send(address.removeprefix("wechat:"), self.template_id, values, url)


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"
