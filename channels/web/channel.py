"""The web channel: /chat/ page, /chat/sessions, /chat/messages, /chat/history. The only part of this folder that knows Rasa and Sanic."""

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, FileSystemLoader
from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, html, redirect
from sanic.response import json as json_response

from bot.http import dumps, error_response
from bot.settings import ROOT
from bot.visitors import same_origin, session_cookie, set_session_cookie
from channels.dedupe import Claim, Dedupe, MemoryDedupe
from channels.inbound import File, Inbound, Unavailable
from channels.notices import NOT_TAKEN, TOO_FAST
from channels.rate_limit import RateLimiter
from channels.web.messages import ANEW, BadMessage, as_shown, message_id, page_of, parse, parse_feedback, since_anew
from channels.web.session import SessionSigner

# The head of the page is the one of all pages.
_folders = [Path(__file__).parent / "templates", ROOT / "bot" / "templates"]
LINK_EXPIRED = "链接过期了,请回到聊天里重新点开,或者直接在这里提问。"
ORIGINS = {"wechat": "微信", "wecom": "企业微信", "line": "LINE"}
_templates = Environment(loader=FileSystemLoader(_folders), autoescape=True)

SHOWN_AT_ONCE = 50
# A message whose process has died may be sent again after the lease; an answer is in the transcript, and is kept here only until
# everybody who waits for it has it.
LEASE_SECONDS = 8.0
KEEP_SECONDS = 60.0
# So long does a repeated message wait for its answer.
REPEAT_SECONDS = 30.0
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class TranscriptStore(Protocol):
    """What the channel needs of the place where exchanges are kept."""

    def history(self, sender_id: str) -> list[dict[str, Any]]: ...

    def latest(self, sender_id: str) -> str: ...

    def rate(self, sender_id: str, message_id: str, useful: bool, comment: str, at: float) -> bool: ...


class WebInput(InputChannel):
    """Rasa input channel for browsers and programs. A turn comes in through `ask(sender_id, inbound)`, which keeps the exchange or
    raises Unavailable.

    `bundle` has the addresses of the page's script (`js`) and styles (`css`); without it the page is the plain one.
    """

    def __init__(
        self,
        signer: SessionSigner,
        transcript: TranscriptStore,
        limiter: RateLimiter,
        max_characters: int,
        ask: Callable[[str, Inbound], Awaitable[list[dict[str, Any]]]],
        bundle: Mapping[str, str] | None = None,
        dedupe: Dedupe | None = None,
    ) -> None:
        self.signer, self.transcript, self.limiter = signer, transcript, limiter
        self.max_characters, self.ask, self.bundle = max_characters, ask, bundle
        self.dedupe = dedupe or MemoryDedupe(lease_seconds=LEASE_SECONDS, keep_seconds=KEEP_SECONDS)
        self._running: set[asyncio.Future[list[dict[str, Any]]]] = set()

    @classmethod
    def name(cls) -> str:
        return "web"

    def url_prefix(self) -> str:
        return "/chat"

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        chat = Blueprint("web_chat")

        @chat.get("/")
        async def page(request: Request) -> HTTPResponse:
            sender_id = self.signer.read(session_cookie(request))
            exchanges = await self._history(sender_id) if sender_id else []
            response = self._page(exchanges, whole=bool(request.args.get("all")))
            if sender_id is None:
                set_session_cookie(request, response, self.signer.issue()[1])
            return response

        @chat.get("/enter")
        async def ask_to_enter(request: Request) -> HTTPResponse:
            """Whether somebody who comes by a link of ours from WeChat, WeCom or LINE wants to go on with the conversation there: the
            link may have come from somebody else."""
            ticket = request.args.get("ticket") or ""
            sender_id = self.signer.bearer(ticket)
            if sender_id is None:
                return self._page([], LINK_EXPIRED, 403)
            if sender_id == self.signer.read(session_cookie(request)):
                return redirect("/chat/", status=303)
            origin = ORIGINS.get(sender_id.partition(":")[0], "聊天")
            body = _templates.get_template("enter.html").render(ticket=ticket, origin=origin)
            return html(body, headers=SECURITY_HEADERS)

        @chat.post("/enter")
        async def enter(request: Request) -> HTTPResponse:
            sender_id = self.signer.bearer((request.form or {}).get("ticket") or "") if same_origin(request) else None
            if sender_id is None:
                return self._page([], LINK_EXPIRED, 403)
            response = redirect("/chat/", status=303)
            set_session_cookie(request, response, self.signer.cookie(sender_id))
            return response

        @chat.post("/")
        async def form(request: Request) -> HTTPResponse:
            """The page's form without JavaScript: answer, then show the page again."""
            sender_id = self.signer.read(session_cookie(request))
            if not same_origin(request):
                return self._page([], "不接受来自其他网站的请求。", 403)
            if sender_id is None:
                response = self._page([], "会话已过期,请再发一次。", 401)
                set_session_cookie(request, response, self.signer.issue()[1])
                return response
            fields = {k: request.form.get(k) for k in ("text", "payload", "message_id") if request.form.get(k)}
            try:
                sent_file = bool(request.files and request.files.get("file") and request.files.get("file").name)
                inbound = _sent_file(request) if sent_file else parse(fields or {"text": ""}, self.max_characters)
                await self._answer(sender_id, inbound)
            except BadMessage as error:
                exchanges = await self._history(sender_id)
                return self._page(exchanges, error.message, error.status, fields.get("text") or "")
            return redirect("/chat/#latest", status=303)

        @chat.post("/sessions")
        async def sessions(request: Request) -> HTTPResponse:
            response = json_response({}, status=201)
            set_session_cookie(request, response, self.signer.issue()[1])
            return response

        def for_sessions(
            handler: Callable[[Request, str], Coroutine[Any, Any, HTTPResponse]],
        ) -> Callable[[Request], Coroutine[Any, Any, HTTPResponse]]:
            """Hands on the session's sender id; without a session, from another site or with a bad message it is an error."""

            @wraps(handler)
            async def checked(request: Request) -> HTTPResponse:
                sender_id = self.signer.read(session_cookie(request))
                if sender_id is None:
                    return error_response(401, "no_session", "请先打开聊天页或 POST /chat/sessions 建立会话")
                if not same_origin(request):
                    return error_response(403, "cross_origin", "不接受来自其他网站的请求")
                try:
                    return await handler(request, sender_id)
                except BadMessage as error:
                    return error_response(error.status, error.code, error.message)

            return checked

        @chat.post("/messages")
        @for_sessions
        async def messages(request: Request, sender_id: str) -> HTTPResponse:
            return _said(await self._answer(sender_id, parse(_json(request), self.max_characters)))

        @chat.post("/files")
        @for_sessions
        async def files(request: Request, sender_id: str) -> HTTPResponse:
            """A file as the form field `file`, optional `message_id`: answered like a message."""
            return _said(await self._answer(sender_id, _sent_file(request)))

        @chat.get("/history")
        @for_sessions
        async def history(request: Request, sender_id: str) -> HTTPResponse:
            """What was said, all of it or the part that `page_of` is asked for: a page that asks again and again gets what is new."""
            asked = {name: request.args.get(name) or "" for name in ("after", "before", "limit")}
            if asked["after"] and asked["after"] == await asyncio.to_thread(self.transcript.latest, sender_id):
                return _said([])
            return _said(page_of(as_shown(await self._history(sender_id)), asked))

        @chat.post("/feedback")
        @for_sessions
        async def feedback(request: Request, sender_id: str) -> HTTPResponse:
            """Whether the answer to a message was useful, for the review list (`python -m bot feedback`). The latest word counts."""
            about, useful, comment = parse_feedback(_json(request))
            if not await asyncio.to_thread(self.transcript.rate, sender_id, about, useful, comment, time.time()):
                return error_response(404, "unknown_message", "没有找到这条消息")
            return json_response({}, status=201)

        return chat

    async def _history(self, sender_id: str) -> list[dict[str, Any]]:
        return await asyncio.to_thread(self.transcript.history, sender_id)

    async def _answer(self, sender_id: str, inbound: Inbound) -> list[dict[str, Any]]:
        """The replies to one message. A repeated message id waits for the running turn, here or elsewhere, or gets the kept answer."""
        message_id = inbound.message_id or f"server-{secrets.token_hex(8)}"
        end = time.monotonic() + REPEAT_SECONDS
        while True:
            claim = await self.dedupe.claim(f"web:{sender_id}:{message_id}")
            if claim.first:
                break
            if (answer := await claim.wait(end - time.monotonic())) is not None:
                return list(answer)
            if time.monotonic() > end:
                raise _not_taken()
        if not self.limiter.allow(sender_id):
            await claim.abandon()
            raise BadMessage(429, "too_many", TOO_FAST.text)
        task = asyncio.ensure_future(self._turn(claim, sender_id, replace(inbound, message_id=message_id)))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _turn(self, claim: Claim, sender_id: str, inbound: Inbound) -> list[dict[str, Any]]:
        """A turn of its own, which goes on when the client hangs up."""
        prolonging = asyncio.ensure_future(_prolong(claim))
        try:
            replies = await self.ask(sender_id, inbound)
        except BaseException as error:
            await claim.abandon()
            if isinstance(error, Unavailable):
                raise _not_taken() from error
            raise
        finally:
            prolonging.cancel()
        await claim.finish(replies)
        return replies

    def _page(
        self,
        exchanges: list[dict[str, Any]],
        problem: str | None = None,
        status: int = 200,
        draft: str = "",
        whole: bool = False,
    ) -> HTTPResponse:
        """The page; of the exchanges those of the conversation that goes on, unless the `whole` history is asked for."""
        all_shown = as_shown(exchanges)
        shown = all_shown if whole else since_anew(all_shown)[-SHOWN_AT_ONCE:]
        body = _templates.get_template("chat.html").render(
            exchanges=shown,
            earlier=not whole and len(shown) < len(all_shown),
            anew=ANEW if shown and shown[-1]["said"] != ANEW else None,
            here="chat",
            bundle=self.bundle,
            problem=problem,
            draft=draft,
            max_characters=self.max_characters,
            new_id=secrets.token_hex(8),
        )
        return html(body, status=status, headers=SECURITY_HEADERS)


def _said(messages: list[dict[str, Any]]) -> HTTPResponse:
    return json_response({"messages": messages}, dumps=dumps, headers={"Cache-Control": "no-store"})


def _not_taken() -> BadMessage:
    return BadMessage(503, "unavailable", NOT_TAKEN.text)


async def _prolong(claim: Claim) -> None:
    while True:
        await asyncio.sleep(LEASE_SECONDS / 3)
        await claim.prolong()


def _sent_file(request: Request) -> Inbound:
    """The uploaded file. Raises BadMessage."""
    found = request.files.get("file") if request.files else None
    if found is None or not found.name:
        raise BadMessage(422, "no_file", "没有看到文件,请选一个文件再上传")
    return Inbound(file=File(found.name[-200:], found.body), message_id=message_id(request.form or {}))


def _json(request: Request) -> object:
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise BadMessage(422, "invalid_json", '请求内容应是 JSON 对象,例如 {"text": "实习给不给钱?"}') from error
