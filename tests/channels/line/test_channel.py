"""The webhook at its front door: signed deliveries in over HTTP, answers out to a LINE on loopback."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis
from sanic import Sanic

from bot.reply import Reply
from channels.dedupe import Dedupe, MemoryDedupe, RedisDedupe
from channels.inbound import File, Inbound, Unavailable
from channels.kept import MemoryKept
from channels.line.channel import LineInput
from channels.line.client import LineClient
from channels.line.messages import (
    BUTTON_GONE,
    FILE_NOT_FETCHED,
    FILE_TOO_BIG,
    GROUP_WELCOME,
    MAX_FILE_BYTES,
    NOT_READABLE,
    WELCOME,
)
from channels.line.script import Scripts
from channels.line.signature import sign
from channels.notices import FAILED, NOT_TAKEN, TOO_FAST
from channels.rate_limit import RateLimiter
from policy_kb.normalise import is_traditional, to_traditional
from tests.channels.line.fake_line import TOKEN, FakeLine, serving
from tests.channels.line.test_events import GROUP, SAMPLE, USER, event
from tests.channels.replies import ANSWER, BASE_URL, LONG
from tests.channels.serving import serving as serving_blueprint

SECRET = "channel_secret"
REPLY, PUSH = "/v2/bot/message/reply", "/v2/bot/message/push"


class Assistant:
    """An `ask` that remembers what it was asked and answers when it may."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Inbound]] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.begun = asyncio.Event()

    async def ask(self, sender_id: str, inbound: Inbound) -> list[dict[str, Any]]:
        self.asked.append((sender_id, inbound))
        self.begun.set()
        await self.may_answer.wait()
        if inbound.file is not None:
            return [Reply(kind="assessment", text=f"收到{inbound.file.name}").dict()]
        return [Reply(kind="answer", text=f"答:{inbound.text or inbound.payload}").dict()]


class World:
    """One server with the channel, the LINE that it talks to, and the assistant behind it."""

    def __init__(self, line: FakeLine, dedupe: Dedupe | None = None, per_minute: int = 1000) -> None:
        self.line, self.assistant, self.counted = line, Assistant(), list[str]()
        self.now = 0.0
        line.clock = lambda: self.now
        client = LineClient(TOKEN, line.base_url, self._no_pause, timeout_seconds=0.5)
        self.channel = LineInput(
            SECRET,
            client,
            self.assistant.ask,
            dedupe or MemoryDedupe(),
            RateLimiter(per_minute),
            Scripts(client, MemoryKept(), is_traditional, to_traditional),
            BASE_URL,
            lambda sender_id: f"{BASE_URL}/chat/?for={sender_id}",
            lambda channel, what: self.counted.append(f"{channel} {what}"),
            lambda: self.now,
            loading_after=0.0,
        )
        self.url = ""

    async def _no_pause(self, seconds: float) -> None:
        self.now += seconds

    def happens(self, id: str = "1", **fields: Any) -> dict[str, Any]:
        """An event that has its own id and a fresh reply token."""
        return event(webhookEventId=id, replyToken=self.line.reply_token(f"r{id}"), **fields)

    async def post(self, body: bytes, signature: str | None = "right") -> int:
        headers = {"X-Line-Signature": sign(SECRET, body) if signature == "right" else signature} if signature else {}
        async with aiohttp.ClientSession() as session, session.post(self.url, data=body, headers=headers) as response:
            await response.read()
            return response.status

    async def deliver(self, *events: dict[str, Any]) -> None:
        """LINE's call with `events`: 200, and everything answered."""
        assert await self.post(json.dumps({"destination": "U123", "events": events}).encode()) == 200
        await self.channel.drain(10)


@pytest.fixture
async def line() -> AsyncIterator[FakeLine]:
    async with serving(FakeLine()) as fake:
        fake.languages[USER] = "zh-CN"
        yield fake


@pytest.fixture
async def world(line: FakeLine) -> AsyncIterator[World]:
    async for world in opened(World(line)):
        yield world


async def opened(world: World) -> AsyncIterator[World]:
    """`world` with its server running."""
    async with serving_blueprint(world.channel.blueprint(_no_turn), world.channel.url_prefix()) as base:
        world.url = f"{base}/webhooks/line"
        yield world
    await world.channel.client.close()


async def _no_turn(message: object) -> None:
    raise AssertionError("turns come in through ask")


def typed(text: str) -> dict[str, Any]:
    return {"id": "1", "type": "text", "text": text}


# -- the door ----------------------------------------------------------------------------------------------------------


async def test_a_question_is_answered_by_its_reply_token(world: World) -> None:
    await world.deliver(world.happens())
    assert world.line.sent == [("r1", [{"type": "text", "text": "答:实习给不给钱?"}])]
    assert world.assistant.asked == [(f"line:{USER}", Inbound(text="实习给不给钱?", message_id="1"))]


async def test_line_gets_its_200_before_the_answer_is_there(world: World) -> None:
    world.assistant.may_answer.clear()
    body = json.dumps({"destination": "U123", "events": [world.happens()]}).encode()
    assert await world.post(body) == 200
    await asyncio.wait_for(world.assistant.begun.wait(), 5)
    assert not world.line.sent
    world.assistant.may_answer.set()
    assert await world.line.until_sent(1)


@pytest.mark.parametrize("signature", [None, "", "invalid", "签名".encode().decode("latin-1")])
async def test_what_is_not_signed_by_line_is_refused(world: World, signature: str | None) -> None:
    body = json.dumps({"destination": "U123", "events": [world.happens()]}).encode()
    assert await world.post(body, signature) == 403
    await world.channel.drain()
    assert not world.assistant.asked and world.counted == ["line refused"]


async def test_the_signature_is_that_of_the_raw_body(world: World) -> None:
    """The same JSON with other spaces is another body."""
    call = {"destination": "U123", "events": [world.happens()]}
    spaced, dense = json.dumps(call, indent=3).encode(), json.dumps(call, separators=(",", ":")).encode()
    assert await world.post(dense, sign(SECRET, spaced)) == 403
    assert await world.post(spaced) == 200


async def test_the_consoles_verification_is_answered(world: World) -> None:
    await world.deliver()
    assert not world.line.calls


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"events": 1}', b"[" * 50_000])
async def test_a_signed_body_that_is_no_call_is_a_bad_request(world: World, body: bytes) -> None:
    assert await world.post(body) == 400


async def test_every_event_of_lines_sample_is_taken(world: World) -> None:
    """Each under an id of its own, for the sample gives all of them the same."""
    line_events = [{**e, "webhookEventId": f"sample-{n}"} for n, e in enumerate(SAMPLE["events"])]
    for n, e in enumerate(line_events):
        if "replyToken" in e:
            e["replyToken"] = world.line.reply_token(f"r{n}")
    world.line.files["325708"] = b"name"
    await world.deliver(*line_events)
    assert {to for to, _ in world.line.sent} == {f"r{n}" for n in (0, 2, 3, 4, 5, 6, 8, 10, 16, 17, 18, 21, 24, 25)}
    assert "line failed" not in world.counted


# -- once ----------------------------------------------------------------------------------------------------------------


async def test_a_redelivery_is_not_answered_again(world: World) -> None:
    first = world.happens()
    for delivery in (first, {**first, "deliveryContext": {"isRedelivery": True}}):
        await world.deliver(delivery)
    assert len(world.assistant.asked) == len(world.line.sent) == 1
    assert world.counted.count("line duplicate") == 1


async def test_a_redelivery_that_is_the_first_to_arrive_is_answered(world: World) -> None:
    await world.deliver(world.happens(deliveryContext={"isRedelivery": True}))
    assert len(world.line.sent) == 1


async def test_a_redelivery_during_the_turn_is_not_answered_again(world: World) -> None:
    world.assistant.may_answer.clear()
    body = json.dumps({"destination": "U123", "events": [world.happens()]}).encode()
    assert [await world.post(body) for _ in range(3)] == [200] * 3
    world.assistant.may_answer.set()
    await world.channel.drain()
    assert len(world.assistant.asked) == len(world.line.sent) == 1


async def test_two_servers_that_get_the_same_delivery_answer_once(line: FakeLine, redis: "Redis[Any]") -> None:
    one, other = World(line, RedisDedupe(redis)), World(line, RedisDedupe(redis))
    async for _ in opened(one):
        async for _ in opened(other):
            delivery = one.happens()
            await asyncio.gather(one.deliver(delivery), other.deliver(delivery))
    assert len(one.assistant.asked) + len(other.assistant.asked) == len(line.sent) == 1


async def test_answers_go_on_while_redis_is_away(line: FakeLine, no_redis: "Redis[Any]") -> None:
    async for world in opened(World(line, RedisDedupe(no_redis))):
        delivery = world.happens()
        await world.deliver(delivery)
        await world.deliver(delivery)
        assert len(line.sent) == 1


# -- reply or push -------------------------------------------------------------------------------------------------------


async def test_a_slow_answer_is_pushed(world: World) -> None:
    world.assistant.may_answer.clear()
    delivering = asyncio.ensure_future(world.deliver(world.happens()))
    await asyncio.wait_for(world.assistant.begun.wait(), 5)
    world.now = 51.0
    world.assistant.may_answer.set()
    await delivering
    assert [to for to, _ in world.line.sent] == [USER] and REPLY not in world.line.calls
    assert "line late" in world.counted


async def test_a_token_that_line_refuses_is_made_good_by_a_push(world: World) -> None:
    await world.deliver(event(webhookEventId="1", replyToken="never given"))
    assert [to for to, _ in world.line.sent] == [USER]


async def test_an_event_without_a_token_is_pushed(world: World) -> None:
    await world.deliver(event(webhookEventId="1", replyToken=None))
    assert [to for to, _ in world.line.sent] == [USER]


@pytest.mark.parametrize(
    "faults",
    [
        {REPLY: [500]},
        {REPLY: ["lose"]},
        {REPLY: ["hang"]},
        {REPLY: [429, 503]},
        {REPLY: [500, 500], PUSH: [500, "lose"]},
        {REPLY: [500, 500], PUSH: [429, 429, 502]},
    ],
)
async def test_whatever_line_does_a_message_is_answered_exactly_once(
    world: World, faults: dict[str, list[int | str]]
) -> None:
    for path, sequence in faults.items():
        world.line.faults[path].extend(sequence)
    await world.deliver(world.happens())
    assert world.line.texts() == ["答:实习给不给钱?"]


async def test_a_used_up_quota_is_counted_and_stops_nobody_elses_answer(world: World) -> None:
    world.line.monthly_limit_reached = True
    await world.deliver(event(webhookEventId="1", replyToken=None), world.happens("2"))
    assert "line quota" in world.counted and [to for to, _ in world.line.sent] == ["r2"]


async def test_line_out_of_order_is_counted_and_the_next_message_is_answered(world: World) -> None:
    for path in (REPLY, PUSH):
        world.line.faults[path].extend([500] * 4 if path == PUSH else [500] * 2)
    await world.deliver(world.happens("1"))
    assert "line failed" in world.counted and not world.line.sent
    await world.deliver(world.happens("2"))
    assert [to for to, _ in world.line.sent] == ["r2"]


# -- kinds of events -----------------------------------------------------------------------------------------------------


async def test_a_tap_is_passed_on_and_a_foreign_one_is_not(world: World) -> None:
    await world.deliver(world.happens("1", type="postback", postback={"data": "article:sx-2018-38#16"}))
    await world.deliver(world.happens("2", type="postback", postback={"data": "/restart"}))
    assert [inbound.payload for _, inbound in world.assistant.asked] == ["article:sx-2018-38#16"]
    assert world.line.texts() == ["答:article:sx-2018-38#16", BUTTON_GONE.text]


async def test_standby_and_unfollow_are_silence(world: World) -> None:
    await world.deliver(world.happens("1", mode="standby"), world.happens("2", type="unfollow"))
    assert not world.line.calls and not world.assistant.asked


async def test_following_is_welcomed_with_what_can_be_done(world: World) -> None:
    await world.deliver(world.happens(type="follow"))
    [(_, [message])] = world.line.sent
    payloads = [item["action"]["data"] for item in message["quickReply"]["items"]]
    assert message["text"] == WELCOME.text and payloads == ["help", "assess:training-allowance", "book"]


async def test_pictures_and_stickers_get_a_way_on(world: World) -> None:
    await world.deliver(world.happens(message={"id": "1", "type": "sticker", "packageId": "1", "stickerId": "1"}))
    assert world.line.texts() == [NOT_READABLE.text]


async def test_a_roster_is_fetched_and_handed_over(world: World) -> None:
    world.line.files["77"] = b"PK rows"
    await world.deliver(world.happens(message={"id": "77", "type": "file", "fileName": "名单.xlsx", "fileSize": 7}))
    [(_, inbound)] = world.assistant.asked
    assert inbound.file == File("名单.xlsx", b"PK rows") and world.line.texts() == ["收到名单.xlsx"]


async def test_a_file_that_is_larger_than_it_was_said_to_be_is_not_taken(world: World) -> None:
    world.line.files["77"] = bytes(MAX_FILE_BYTES + 1)
    await world.deliver(world.happens(message={"id": "77", "type": "file", "fileName": "名单.xlsx", "fileSize": 7}))
    assert not world.assistant.asked and world.line.texts() == [FILE_TOO_BIG.text]


async def test_a_file_that_is_not_there_is_asked_for_again(world: World) -> None:
    await world.deliver(world.happens(message={"id": "77", "type": "file", "fileName": "名单.xlsx", "fileSize": 7}))
    assert world.line.texts() == [FILE_NOT_FETCHED.text]


async def test_a_place_goes_to_the_assistant(world: World) -> None:
    await world.deliver(world.happens(message={"id": "1", "type": "location", "latitude": 37.87, "longitude": 112.55}))
    [(_, inbound)] = world.assistant.asked
    assert inbound.place is not None and inbound.place.latitude == 37.87


async def test_a_group_is_greeted_and_answered_only_when_it_asks(world: World) -> None:
    source = {"type": "group", "groupId": GROUP, "userId": USER}
    mention = {"mentionees": [{"index": 0, "length": 4, "type": "user", "isSelf": True}]}
    await world.deliver(world.happens("1", type="join", source=source))
    await world.deliver(world.happens("2", source=source))
    asked = {**typed("@产教通 实习给不给钱?"), "mention": mention}
    await world.deliver(
        world.happens("3", source=source, message=asked),
        event(webhookEventId="4", replyToken=None, source=source, message=asked),
    )
    assert world.line.texts() == [GROUP_WELCOME.text, "答:实习给不给钱?", "答:实习给不给钱?"]
    assert {to for to, _ in world.line.sent} == {"r1", "r3", GROUP} and not world.line.loading
    assert world.assistant.asked[0][0] == f"line:{GROUP}:{USER}"


# -- while it works ------------------------------------------------------------------------------------------------------


async def test_a_slow_answer_shows_that_it_is_coming(world: World) -> None:
    world.assistant.may_answer.clear()
    delivering = asyncio.ensure_future(world.deliver(world.happens()))
    await asyncio.wait_for(world.line.loading_shown.wait(), 5)
    assert world.line.loading == [(USER, 20)] and not world.line.sent
    world.assistant.may_answer.set()
    await delivering
    assert world.line.texts() == ["答:实习给不给钱?"]


async def test_dots_that_cannot_be_shown_hold_up_nothing(world: World) -> None:
    world.line.faults["/v2/bot/chat/loading/start"].append("hang")
    await world.deliver(world.happens())
    assert len(world.line.sent) == 1


async def test_at_shutdown_what_was_accepted_is_still_answered(line: FakeLine) -> None:
    world = World(line)
    app = Sanic("test-shutdown", configure_logging=False)
    app.blueprint(world.channel.blueprint(_no_turn), url_prefix=world.channel.url_prefix())
    sock = socket.create_server(("127.0.0.1", 0))
    server = await app.create_server(sock=sock, return_asyncio_server=True, access_log=False)
    await server.startup()
    world.url = f"http://127.0.0.1:{sock.getsockname()[1]}/webhooks/line"
    world.assistant.may_answer.clear()
    assert await world.post(json.dumps({"events": [world.happens()]}).encode()) == 200
    await asyncio.wait_for(world.assistant.begun.wait(), 5)
    stopping = asyncio.ensure_future(server.before_stop())
    world.assistant.may_answer.set()
    await stopping
    assert world.line.texts() == ["答:实习给不给钱?"]
    server.close()
    await server.wait_closed()


async def test_a_message_that_cannot_be_taken_is_told_once_and_its_redelivery_is_a_new_try(world: World) -> None:
    ask = world.channel.ask

    async def away(sender_id: str, inbound: Inbound) -> list[dict[str, Any]]:
        world.assistant.asked.append((sender_id, inbound))
        raise Unavailable

    world.channel.ask = away
    first = world.happens()
    for _ in range(3):
        await world.deliver(first)
    assert world.line.texts() == [NOT_TAKEN.text] and len(world.assistant.asked) == 3
    world.channel.ask = ask
    await world.deliver(first)
    await world.deliver(first)
    assert world.line.texts() == [NOT_TAKEN.text, "答:实习给不给钱?"] and len(world.assistant.asked) == 4


async def test_that_a_slow_message_was_not_taken_is_pushed_and_stands_in_nobodys_way(world: World) -> None:
    async def away(sender_id: str, inbound: Inbound) -> list[dict[str, Any]]:
        world.now += 51
        raise Unavailable

    ask, world.channel.ask = world.channel.ask, away
    first = world.happens()
    await world.deliver(first)
    world.channel.ask = ask
    world.line.reply_tokens.clear()
    await world.deliver(first)
    assert world.line.sent[0][0] == world.line.sent[1][0] == USER
    assert world.line.texts() == [NOT_TAKEN.text, "答:实习给不给钱?"]


async def test_an_error_in_one_turn_leaves_the_others_alone(world: World) -> None:
    ask = world.channel.ask

    async def fails_once(sender_id: str, inbound: Inbound) -> list[dict[str, Any]]:
        world.channel.ask = ask
        raise RuntimeError("a turn that fails")

    world.channel.ask = fails_once
    await world.deliver(world.happens("1"))
    await world.deliver(world.happens("2"))
    assert world.counted.count("line failed") == 1
    assert world.line.texts() == [FAILED.text, "答:实习给不给钱?"]


async def test_a_turn_that_never_ends_is_given_up(line: FakeLine) -> None:
    async for world in opened(World(line)):
        world.channel.work_seconds = 0.05
        world.assistant.may_answer.clear()
        await world.deliver(world.happens())
        assert line.texts() == [FAILED.text]


async def test_one_persons_messages_are_answered_in_their_order(world: World) -> None:
    said = [f"第{n}问" for n in range(20)]
    await world.deliver(*(world.happens(str(n), message=typed(text)) for n, text in enumerate(said)))
    assert world.line.texts() == [f"答:{text}" for text in said]


async def test_a_flood_is_told_once_to_slow_down_and_others_are_answered(line: FakeLine) -> None:
    async for world in opened(World(line, per_minute=5)):
        flood = [world.happens(f"f{n}") for n in range(100)]
        other = world.happens("o", source={"type": "user", "userId": "Uother"})
        await world.deliver(*flood, other)
        assert len(world.assistant.asked) == 6
        assert line.texts().count(TOO_FAST.text) == 1 and "ro" in {to for to, _ in line.sent}


async def test_one_persons_slow_turn_does_not_hold_up_another(world: World) -> None:
    world.assistant.may_answer.clear()
    first, second = world.happens("1"), world.happens("2", source={"type": "user", "userId": "Uother"})
    assert await world.post(json.dumps({"events": [first]}).encode()) == 200
    await asyncio.wait_for(world.assistant.begun.wait(), 5)
    world.assistant.begun.clear()
    assert await world.post(json.dumps({"events": [second]}).encode()) == 200
    await asyncio.wait_for(world.assistant.begun.wait(), 5)
    assert len(world.assistant.asked) == 2
    world.assistant.may_answer.set()
    await world.channel.drain()


async def test_a_long_answer_leads_to_the_persons_own_page(world: World) -> None:
    async def at_length(sender_id: str, inbound: Inbound) -> list[dict[str, Any]]:
        return [LONG.copy(update={"text": "很长的一句话。" * 9000}).dict(), ANSWER.dict()]

    world.channel.ask = at_length
    await world.deliver(world.happens())
    [(_, messages)] = world.line.sent
    assert messages[3]["text"].endswith(f"{BASE_URL}/chat/?for=line:{USER}") and messages[4]["type"] == "flex"


# -- script --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "traditional"),
    [("zh-TW", True), ("zh-HK", True), ("zh-Hant-TW", True), ("zh-CN", False), ("ja", False)],
)
async def test_our_own_words_follow_the_language_of_the_profile(world: World, language: str, traditional: bool) -> None:
    world.line.languages[USER] = language
    await world.deliver(world.happens(type="follow"))
    assert world.line.texts() == [to_traditional(WELCOME.text) if traditional else WELCOME.text]


async def test_the_last_text_counts_for_more_than_the_profile(world: World) -> None:
    world.line.languages[USER] = "zh-TW"
    for n, text in enumerate(["实习给钱吗", "你好", "實習給錢嗎", "你好"]):
        await world.deliver(world.happens(f"t{n}", message=typed(text)))
        await world.deliver(world.happens(f"s{n}", message={"id": "1", "type": "sticker"}))
    told = [is_traditional(text) for text in world.line.texts()[1::2]]
    assert told == [False, False, True, True]


async def test_the_profile_is_asked_for_once(world: World) -> None:
    for n in range(3):
        await world.deliver(world.happens(str(n), type="follow"))
    assert world.line.calls.count(f"/v2/bot/profile/{USER}") == 1


async def test_a_profile_that_is_not_told_is_no_obstacle(world: World) -> None:
    world.line.languages.clear()
    await world.deliver(world.happens(type="follow"))
    assert world.line.texts() == [WELCOME.text]
