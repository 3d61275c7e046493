"""LINE's webhook: /webhooks/line. The only part of this folder that knows Rasa and Sanic.

LINE wants its 200 within two seconds, so a delivery is acknowledged at once and answered by a task of its own: by the event's reply
token while it is young (free of charge), else by a push that cannot double.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakValueDictionary

from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse
from sanic.response import json as json_response

from bot.reply import Reply
from channels.dedupe import LEASE_SECONDS, Dedupe
from channels.inbound import File, Inbound
from channels.inbound import Unavailable as NotTaken
from channels.line.client import LineClient, LineError, QuotaExceeded, Refused, Unavailable
from channels.line.events import BadBody, Event, FileSent, Source, Text, parse
from channels.line.messages import (
    FILE_NOT_FETCHED,
    FILE_TOO_BIG,
    MAX_FILE_BYTES,
    render,
    understood,
)
from channels.line.notify import retry_key
from channels.line.script import Scripts
from channels.line.signature import HEADER, is_signed
from channels.notices import FAILED, NOT_TAKEN, TOO_FAST
from channels.rate_limit import RateLimiter
from channels.text import merge
from channels.web.channel import error_response

logger = logging.getLogger(__name__)

Ask = Callable[[str, Inbound], Awaitable[list[dict[str, Any]]]]

# A reply token lives for about a minute; two attempts at a reply take up to ten seconds.
REPLY_WITHIN_SECONDS = 50.0
LOADING_SECONDS = 20
DRAIN_SECONDS = 20.0
# A turn that takes longer has gone wrong; it must not keep the person's next message waiting.
WORK_SECONDS = LEASE_SECONDS - 10


class LineInput(InputChannel):
    """Rasa input channel for a LINE Official Account. A turn comes in through `ask(sender_id, inbound)`.

    `page(sender_id)`: the address of the person's web page. `count(channel, what)`: received, duplicate, late, failed, quota, refused.
    `clock` gives seconds; `loading_after` seconds without an answer the person sees the moving dots.
    """

    def __init__(
        self,
        channel_secret: str,
        client: LineClient,
        ask: Ask,
        dedupe: Dedupe,
        limiter: RateLimiter,
        scripts: Scripts,
        base_url: str,
        page: Callable[[str], str],
        count: Callable[[str, str], None] = lambda channel, what: None,
        clock: Callable[[], float] = time.monotonic,
        loading_after: float = 1.0,
        work_seconds: float = WORK_SECONDS,
    ) -> None:
        self.channel_secret, self.client, self.ask = channel_secret, client, ask
        self.dedupe, self.limiter, self.scripts = dedupe, limiter, scripts
        self.base_url, self.page, self._count = base_url, page, count
        self.clock, self.loading_after, self.work_seconds = clock, loading_after, work_seconds
        self._warnings = RateLimiter(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._talks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @classmethod
    def name(cls) -> str:
        return "line"

    def url_prefix(self) -> str:
        return "/webhooks/line"

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        webhook = Blueprint("line")

        @webhook.post("/")
        async def receive(request: Request) -> HTTPResponse:
            if not is_signed(self.channel_secret, request.body, request.headers.getone(HEADER, None)):
                return self._refuse(403, "bad_signature", "签名不对,请检查 LINE_CHANNEL_SECRET")
            try:
                events = parse(request.body)
            except BadBody as error:
                return self._refuse(400, "bad_body", str(error))
            for event in events:
                self.accept(event)
            return json_response({})

        @webhook.listener("before_server_stop")
        async def stop(app: Any, loop: asyncio.AbstractEventLoop) -> None:
            await self.drain()
            await self.client.close()

        return webhook

    def count(self, what: str) -> None:
        self._count(self.name(), what)

    def accept(self, event: Event) -> None:
        """Start answering `event` and return at once."""
        task = asyncio.ensure_future(self._work(event, self.clock()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, seconds: float = DRAIN_SECONDS) -> None:
        """Wait until everything accepted is answered, at most `seconds`."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def _work(self, event: Event, arrived: float) -> None:
        """One event from claim to answer. What fails is logged: there is nobody to raise to."""
        meant, source = understood(event), event.source
        self.count("received")
        if meant is None or source is None:
            return
        try:
            claim = await self.dedupe.claim(f"line:{event.id}")
            if not claim.first:
                self.count("duplicate")
                return
            if not self.limiter.allow(source.sender_id):
                await claim.finish("too fast")
                if self._warnings.allow(source.sender_id):
                    await self._send(event, source, TOO_FAST, await self.scripts.words(source.user_id), arrived)
                return
            async with self._talks.setdefault(source.chat_id, asyncio.Lock()):
                said = event.content.text if isinstance(event.content, Text) else ""
                reply, words = await asyncio.gather(
                    self._reply(event, source, meant), self.scripts.words(source.user_id, said)
                )
                if reply is not NOT_TAKEN:
                    # The turn has been taken: whatever becomes of its answer, a redelivery must not take it again.
                    await claim.finish("answered")
                else:
                    self.count("failed")
                    await claim.abandon("told")
                    if claim.again:
                        return
                await self._send(event, source, reply, words, arrived)
        except LineError as error:
            self.count("quota" if isinstance(error, QuotaExceeded) else "failed")
            logger.error("LINE: 事件 %s 的回答没有送到:%s", event.id, error)
        except Exception:
            self.count("failed")
            logger.exception("LINE: 事件 %s 的回答没有发出去", event.id)

    async def _reply(self, event: Event, source: Source, meant: Inbound | FileSent | Reply) -> Reply:
        """What to say to an event; NOT_TAKEN when nothing has been done for it."""
        if isinstance(meant, Reply):
            return meant
        try:
            return await asyncio.wait_for(self._turn(event, source, meant), self.work_seconds)
        except NotTaken:
            return NOT_TAKEN
        except Exception:
            self.count("failed")
            logger.exception("LINE: 事件 %s 没有处理成功", event.id)
            return FAILED

    async def _turn(self, event: Event, source: Source, meant: Inbound | FileSent) -> Reply:
        dots = asyncio.ensure_future(self._show_loading(source)) if source.is_private else None
        try:
            inbound = await self._fetched(event, meant) if isinstance(meant, FileSent) else meant
            return inbound if isinstance(inbound, Reply) else merge(await self.ask(source.sender_id, inbound))
        finally:
            if dots is not None:
                dots.cancel()

    async def _show_loading(self, source: Source) -> None:
        """The moving dots for an answer that takes longer. They are a courtesy: if LINE does not show them, so be it."""
        await asyncio.sleep(self.loading_after)
        with contextlib.suppress(LineError):
            await self.client.show_loading(source.chat_id, LOADING_SECONDS)

    async def _fetched(self, event: Event, file: FileSent) -> Inbound | Reply:
        try:
            content = await self.client.content(file.message_id, MAX_FILE_BYTES)
        except LineError as error:
            logger.warning("LINE: 文件没有取到:%s", error)
            return FILE_NOT_FETCHED
        if content is None:
            return FILE_TOO_BIG
        return Inbound(file=File(file.name, content), message_id=event.id)

    async def _send(
        self, event: Event, source: Source, reply: Reply, words: Callable[[str], str], arrived: float
    ) -> None:
        """Reply while the token is young, push when it is not or when LINE did not take the reply. Raises LineError."""
        messages = render(reply, self.base_url, self.page(source.sender_id), words)
        if not messages:
            return
        if event.reply_token and self.clock() - arrived < REPLY_WITHIN_SECONDS:
            try:
                return await self.client.reply(event.reply_token, messages)
            except (Refused, Unavailable) as error:
                logger.warning("LINE: 事件 %s 改用推送回答:%s", event.id, error)
        self.count("late")
        about = "not taken" if reply is NOT_TAKEN else "answer"
        await self.client.push(source.chat_id, messages, retry_key(about, event.id))

    def _refuse(self, status: int, code: str, message: str) -> HTTPResponse:
        self.count("refused")
        logger.warning("LINE: 拒绝了一次请求:%s", message)
        return error_response(status, code, message)
