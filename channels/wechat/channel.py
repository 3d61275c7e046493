"""The Official Account's webhook: /webhooks/wechat. Authenticates, answers within WeChat's five seconds or makes good for it after."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Literal

from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, text

from bot.reply import Reply
from channels import xml
from channels.dedupe import LEASE_SECONDS, Claim, Dedupe
from channels.inbound import Inbound, Unavailable
from channels.kept import Kept
from channels.notices import FAILED, NOT_TAKEN, TOO_FAST
from channels.platform_api import PlatformError
from channels.rate_limit import RateLimiter
from channels.text import menu, menu_text, merge
from channels.wechat.client import QUOTA_USED_UP, WeChatClient
from channels.wechat.crypto import BadCiphertext, Cipher, open_with
from channels.wechat.messages import (
    QUOTA_AFTER_EVENT,
    QUOTA_AFTER_MESSAGE,
    BadMessage,
    MenuOut,
    Message,
    TemplateSent,
    TextOut,
    answer_xml,
    customer,
    envelope_xml,
    parse,
    passive,
    understood,
)
from channels.wechat.signature import is_fresh, is_signed, sign

logger = logging.getLogger(__name__)

Replies = list[dict[str, Any]]
Mode = Literal["plain", "compatible", "safe"]

# WeChat drops the connection after 5 s and delivers again, three times in all.
DEADLINE_SECONDS = 4.5
LAST_DELIVERY = 3
# A delivery that is not the last is kept open until WeChat has surely dropped it: an empty answer would end the deliveries.
HOLD_SECONDS = 8.0
WORK_SECONDS = LEASE_SECONDS - 10
MENU_SECONDS = 24 * 3600.0
LATE_SECONDS = 30 * 60.0
STOP_SECONDS = 10.0
GO_ON = "继续"

STILL_WORKING = Reply(kind="notice", text=f"这个问题还在查。请过几秒回复“{GO_ON}”,或者把问题再发一次,就能看到答案。")


class WeChatInput(InputChannel):
    """Rasa input channel for an Official Account. A turn comes in through `ask(sender_id, inbound)`.

    `ciphers`: current and previous key, none in plain mode. `client`: None for an account that may only answer (not certified).
    `page(sender_id)`: the address of the person's web page. `count(channel, what)`: received, duplicate, late, failed, quota, refused.
    """

    def __init__(
        self,
        token: str,
        mode: Mode,
        ciphers: Sequence[Cipher],
        client: WeChatClient | None,
        ask: Callable[[str, Inbound], Awaitable[Replies]],
        dedupe: Dedupe,
        kept: Kept,
        limiter: RateLimiter,
        base_url: str,
        page: Callable[[str], str],
        count: Callable[[str, str], None] = lambda channel, what: None,
        deadline_seconds: float = DEADLINE_SECONDS,
        hold_seconds: float = HOLD_SECONDS,
        work_seconds: float = WORK_SECONDS,
        now: Callable[[], float] = time.time,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        if mode != "plain" and not ciphers:
            raise ValueError("安全模式和兼容模式需要消息加解密密钥,请设置 WECHAT_AES_KEY")
        self.token, self.mode, self.ciphers, self.client = token, mode, ciphers, client
        self.ask, self.dedupe, self.kept, self.limiter = ask, dedupe, kept, limiter
        self.base_url, self.page, self._count = base_url, page, count
        self.deadline_seconds, self.hold_seconds, self.work_seconds = deadline_seconds, hold_seconds, work_seconds
        self.now, self.random_bytes = now, random_bytes
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    def name(cls) -> str:
        return "wechat"

    def url_prefix(self) -> str:
        return "/webhooks/wechat"

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        webhook = Blueprint("wechat")

        @webhook.get("/")
        async def verify(request: Request) -> HTTPResponse:
            """WeChat's check of the address, when it is entered in the account's settings."""
            if not self._signed(request, "signature"):
                return self._refuse("签名不对")
            return text(request.args.get("echostr", ""))

        @webhook.post("/")
        async def receive(request: Request) -> HTTPResponse:
            try:
                message, cipher = self._read(request)
            except (xml.BadXml, BadMessage, BadCiphertext, PermissionError) as error:
                return self._refuse(str(error))
            self.count("received")
            answer = await self.answer(message)
            if cipher is None or not answer:
                return text(answer or "success", content_type="application/xml" if answer else "text/plain")
            return text(self._sealed(answer, cipher), content_type="application/xml")

        @webhook.listener("after_server_stop")
        async def stop(app: Any, loop: asyncio.AbstractEventLoop) -> None:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
            if self.client is not None:
                await self.client.close()

        return webhook

    def count(self, what: str) -> None:
        self._count(self.name(), what)

    # -- one delivery --------------------------------------------------------------------------------------------------

    async def answer(self, message: Message) -> str:
        """The passive answer to one delivery as XML; empty for `success`, which tells WeChat that all is well."""
        sender_id = f"wechat:{message.sender}"
        labels = await self.kept.get(f"menu:{sender_id}") or {}
        meant = understood(message.content, labels, self.page(sender_id), message.key)
        if isinstance(message.content, TemplateSent) and not message.content.arrived:
            self.count("failed")
            logger.warning("微信公众号:一条模板消息没有送达:%s", message.content.status)
        if meant is None:
            return ""
        claim = await self.dedupe.claim(f"wechat:{message.account}:{message.key}")
        if claim.first:
            self._start(self._work(claim, sender_id, meant))
        else:
            self.count("duplicate")
            if await claim.promised():
                return ""
        last = self.client is not None or claim.delivery >= LAST_DELIVERY
        replies = await claim.wait(self.deadline_seconds if last else self.hold_seconds)
        if replies is not None:
            # Another delivery may have run out of time just before and taken on to send it.
            return "" if await claim.promised() else await self._passively(message, sender_id, merge(replies))
        self.count("late")
        if self.client is not None:
            if not await claim.promise():
                return ""
            if (replies := await claim.wait(0)) is not None:
                return await self._passively(message, sender_id, merge(replies))
            self._start(self._push(self.client, message, sender_id, meant, claim))
            return ""
        if not last:
            return ""
        await self._keep_for_later(message, sender_id, meant)
        return answer_xml(message, TextOut(STILL_WORKING.text), self.now())

    async def _work(self, claim: Claim, sender_id: str, meant: Inbound | Reply) -> None:
        """Do what the message asks for, once, and keep the answer."""
        try:
            replies = await asyncio.wait_for(self._replies(sender_id, meant), self.work_seconds)
        except Unavailable:
            self.count("failed")
            return await claim.abandon([NOT_TAKEN.dict()])
        except Exception:
            logger.exception("微信公众号:一条消息没有处理成功")
            self.count("failed")
            replies = [FAILED.dict()]
        await claim.finish(replies)

    async def _replies(self, sender_id: str, meant: Inbound | Reply) -> Replies:
        if isinstance(meant, Reply):
            return [meant.dict()]
        if not self.limiter.allow(sender_id):
            return [TOO_FAST.dict()]
        late = await self.kept.get(f"late:{sender_id}")
        if late is None or meant.text is None or meant.text.strip() not in (GO_ON, late["text"]):
            return await self.ask(sender_id, meant)
        await self.kept.put(f"late:{sender_id}", None, 0)
        claim = await self.dedupe.claim(late["key"])
        if not claim.first and (replies := await claim.wait(self.work_seconds)) is not None:
            return list(replies)
        await claim.abandon()
        try:
            asked = Inbound(text=late["text"], payload=late["payload"], message_id=meant.message_id)
            return await self.ask(sender_id, asked)
        except Unavailable:
            await self.kept.put(f"late:{sender_id}", late, LATE_SECONDS)
            raise

    async def _passively(self, message: Message, sender_id: str, reply: Reply) -> str:
        await self.kept.put(f"menu:{sender_id}", menu(reply) or None, MENU_SECONDS)
        return answer_xml(message, passive(reply, self.base_url, self.page(sender_id)), self.now())

    async def _push(
        self, client: WeChatClient, message: Message, sender_id: str, meant: Inbound | Reply, claim: Claim
    ) -> None:
        """The answer by customer-service messages, when it is there."""
        try:
            await client.show_typing(message.sender)
        except PlatformError as error:
            logger.warning("微信公众号:%s", error)
        reply = merge(await claim.wait(self.work_seconds) or [FAILED.dict()])
        quota = QUOTA_AFTER_MESSAGE if message.is_typed else QUOTA_AFTER_EVENT
        try:
            await self.kept.put(f"menu:{sender_id}", None, 0)
            for out in customer(reply, self.base_url, self.page(sender_id), quota):
                try:
                    await client.send(message.sender, out)
                except PlatformError as error:
                    if not isinstance(out, MenuOut) or error.code == QUOTA_USED_UP:
                        raise
                    # The buttons were not taken: the same choices to be typed.
                    await self.kept.put(f"menu:{sender_id}", menu(reply), MENU_SECONDS)
                    await client.send(message.sender, TextOut(menu_text(reply, self.page(sender_id))))
        except PlatformError as error:
            self.count("quota" if error.code == QUOTA_USED_UP else "failed")
            logger.warning("微信公众号:答案没有发出去,用户回复“%s”可以看到:%s", GO_ON, error)
            await self._keep_for_later(message, sender_id, meant)

    async def _keep_for_later(self, message: Message, sender_id: str, meant: Inbound | Reply) -> None:
        """Remember which message is still to be answered. The answer stays with that message: another question does not get it."""
        if isinstance(meant, Inbound):
            key = f"wechat:{message.account}:{message.key}"
            late = {"key": key, "text": meant.text, "payload": meant.payload}
            await self.kept.put(f"late:{sender_id}", late, LATE_SECONDS)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` apart from the delivery, whose connection WeChat may drop at any time."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- signatures and encryption -------------------------------------------------------------------------------------

    def _read(self, request: Request) -> tuple[Message, Cipher | None]:
        """The message of a delivery, and the cipher for its answer. Raises PermissionError when it is not WeChat's."""
        encrypted = request.args.get("encrypt_type", "raw") == "aes"
        if self.mode == "safe" and not encrypted:
            raise PermissionError("安全模式下不接受明文消息")
        if encrypted and self.mode == "plain":
            raise PermissionError("明文模式下收到了加密消息,请检查 WECHAT_MODE")
        if not encrypted and not self._signed(request, "signature"):
            raise PermissionError("签名不对")
        if not is_fresh(request.args.get("timestamp", ""), self.now()):
            raise PermissionError("消息的时间不对")
        fields = xml.parse(request.body)
        if not encrypted:
            return parse(fields), None
        ciphertext = xml.text(fields, "Encrypt")
        if not self._signed(request, "msg_signature", ciphertext):
            raise PermissionError("签名不对")
        plain, cipher = open_with(self.ciphers, ciphertext)
        return parse(xml.parse(plain.encode())), cipher

    def _signed(self, request: Request, name: str, *more: str) -> bool:
        timestamp, nonce = request.args.get("timestamp", ""), request.args.get("nonce", "")
        return is_signed(request.args.get(name, ""), self.token, timestamp, nonce, *more)

    def _sealed(self, answer: str, cipher: Cipher) -> str:
        encrypted = cipher.encrypt(answer, self.random_bytes(16))
        timestamp, nonce = str(int(self.now())), self.random_bytes(8).hex()
        return envelope_xml(encrypted, sign(self.token, timestamp, nonce, encrypted), timestamp, nonce)

    def _refuse(self, why: str) -> HTTPResponse:
        self.count("refused")
        logger.warning("微信公众号:拒绝了一次请求:%s", why)
        return text("forbidden", status=403)
