"""Two real server processes behind one port, with Redis: every platform's delivery comes to both at once and is answered once."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from aiohttp import web
from wechatpy.work.crypto import WeChatCrypto

from channels import xml
from channels.wechat.signature import sign
from tests.channels.line.fake_line import TOKEN as LINE_TOKEN
from tests.channels.line.fake_line import FakeLine
from tests.channels.serving import platform
from tests.channels.wecom.fake_wecom import AGENT_ID, CORP_ID, FakeWeCom
from tests.channels.wecom.fake_wecom import SECRET as WECOM_SECRET
from tests.conftest import Server, filled_in_roster, running_server, trained_folder

TOKEN, LINE_SECRET, AES_KEY = "token", "line-secret", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
MESSAGES, DELIVERIES = 12, 4


@contextmanager
def on_a_thread(app: web.Application) -> Iterator[str]:
    """The address of `app`, served beside the test."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    serving = platform(app)
    try:
        yield asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result(10)
    finally:
        asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass
class World:
    server: Server
    line: FakeLine
    wecom: FakeWeCom

    def counted(self, channel: str, what: str) -> int:
        """What /metrics of all processes together says."""
        told = requests.get(f"{self.server.base_url}/metrics").text
        found = re.search(
            rf'^chanjiaotong_deliveries_total{{channel="{channel}",what="{what}"}} (\S+)$', told, re.MULTILINE
        )
        return int(float(found[1])) if found else 0

    def until(self, channel: str, what: str, times: int) -> None:
        end = time.monotonic() + 30
        while self.counted(channel, what) < times:
            assert time.monotonic() < end, (channel, what, self.counted(channel, what))
            time.sleep(0.05)

    def tell_line(self, number: int, token: str, **fields: object) -> requests.Response:
        """LINE's delivery of an event of person `number`; equal ones are the same event."""
        event = {
            "mode": "active",
            "timestamp": 1,
            "source": {"type": "user", "userId": f"U{number:032d}"},
            "webhookEventId": f"01H-{token}",
            "deliveryContext": {"isRedelivery": False},
            "replyToken": token,
            **fields,
        }
        body = json.dumps({"destination": "U0", "events": [event]}).encode()
        signature = base64.b64encode(hmac.new(LINE_SECRET.encode(), body, hashlib.sha256).digest()).decode()
        headers = {"X-Line-Signature": signature}
        return requests.post(f"{self.server.base_url}/webhooks/line", data=body, headers=headers)

    def tell_wecom(self, number: int, message_id: str, kind: str, **fields: str) -> requests.Response:
        """WeCom's delivery of a message of member `number`."""
        said = {"ToUserName": CORP_ID, "FromUserName": f"member{number}", "CreateTime": int(time.time())}
        said |= {"MsgType": kind, "MsgId": message_id, "AgentID": AGENT_ID, **fields}
        timestamp = str(int(time.time()))
        crypto = WeChatCrypto(TOKEN, AES_KEY, CORP_ID)
        sealed = xml.parse(crypto.encrypt_message(xml.render(said), "n", timestamp).encode())
        query = {"msg_signature": str(sealed["MsgSignature"]), "timestamp": timestamp, "nonce": "n"}
        body = xml.render({"ToUserName": CORP_ID, "Encrypt": sealed["Encrypt"], "AgentID": AGENT_ID})
        return requests.post(f"{self.server.base_url}/webhooks/wecom", params=query, data=body.encode())

    def deliver(self, post: Callable[[int], requests.Response]) -> list[list[requests.Response]]:
        """Every message DELIVERIES times at once, each over a connection of its own; what each delivery was answered with."""
        with ThreadPoolExecutor(DELIVERIES) as pool:
            return [list(pool.map(post, [number] * DELIVERIES)) for number in range(MESSAGES)]


@pytest.fixture(scope="module")
def world(redis_socket: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    line, wecom = FakeLine(time.monotonic), FakeWeCom()
    var = trained_folder(tmp_path_factory.mktemp("webhooks"))
    with on_a_thread(line.app()) as line_address, on_a_thread(wecom.app()) as wecom_address:
        settings = {
            "WORKERS": "2",
            "REDIS_URL": f"unix://{redis_socket}",
            "MESSAGES_PER_MINUTE": "100000",
            "WECHAT_TOKEN": TOKEN,
            "WECOM_CORP_ID": CORP_ID,
            "WECOM_AGENT_ID": str(AGENT_ID),
            "WECOM_SECRET": WECOM_SECRET,
            "WECOM_TOKEN": TOKEN,
            "WECOM_AES_KEY": AES_KEY,
            "WECOM_API_BASE": wecom_address,
            "LINE_CHANNEL_SECRET": LINE_SECRET,
            "LINE_CHANNEL_ACCESS_TOKEN": LINE_TOKEN,
            "LINE_API_BASE": line_address,
        }
        with running_server(var, **settings) as server:
            workers = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
            assert len(workers) == 2
            yield World(server, line, wecom)


def test_wechats_deliveries_get_one_answer(world: World) -> None:
    def post(number: int) -> requests.Response:
        body = xml.render(
            {
                "ToUserName": "gh",
                "FromUserName": f"o{number}",
                "CreateTime": int(time.time()),
                "MsgType": "text",
                "Content": "订单班是啥?",
                "MsgId": str(1000 + number),
            }
        )
        timestamp = str(int(time.time()))
        query = {"timestamp": timestamp, "nonce": "n", "signature": sign(TOKEN, timestamp, "n")}
        return requests.post(f"{world.server.base_url}/webhooks/wechat", params=query, data=body.encode())

    for answers in world.deliver(post):
        said = {str(xml.parse(answer.content)["Content"]) for answer in answers}
        assert len(said) == 1 and "出处:" in said.pop()
    kept = world.server.rows(
        "SELECT count(*), count(DISTINCT sender_id) FROM chat_messages WHERE sender_id LIKE 'wechat:%'"
    )
    assert kept == [(MESSAGES, MESSAGES)]
    assert world.counted("wechat", "received") == MESSAGES * DELIVERIES
    assert world.counted("wechat", "duplicate") == MESSAGES * (DELIVERIES - 1)


def test_lines_deliveries_get_one_answer(world: World) -> None:
    tokens = [world.line.reply_token(f"token-{number}") for number in range(MESSAGES)]

    def post(number: int) -> requests.Response:
        text = {"type": "text", "id": str(number), "quoteToken": "q", "text": "實習給不給錢?"}
        return world.tell_line(number, tokens[number], type="message", message=text)

    assert {answer.status_code for answers in world.deliver(post) for answer in answers} == {200}
    world.until("line", "duplicate", MESSAGES * (DELIVERIES - 1))
    asyncio.run(_until(lambda: len(world.line.sent) >= MESSAGES))
    assert sorted(to for to, _ in world.line.sent) == sorted(tokens)
    assert "實習" in "".join(world.line.texts()) and world.counted("line", "failed") == 0


def test_wecoms_deliveries_get_one_answer_with_one_access_token(world: World) -> None:
    def post(number: int) -> requests.Response:
        return world.tell_wecom(number, str(2000 + number), "text", Content="订单班是啥?")

    assert {answer.status_code for answers in world.deliver(post) for answer in answers} == {200}
    world.until("wecom", "duplicate", MESSAGES * (DELIVERIES - 1))
    asyncio.run(_until(lambda: len(world.wecom.sent) >= MESSAGES))
    assert sorted(m["touser"] for m in world.wecom.sent) == sorted(f"member{n}" for n in range(MESSAGES))
    assert world.wecom.token_fetches == 1 and world.counted("wecom", "failed") == 0


def test_a_roster_sent_on_line_is_worked_out(world: World) -> None:
    world.line.files["77"] = filled_in_roster(world.server.base_url)
    told = len(world.line.sent)
    file = {"type": "file", "id": "77", "fileName": "名单.xlsx", "fileSize": len(world.line.files["77"])}
    world.tell_line(77, world.line.reply_token("file"), type="message", message=file)
    asyncio.run(_until(lambda: len(world.line.sent) == told + 1))
    asked = world.line.sent[-1][1][-1]
    assert "中小微企业吗" in json.dumps(world.line.sent[-1][1], ensure_ascii=False)
    yes = {"data": asked["quickReply"]["items"][0]["action"]["data"]}
    world.tell_line(77, world.line.reply_token("yes"), type="postback", postback=yes)
    asyncio.run(_until(lambda: len(world.line.sent) == told + 2))
    assert "可以领 300 元" in world.line.texts()[-1]


def test_a_roster_sent_on_wecom_is_worked_out(world: World) -> None:
    world.wecom.files["media-77"] = ("%E5%90%8D%E5%8D%95.xlsx", filled_in_roster(world.server.base_url))
    told = len(world.wecom.sent)
    world.tell_wecom(77, "7701", "file", MediaId="media-77")
    asyncio.run(_until(lambda: len(world.wecom.sent) > told))
    assert "中小微企业吗" in world.wecom.sent[told]["text"]["content"]
    world.tell_wecom(77, "7702", "text", Content="A")
    asyncio.run(_until(lambda: len(world.wecom.sent) > told + 1))
    assert "可以领 300 元" in world.wecom.sent[told + 1]["text"]["content"]


@pytest.mark.parametrize("channel", ["wechat", "wecom", "wecom-kf", "line"])
def test_a_megabyte_from_nobody_is_refused_and_holds_nobody_up(world: World, channel: str) -> None:
    refused = [requests.post(f"{world.server.base_url}/webhooks/{channel}", data=b"<xml>" * 200_000) for _ in range(5)]
    assert {answer.status_code for answer in refused} <= {403, 413}
    started = time.monotonic()
    assert requests.get(f"{world.server.base_url}/healthz").status_code == 200
    assert time.monotonic() - started < 1


async def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)
