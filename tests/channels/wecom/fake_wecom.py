"""A made-up WeCom: application messages, 微信客服 with its cursor and quota, files; misbehaves when told to."""

import asyncio
import json
from typing import Any

from aiohttp import web

CORP_ID, AGENT_ID, SECRET = "wx5823bf96d3bd56c7", 218, "app-secret"
PAGE = 2


class FakeWeCom:
    def __init__(self) -> None:
        self.token_fetches = 0
        self.valid_token = "token-0"
        self.sent: list[dict[str, Any]] = []
        self.welcomed: list[dict[str, Any]] = []
        self.to_customers: dict[str, dict[str, Any]] = {}
        self.attempts = 0
        self.inbox: list[dict[str, Any]] = []
        self.synced: list[str] = []
        self.files: dict[str, tuple[str, bytes]] = {}
        self.errors: dict[str, list[int]] = {}
        self.lose_answers = 0
        self.refuse_tokens = self.hang = False
        self.http_status = 200
        self.quota = 5

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/cgi-bin/{path:.*}", self.handle)
        return app

    async def handle(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        if self.hang:
            await asyncio.sleep(30)
        if self.http_status != 200:
            return web.Response(status=self.http_status, text="oops")
        if path == "gettoken":
            assert request.query["corpid"] == CORP_ID
            if request.query["corpsecret"] != SECRET:
                return web.json_response({"errcode": 40001, "errmsg": "invalid credential"})
            self.token_fetches += 1
            self.valid_token = f"token-{self.token_fetches}"
            return web.json_response({"errcode": 0, "access_token": self.valid_token, "expires_in": 7200})
        if self.refuse_tokens or request.query.get("access_token") != self.valid_token:
            return web.json_response({"errcode": 42001, "errmsg": "access_token expired"})
        queue = self.errors.get(path.rsplit("/", 1)[-1])
        if queue and (code := queue.pop(0)):
            return web.json_response({"errcode": code, "errmsg": "as told"})
        if path == "media/get":
            name, content = self.files.get(request.query["media_id"], ("", b""))
            if not name:
                return web.json_response({"errcode": 40007, "errmsg": "invalid media_id"})
            return web.Response(body=content, headers={"Content-Disposition": f'attachment; filename="{name}"'})
        raw = await request.read()
        answer = self.call(path, json.loads(raw) if raw else {}, request.query)
        if self.lose_answers and path == "kf/send_msg":
            self.lose_answers -= 1
            return web.Response(status=502)
        return web.json_response({"errcode": 0, "errmsg": "ok", **answer})

    def call(self, path: str, body: dict[str, Any], query: Any) -> dict[str, Any]:
        for part in ("text", "textcard"):
            assert len(body.get(part, {}).get("content", "").encode()) <= 2048, "WeCom cuts it off without a word"
        if path == "agent/get":
            assert query["agentid"] == str(AGENT_ID)
        elif path == "message/send":
            assert body["agentid"] == AGENT_ID
            if body["touser"] == "stranger":
                return {"invaliduser": "stranger"}
            self.sent.append(body)
        elif path == "kf/sync_msg":
            self.synced.append(body["cursor"])
            start = int(body["cursor"] or 0)
            page = self.inbox[start : start + PAGE]
            return {
                "msg_list": page,
                "next_cursor": str(start + len(page)),
                "has_more": int(start + PAGE < len(self.inbox)),
            }
        elif path == "kf/send_msg":
            self.attempts += 1
            if body["msgid"] in self.to_customers:
                return {"errcode": 95007, "errmsg": "msgid exists"}
            if self.quota <= 0:
                return {"errcode": 95001, "errmsg": "quota"}
            self.check_menu(body)
            self.quota -= 1
            self.to_customers[body["msgid"]] = body
        elif path == "kf/send_msg_on_event":
            self.check_menu(body)
            self.welcomed.append(body)
        return {}

    def check_menu(self, body: dict[str, Any]) -> None:
        assert len(body["msgid"]) <= 32
        menu = body.get("msgmenu")
        if menu:
            assert len(menu["head_content"].encode()) <= 1024 and len(menu["list"]) <= 10
            for item in menu["list"]:
                assert len(item["click"]["id"].encode()) <= 64 and len(item["click"]["content"].encode()) <= 128
