"""WeCom's application and 微信客服: callbacks let in or refused, every message answered once, cursors kept, failures counted."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis
from wechatpy.work import parse_message as oracle_parse
from wechatpy.work.crypto import WeChatCrypto

from bot.reply import QuickReply, Reply
from channels import xml
from channels.dedupe import MemoryDedupe, RedisDedupe
from channels.inbound import File, Inbound, Place, Unavailable
from channels.kept import MemoryKept
from channels.notices import NOT_TAKEN, TOO_FAST
from channels.notifications import NotificationMessage
from channels.platform_api import PlatformError
from channels.rate_limit import RateLimiter
from channels.text import in_full, merge
from channels.tokens import MemoryTokens
from channels.wechat.crypto import Cipher
from channels.wechat.messages import parse
from channels.wecom.channel import WeComInput, WeComKfInput
from channels.wecom.client import WeComClient, WeComDeliverer
from channels.wecom.cursors import Cursors, FileCursors, RedisCursors
from channels.wecom.messages import in_one, parse_customer_message, to_customer, to_member
from tests.channels.replies import ANSWER, BASE_URL, CLARIFY, EVERY, LONG
from tests.channels.serving import platform, serving
from tests.channels.wecom.fake_wecom import AGENT_ID, CORP_ID, SECRET, FakeWeCom

DATA = Path(__file__).parents[2] / "data/channels"
VECTORS = {v["id"]: v for v in json.loads((DATA / "crypto_vectors.json").read_text())["encrypted"]}
ECHO, POST = VECTORS["wecom-doc-echostr"], VECTORS["wecom-doc-post"]
TOKEN, KEY = POST["token"], POST["encoding_aes_key"]
OLD_KEY = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"
SNAPSHOT = Path(__file__).parent / "rendered.json"
PAGE = f"{BASE_URL}/chat/"
NOW = 1_800_000_000
BODIES = {
    name: body
    for bodies in json.loads((DATA / "wecom_inbound_xml.json").read_text()).values()
    if isinstance(bodies, dict)
    for name, body in bodies.items()
}


class World:
    def __init__(self) -> None:
        self.wecom = FakeWeCom()
        self.asked: list[tuple[str, Inbound]] = []
        self.reply, self.go = Reply(kind="answer", text="答案。"), asyncio.Event()
        self.error: Exception | None = None
        self.go.set()
        self.both_asked = asyncio.Event()
        self.counted: dict[str, int] = {}
        self.now = float(NOW)
        self.app: WeComInput
        self.kf: WeComKfInput
        self.client: WeComClient
        self.kept = MemoryKept()
        self.http: aiohttp.ClientSession
        self.addresses: dict[str, str] = {}

    async def ask(self, sender_id: str, inbound: Inbound) -> list[dict[str, Any]]:
        self.asked.append((sender_id, inbound))
        if len(self.asked) == 2:
            self.both_asked.set()
        await self.go.wait()
        if self.error:
            raise self.error
        return [self.reply.dict()]

    def count(self, channel: str, what: str) -> None:
        self.counted[what] = self.counted.get(what, 0) + 1

    async def deliver(self, channel: str, plain: str, key: str = KEY, corp: str = CORP_ID, **query: str) -> int:
        """One callback, encrypted as wechatpy does; returns the status after everything that it started is done."""
        sealed = xml.parse(WeChatCrypto(TOKEN, key, corp).encrypt_message(plain, "n", str(int(self.now))).encode())
        asked = {"msg_signature": sealed["MsgSignature"], "timestamp": str(int(self.now)), "nonce": "n", **query}
        body = xml.render({"ToUserName": CORP_ID, "Encrypt": sealed["Encrypt"], "AgentID": str(AGENT_ID)})
        response = await self.http.post(f"{self.addresses[channel]}/webhooks/{channel}", params=asked, data=body)
        if response.status == 200:
            assert await response.text() == ""
        if self.go.is_set():
            await self.done()
        return response.status

    async def done(self) -> None:
        while tasks := [*self.app._tasks, *self.kf._tasks]:
            await asyncio.gather(*tasks)

    async def write(self, kind: str = "text", message_id: str = "1", **fields: str) -> int:
        """A member writes to the application."""
        event = {} if kind == "event" else {"MsgId": message_id}
        said = {
            "ToUserName": CORP_ID,
            "FromUserName": "zhang",
            "CreateTime": NOW,
            "MsgType": kind,
            **event,
            "AgentID": 218,
        }
        return await self.deliver("wecom", xml.render({**said, **fields}))

    async def notify(self) -> int:
        """微信客服 says that there is something to read."""
        said = {"ToUserName": CORP_ID, "CreateTime": NOW, "MsgType": "event", "Event": "kf_msg_or_event"}
        return await self.deliver("wecom-kf", xml.render({**said, "Token": "ENC", "OpenKfId": "wk1"}))

    def customer(self, number: int, who: str = "wm1", kind: str = "text", **part: Any) -> dict[str, Any]:
        """A customer's message is waiting."""
        entry = {
            "msgid": f"m{number}",
            "open_kfid": "wk1",
            "external_userid": who,
            "send_time": int(self.now),
            "origin": 3,
            "msgtype": kind,
            kind: part or {"content": f"问题{number}"},
        }
        self.wecom.inbox.append(entry)
        return entry

    def event(self, number: int, **event: Any) -> None:
        entry = {"msgid": f"m{number}", "send_time": int(self.now), "origin": 4, "msgtype": "event"}
        self.wecom.inbox.append({**entry, "event": {"open_kfid": "wk1", "external_userid": "wm1", **event}})


@asynccontextmanager
async def world(
    tmp_path: Path, redis: "Redis[Any] | None" = None, per_minute: int = 1000, cursors: Cursors | None = None
) -> AsyncIterator[World]:
    here = World()
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(platform(here.wecom.app()))
        here.http = await stack.enter_async_context(aiohttp.ClientSession())
        here.client = WeComClient(CORP_ID, AGENT_ID, SECRET, MemoryTokens(), api, timeout=2)
        shared: tuple[Any, ...] = (
            TOKEN,
            [Cipher(KEY, CORP_ID), Cipher(OLD_KEY, CORP_ID)],
            here.client,
            here.ask,
            RedisDedupe(redis) if redis else MemoryDedupe(),
            here.kept,
            RateLimiter(per_minute),
            BASE_URL,
            lambda sender_id: PAGE,
            here.count,
        )
        here.app = WeComInput(*shared, now=lambda: here.now)
        kept_cursors = cursors or (RedisCursors(redis) if redis else FileCursors(tmp_path / "cursors.json"))
        here.kf = WeComKfInput(*shared, cursors=kept_cursors, now=lambda: here.now)
        for channel in (here.app, here.kf):
            blueprint = channel.blueprint(lambda message: None)  # type: ignore[arg-type,return-value]
            here.addresses[channel.name()] = await stack.enter_async_context(serving(blueprint, channel.url_prefix()))
        yield here
        here.go.set()
        await here.done()


# -- who is let in ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["wecom", "wecom-kf"])
async def test_the_check_of_the_address_is_answered_with_the_decrypted_words(tmp_path: Path, channel: str) -> None:
    async with world(tmp_path) as here:
        query = {
            "msg_signature": ECHO["msg_signature"],
            "timestamp": ECHO["timestamp"],
            "nonce": ECHO["nonce"],
            "echostr": ECHO["encrypt"],
        }
        address = f"{here.addresses[channel]}/webhooks/{channel}"
        response = await here.http.get(address, params=query)
        assert (response.status, await response.read()) == (200, ECHO["plaintext"].encode())
        assert (await here.http.get(address, params={**query, "nonce": "1"})).status == 403
        assert (await here.http.get(address)).status == 403


async def test_tencents_own_example_is_taken(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.now = float(POST["timestamp"])
        query = {name: POST[name] for name in ("msg_signature", "timestamp", "nonce")}
        body = POST["body_xml"].replace("{encrypt}", POST["encrypt"])
        response = await here.http.post(f"{here.addresses['wecom']}/webhooks/wecom", params=query, data=body)
        assert response.status == 200
        await here.done()
        assert here.asked == [("wecom:mycreate", Inbound(text="hello", message_id="4561255354251345929"))]
        assert here.wecom.sent[0]["touser"] == "mycreate" and here.wecom.sent[0]["text"]["content"] == "答案。"


@pytest.mark.parametrize(
    ("key", "corp", "query"),
    [
        (KEY, CORP_ID, {"msg_signature": "0" * 40}),
        (KEY, CORP_ID, {"nonce": "other"}),
        (KEY, CORP_ID, {"timestamp": "1"}),
        (KEY, "ww0000000000000000", {}),
        ("A" * 43, CORP_ID, {}),
    ],
)
async def test_what_is_not_wecoms_is_refused(tmp_path: Path, key: str, corp: str, query: dict[str, str]) -> None:
    async with world(tmp_path) as here:
        assert await here.deliver("wecom", BODIES["test_parse_link_message"], key, corp, **query) == 403
        assert here.asked == [] and here.counted == {"refused": 1}


async def test_the_previous_key_is_still_read(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        assert await here.deliver("wecom", BODIES["test_parse_link_message"], OLD_KEY) == 200


@pytest.mark.parametrize("name", [n for n in BODIES if n != "kf_msg_or_event"])
async def test_every_published_body_is_taken_and_its_sender_is_wechatpys(tmp_path: Path, name: str) -> None:
    body = BODIES[name].strip()
    assert parse(xml.parse(body.encode())).sender == oracle_parse(body).source
    async with world(tmp_path) as here:
        assert await here.deliver("wecom", body) == 200
        assert "failed" not in here.counted


async def test_the_published_notice_of_customer_messages_is_taken(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.wecom.inbox = []
        assert await here.deliver("wecom-kf", BODIES["kf_msg_or_event"]) == 200
        assert here.wecom.synced == [""]


# -- members ---------------------------------------------------------------------------------------------------------------


async def test_a_member_is_answered_by_a_message_once_however_often_it_is_delivered(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        for _ in range(3):
            await here.write(Content="实习给不给钱?")
        assert here.asked == [("wecom:zhang", Inbound(text="实习给不给钱?", message_id="1"))]
        assert [m["text"]["content"] for m in here.wecom.sent] == ["答案。"] and here.counted["duplicate"] == 2


async def test_the_same_answer_to_a_second_question_is_sent_too(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.write(Content="a", message_id="1")
        await here.write(Content="a", message_id="2")
        assert len(here.wecom.sent) == 2 and not here.wecom.sent[0]["enable_duplicate_check"]


async def test_choices_are_typed_and_long_answers_come_in_pieces(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.reply = CLARIFY
        await here.write(Content="基地", message_id="1")
        here.reply = LONG
        await here.write(Content="2", message_id="2")
        assert here.asked[1][1].payload == "article:sx-2021-453#4.3"
        assert len(here.wecom.sent) == 1 + 3 and PAGE in here.wecom.sent[-1]["text"]["content"]


async def test_a_file_reaches_the_assistant_and_one_that_cannot_be_had_is_said(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.wecom.files["media-1"] = ("%E5%90%8D%E5%8D%95.xlsx", b"PK")
        await here.write("file", "1", MediaId="media-1")
        assert here.asked[0][1].file == File("名单.xlsx", b"PK")
        await here.write("file", "2", MediaId="gone")
        assert "没有取到" in here.wecom.sent[-1]["text"]["content"] and len(here.asked) == 1


async def test_other_kinds_are_answered_helpfully(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.write("voice", "1", MediaId="m", Format="amr")
        await here.write("image", "2", MediaId="m", PicUrl="p")
        await here.write("hologram", "3")
        await here.write("event", Event="subscribe")
        said = [m["text"]["content"] for m in here.wecom.sent]
        assert ["没有听清" in said[0], "Excel" in said[1], "打字" in said[2], "产教通" in said[3]] == [True] * 4
        await here.write("location", "4", Location_X="37.87", Location_Y="112.55", Scale="20", Label="太原")
        await here.write("event", Event="click", EventKey="book")
        await here.write("event", Event="enter_agent")
        assert [i.place or i.payload for _, i in here.asked] == [Place(37.87, 112.55, "太原"), "book"]


async def test_an_expired_token_a_refused_message_and_a_failing_turn(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.write(Content="a", message_id="1")
        here.wecom.valid_token = "replaced by somebody"
        await here.write(Content="a", message_id="2")
        assert len(here.wecom.sent) == 2 and here.wecom.token_fetches == 2
        here.wecom.errors["send"] = [60020]
        await here.write(Content="a", message_id="3")
        here.error = RuntimeError("no")
        await here.write(Content="a", message_id="4")
        assert here.counted["failed"] == 2 and "再说一次" in here.wecom.sent[-1]["text"]["content"]


async def test_a_message_that_cannot_be_taken_is_told_once_and_its_redelivery_is_a_new_try(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.error = Unavailable()
        for _ in range(3):
            await here.write(Content="a")
        assert [m["text"]["content"] for m in here.wecom.sent] == [NOT_TAKEN.text] and len(here.asked) == 3
        here.error = None
        await here.write(Content="a")
        await here.write(Content="a")
        assert [m["text"]["content"] for m in here.wecom.sent] == [NOT_TAKEN.text, "答案。"] and len(here.asked) == 4


async def test_a_hundred_messages_from_one_member_are_warned_of_once_and_leave_the_others_alone(tmp_path: Path) -> None:
    async with world(tmp_path, per_minute=10) as here:
        await asyncio.gather(*(here.write(Content="a", message_id=str(n)) for n in range(100)))
        await here.write(Content="a", message_id="other", FromUserName="li")
        said = [m["text"]["content"] for m in here.wecom.sent if m["touser"] == "zhang"]
        assert sorted(said) == sorted(["答案。"] * 10 + [TOO_FAST.text])
        assert here.wecom.sent[-1]["touser"] == "li" and len(here.asked) == 11


async def test_a_token_that_is_refused_for_ever_costs_two_fetches_and_an_outage_is_counted(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.wecom.refuse_tokens = True
        for n in range(20):
            await here.write(Content="a", message_id=str(n))
        assert here.wecom.token_fetches == 2 and here.counted["failed"] == 20 and here.wecom.sent == []
        here.wecom.refuse_tokens = False
        here.wecom.http_status = 500
        await here.write(Content="a", message_id="500")
        here.wecom.http_status, here.wecom.hang = 200, True
        here.client._api._timeout = aiohttp.ClientTimeout(total=0.1)
        await here.write(Content="a", message_id="timeout")
        assert here.counted["failed"] == 22 and here.wecom.sent == []
        here.wecom.hang = False
        await here.write(Content="a", message_id="again")
        assert len(here.wecom.sent) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"<xml></xml>",
        b"<xml><Encrypt>AAAA</Encrypt></xml>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>',
        b"<xml><Encrypt>" + b"A" * 1_000_000 + b"</Encrypt></xml>",
    ],
)
async def test_hostile_bodies_are_refused_without_an_error_of_ours(tmp_path: Path, body: bytes) -> None:
    async with world(tmp_path) as here:
        query = {"msg_signature": "0" * 40, "timestamp": str(NOW), "nonce": "n"}
        for channel, address in here.addresses.items():
            response = await here.http.post(f"{address}/webhooks/{channel}", params=query, data=body)
            assert response.status in (403, 413)
        assert here.asked == []


async def test_credentials_are_checked_by_name(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        assert await here.client.check() == []
        wrong = WeComClient(CORP_ID, AGENT_ID, "wrong", MemoryTokens(), here.client._api.base)
        assert "WECOM_SECRET" in (await wrong.check())[0]
        await wrong.close()


# -- customers -------------------------------------------------------------------------------------------------------------


async def test_customers_are_answered_page_by_page_and_the_cursor_is_kept_over_a_restart(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        for n in range(5):
            here.customer(n, f"wm{n}")
        assert await here.notify() == 200
        assert sorted(s for s, _ in here.asked) == [f"wecom:kf:wm{n}" for n in range(5)]
        assert here.wecom.synced == ["", "2", "4"]
        assert all(m["open_kfid"] == "wk1" for m in here.wecom.to_customers.values())
    async with world(tmp_path) as later:
        later.wecom.inbox = [*here.wecom.inbox]
        later.customer(5)
        await later.notify()
        assert [i.text for _, i in later.asked] == ["问题5"] and later.wecom.synced == ["5"]


async def test_a_message_that_is_read_twice_is_answered_once(tmp_path: Path, redis: "Redis[Any]") -> None:
    class Forgetful(FileCursors):
        async def put(self, open_kfid: str, cursor: str) -> None:
            """As when the process was killed before."""

    async with world(tmp_path, redis, cursors=Forgetful(tmp_path / "none.json")) as here:
        here.customer(1)
        await here.notify()
        await here.notify()
        assert len(here.asked) == 1 == len(here.wecom.to_customers) and here.counted["duplicate"] == 1


async def test_the_cursor_moves_only_after_the_answer_so_that_a_crash_loses_nobody(
    tmp_path: Path, redis: "Redis[Any]"
) -> None:
    async with world(tmp_path, redis) as here:
        here.go.clear()
        here.customer(1)
        await here.notify()
        assert await RedisCursors(redis).get("wk1") == ""
        here.go.set()
        await here.done()
        assert await RedisCursors(redis).get("wk1") == "1"


async def test_a_slow_turn_of_one_customer_holds_up_nobody_else(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.go.clear()
        here.customer(1, "wm1")
        assert await here.notify() == 200
        here.customer(2, "wm2")
        assert await here.notify() == 200
        await asyncio.wait_for(here.both_asked.wait(), 5)
        here.go.set()
        await here.done()
        assert len(here.wecom.to_customers) == 2


async def test_without_a_cursor_what_was_written_long_ago_is_not_answered_now(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.customer(1)
        here.now += 3600
        here.customer(2)
        await here.notify()
        assert [i.text for _, i in here.asked] == ["问题2"]


async def test_our_own_and_our_staffs_messages_are_not_answered(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.customer(1)["origin"] = 5
        here.event(2, event_type="session_status_change")
        here.wecom.inbox.append({"msgid": "m3"})
        await here.notify()
        assert here.asked == [] and here.wecom.to_customers == {}


async def test_a_customer_who_enters_is_welcomed_once_with_buttons(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.event(1, event_type="enter_session", welcome_code="W1")
        here.event(2, event_type="enter_session")
        await here.notify()
        assert len(here.wecom.welcomed) == 1 and here.wecom.welcomed[0]["code"] == "W1"
        assert "产教通" in here.wecom.welcomed[0]["msgmenu"]["head_content"]


async def test_a_poster_that_leads_to_the_service_opens_what_it_is_about(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.reply = LONG
        here.event(1, event_type="enter_session", welcome_code="W1", scene_param="base:12")
        await here.notify()
        assert here.asked[0][1].payload == "base:12"
        assert len(here.wecom.welcomed) == 1 and PAGE in here.wecom.welcomed[0]["text"]["content"]


async def test_a_tapped_button_and_other_kinds(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.wecom.files["f"] = ("a.xlsx", b"PK")
        here.customer(1, content="预约实训", menu_id="book")
        here.customer(2, kind="location", latitude=37.87, longitude=112.55, name="太原")
        here.customer(3, kind="file", media_id="f")
        here.customer(4, kind="location", latitude="north")
        await here.notify()
        assert [i.payload or i.place or i.file for _, i in here.asked] == [
            "book",
            Place(37.87, 112.55, "太原"),
            File("a.xlsx", b"PK"),
        ]


async def test_an_answer_that_got_lost_on_the_way_is_sent_again_under_the_same_id(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.wecom.lose_answers = 1
        here.customer(1)
        await here.notify()
        assert here.wecom.attempts == 2 and len(here.wecom.to_customers) == 1


async def test_a_customers_message_that_cannot_be_taken_is_told_once_and_taken_when_it_is_read_again(
    tmp_path: Path,
) -> None:
    class Forgetful(FileCursors):
        async def put(self, open_kfid: str, cursor: str) -> None:
            """As when the process was killed before."""

    async with world(tmp_path, cursors=Forgetful(tmp_path / "none.json")) as here:
        here.customer(1)
        here.error = Unavailable()
        await here.notify()
        await here.notify()
        assert [m["text"]["content"] for m in here.wecom.to_customers.values()] == [NOT_TAKEN.text]
        here.error = None
        await here.notify()
        await here.notify()
        assert [m["text"]["content"] for m in here.wecom.to_customers.values()] == [NOT_TAKEN.text, "答案。"]
        assert len(here.asked) == 3 and here.counted["failed"] == 2


async def test_a_poster_is_greeted_even_when_it_cannot_be_looked_up(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.error = Unavailable()
        here.event(1, event_type="enter_session", welcome_code="W1", scene_param="base:12")
        await here.notify()
        assert "产教通" in here.wecom.welcomed[0]["msgmenu"]["head_content"]


async def test_a_hundred_messages_from_one_customer_are_warned_of_once(tmp_path: Path) -> None:
    async with world(tmp_path, per_minute=10) as here:
        here.wecom.quota = 500
        for n in range(99):
            here.customer(n)
        here.customer(99, "wm2")
        await here.notify()
        texts = [m["text"]["content"] for m in here.wecom.to_customers.values() if m["touser"] == "wm1"]
        assert texts == ["答案。"] * 10 + [TOO_FAST.text]
        assert [i.text for s, i in here.asked if s == "wecom:kf:wm1"] == [f"问题{n}" for n in range(10)]
        assert len(here.asked) == 11


async def test_send_failures_and_a_used_up_quota_are_counted(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.wecom.quota = 0
        here.customer(1)
        here.event(2, event_type="msg_send_fail", fail_msgid="x", fail_type=5)
        await here.notify()
        assert here.counted["quota"] == 1 and here.counted["failed"] == 1


@pytest.mark.parametrize("code", [-1, 45009])
async def test_when_messages_cannot_be_read_wecom_is_asked_to_notify_again(tmp_path: Path, code: int) -> None:
    async with world(tmp_path) as here:
        here.customer(1)
        here.wecom.errors["sync_msg"] = [code] * 2
        assert await here.notify() == 503
        here.wecom.errors.clear()
        assert await here.notify() == 200 and len(here.asked) == 1


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"msgtype": "text"},
        {"msgtype": "text", "text": 5, "origin": 3},
        {"msgtype": 7, "event": []},
        {"send_time": "x"},
    ],
)
def test_odd_entries_are_survived(entry: dict[str, Any]) -> None:
    parse_customer_message(entry)


async def test_notifications_reach_members_and_customers_who_wrote_lately(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        deliverer = WeComDeliverer(here.client, here.kept, BASE_URL)
        booked = NotificationMessage("预约成功", "11月25日9:00", "/bookings/K7M2Q9")
        await deliverer.deliver("wecom:zhang", booked)
        assert here.wecom.sent[0]["text"]["content"] == f"预约成功\n11月25日9:00\n{BASE_URL}/bookings/K7M2Q9"
        with pytest.raises(PlatformError, match="会话"):
            await deliverer.deliver("wecom:kf:wm1", booked)
        with pytest.raises(PlatformError, match="可见范围"):
            await deliverer.deliver("wecom:stranger", booked)
        here.customer(1)
        await here.notify()
        await deliverer.deliver("wecom:kf:wm1", booked)
        assert [m["touser"] for m in here.wecom.to_customers.values()] == ["wm1", "wm1"]


# -- rendering -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_a_reply_is_rendered_as_it_was_when_it_was_looked_at(name: str) -> None:
    rendered = {
        name: {
            "member": to_member(reply, BASE_URL, PAGE),
            "customer": to_customer(reply, BASE_URL, PAGE),
            "greeting": in_one(reply, BASE_URL, PAGE),
        }
        for name, reply in ((name, merge([reply.dict()])) for name, reply in EVERY.items())
    }
    if not SNAPSHOT.exists():
        SNAPSHOT.write_text(json.dumps(rendered, ensure_ascii=False, indent=1))
        pytest.fail(f"{SNAPSHOT.name} was missing and has been written: look at it")
    assert rendered[name] == json.loads(SNAPSHOT.read_text())[name]


@pytest.mark.parametrize("name", EVERY)
def test_members_and_customers_read_the_same_sources_and_lose_nothing(name: str) -> None:
    reply = merge([EVERY[name].dict()])
    for messages in (
        to_member(reply, BASE_URL, PAGE),
        to_customer(reply, BASE_URL, PAGE),
        [in_one(reply, BASE_URL, PAGE)],
    ):
        assert len(messages) <= 5
        said = json.dumps(messages, ensure_ascii=False)
        whole = "\n".join(
            m.get("text", {}).get("content", "") + m.get("msgmenu", {}).get("head_content", "") for m in messages
        )
        assert all(c.label in whole for c in reply.citations) and all(q.title in said for q in reply.quick_replies)
        assert (
            in_full(reply, BASE_URL) in whole or PAGE in whole or all(line in whole for line in reply.text.split("\n"))
        )


def test_buttons_that_do_not_fit_the_menu_are_typed() -> None:
    many = Reply(
        kind="clarify", text="选", quick_replies=[QuickReply(title=str(n), payload=f"slot:{n}") for n in range(12)]
    )
    assert [m["msgtype"] for m in to_customer(many, BASE_URL, PAGE)] == ["text"] and PAGE in str(
        to_customer(many, BASE_URL, PAGE)
    )
    long_id = Reply(kind="clarify", text="选", quick_replies=[QuickReply(title="a", payload="answer:" + "a" * 80)])
    assert "1. a" in to_customer(long_id, BASE_URL, PAGE)[0]["text"]["content"]
    assert to_customer(ANSWER, BASE_URL, PAGE)[0]["msgtype"] == "text"
