"""The web channel: /chat/ page, /chat/sessions, /chat/messages, /chat/history. The only part of this folder that knows Rasa and Sanic."""

import asyncio
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, FileSystemLoader
from rasa.core.channels.channel import CollectingOutputChannel, InputChannel, UserMessage
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, html, redirect
from sanic.response import json as json_response

from bot.reply import Reply
from channels.privacy import mask
from channels.rate_limit import RateLimiter
from channels.web.messages import BadMessage, Inbound, parse
from channels.web.session import COOKIE, MAX_AGE_SECONDS, SessionSigner

_COOKIE = re.compile(rf"(?:^|;)\s*{COOKIE}=([^;]*)")
_templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class TranscriptStore(Protocol):
    """What the channel needs of the place where exchanges are kept."""

    def answered(self, sender_id: str, message_id: str) -> list[dict[str, Any]] | None: ...

    def add(self, sender_id: str, message_id: str, said: str, replies: list[dict[str, Any]]) -> None: ...

    def history(self, sender_id: str) -> list[dict[str, Any]]: ...


OnTurn = Callable[[str, list[dict[str, Any]], float], None]


class WebInput(InputChannel):
    """Rasa input channel for browsers and programs. `on_turn(channel, replies, seconds)` is told of every answered turn."""

    def __init__(
        self,
        signer: SessionSigner,
        transcript: TranscriptStore,
        limiter: RateLimiter,
        max_characters: int,
        on_turn: OnTurn = lambda channel, replies, seconds: None,
    ) -> None:
        self.signer, self.transcript, self.limiter = signer, transcript, limiter
        self.max_characters, self.on_turn = max_characters, on_turn
        self._running: dict[tuple[str, str], asyncio.Task[list[dict[str, Any]]]] = {}

    @classmethod
    def name(cls) -> str:
        return "web"

    def url_prefix(self) -> str:
        return "/chat"

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        chat = Blueprint("web_chat")

        @chat.get("/")
        async def page(request: Request) -> HTTPResponse:
            sender_id = self.signer.read(_session_cookie(request))
            exchanges = self.transcript.history(sender_id) if sender_id else []
            response = self._page(exchanges)
            if sender_id is None:
                self._set_cookie(request, response, self.signer.issue()[1])
            return response

        @chat.post("/")
        async def form(request: Request) -> HTTPResponse:
            """The page's form without JavaScript: answer, then show the page again."""
            sender_id = self.signer.read(_session_cookie(request))
            if not _same_origin(request):
                return self._page([], "不接受来自其他网站的请求。", 403)
            if sender_id is None:
                response = self._page([], "会话已过期,请再发一次。", 401)
                self._set_cookie(request, response, self.signer.issue()[1])
                return response
            fields = {k: request.form.get(k) for k in ("text", "payload", "message_id") if request.form.get(k)}
            try:
                inbound = parse(fields or {"text": ""}, self.max_characters)
                await self._answer(on_new_message, sender_id, inbound)
            except BadMessage as error:
                return self._page(
                    self.transcript.history(sender_id), error.message, error.status, fields.get("text") or ""
                )
            return redirect("/chat/#latest", status=303)

        @chat.post("/sessions")
        async def sessions(request: Request) -> HTTPResponse:
            response = json_response({}, status=201)
            self._set_cookie(request, response, self.signer.issue()[1])
            return response

        @chat.post("/messages")
        async def messages(request: Request) -> HTTPResponse:
            sender_id = self.signer.read(_session_cookie(request))
            if sender_id is None:
                return error_response(401, "no_session", "请先打开聊天页或 POST /chat/sessions 建立会话")
            if not _same_origin(request):
                return error_response(403, "cross_origin", "不接受来自其他网站的请求")
            try:
                inbound = parse(_json(request), self.max_characters)
                replies = await self._answer(on_new_message, sender_id, inbound)
            except BadMessage as error:
                return error_response(error.status, error.code, error.message)
            return json_response({"messages": replies}, dumps=_dumps, headers={"Cache-Control": "no-store"})

        @chat.get("/history")
        async def history(request: Request) -> HTTPResponse:
            sender_id = self.signer.read(_session_cookie(request))
            if sender_id is None:
                return error_response(401, "no_session", "请先打开聊天页或 POST /chat/sessions 建立会话")
            body = {"messages": self.transcript.history(sender_id)}
            return json_response(body, dumps=_dumps, headers={"Cache-Control": "no-store"})

        return chat

    async def _answer(
        self, on_new_message: Callable[[UserMessage], Awaitable[Any]], sender_id: str, inbound: Inbound
    ) -> list[dict[str, Any]]:
        """The replies to one message. A repeated message id attaches to the running turn or gets the kept answer."""
        message_id = inbound.message_id or f"server-{secrets.token_hex(8)}"
        key = (sender_id, message_id)
        if key not in self._running:
            if inbound.message_id and (kept := self.transcript.answered(sender_id, message_id)) is not None:
                return kept
            if not self.limiter.allow(sender_id):
                raise BadMessage(429, "too_many", "您发得太快了,请过一会儿再发。")
            task = asyncio.ensure_future(self._turn(on_new_message, sender_id, message_id, inbound))
            self._running[key] = task
            task.add_done_callback(lambda _: self._running.pop(key, None))
        return await asyncio.shield(self._running[key])

    async def _turn(
        self,
        on_new_message: Callable[[UserMessage], Awaitable[Any]],
        sender_id: str,
        message_id: str,
        inbound: Inbound,
    ) -> list[dict[str, Any]]:
        started = time.perf_counter()
        output = CollectingOutputChannel()
        said = mask(inbound.text if inbound.text is not None else str(inbound.payload))
        tapped = None
        if inbound.payload is not None:
            tapped = {
                "text": said,
                "intent": {"name": "ask_policy", "confidence": 1.0},
                "entities": [{"entity": "payload", "value": said, "start": 0, "end": len(said)}],
            }
        await on_new_message(
            UserMessage(said, output, sender_id, input_channel=self.name(), message_id=message_id, parse_data=tapped)
        )
        replies = [message["custom"] for message in output.messages if "custom" in message]
        if not replies:
            replies = [Reply(kind="notice", text="刚才出错了,请再说一次。").dict()]
        self.transcript.add(sender_id, message_id, said, replies)
        self.on_turn(self.name(), replies, time.perf_counter() - started)
        return replies

    def _page(
        self, exchanges: list[dict[str, Any]], problem: str | None = None, status: int = 200, draft: str = ""
    ) -> HTTPResponse:
        body = _templates.get_template("chat.html").render(
            exchanges=exchanges,
            problem=problem,
            draft=draft,
            max_characters=self.max_characters,
            new_id=secrets.token_hex(8),
        )
        return html(body, status=status, headers=SECURITY_HEADERS)

    def _set_cookie(self, request: Request, response: HTTPResponse, value: str) -> None:
        response.cookies[COOKIE] = value
        cookie = response.cookies[COOKIE]
        cookie["httponly"], cookie["samesite"], cookie["path"], cookie["max-age"] = True, "Lax", "/", MAX_AGE_SECONDS
        if "https" in (request.scheme, request.headers.get("x-forwarded-proto")):
            cookie["secure"] = True


def error_response(status: int, code: str, message: str) -> HTTPResponse:
    """An error as every client of this server gets it: a short code and a Chinese message."""
    body = {"error": {"code": code, "message": message}}
    return json_response(body, status=status, dumps=_dumps, headers={"Cache-Control": "no-store"})


def _json(request: Request) -> object:
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise BadMessage(422, "invalid_json", '请求内容应是 JSON 对象,例如 {"text": "实习给不给钱?"}') from error


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _session_cookie(request: Request) -> str | None:
    """Our cookie in the raw header: Sanic's parser refuses them all when another program on this host has set an odd one."""
    found = _COOKIE.search(request.headers.getone("cookie", ""))
    return found[1] if found else None


def _same_origin(request: Request) -> bool:
    """Whether the request comes from our own page or from a program (which sends no Origin)."""
    origin = request.headers.get("origin")
    return origin is None or origin.split("://")[-1] == request.headers.get("host")
