"""A made-up WeChat: enforces the documented limits of the API, and misbehaves when told to."""

import asyncio
import json
from typing import Any

from aiohttp import web

APP_ID, SECRET = "wx49f0ab532d5d035a", "app-secret"


class FakeWeChat:
    """`quota`: customer-service messages left. `errors`: error codes for the next calls, by last part of the path."""

    def __init__(self) -> None:
        self.token_fetches: list[bool] = []
        self.valid_token = "token-0"
        self.refuse_tokens = False
        self.quota = 5
        self.sent: list[dict[str, Any]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.errors: dict[str, list[int]] = {}
        self.http_status = 200
        self.hang = self.drip = False
        self.arrived = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/cgi-bin/{path:.*}", self.handle)
        return app

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if self.hang:
            await asyncio.sleep(30)
        if self.drip:  # an answer that begins and does not end
            response = web.StreamResponse()
            await response.prepare(request)
            for _ in range(300):
                await response.write(b" ")
                await asyncio.sleep(0.1)
            return response
        if self.http_status != 200:
            return web.Response(status=self.http_status, text="oops")
        raw = await request.read()
        body = json.loads(raw) if raw else {}
        answer = (
            self.token(body)
            if path == "stable_token"
            else self.call(path, request.query.get("access_token"), body, raw)
        )
        # WeChat answers JSON as text.
        return web.Response(text=json.dumps(answer), content_type="text/plain")

    def token(self, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("secret") != SECRET:
            return {"errcode": 40125, "errmsg": "invalid appsecret"}
        assert body["grant_type"] == "client_credential" and body["appid"] == APP_ID
        self.token_fetches.append(body["force_refresh"])
        if body["force_refresh"]:
            self.expire()
        return {"access_token": self.valid_token, "expires_in": 7200}

    def expire(self) -> None:
        self.valid_token = f"token-{len(self.token_fetches)}"

    def call(self, path: str, token: str | None, body: dict[str, Any], raw: bytes) -> dict[str, Any]:
        if self.refuse_tokens or token != self.valid_token:
            return {"errcode": 40001, "errmsg": "invalid credential"}
        assert b"\\u" not in raw, "people would read \\uXXXX"
        self.calls.append((path, body))
        queue = self.errors.get(path.rsplit("/", 1)[-1])
        if queue:
            return {"errcode": queue.pop(0), "errmsg": "as told"}
        if path == "message/custom/send":
            if self.quota <= 0:
                return {"errcode": 45047, "errmsg": "out of response count limit"}
            if len(body.get("text", {}).get("content", "").encode()) > 2048:
                return {"errcode": 45002, "errmsg": "content size out of limit"}
            if body["msgtype"] == "news" and len(body["news"]["articles"]) != 1:
                return {"errcode": 45008, "errmsg": "article size out of limit"}
            self.quota -= 1
            self.sent.append(body)
            self.arrived.set()
        if path == "qrcode/create":
            return {
                "ticket": "gQH47joA",
                "url": "https://weixin.qq.com/q/kZgf",
                **({"expire_seconds": body["expire_seconds"]} if "expire_seconds" in body else {}),
            }
        return {"errcode": 0, "errmsg": "ok"}
