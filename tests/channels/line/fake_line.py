"""A stand-in for LINE on loopback. It holds to the documented limits, refuses what LINE refuses, and misbehaves when told to."""

import asyncio
import re
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.channels.line.schema import limit_errors, schema_errors
from tests.channels.serving import platform

TOKEN = "token-of-the-channel"
REPLY_TOKEN_SECONDS = 60.0
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class FakeLine:
    """`faults[path]` are played one per call: a status to answer instead of doing it, "lose" (do it, then answer nothing), "late" (do it,
    then answer after `late_seconds`) or "hang" (do nothing and do not answer). What a person got is in `sent`: (chat or reply token, messages)."""

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        self.clock = clock
        self.base_url = ""
        self.late_seconds = 0.6
        self.faults: dict[str, deque[int | str]] = defaultdict(deque)
        self.sent: list[tuple[str, list[dict[str, Any]]]] = []
        self.calls: list[str] = []
        self.reply_tokens: dict[str, float] = {}
        self.retry_keys: set[str] = set()
        self.languages: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.loading: list[tuple[str, int]] = []
        self.loading_shown = asyncio.Event()
        self.monthly_limit_reached = False
        self.menus: dict[str, dict[str, Any]] = {}
        self.pictures: dict[str, bytes] = {}
        self.default_menu: str | None = None
        self.over = asyncio.Event()
        self._arrived = asyncio.Condition()

    def reply_token(self, name: str) -> str:
        """A token as it comes with an event that happens now."""
        self.reply_tokens[name] = self.clock()
        return name

    async def until_sent(self, count: int) -> list[tuple[str, list[dict[str, Any]]]]:
        """What was sent, as soon as it is `count` calls' worth."""
        async with self._arrived:
            await asyncio.wait_for(self._arrived.wait_for(lambda: len(self.sent) >= count), 10)
        return self.sent

    def texts(self) -> list[str]:
        """The text messages that arrived, in their order."""
        return [message["text"] for _, messages in self.sent for message in messages if message["type"] == "text"]

    def app(self) -> web.Application:
        app = web.Application(client_max_size=4 * 1024 * 1024, middlewares=[self._front])
        app.router.add_post("/v2/bot/message/reply", self._reply)
        app.router.add_post("/v2/bot/message/push", self._push)
        app.router.add_post("/v2/bot/chat/loading/start", self._loading)
        app.router.add_get("/v2/bot/info", self._info)
        app.router.add_get("/v2/bot/profile/{user}", self._profile)
        app.router.add_get("/v2/bot/message/{id}/content", self._content)
        app.router.add_post("/v2/bot/richmenu/validate", self._validate_menu)
        app.router.add_post("/v2/bot/richmenu", self._create_menu)
        app.router.add_get("/v2/bot/richmenu/list", self._list_menus)
        app.router.add_post("/v2/bot/richmenu/{id}/content", self._menu_picture)
        app.router.add_post("/v2/bot/user/all/richmenu/{id}", self._default_menu)
        app.router.add_delete("/v2/bot/richmenu/{id}", self._delete_menu)
        return app

    @web.middleware
    async def _front(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.calls.append(request.path)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _error(401, "Authentication failed")
        fault = self.faults[request.path].popleft() if self.faults[request.path] else None
        if isinstance(fault, int):
            return _error(fault, "told to fail")
        if fault == "hang":
            await self.over.wait()
        response: web.StreamResponse = await handler(request)
        if fault == "late":
            await asyncio.sleep(self.late_seconds)
        if fault == "lose" and request.transport is not None:
            request.transport.close()
        return response

    async def _reply(self, request: web.Request) -> web.Response:
        body = await request.json()
        if "X-Line-Retry-Key" in request.headers:
            return _error(400, "Retry key is not supported")
        if errors := schema_errors(body, "ReplyMessageRequest") + limit_errors(body.get("messages", [])):
            return _error(400, f"The request body has errors: {errors}")
        made_at = self.reply_tokens.pop(body["replyToken"], None)
        if made_at is None or self.clock() - made_at > REPLY_TOKEN_SECONDS:
            return _error(400, "Invalid reply token")
        return await self._took(body["replyToken"], body["messages"])

    async def _push(self, request: web.Request) -> web.Response:
        body = await request.json()
        key = request.headers.get("X-Line-Retry-Key", "")
        if not _UUID.fullmatch(key):
            return _error(400, "The retry key is invalid")
        if key in self.retry_keys:
            return _error(409, "The retry key is already accepted")
        if self.monthly_limit_reached:
            return _error(429, "You have reached your monthly limit.")
        if errors := schema_errors(body, "PushMessageRequest") + limit_errors(body.get("messages", [])):
            return _error(400, f"The request body has errors: {errors}")
        self.retry_keys.add(key)
        return await self._took(body["to"], body["messages"])

    async def _took(self, to: str, messages: list[dict[str, Any]]) -> web.Response:
        async with self._arrived:
            self.sent.append((to, messages))
            self._arrived.notify_all()
        return web.json_response({"sentMessages": [{"id": str(n)} for n in range(len(messages))]})

    async def _loading(self, request: web.Request) -> web.Response:
        body = await request.json()
        if schema_errors(body, "ShowLoadingAnimationRequest") or body["loadingSeconds"] % 5:
            return _error(400, "loadingSeconds")
        if not body["chatId"].startswith("U"):
            return _error(400, "one-to-one chats only")
        self.loading.append((body["chatId"], body["loadingSeconds"]))
        self.loading_shown.set()
        return web.json_response({}, status=202)

    async def _info(self, request: web.Request) -> web.Response:
        return web.json_response({"displayName": "產教通", "basicId": "@cjt", "chatMode": "bot"})

    async def _profile(self, request: web.Request) -> web.Response:
        user = request.match_info["user"]
        if user not in self.languages:
            return _error(404, "Not found")
        return web.json_response({"displayName": "某人", "userId": user, "language": self.languages[user]})

    async def _content(self, request: web.Request) -> web.Response:
        content = self.files.get(request.match_info["id"])
        return web.Response(body=content) if content is not None else _error(404, "Not found")

    async def _validate_menu(self, request: web.Request) -> web.Response:
        menu = await request.json()
        errors = schema_errors(menu, "RichMenuRequest")
        size = menu["size"]
        if errors or len(menu["areas"]) > 20 or size["width"] < 800 or size["width"] / size["height"] < 1.45:
            return _error(400, f"rich menu: {errors}")
        return web.json_response({})

    async def _create_menu(self, request: web.Request) -> web.Response:
        menu_id = f"richmenu-{len(self.calls)}"
        self.menus[menu_id] = await request.json()
        return web.json_response({"richMenuId": menu_id})

    async def _list_menus(self, request: web.Request) -> web.Response:
        return web.json_response({"richmenus": [{"richMenuId": i, **menu} for i, menu in self.menus.items()]})

    async def _menu_picture(self, request: web.Request) -> web.Response:
        if request.content_type != "image/png" or request.match_info["id"] not in self.menus:
            return _error(400, "no image")
        self.pictures[request.match_info["id"]] = await request.read()
        return web.json_response({})

    async def _default_menu(self, request: web.Request) -> web.Response:
        if request.match_info["id"] not in self.pictures:
            return _error(400, "upload an image first")
        self.default_menu = request.match_info["id"]
        return web.json_response({})

    async def _delete_menu(self, request: web.Request) -> web.Response:
        self.menus.pop(request.match_info["id"], None)
        return web.json_response({})


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)


@asynccontextmanager
async def serving(fake: FakeLine) -> AsyncIterator[FakeLine]:
    """`fake` on a free port, its address in `base_url`."""
    async with platform(fake.app()) as fake.base_url:
        try:
            yield fake
        finally:
            fake.over.set()
