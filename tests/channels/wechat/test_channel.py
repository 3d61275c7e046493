"""The Official Account's front door: who is let in, and that each message is answered exactly once, however slow the turn."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.replies import deserialize_reply

from bot.reply import QuickReply, Reply
from channels import xml
from channels.dedupe import Dedupe, MemoryDedupe, RedisDedupe
from channels.inbound import Inbound, Place, Unavailable
from channels.kept import Kept, MemoryKept, RedisKept
from channels.notices import NOT_TAKEN
from channels.rate_limit import RateLimiter
from channels.tokens import MemoryTokens
from channels.wechat.channel import Mode, WeChatInput
from channels.wechat.client import WeChatClient
from channels.wechat.crypto import Cipher
from channels.wechat.signature import sign
from tests.channels.replies import ANSWER, BASE_URL, LONG
from tests.channels.serving import platform, serving
from tests.channels.wechat.fake_wechat import APP_ID, SECRET, FakeWeChat
from tests.channels.wechat.test_messages import BODIES

TOKEN, KEY, OLD_KEY = (
    "123456",
    "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR",
    "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
)
NOW = 1_800_000_000.0
# Seconds that a delivery waits where the answer must come, and where it must not.
PATIENT, IMPATIENT = 20.0, 0.03
CHOICES = Reply(
    kind="clarify",
    text="哪一个?",
    quick_replies=[QuickReply(title="预约", payload="book"), QuickReply(title="帮助", payload="help")],
)


class Assistant:
    """Answers as told, when `go` is set; writes down what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Inbound]] = []
        self.reply: Reply = Reply(kind="answer", text="答案。")
        self.go = asyncio.Event()
        self.go.set()
        self.called = asyncio.Event()
        self.error: Exception | None = None

    async def ask(self, sender_id: str, inbound: Inbound) -> list[dict[str, Any]]:
        self.asked.append((sender_id, inbound))
        self.called.set()
        reply = self.reply
        await self.go.wait()
        if self.error:
            raise self.error
        return [reply.dict()]


class World:
    """An account with its assistant, its counters, and one or more worker processes."""

    def __init__(self) -> None:
        self.assistant, self.wechat, self.counted = Assistant(), FakeWeChat(), dict[str, int]()
        self.channels: list[WeChatInput] = []
        self.addresses: list[str] = []
        self.http: aiohttp.ClientSession
        self.messages = 0
        self.happened = asyncio.Event()

    def count(self, channel: str, what: str) -> None:
        assert channel == "wechat"
        self.counted[what] = self.counted.get(what, 0) + 1
        self.happened.set()

    async def until(self, what: str, times: int) -> None:
        """Wait until `what` has been counted so many times."""
        while self.counted.get(what, 0) < times:
            self.happened.clear()
            await self.happened.wait()

    def assistant_is_slow(self) -> None:
        """No turn is done before every delivery has run out of time."""
        self.assistant.go.clear()
        for channel in self.channels:
            channel.deadline_seconds = channel.hold_seconds = IMPATIENT

    def assistant_is_done(self) -> None:
        self.assistant.go.set()
        for channel in self.channels:
            channel.deadline_seconds = channel.hold_seconds = PATIENT

    def body(self, kind: str = "text", message_id: str | None = None, user: str = "o1", **fields: str) -> str:
        self.messages += 1
        ids = {} if kind == "event" else {"MsgId": message_id or str(self.messages)}
        return xml.render(
            {"ToUserName": "gh", "FromUserName": user, "CreateTime": int(NOW), "MsgType": kind, **fields, **ids}
        )

    async def deliver(self, body: str | bytes, worker: int = 0, **query: str) -> aiohttp.ClientResponse:
        """One delivery in plain mode, signed as WeChat signs."""
        asked = {
            "timestamp": str(int(NOW)),
            "nonce": "n",
            "signature": sign(TOKEN, str(int(NOW)), "n"),
            "openid": "o1",
            **query,
        }
        response = await self.http.post(self.addresses[worker] + "/webhooks/wechat", params=asked, data=body)
        await response.read()
        return response

    async def said(self, body: str, worker: int = 0) -> str:
        """The text that a delivery is answered with, empty for `success`, as wechatpy reads it."""
        response = await self.deliver(body, worker)
        assert response.status == 200
        answer = await response.text()
        return "" if answer == "success" else str(deserialize_reply(answer).content)

    async def say(self, text: str) -> str:
        return await self.said(self.body(Content=text))


@asynccontextmanager
async def world(
    certified: bool = False,
    mode: Mode = "plain",
    workers: int = 1,
    redis: "Redis[Any] | None" = None,
    per_minute: int = 1000,
) -> AsyncIterator[World]:
    here = World()
    ciphers = [] if mode == "plain" else [Cipher(KEY, APP_ID), Cipher(OLD_KEY, APP_ID)]
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(platform(here.wechat.app()))
        here.http = await stack.enter_async_context(aiohttp.ClientSession())
        for _ in range(workers):
            dedupe: Dedupe = RedisDedupe(redis, poll_seconds=0.005) if redis else MemoryDedupe()
            kept: Kept = RedisKept(redis) if redis else MemoryKept()
            channel = WeChatInput(
                TOKEN,
                mode,
                ciphers,
                WeChatClient(APP_ID, SECRET, MemoryTokens(), api) if certified else None,
                here.assistant.ask,
                dedupe,
                kept,
                RateLimiter(per_minute),
                BASE_URL,
                lambda sender_id: f"{BASE_URL}/chat/?me={sender_id}",
                here.count,
                deadline_seconds=PATIENT,
                hold_seconds=PATIENT,
                now=lambda: NOW,
            )
            here.channels.append(channel)
            blueprint = channel.blueprint(lambda message: None)  # type: ignore[arg-type,return-value]
            here.addresses.append(await stack.enter_async_context(serving(blueprint, channel.url_prefix())))
        yield here
        here.assistant.go.set()


# -- who is let in ---------------------------------------------------------------------------------------------------------


async def test_the_check_of_the_address_is_answered_to_the_letter() -> None:
    async with world() as here:
        query = {"timestamp": "1", "nonce": "n", "signature": sign(TOKEN, "1", "n"), "echostr": "4375120948345356249"}
        response = await here.http.get(here.addresses[0] + "/webhooks/wechat", params=query)
        assert (response.status, await response.text()) == (200, "4375120948345356249")
        assert response.content_type == "text/plain"
        refused = await here.http.get(here.addresses[0] + "/webhooks/wechat", params={**query, "nonce": "m"})
        assert refused.status == 403


@pytest.mark.parametrize(
    "query",
    [
        {"signature": ""},
        {"signature": "0" * 40},
        {"nonce": "other"},
        {"timestamp": "1", "signature": sign(TOKEN, "1", "n")},
        {"timestamp": "abc", "signature": sign(TOKEN, "abc", "n")},
        {"encrypt_type": "aes", "msg_signature": "x"},
    ],
)
async def test_what_is_not_wechats_is_refused_and_asks_nobody(query: dict[str, str]) -> None:
    async with world() as here:
        assert (await here.deliver(here.body(Content="a"), **query)).status == 403
        assert here.assistant.asked == [] and here.counted == {"refused": 1}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"{}",
        b"<xml></xml>",
        b"\xff" * 100,
        b'<!DOCTYPE x [<!ENTITY a "b">]><xml><FromUserName>&a;</FromUserName><MsgType>text</MsgType></xml>',
        b"<xml>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</xml>",
        b"<xml><a>" + b"x" * 1_000_000 + b"</a></xml>",
    ],
)
async def test_hostile_bodies_are_refused_without_an_error_of_ours(body: bytes) -> None:
    async with world() as here:
        assert (await here.deliver(body)).status in (403, 413)
        assert here.assistant.asked == []


def sealed(plain: str, key: str = KEY, app_id: str = APP_ID, token: str = TOKEN) -> tuple[str, dict[str, str]]:
    """A delivery as wechatpy encrypts it: body and query."""
    fields = xml.parse(WeChatCrypto(token, key, app_id).encrypt_message(plain, "n", str(int(NOW))).encode())
    body = xml.render({"ToUserName": "gh", "Encrypt": xml.text(fields, "Encrypt")})
    return body, {"encrypt_type": "aes", "msg_signature": xml.text(fields, "MsgSignature")}


@pytest.mark.parametrize("mode", ["safe", "compatible"])
@pytest.mark.parametrize("key", [KEY, OLD_KEY])
async def test_an_encrypted_message_gets_an_answer_encrypted_with_the_same_key(mode: Mode, key: str) -> None:
    async with world(mode=mode) as here:
        body, query = sealed(here.body(Content="实习给不给钱?"), key)
        answer = xml.parse((await (await here.deliver(body, **query, signature="unused in safe mode")).text()).encode())
        plain = WeChatCrypto(TOKEN, key, APP_ID).decrypt_message(
            {"Encrypt": answer["Encrypt"]}, answer["MsgSignature"], answer["TimeStamp"], answer["Nonce"]
        )
        assert deserialize_reply(plain).content == "答案。"
        assert here.assistant.asked[0][1].text == "实习给不给钱?"


async def test_safe_mode_takes_no_plain_body_and_compatible_mode_does() -> None:
    async with world(mode="safe") as here:
        assert (await here.deliver(here.body(Content="a"))).status == 403
    async with world(mode="compatible") as here:
        assert await here.say("a") == "答案。"


@pytest.mark.parametrize(
    ("key", "app_id", "token"),
    [(KEY, "wx0000000000000000", TOKEN), ("A" * 43, APP_ID, TOKEN), (KEY, APP_ID, "another")],
)
async def test_encrypted_for_another_account_with_another_key_or_token_is_refused(
    key: str, app_id: str, token: str
) -> None:
    async with world(mode="safe") as here:
        body, query = sealed(here.body(Content="a"), key, app_id, token)
        assert (await here.deliver(body, **query)).status == 403


async def test_success_stays_unencrypted() -> None:
    async with world(mode="safe") as here:
        body, query = sealed(here.body("event", Event="unsubscribe"))
        assert await (await here.deliver(body, **query)).text() == "success"


def test_safe_mode_without_a_key_does_not_start() -> None:
    with pytest.raises(ValueError, match="WECHAT_AES_KEY"):
        WeChatInput(TOKEN, "safe", [], None, None, None, None, None, "", None)  # type: ignore[arg-type]


# -- what is asked and answered --------------------------------------------------------------------------------------------


async def test_a_question_is_answered_at_once_to_the_one_who_asked() -> None:
    async with world() as here:
        here.assistant.reply = ANSWER
        body = here.body(Content="新招的人培训完给多少钱", user="o7")
        answer = await (await here.deliver(body)).text()
        assert here.assistant.asked == [("wechat:o7", Inbound(text="新招的人培训完给多少钱", message_id="1"))]
        assert "每人300元" in answer and "/policies/sx-2018-38#16" in answer
        assert deserialize_reply(answer).target == "o7" and parse_message(answer).source == "gh"


async def test_messages_of_other_kinds_reach_the_assistant_as_what_they_mean() -> None:
    async with world() as here:
        await here.said(here.body("voice", MediaId="m", Format="amr", Recognition="实习给不给钱"))
        await here.said(here.body("location", Location_X="37.87", Location_Y="112.55", Scale="20", Label="太原"))
        await here.said(here.body("event", Event="CLICK", EventKey="book"))
        await here.said(here.body("event", Event="SCAN", EventKey="base:12", Ticket="T"))
        await here.said(here.body("event", Event="subscribe", EventKey="qrscene_booking:K7M2Q9", Ticket="T"))
        asked = [inbound for _, inbound in here.assistant.asked]
        assert [i.text or i.payload or i.place for i in asked] == [
            "实习给不给钱",
            Place(37.87, 112.55, "太原"),
            "book",
            "base:12",
            "booking:K7M2Q9",
        ]


async def test_a_new_follower_is_welcomed_and_told_what_it_can_do() -> None:
    async with world() as here:
        welcome = await here.said(here.body("event", Event="subscribe"))
        assert "产教通" in welcome and "3. 预约实训" in welcome and here.assistant.asked == []
        await here.say("3")
        assert here.assistant.asked[0][1].payload == "book"


async def test_somebody_who_sends_a_picture_is_shown_where_files_can_be_handed_in() -> None:
    async with world() as here:
        assert f"{BASE_URL}/chat/?me=wechat:o1" in await here.said(here.body("image", MediaId="m", PicUrl="p"))


async def test_events_that_ask_for_nothing_get_success() -> None:
    async with world() as here:
        for event in ("unsubscribe", "VIEW", "LOCATION", "card_pass_check", "of_next_year"):
            assert await here.said(here.body("event", Event=event)) == ""
        await here.said(here.body("event", Event="TEMPLATESENDJOBFINISH", MsgID="1", Status="failed:user block"))
        assert here.counted["failed"] == 1 and here.assistant.asked == []


async def test_a_typed_number_is_the_tap_it_stands_for_until_the_next_answer() -> None:
    async with world() as here:
        here.assistant.reply = CHOICES
        assert "1. 预约\n2. 帮助" in await here.say("你好")
        here.assistant.reply = ANSWER
        await here.say("２")
        await here.say("2")
        assert [i.payload or i.text for _, i in here.assistant.asked] == ["你好", "help", "2"]


async def test_a_turn_that_fails_is_an_apology_not_silence() -> None:
    async with world() as here:
        here.assistant.error = RuntimeError("no")
        assert "再说一次" in await here.say("a")
        assert here.counted["failed"] == 1


async def test_a_reply_cannot_smuggle_xml() -> None:
    async with world() as here:
        here.assistant.reply = Reply(kind="answer", text="a]]></Content><MsgType>news</MsgType><Content><![CDATA[b")
        assert await here.say("x") == here.assistant.reply.text


async def test_a_hundred_messages_from_one_person_leave_the_others_alone() -> None:
    async with world(per_minute=10) as here:
        said = await asyncio.gather(*(here.say(f"{n}") for n in range(100)))
        assert sum("太快" in s for s in said) == 90 and len(here.assistant.asked) == 10
        assert await here.said(here.body(Content="a", user="o2")) == "答案。"


# -- the five seconds ------------------------------------------------------------------------------------------------------


async def test_deliveries_at_the_same_time_run_one_turn() -> None:
    async with world() as here:
        here.assistant.go.clear()
        body = here.body(Content="a")
        deliveries = [asyncio.ensure_future(here.said(body)) for _ in range(3)]
        await here.until("received", 3)
        here.assistant.go.set()
        assert await asyncio.gather(*deliveries) == ["答案。"] * 3
        assert len(here.assistant.asked) == 1 and here.counted["duplicate"] == 2


async def test_a_repeat_of_an_answered_message_gets_the_same_answer_and_no_second_turn() -> None:
    async with world() as here:
        body = here.body(Content="a")
        assert [await here.said(body) for _ in range(3)] == ["答案。"] * 3
        assert len(here.assistant.asked) == 1


async def test_a_slow_turn_is_answered_by_the_redelivery_that_finds_it_done() -> None:
    async with world() as here:
        here.assistant_is_slow()
        body = here.body(Content="难题")
        assert await here.said(body) == ""
        here.assistant_is_done()
        assert await here.said(body) == "答案。"
        assert len(here.assistant.asked) == 1 and here.counted["late"] == 1


@pytest.mark.parametrize("turn_seconds", [0.0, 0.6, 1.1, 1.7])
async def test_a_platform_that_drops_and_delivers_three_times_hears_one_answer(turn_seconds: float) -> None:
    """WeChat's five seconds at a tenth of their length: however long the turn takes, there is one answer to hear and one turn."""
    async with world() as here:
        here.channels[0].deadline_seconds, here.channels[0].hold_seconds = 0.35, 0.8
        here.assistant.go.clear()
        asyncio.get_running_loop().call_later(turn_seconds, here.assistant.go.set)
        body, heard = here.body(Content="难题"), list[str]()
        for _ in range(3):
            with contextlib.suppress(asyncio.TimeoutError):
                heard.append(await asyncio.wait_for(here.said(body), 0.5))
                break
        await here.assistant.go.wait()
        if heard and "继续" in heard[0]:
            heard = [await here.say("继续")]
        assert heard == ["答案。"] and len(here.assistant.asked) == 1


async def test_messages_in_another_order_and_their_repeats_get_their_own_answers() -> None:
    async with world() as here:

        async def echo(sender_id: str, inbound: Inbound) -> list[dict[str, Any]]:
            here.assistant.asked.append((sender_id, inbound))
            return [Reply(kind="answer", text=f"答{inbound.text}").dict()]

        here.channels[0].ask = echo
        bodies = {text: here.body(Content=text) for text in "甲乙丙"}
        order = "丙甲丙乙甲丙"
        assert [await here.said(bodies[text]) for text in order] == [f"答{text}" for text in order]
        assert len(here.assistant.asked) == 3


@pytest.mark.parametrize("name", BODIES)
async def test_every_published_body_is_taken_at_the_front_door(name: str) -> None:
    async with world() as here:
        response = await here.deliver(BODIES[name].strip())
        # wechatpy's sample of a payment event has a broken CDATA section: no XML, so nobody's message.
        assert response.status == (403 if "<![CDATA[" in re.sub(r"<!\[CDATA\[.*?]]>", "", BODIES[name]) else 200)
        assert "failed" not in here.counted


async def test_after_three_deliveries_the_person_is_told_to_ask_again_and_then_gets_that_answer() -> None:
    async with world() as here:
        here.assistant_is_slow()
        body = here.body(Content="难题")
        assert [await here.said(body), await here.said(body)] == ["", ""]
        assert "继续" in await here.said(body)
        here.assistant_is_done()
        assert await here.say("继续") == "答案。"
        assert len(here.assistant.asked) == 1
        await here.say("继续")
        assert here.assistant.asked[1][1].text == "继续", "the kept answer is given once"


@pytest.mark.parametrize("again", ["难题", " 难题 "])
async def test_the_same_question_again_gets_the_kept_answer_and_another_question_its_own(again: str) -> None:
    async with world() as here:
        here.assistant_is_slow()
        body = here.body(Content="难题")
        for _ in range(3):
            await here.said(body)
        here.assistant_is_done()
        here.assistant.reply = Reply(kind="answer", text="别的答案。")
        assert await here.say("别的问题") == "别的答案。"
        assert await here.say(again) == "答案。"
        assert [i.text for _, i in here.assistant.asked] == ["难题", "别的问题"]


async def test_a_certified_account_sends_the_late_answer_once_within_the_quota() -> None:
    async with world(certified=True) as here:
        here.assistant_is_slow()
        here.assistant.reply = LONG
        body = here.body(Content="难题")
        assert [await here.said(body), await here.said(body), await here.said(body)] == [""] * 3
        here.assistant_is_done()
        await asyncio.gather(*here.channels[0]._tasks)
        assert [m["msgtype"] for m in here.wechat.sent] == ["text"] * 4 + ["msgmenu"]
        assert f"{BASE_URL}/chat/?me=wechat:o1" in here.wechat.sent[3]["text"]["content"]
        assert ("message/custom/typing", {"touser": "o1", "command": "Typing"}) in here.wechat.calls
        assert await here.said(body) == "", "what was sent is not said again"
        assert len(here.assistant.asked) == 1


async def test_once_the_answer_is_promised_a_redelivery_is_not_kept_waiting() -> None:
    async with world(certified=True) as here:
        here.assistant_is_slow()
        body = here.body(Content="难题")
        assert [await here.said(body), await here.said(body)] == ["", ""]
        assert here.counted["late"] == 1


async def test_a_delivery_that_still_waits_stays_silent_when_another_has_promised_the_answer(
    redis: "Redis[Any]",
) -> None:
    async with world(certified=True, workers=2, redis=redis) as here:
        here.assistant_is_slow()
        here.channels[1].deadline_seconds = PATIENT
        body = here.body(Content="难题")
        patient = asyncio.ensure_future(here.said(body, 1))
        await here.until("received", 1)
        assert await here.said(body, 0) == ""
        here.assistant_is_done()
        assert await patient == ""
        await asyncio.gather(*here.channels[0]._tasks)
        assert len(here.wechat.sent) == 1


async def test_after_a_tap_there_are_three_messages_only() -> None:
    async with world(certified=True) as here:
        here.assistant_is_slow()
        here.assistant.reply = LONG
        await here.said(here.body("event", Event="CLICK", EventKey="help"))
        here.assistant_is_done()
        await asyncio.gather(*here.channels[0]._tasks)
        assert len(here.wechat.sent) == 3


async def test_a_menu_that_wechat_refuses_becomes_choices_to_type() -> None:
    async with world(certified=True) as here:
        here.assistant_is_slow()
        here.assistant.reply = CHOICES
        here.wechat.errors["send"] = [0, 45098]
        await here.say("a")
        here.assistant_is_done()
        await asyncio.gather(*here.channels[0]._tasks)
        assert "2. 帮助" in here.wechat.sent[-1]["text"]["content"]
        await here.say("2")
        assert here.assistant.asked[-1][1].payload == "help"


@pytest.mark.parametrize(("code", "what"), [(45047, "quota"), (45015, "failed"), (48001, "failed")])
async def test_an_answer_that_could_not_be_sent_is_kept_for_the_next_try(code: int, what: str) -> None:
    async with world(certified=True) as here:
        here.assistant_is_slow()
        here.wechat.errors["send"] = [code]
        await here.say("难题")
        here.assistant_is_done()
        await asyncio.gather(*here.channels[0]._tasks)
        assert here.counted[what] == 1 and here.wechat.sent == []
        assert await here.say("继续") == "答案。"
        assert len(here.assistant.asked) == 1


async def test_a_message_that_cannot_be_taken_is_told_and_its_redelivery_is_a_new_try() -> None:
    async with world() as here:
        here.assistant.error = Unavailable()
        body = here.body(Content="a")
        assert await here.said(body) == NOT_TAKEN.text
        here.assistant.error = None
        assert [await here.said(body), await here.said(body)] == ["答案。"] * 2
        assert len(here.assistant.asked) == 2 and here.counted["failed"] == 1


async def test_the_delivery_that_is_still_open_when_a_slow_turn_is_not_taken_is_told(redis: "Redis[Any]") -> None:
    async with world(workers=2, redis=redis) as here:
        here.assistant_is_slow()
        here.assistant.error = Unavailable()
        body = here.body(Content="难题")
        assert await here.said(body, 0) == "", "WeChat has dropped this one"
        here.channels[1].hold_seconds = PATIENT
        second = asyncio.ensure_future(here.said(body, 1))
        await here.until("duplicate", 1)
        here.assistant_is_done()
        assert await second == NOT_TAKEN.text
        here.assistant.error = None
        assert await here.said(body, 1) == "答案。"
        assert len(here.assistant.asked) == 2


async def test_a_certified_account_tells_once_that_a_slow_message_was_not_taken() -> None:
    async with world(certified=True) as here:
        here.assistant_is_slow()
        here.assistant.error = Unavailable()
        body = here.body(Content="难题")
        assert [await here.said(body), await here.said(body)] == ["", ""]
        here.assistant_is_done()
        await asyncio.gather(*here.channels[0]._tasks)
        assert await here.said(body) == ""
        assert [m["text"]["content"] for m in here.wechat.sent] == [NOT_TAKEN.text] and len(here.assistant.asked) == 1


async def test_what_was_to_be_continued_can_be_continued_after_an_outage() -> None:
    async with world() as here:
        here.assistant_is_slow()
        here.assistant.error = Unavailable()
        body = here.body(Content="难题")
        for _ in range(3):
            last = await here.said(body)
        assert "继续" in last
        here.assistant_is_done()
        await asyncio.gather(*here.channels[0]._tasks)
        assert await here.say("继续") == NOT_TAKEN.text
        here.assistant.error = None
        assert await here.say("继续") == "答案。"
        assert [i.text for _, i in here.assistant.asked] == ["难题"] * 3


async def test_a_client_that_hangs_up_loses_nothing() -> None:
    async with world() as here:
        here.assistant.go.clear()
        body = here.body(Content="a")
        delivery = asyncio.ensure_future(here.said(body))
        await here.assistant.called.wait()
        delivery.cancel()
        here.assistant.go.set()
        assert await here.said(body) == "答案。"
        assert len(here.assistant.asked) == 1


@pytest.mark.parametrize("certified", [False, True])
async def test_two_workers_that_get_the_same_delivery_answer_it_once(redis: "Redis[Any]", certified: bool) -> None:
    async with world(certified, workers=2, redis=redis) as here:
        here.assistant_is_slow()
        body = here.body(Content="难题")
        first = await asyncio.gather(here.said(body, 0), here.said(body, 1))
        assert first == ["", ""]
        here.assistant_is_done()
        for channel in here.channels:
            await asyncio.gather(*channel._tasks)
        again = await here.said(body, 1)
        answers = [m["text"]["content"] for m in here.wechat.sent] + [a for a in (*first, again) if a]
        assert answers == ["答案。"] and len(here.assistant.asked) == 1


async def test_the_menu_and_the_late_answer_are_known_to_every_worker(redis: "Redis[Any]") -> None:
    async with world(workers=2, redis=redis) as here:
        here.assistant_is_slow()
        here.assistant.reply = CHOICES
        body = here.body(Content="难题")
        for worker in (0, 1, 0):
            last = await here.said(body, worker)
        assert "继续" in last
        here.assistant_is_done()
        assert "1. 预约" in await here.said(here.body(Content="继续"), 1)
        await here.said(here.body(Content="1"), 0)
        assert [i.payload or i.text for _, i in here.assistant.asked] == ["难题", "book"]


async def test_without_redis_people_are_still_answered(no_redis: "Redis[Any]") -> None:
    async with world(redis=no_redis) as here:
        body = here.body(Content="a")
        assert [await here.said(body), await here.said(body)] == ["答案。", "答案。"]
        assert len(here.assistant.asked) == 1
