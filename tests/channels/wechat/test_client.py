"""Calling WeChat's API: tokens, refusals, outages, and what is said about them; menu, QR codes and template messages."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from redis.asyncio import Redis

from channels.notifications import NotificationMessage
from channels.platform_api import UNREACHABLE, PlatformError
from channels.tokens import MemoryTokens, RedisTokens
from channels.wechat.__main__ import main, menu
from channels.wechat.client import QUOTA_USED_UP, WeChatClient, WeChatDeliverer
from channels.wechat.messages import MenuOut, NewsOut, TextOut
from tests.channels.replies import BASE_URL
from tests.channels.serving import platform
from tests.channels.wechat.fake_wechat import APP_ID, SECRET, FakeWeChat

RESPONSES = Path(__file__).parents[2] / "data/channels/wechat_api_responses"
HELLO = TextOut("您好😀")


@pytest.fixture
async def wechat() -> AsyncIterator[tuple[FakeWeChat, str]]:
    fake = FakeWeChat()
    async with platform(fake.app()) as address:
        yield fake, address


@pytest.fixture
async def client(wechat: tuple[FakeWeChat, str]) -> AsyncIterator[WeChatClient]:
    client = WeChatClient(APP_ID, SECRET, MemoryTokens(), wechat[1], timeout=0.3)
    yield client
    await client.close()


async def test_many_messages_need_one_token(wechat: tuple[FakeWeChat, str], client: WeChatClient) -> None:
    await asyncio.gather(*(client.send("o1", HELLO) for _ in range(5)))
    assert wechat[0].token_fetches == [False]
    assert [m["text"]["content"] for m in wechat[0].sent] == ["您好😀"] * 5


async def test_processes_share_the_token_through_redis(wechat: tuple[FakeWeChat, str], redis: "Redis[Any]") -> None:
    clients = [WeChatClient(APP_ID, SECRET, RedisTokens(redis, 0.005), wechat[1]) for _ in range(4)]
    await asyncio.gather(*(client.send("o1", HELLO) for client in clients))
    await asyncio.gather(*(client.close() for client in clients))
    assert wechat[0].token_fetches == [False]


async def test_an_expired_token_is_replaced_and_the_message_sent_once(
    wechat: tuple[FakeWeChat, str], client: WeChatClient
) -> None:
    await client.send("o1", HELLO)
    wechat[0].expire()
    await client.send("o1", HELLO)
    assert wechat[0].token_fetches == [False, True] and len(wechat[0].sent) == 2


async def test_a_token_that_is_refused_for_ever_costs_two_fetches_not_hundreds(
    wechat: tuple[FakeWeChat, str], client: WeChatClient
) -> None:
    wechat[0].refuse_tokens = True
    for _ in range(50):
        with pytest.raises(PlatformError) as error:
            await client.send("o1", HELLO)
        assert error.value.code == 40001
    assert len(wechat[0].token_fetches) == 2


async def test_wrong_credentials_are_said_in_words_that_help(wechat: tuple[FakeWeChat, str]) -> None:
    client = WeChatClient(APP_ID, "wrong", MemoryTokens(), wechat[1])
    assert "WECHAT_APP_SECRET" in (await client.check())[0]
    await client.close()


async def test_good_credentials_have_no_problem(client: WeChatClient) -> None:
    assert await client.check() == []


@pytest.mark.parametrize(
    ("code", "word"), [(45047, "条数"), (45015, "48 小时"), (48001, "认证"), (40164, "白名单"), (12345, "12345")]
)
async def test_refusals_are_told_with_their_reason(
    wechat: tuple[FakeWeChat, str], client: WeChatClient, code: int, word: str
) -> None:
    wechat[0].errors["send"] = [code]
    with pytest.raises(PlatformError, match=word) as error:
        await client.send("o1", HELLO)
    assert error.value.code == code and wechat[0].sent == []


async def test_a_busy_platform_is_asked_once_more(wechat: tuple[FakeWeChat, str], client: WeChatClient) -> None:
    wechat[0].errors["send"] = [-1]
    await client.send("o1", HELLO)
    assert len(wechat[0].sent) == 1


async def test_the_quota_is_the_platforms(wechat: tuple[FakeWeChat, str], client: WeChatClient) -> None:
    wechat[0].quota = 1
    await client.send("o1", HELLO)
    with pytest.raises(PlatformError) as error:
        await client.send("o1", HELLO)
    assert error.value.code == QUOTA_USED_UP


@pytest.mark.parametrize("trouble", ["500", "timeout", "drip", "away"])
async def test_an_outage_is_an_error_without_any_secret_in_it(
    wechat: tuple[FakeWeChat, str], client: WeChatClient, trouble: str
) -> None:
    await client.send("o1", HELLO)
    if trouble == "500":
        wechat[0].http_status = 500
    elif trouble == "timeout":
        wechat[0].hang = True
    elif trouble == "drip":
        wechat[0].drip = True
    else:
        client._api.base = "http://127.0.0.1:1"
    with pytest.raises(PlatformError) as error:
        await client.send("o1", HELLO)
    assert error.value.code == UNREACHABLE and error.value.__cause__ is None
    assert "token-0" not in str(error.value) and SECRET not in str(error.value)
    assert len(wechat[0].sent) == 1, "a message that may have arrived is not sent again"


async def test_published_answers_are_understood() -> None:
    """WeChat's own samples of what its API answers, served as they are."""
    served = {"stable_token": "token", "menu/create": "menu_create", "qrcode/create": "qrcode_create"}
    served |= {"message/custom/send": "message_custom_send", "get_api_domain_ip": "getcallbackip"}

    async def answer(request: web.Request) -> web.Response:
        name = served[request.match_info["path"]]
        return web.Response(text=(RESPONSES / f"{name}.json").read_text(), content_type="text/plain")

    app = web.Application()
    app.router.add_route("*", "/cgi-bin/{path:.*}", answer)
    async with platform(app) as address:
        tokens = MemoryTokens()
        client = WeChatClient(APP_ID, SECRET, tokens, address)
        assert await client.check() == []
        await client.send("o1", HELLO)
        await client.create_menu(menu(BASE_URL))
        code, published = (
            await client.create_qr_code("base:12"),
            json.loads((RESPONSES / "qrcode_create.json").read_text()),
        )
        assert (code.ticket, code.url) == (published["ticket"], published["url"])
        token = json.loads((RESPONSES / "token.json").read_text())["access_token"]
        assert await tokens.get(f"wechat:{APP_ID}", client._fetch) == token
        await client.close()


async def test_buttons_and_cards_are_sent_as_wechat_wants_them(
    wechat: tuple[FakeWeChat, str], client: WeChatClient
) -> None:
    await client.send("o1", MenuOut("您可以选:", (("预约实训", "book"),)))
    await client.send("o1", NewsOut("题", "文", "https://a"))
    menu_message, news = wechat[0].sent
    assert menu_message["touser"] == "o1" and menu_message["msgmenu"]["list"] == [{"id": "book", "content": "预约实训"}]
    assert news["news"]["articles"][0]["title"] == "题"


async def test_showing_typing_again_is_no_error(wechat: tuple[FakeWeChat, str], client: WeChatClient) -> None:
    wechat[0].errors["typing"] = [45081]
    await client.show_typing("o1")


async def test_qr_codes_for_ever_and_for_a_time(wechat: tuple[FakeWeChat, str], client: WeChatClient) -> None:
    lasting, passing = await client.create_qr_code("base:12"), await client.create_qr_code("booking:K7M2Q9", 3600)
    assert lasting.image_url.endswith("ticket=gQH47joA") and passing.seconds == 3600
    bodies = [body for path, body in wechat[0].calls]
    assert bodies[0] == {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "base:12"}}}
    assert bodies[1]["action_name"] == "QR_STR_SCENE" and bodies[1]["expire_seconds"] == 3600
    for scene, seconds in (("", None), ("x" * 65, None), ("base:12", 59), ("base:12", 2_592_001)):
        with pytest.raises(ValueError, match="场景"):
            await client.create_qr_code(scene, seconds)


@pytest.mark.parametrize(
    ("subscription", "path"), [(False, "message/template/send"), (True, "message/subscribe/bizsend")]
)
async def test_notifications_go_by_the_template_with_a_link(
    wechat: tuple[FakeWeChat, str], client: WeChatClient, subscription: bool, path: str
) -> None:
    deliverer = WeChatDeliverer(client, "T1", {"thing1": "title", "const2": "text"}, BASE_URL, subscription)
    await deliverer.deliver(
        "wechat:o1",
        NotificationMessage("数控车床实训预约成功,请按时到场参加培训哦", "11月25日9:00", "/bookings/K7M2Q9"),
    )
    called, body = wechat[0].calls[-1]
    assert called == path and body["touser"] == "o1" and body["template_id"] == "T1"
    assert body["page" if subscription else "url"] == f"{BASE_URL}/bookings/K7M2Q9"
    assert len(body["data"]["thing1"]["value"]) == 20 and body["data"]["const2"]["value"] == "11月25日9:00"


async def test_a_template_keyword_for_something_we_do_not_have_is_refused(client: WeChatClient) -> None:
    with pytest.raises(ValueError, match="teacher"):
        WeChatDeliverer(client, "T1", {"thing1": "teacher"}, BASE_URL, subscription=False)


def test_the_menu_fits_wechats_limits() -> None:
    buttons = menu(BASE_URL)["button"]
    assert len(buttons) <= 3
    for button in buttons:
        assert len(button["name"]) <= 4 and 1 <= len(button["sub_button"]) <= 5
        for item in button["sub_button"]:
            assert len(item["name"]) <= 8
            assert len(item.get("key", "").encode()) <= 128 and item.get("url", BASE_URL).startswith(BASE_URL)


async def test_the_commands_make_a_menu_and_a_qr_code(
    wechat: tuple[FakeWeChat, str], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {
        "WECHAT_APP_ID": APP_ID,
        "WECHAT_APP_SECRET": SECRET,
        "WECHAT_API_BASE": wechat[1],
        "PUBLIC_URL": BASE_URL,
    }
    assert await asyncio.to_thread(main, ["menu"], settings) == 0
    assert await asyncio.to_thread(main, ["qrcode", "base:12", "--days", "30"], settings) == 0
    assert "30 天内有效" in capsys.readouterr().out
    assert [path for path, _ in wechat[0].calls] == ["menu/create", "qrcode/create"]
    assert await asyncio.to_thread(main, ["menu"], {}) == 1
    assert await asyncio.to_thread(main, ["menu"], {**settings, "WECHAT_APP_SECRET": "wrong"}) == 1
    errors = capsys.readouterr().err
    assert "WECHAT_APP_ID" in errors and "WECHAT_APP_SECRET" in errors
