"""WeCom's API: application messages, 微信客服, and the files that people sent."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from channels.inbound import File
from channels.kept import Kept
from channels.notifications import NotificationMessage
from channels.platform_api import TIMEOUT_SECONDS, UNREACHABLE, PlatformApi, PlatformError
from channels.text import absolute, shorten
from channels.tokens import Token, Tokens
from channels.wechat.messages import TEXT_BYTES

API_BASE = "https://qyapi.weixin.qq.com"
PAGE_OF_MESSAGES = 1000
MAX_FILE_BYTES = 20 * 1024 * 1024
KF_QUOTA_USED_UP, KF_OVER = 95001, 95002
EXPLAINED = {
    -1: "企业微信系统繁忙,请稍后再试",
    40001: "Secret 不对,请检查 WECOM_SECRET",
    40013: "企业 ID 不对,请检查 WECOM_CORP_ID",
    40056: "应用 ID 不对,请检查 WECOM_AGENT_ID",
    45009: "调用太频繁,请稍后再试",
    60011: "应用没有权限,请检查可见范围",
    60020: "服务器的 IP 不在可信 IP 里,请在应用的“企业可信 IP”里加上",
    81013: "收件人不在应用的可见范围里",
    KF_QUOTA_USED_UP: "微信客服的条数用完了,要等客户再发一条消息",
    KF_OVER: "客户的会话已经结束",
}


class WeComClient:
    """One application of one corporation, which may also be allowed to use 微信客服. Every method raises PlatformError."""

    def __init__(
        self,
        corp_id: str,
        agent_id: int,
        secret: str,
        tokens: Tokens,
        base: str = API_BASE,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self.corp_id, self.agent_id, self._secret = corp_id, agent_id, secret
        # A token belongs to the application, not to the corporation.
        self._api = PlatformApi(f"wecom:{corp_id}:{agent_id}", base, tokens, EXPLAINED, timeout)

    async def send(self, user_id: str, message: Mapping[str, Any]) -> None:
        """An application message to one member. Repeats are sent: the same question may have the same answer twice."""
        body = {"touser": user_id, "agentid": self.agent_id, "enable_duplicate_check": 0, **message}
        answer = await self._call("/cgi-bin/message/send", body)
        if answer.get("invaliduser"):
            raise PlatformError(81013, EXPLAINED[81013])

    async def customer_messages(self, open_kfid: str, cursor: str, token: str) -> dict[str, Any]:
        """A page of what came to a service account after `cursor` (empty: of the last three days): `msg_list`, `next_cursor`, `has_more`."""
        body = {"open_kfid": open_kfid, "cursor": cursor, "token": token, "limit": PAGE_OF_MESSAGES, "voice_format": 0}
        return await self._call("/cgi-bin/kf/sync_msg", body)

    async def send_to_customer(
        self, open_kfid: str, customer: str, message_id: str, message: Mapping[str, Any]
    ) -> None:
        """A message to a customer. Accepted is not delivered: see SendFailed."""
        body = {"touser": customer, "open_kfid": open_kfid, "msgid": message_id, **message}
        try:
            await self._call("/cgi-bin/kf/send_msg", body)
        except PlatformError as error:
            if error.code != UNREACHABLE:
                raise
            # It may have arrived or not; under the same id it is not sent twice.
            await self._call("/cgi-bin/kf/send_msg", body)

    async def welcome(self, code: str, message_id: str, message: Mapping[str, Any]) -> None:
        """The welcome that `code` allows, once and within 20 s."""
        await self._call("/cgi-bin/kf/send_msg_on_event", {"code": code, "msgid": message_id, **message})

    async def file(self, media_id: str) -> File:
        """A file that somebody sent, of at most MAX_FILE_BYTES."""
        return await self._api.download("/cgi-bin/media/get", {"media_id": media_id}, self._fetch, MAX_FILE_BYTES)

    async def check(self) -> list[str]:
        """What is wrong with the credentials, a Chinese line each; none when calls are accepted."""
        try:
            await self._api.call(f"/cgi-bin/agent/get?agentid={self.agent_id}", None, self._fetch)
        except PlatformError as error:
            return [f"企业微信:{error}"]
        return []

    async def close(self) -> None:
        await self._api.close()

    async def _call(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self._api.call(path, body, self._fetch)

    async def _fetch(self, force: bool) -> Token:
        """WeCom gives the same token until it ends, so there is nothing to force."""
        given = await self._api.ask("/cgi-bin/gettoken", None, {"corpid": self.corp_id, "corpsecret": self._secret})
        return Token(str(given.get("access_token", "")), float(given.get("expires_in", 0)))


def _random_id() -> str:
    return secrets.token_hex(16)


class WeComDeliverer:
    """Notifications as application messages to members (`wecom:<user id>`), and to customers of 微信客服 (`wecom:kf:<id>`) as long as
    they have written within 48 hours."""

    def __init__(
        self, client: WeComClient, kept: Kept, base_url: str, random_id: Callable[[], str] = _random_id
    ) -> None:
        self.client, self.kept, self.base_url, self.random_id = client, kept, base_url, random_id

    async def deliver(self, address: str, message: NotificationMessage) -> None:
        link = absolute(message.url, self.base_url) if message.url else ""
        said = "\n".join(part for part in (message.title, message.text, link) if part)
        out = {"msgtype": "text", "text": {"content": shorten(said, TEXT_BYTES, link or "内容太长,请在应用里查看")}}
        person = address.removeprefix("wecom:")
        if not person.startswith("kf:"):
            return await self.client.send(person, out)
        open_kfid = await self.kept.get(f"kf:{address}")
        if open_kfid is None:
            raise PlatformError(KF_OVER, EXPLAINED[KF_OVER])
        await self.client.send_to_customer(open_kfid, person.removeprefix("kf:"), self.random_id(), out)
