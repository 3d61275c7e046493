"""`python -m channels check` against made-up platforms: what is right, what is wrong, and which address goes where."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.settings import Settings, read_settings
from channels.__main__ import check
from tests.channels.serving import platform
from tests.channels.wechat.fake_wechat import APP_ID, SECRET, FakeWeChat
from tests.channels.wecom.fake_wecom import AGENT_ID, CORP_ID, FakeWeCom
from tests.channels.wecom.fake_wecom import SECRET as WECOM_SECRET

SITE = "https://cjt.example.cn"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"


def settings(tmp_path: Path, **given: str) -> Settings:
    return read_settings({"VAR_DIR": str(tmp_path), "SECRET_KEY": "x", "PUBLIC_URL": SITE, **given})


def wechat(base: str, secret: str = SECRET) -> dict[str, str]:
    own = {"TOKEN": "t", "APP_ID": APP_ID, "APP_SECRET": secret, "CERTIFIED": "1", "API_BASE": base, "MODE": "plain"}
    return {f"WECHAT_{name}": value for name, value in own.items()}


def wecom(base: str) -> dict[str, str]:
    own = {"CORP_ID": CORP_ID, "SECRET": WECOM_SECRET, "TOKEN": "t", "AES_KEY": AES_KEY, "API_BASE": base}
    return {f"WECOM_{name}": value for name, value in {**own, "AGENT_ID": str(AGENT_ID)}.items()}


@asynccontextmanager
async def line(**answers: Any) -> AsyncIterator[dict[str, str]]:
    """Settings for a LINE that gives these answers (`about`, `webhook`, `test`); None is a 404."""

    def answering(answer: Any) -> Any:
        async def handler(request: web.Request) -> web.Response:
            assert request.headers["Authorization"] == "Bearer the-token"
            return web.json_response(answer or {"message": "Not found"}, status=200 if answer else 404)

        return handler

    app = web.Application()
    about = {"displayName": "產教通", "basicId": "@cjt", "chatMode": "bot"}
    app.router.add_get("/v2/bot/info", answering(answers.get("about", about)))
    app.router.add_get("/v2/bot/channel/webhook/endpoint", answering(answers.get("webhook")))
    app.router.add_post("/v2/bot/channel/webhook/test", answering(answers.get("test")))
    async with platform(app) as base:
        yield {"LINE_CHANNEL_SECRET": "s", "LINE_CHANNEL_ACCESS_TOKEN": "the-token", "LINE_API_BASE": base}


async def lines(tmp_path: Path, **given: str) -> list[str]:
    return [str(finding) for finding in await check(settings(tmp_path, **given))]


async def test_a_channel_without_settings_is_said_to_be_off_and_nobody_is_asked(tmp_path: Path) -> None:
    assert await lines(tmp_path) == [f"· {name}:没有设置,不启用" for name in ("微信公众号", "企业微信", "LINE")]


async def test_right_settings_are_confirmed_with_the_addresses_to_enter(tmp_path: Path) -> None:
    ours = {"endpoint": f"{SITE}/webhooks/line", "active": True}
    async with (
        platform(FakeWeChat().app()) as weixin,
        platform(FakeWeCom().app()) as work,
        line(webhook=ours, test={"success": True}) as own,
    ):
        said = await lines(tmp_path, **wechat(weixin), **wecom(work), **own)
    assert not [each for each in said if each.startswith("✗")]
    assert len([each for each in said if each.startswith("✓")]) == 4
    for channel in ("wechat", "wecom", "wecom-kf"):
        assert any(each.endswith(f"{SITE}/webhooks/{channel}") for each in said)


async def test_a_wrong_secret_is_named_and_not_shown(tmp_path: Path) -> None:
    async with platform(FakeWeChat().app()) as base:
        said = "\n".join(await lines(tmp_path, **wechat(base, "wrong-secret")))
    assert "✗ 微信公众号:AppSecret 不对,请检查 WECHAT_APP_SECRET" in said
    assert "wrong-secret" not in said


async def test_a_server_that_is_not_on_the_allow_list_is_told_so(tmp_path: Path) -> None:
    fake = FakeWeCom()
    fake.errors["get"] = [60020, 60020]
    async with platform(fake.app()) as base:
        said = await lines(tmp_path, **wecom(base))
    assert any(each.startswith("✗ 企业微信:服务器的 IP 不在可信 IP 里") for each in said)


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({"webhook": None}, f"还没有填 Webhook URL,应是 {SITE}/webhooks/line"),
        (
            {"webhook": {"endpoint": "https://old.example/line", "active": True}},
            "Webhook URL 是 https://old.example/line",
        ),
        ({"webhook": {"endpoint": f"{SITE}/webhooks/line", "active": False}}, "Webhook 没有启用"),
        (
            {
                "webhook": {"endpoint": f"{SITE}/webhooks/line", "active": True},
                "test": {"success": False, "statusCode": 403, "reason": "ERROR_STATUS_CODE", "detail": "403"},
            },
            "LINE 连不上我们的 Webhook(403 ERROR_STATUS_CODE 403)",
        ),
    ],
)
async def test_what_is_wrong_on_lines_side_is_said(tmp_path: Path, answers: dict[str, Any], problem: str) -> None:
    async with line(**answers) as own:
        said = await lines(tmp_path, **own)
    assert any(each.startswith("✗ LINE:") and problem in each for each in said), said


async def test_an_account_that_people_answer_too_is_mentioned(tmp_path: Path) -> None:
    about = {"displayName": "x", "basicId": "@x", "chatMode": "chat"}
    async with line(
        about=about, webhook={"endpoint": f"{SITE}/webhooks/line", "active": True}, test={"success": True}
    ) as own:
        said = await lines(tmp_path, **own)
    assert any(each.startswith("· LINE:账号开着人工聊天") for each in said)


async def test_a_platform_out_of_reach_is_a_finding(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        said = await lines(tmp_path, **wechat(f"http://127.0.0.1:{nobody.getsockname()[1]}"))
    assert any(each.startswith("✗ 微信公众号:连不上平台接口") for each in said)


async def test_an_address_that_platforms_cannot_reach_is_refused(tmp_path: Path) -> None:
    async with platform(FakeWeCom().app()) as base:
        said = await lines(tmp_path, **{**wecom(base), "PUBLIC_URL": "http://127.0.0.1:5005"})
    assert said[0].startswith("✗ PUBLIC_URL 是 http://127.0.0.1:5005")
