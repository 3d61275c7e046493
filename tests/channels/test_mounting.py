"""Channels from settings: which are mounted, and what is said at the start about settings that are incomplete, odd or refused."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from sanic import Sanic

from bot.settings import SettingsError, read_settings
from bot.shared import Shared
from bot.webhooks import Webhooks
from channels.wechat.client import WeChatDeliverer
from tests.channels.line.fake_line import TOKEN, FakeLine
from tests.channels.line.fake_line import serving as serving_line
from tests.channels.serving import platform
from tests.channels.wechat.fake_wechat import APP_ID, SECRET, FakeWeChat
from tests.channels.wecom.fake_wecom import AGENT_ID, CORP_ID, FakeWeCom
from tests.channels.wecom.fake_wecom import SECRET as WECOM_SECRET

AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
Env = dict[str, str]


@pytest.fixture
async def right() -> AsyncIterator[Env]:
    """Settings that three made-up platforms take."""
    async with AsyncExitStack() as stack:
        wechat = await stack.enter_async_context(platform(FakeWeChat().app()))
        wecom = await stack.enter_async_context(platform(FakeWeCom().app()))
        line = await stack.enter_async_context(serving_line(FakeLine()))
        yield {
            "WECHAT_TOKEN": "t",
            "WECHAT_APP_ID": APP_ID,
            "WECHAT_APP_SECRET": SECRET,
            "WECHAT_AES_KEY": AES_KEY,
            "WECHAT_CERTIFIED": "1",
            "WECHAT_TEMPLATE_ID": "T1",
            "WECHAT_API_BASE": wechat,
            "WECOM_CORP_ID": CORP_ID,
            "WECOM_AGENT_ID": str(AGENT_ID),
            "WECOM_SECRET": WECOM_SECRET,
            "WECOM_TOKEN": "t",
            "WECOM_AES_KEY": AES_KEY,
            "WECOM_API_BASE": wecom,
            "LINE_CHANNEL_SECRET": "s",
            "LINE_CHANNEL_ACCESS_TOKEN": TOKEN,
            "LINE_API_BASE": line.base_url,
        }


def webhooks(tmp_path: Path, env: Env) -> Webhooks:
    settings = read_settings({"VAR_DIR": str(tmp_path), "SECRET_KEY": "x", **env})

    def nobody(channel: str) -> Any:
        return None

    return Webhooks(settings, nobody, str, lambda channel, what: None, Shared(None, tmp_path))


async def started(made: Webhooks) -> tuple[list[str], set[str]]:
    """The channels that a server mounts and the addresses it has, after it has started and said what is wrong."""
    app = Sanic(f"test-mounting-{id(made)}", configure_logging=False)
    names = made.mount(app, lambda message: None)  # type: ignore[arg-type,return-value]
    server = await app.create_server(port=0, return_asyncio_server=True, access_log=False)
    assert server is not None
    await server.startup()
    await server.after_start()
    await app.ctx.checking
    paths = {f"/{route.path.strip('/')}" for route in app.router.routes}
    await server.before_stop()
    server.close()
    await server.wait_closed()
    await server.after_stop()
    return names, paths


async def test_a_channel_without_settings_is_not_mounted(tmp_path: Path) -> None:
    assert await started(webhooks(tmp_path, {})) == ([], set())


async def test_right_settings_mount_every_channel_and_nothing_is_said(
    tmp_path: Path, right: Env, caplog: pytest.LogCaptureFixture
) -> None:
    names, paths = await started(webhooks(tmp_path, right))
    assert names == ["wechat", "wecom", "wecom-kf", "line"]
    assert paths == {f"/webhooks/{name}" for name in names}
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_credentials_that_a_platform_refuses_are_named_at_the_start_and_the_others_work(
    tmp_path: Path, right: Env, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = {"WECHAT_APP_SECRET": "w1", "WECOM_SECRET": "w2", "LINE_CHANNEL_ACCESS_TOKEN": "w3"}
    names, _ = await started(webhooks(tmp_path, {**right, **wrong}))
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert names == ["wechat", "wecom", "wecom-kf", "line"]
    assert [name in each for name, each in zip(wrong, said, strict=True)] == [True] * 3
    assert not any(value in each for value in wrong.values() for each in said)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"WECHAT_APP_ID": "wx1"}, "WECHAT_TOKEN"),
        ({"WECHAT_TOKEN": "t", "WECHAT_CERTIFIED": "1", "WECHAT_APP_ID": "wx1"}, "WECHAT_APP_SECRET"),
        ({"WECHAT_TOKEN": "t", "WECHAT_MODE": "safe", "WECHAT_APP_ID": "wx1"}, "WECHAT_AES_KEY"),
        ({"WECHAT_TOKEN": "t", "WECHAT_APP_ID": "wx1", "WECHAT_AES_KEY": "short"}, "WECHAT_AES_KEY"),
        ({"WECHAT_TOKEN": "t", "WECHAT_MODE": "secret"}, "WECHAT_MODE"),
        ({"WECOM_CORP_ID": "ww1", "WECOM_SECRET": "s", "WECOM_TOKEN": "t", "WECOM_AES_KEY": AES_KEY}, "WECOM_AGENT_ID"),
        ({"LINE_CHANNEL_ACCESS_TOKEN": "t"}, "LINE_CHANNEL_SECRET"),
    ],
)
def test_half_or_odd_settings_stop_the_start_by_name(tmp_path: Path, given: Env, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        webhooks(tmp_path, given)


@pytest.mark.parametrize("subscription", [False, True])
async def test_notices_go_by_the_kind_of_message_that_is_set(tmp_path: Path, right: Env, subscription: bool) -> None:
    made = webhooks(tmp_path, {**right, "WECHAT_SUBSCRIPTION": str(int(subscription))})
    made.inputs()
    deliverer = made.deliverers["wechat"]
    assert isinstance(deliverer, WeChatDeliverer) and deliverer.subscription is subscription
