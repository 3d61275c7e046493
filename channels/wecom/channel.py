"""WeCom's webhooks: /webhooks/wecom for members of the corporation, /webhooks/wecom-kf for customers of 微信客服.

Both acknowledge at once and answer by the API: WeCom has no window that closes, and 微信客服 knows no other way."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any
from weakref import WeakValueDictionary

from rasa.core.channels.channel import InputChannel, UserMessage
from redis.exceptions import RedisError
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
from channels.text import menu, merge
from channels.wechat.crypto import BadCiphertext, Cipher, open_with
from channels.wechat.messages import WELCOME, BadMessage, FileSent, Message, is_scene, parse
from channels.wechat.signature import is_fresh, is_signed
from channels.wecom.client import KF_QUOTA_USED_UP, WeComClient
from channels.wecom.cursors import Cursors
from channels.wecom.messages import (
    FILE_NOT_TAKEN,
    CustomerMessage,
    Entered,
    NotForUs,
    SendFailed,
    in_one,
    own_message_id,
    parse_customer_message,
    to_customer,
    to_member,
    understood,
)
from channels.xml import Fields

logger = logging.getLogger(__name__)

Replies = list[dict[str, Any]]
Ask = Callable[[str, Inbound], Awaitable[Replies]]
Count = Callable[[str, str], None]

WORK_SECONDS = LEASE_SECONDS - 10
STOP_SECONDS = 10.0
MENU_SECONDS = 24 * 3600.0
KF_WINDOW_SECONDS = 48 * 3600.0
# WeCom gives a callback 5 s; what could not be read by then is read at the next delivery.
PULL_SECONDS = 4.5
MOST_PAGES = 50
# Without a cursor 微信客服 gives the last three days: what people wrote long ago is not answered now.
OLD_SECONDS = 600


class Callbacks:
    """WeCom's encrypted callbacks for one receiver. `ciphers`: current and previous key."""

    def __init__(self, token: str, ciphers: Sequence[Cipher], now: Callable[[], float]) -> None:
        self.token, self.ciphers, self.now = token, ciphers, now

    def echo(self, request: Request) -> str:
        """What the check of the address is to be answered with. Raises PermissionError or BadCiphertext."""
        return self._open(request, request.args.get("echostr", ""))

    def read(self, request: Request) -> Fields:
        """The decrypted message. Raises PermissionError, BadCiphertext or BadXml."""
        if not is_fresh(request.args.get("timestamp", ""), self.now()):
            raise PermissionError("消息的时间不对")
        return xml.parse(self._open(request, xml.text(xml.parse(request.body), "Encrypt")).encode())

    def _open(self, request: Request, ciphertext: str) -> str:
        timestamp, nonce = request.args.get("timestamp", ""), request.args.get("nonce", "")
        if not is_signed(request.args.get("msg_signature", ""), self.token, timestamp, nonce, ciphertext):
            raise PermissionError("签名不对")
        return open_with(self.ciphers, ciphertext)[0]


class _WeComChannel(InputChannel):
    """What both webhooks share. `ask(sender_id, inbound)` runs a turn, `page(sender_id)` is the address of the person's web page,
    `count(channel, what)` counts received, duplicate, failed, quota, refused."""

    def __init__(
        self,
        token: str,
        ciphers: Sequence[Cipher],
        client: WeComClient,
        ask: Ask,
        dedupe: Dedupe,
        kept: Kept,
        limiter: RateLimiter,
        base_url: str,
        page: Callable[[str], str],
        count: Count = lambda channel, what: None,
        work_seconds: float = WORK_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.callbacks, self.client, self.ask = Callbacks(token, ciphers, now), client, ask
        self.dedupe, self.kept, self.limiter = dedupe, kept, limiter
        self.base_url, self.page, self._count = base_url, page, count
        self.work_seconds, self.now = work_seconds, now
        self._warnings = RateLimiter(1)
        self._talks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()

    def url_prefix(self) -> str:
        return f"/webhooks/{self.name()}"

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        webhook = Blueprint(self.name().replace("-", "_"))

        @webhook.get("/")
        async def verify(request: Request) -> HTTPResponse:
            """The check of the address; WeCom waits for 1 s and takes nothing but the plain words."""
            try:
                return text(self.callbacks.echo(request))
            except (PermissionError, BadCiphertext) as error:
                return self._refuse(str(error))

        @webhook.post("/")
        async def receive(request: Request) -> HTTPResponse:
            try:
                fields = self.callbacks.read(request)
                return await self.accept(fields)
            except (xml.BadXml, BadMessage, BadCiphertext, PermissionError) as error:
                return self._refuse(str(error))

        @webhook.listener("after_server_stop")
        async def stop(app: Any, loop: asyncio.AbstractEventLoop) -> None:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
            await self.client.close()

        return webhook

    async def accept(self, fields: Fields) -> HTTPResponse:
        """Take one callback; the answer to it says only whether WeCom is to deliver it again."""
        raise NotImplementedError

    def count(self, what: str) -> None:
        self._count(self.name(), what)

    def _talk(self, person: str) -> asyncio.Lock:
        """Held while a message of `person`'s is answered: they are answered in the order in which they came."""
        return self._talks.setdefault(person, asyncio.Lock())

    async def _reply(self, sender_id: str, content: object, message_id: str) -> Reply | None:
        """What to say to a message; None when it asks for no answer. Raises Unavailable."""
        labels = await self.kept.get(f"menu:{sender_id}") or {}
        meant = understood(content, labels, message_id)
        if meant is None or isinstance(meant, Reply):
            return meant
        if not self.limiter.allow(sender_id):
            return TOO_FAST if self._warnings.allow(sender_id) else None
        try:
            if isinstance(meant, FileSent):
                meant = Inbound(file=await self.client.file(meant.media_id), message_id=message_id)
            return merge(await asyncio.wait_for(self.ask(sender_id, meant), self.work_seconds))
        except PlatformError as error:
            self._failed(error)
            return FILE_NOT_TAKEN
        except Unavailable:
            raise
        except Exception:
            logger.exception("%s:一条消息没有处理成功", self.name())
            self.count("failed")
            return FAILED

    async def _remember(self, sender_id: str, reply: Reply) -> None:
        await self.kept.put(f"menu:{sender_id}", menu(reply) or None, MENU_SECONDS)

    def _failed(self, error: PlatformError) -> None:
        self.count("quota" if error.code == KF_QUOTA_USED_UP else "failed")
        logger.warning("%s:%s", self.name(), error)

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run `work` apart from the callback."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _refuse(self, why: str) -> HTTPResponse:
        self.count("refused")
        logger.warning("%s:拒绝了一次请求:%s", self.name(), why)
        return text("forbidden", status=403)


class WeComInput(_WeComChannel):
    """Rasa input channel for the members of a corporation, who write to its application."""

    @classmethod
    def name(cls) -> str:
        return "wecom"

    async def accept(self, fields: Fields) -> HTTPResponse:
        message = parse(fields)
        self.count("received")
        claim = await self.dedupe.claim(f"wecom:{message.account}:{message.key}")
        if claim.first:
            self._start(self._answer(claim, message))
        else:
            self.count("duplicate")
        return text("")

    async def _answer(self, claim: Claim, message: Message) -> None:
        async with self._talk(message.sender):
            try:
                reply = await self._reply(f"wecom:{message.sender}", message.content, message.key)
            except Unavailable:
                self.count("failed")
                await self._say(message.sender, None if claim.again else NOT_TAKEN)
                return await claim.abandon("told")
            await self._say(message.sender, reply)
            await claim.finish("sent")

    async def _say(self, member: str, reply: Reply | None) -> None:
        if reply is None:
            return
        sender_id = f"wecom:{member}"
        await self._remember(sender_id, reply)
        try:
            for out in to_member(reply, self.base_url, self.page(sender_id)):
                await self.client.send(member, out)
        except PlatformError as error:
            self._failed(error)


class WeComKfInput(_WeComChannel):
    """Rasa input channel for customers of 微信客服. A callback only says that there is something to read."""

    def __init__(self, *arguments: Any, cursors: Cursors, pull_seconds: float = PULL_SECONDS, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.cursors, self.pull_seconds = cursors, pull_seconds
        self._reading: dict[str, asyncio.Lock] = {}
        self._saving: dict[str, asyncio.Task[None]] = {}

    @classmethod
    def name(cls) -> str:
        return "wecom-kf"

    async def accept(self, fields: Fields) -> HTTPResponse:
        self.count("received")
        open_kfid, token = xml.text(fields, "OpenKfId"), xml.text(fields, "Token")
        if xml.text(fields, "Event") != "kf_msg_or_event" or not open_kfid:
            return text("")
        try:
            await asyncio.wait_for(self._read(open_kfid, token), self.pull_seconds)
        except (PlatformError, RedisError, OSError, asyncio.TimeoutError) as error:
            self.count("failed")
            logger.warning("微信客服的消息没有读到,等企业微信再通知:%s", error or type(error).__name__)
            return text("later", status=503)
        return text("")

    async def _read(self, open_kfid: str, token: str) -> None:
        """Read what is new, page by page. Each page is answered apart, so that one slow turn holds up nobody else's message."""
        async with self._reading.setdefault(open_kfid, asyncio.Lock()):
            cursor = await self.cursors.get(open_kfid)
            oldest = 0.0 if cursor else self.now() - OLD_SECONDS
            for _ in range(MOST_PAGES):
                page = await self.client.customer_messages(open_kfid, cursor, token)
                entries = [entry for entry in page.get("msg_list") or () if isinstance(entry, dict)]
                messages = [parse_customer_message(entry) for entry in entries]
                people: dict[str, list[CustomerMessage]] = {}
                for message in messages:
                    if message.sent_at >= oldest:
                        people.setdefault(message.customer, []).append(message)
                answering = [self._start(self._answer_all(who, theirs)) for who, theirs in people.items()]
                cursor = str(page.get("next_cursor") or cursor)
                before = self._saving.get(open_kfid)
                self._saving[open_kfid] = self._start(self._save(open_kfid, cursor, answering, before))
                if not page.get("has_more"):
                    return

    async def _save(
        self,
        open_kfid: str,
        cursor: str,
        answering: "Iterable[asyncio.Task[None]]",
        before: "asyncio.Task[None] | None",
    ) -> None:
        """Remember that everything before `cursor` has been read, once it has been answered, so that a crash loses no message."""
        await asyncio.gather(*answering, *([before] if before else []), return_exceptions=True)
        try:
            await self.cursors.put(open_kfid, cursor)
        except (RedisError, OSError) as error:
            logger.warning("微信客服读到哪里没有记下,下次会重读并跳过已答的:%s", error)

    async def _answer_all(self, customer: str, messages: Iterable[CustomerMessage]) -> None:
        """One customer's messages of a page, after those of the pages before."""
        async with self._talk(customer):
            for message in messages:
                await self._answer_once(message)

    async def _answer_once(self, message: CustomerMessage) -> None:
        if isinstance(message.content, NotForUs) or not message.id:
            return
        claim = await self.dedupe.claim(f"wecom-kf:{message.id}")
        if not claim.first:
            return self.count("duplicate")
        try:
            await self._answer(message)
        except Unavailable:
            return await self._not_taken(message, claim)
        except PlatformError as error:
            self._failed(error)
        except Exception:
            logger.exception("微信客服:一条消息没有处理成功")
            self.count("failed")
        await claim.finish("sent")

    async def _not_taken(self, message: CustomerMessage, claim: Claim) -> None:
        """Say so, once, under an id of its own: 微信客服 would take an answer under the same one for a repeat."""
        self.count("failed")
        try:
            if not claim.again:
                await self._say(message, NOT_TAKEN, f"{message.id}:not-taken")
        except PlatformError as error:
            self._failed(error)
        await claim.abandon("told")

    async def _answer(self, message: CustomerMessage) -> None:
        sender_id = f"wecom:kf:{message.customer}"
        content = message.content
        if isinstance(content, SendFailed):
            self.count("failed")
            logger.warning("微信客服:一条消息没有送达(原因 %s)", content.kind)
            return
        await self.kept.put(f"kf:{sender_id}", message.open_kfid, KF_WINDOW_SECONDS)
        if isinstance(content, Entered):
            if content.welcome_code:
                reply = await self._greeting(sender_id, content, message.id)
                await self._remember(sender_id, reply)
                out = in_one(reply, self.base_url, self.page(sender_id))
                await self.client.welcome(content.welcome_code, own_message_id(message.id, 0), out)
            return
        answer = await self._reply(sender_id, content, message.id)
        if answer is not None:
            await self._say(message, answer, message.id)

    async def _say(self, message: CustomerMessage, reply: Reply, about: str) -> None:
        sender_id = f"wecom:kf:{message.customer}"
        await self._remember(sender_id, reply)
        for number, out in enumerate(to_customer(reply, self.base_url, self.page(sender_id))):
            await self.client.send_to_customer(message.open_kfid, message.customer, own_message_id(about, number), out)

    async def _greeting(self, sender_id: str, entered: Entered, message_id: str) -> Reply:
        """What the scanned poster is about, or what the assistant can do. There is one greeting only, even when it cannot look it up."""
        if is_scene(entered.scene):
            try:
                return merge(await self.ask(sender_id, Inbound(payload=entered.scene, message_id=message_id)))
            except Unavailable:
                self.count("failed")
        return WELCOME
