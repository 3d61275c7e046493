"""`python -m channels check`: asks every platform that has settings whether they are right, and prints what it says in Chinese."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Literal

from bot.settings import LineSettings, Settings, SettingsError, WeChatSettings, WeComSettings, read_settings
from channels.line.client import LineClient, LineError
from channels.tokens import MemoryTokens, Tokens
from channels.wechat.client import WeChatClient
from channels.wecom.client import WeComClient

Verdict = Literal["good", "bad", "note"]
MARKS: dict[Verdict, str] = {"good": "✓", "bad": "✗", "note": "·"}


@dataclass(frozen=True)
class Finding:
    """One Chinese line about a channel: something is right, wrong, or to be known."""

    verdict: Verdict
    text: str

    def __str__(self) -> str:
        return f"{MARKS[self.verdict]} {self.text}"


async def check(settings: Settings, tokens: Tokens | None = None) -> list[Finding]:
    """What the platforms say, one channel after the other. Platforms that fail or cannot be reached are findings, not errors."""
    tokens = tokens or MemoryTokens()
    found = _public_url(settings)
    found += await _wechat(settings.wechat, settings.public_url, tokens) if settings.wechat else [_unset("微信公众号")]
    found += await _wecom(settings.wecom, settings.public_url, tokens) if settings.wecom else [_unset("企业微信")]
    found += await _line(settings.line, settings.public_url) if settings.line else [_unset("LINE")]
    return found


def webhook(public_url: str, channel: str) -> str:
    """The address that is entered on a platform."""
    return f"{public_url.rstrip('/')}/webhooks/{channel}"


def _unset(name: str) -> Finding:
    return Finding("note", f"{name}:没有设置,不启用")


def _public_url(settings: Settings) -> list[Finding]:
    if not (settings.wechat or settings.wecom or settings.line) or settings.public_url.startswith("https://"):
        return []
    return [Finding("bad", f"PUBLIC_URL 是 {settings.public_url},平台和用户要的是 https:// 开头的公开地址")]


async def _wechat(own: WeChatSettings, public_url: str, tokens: Tokens) -> list[Finding]:
    address = Finding("note", f"微信公众号:后台“服务器地址(URL)”应是 {webhook(public_url, 'wechat')}")
    if not own.certified:
        return [Finding("note", "微信公众号:没有认证(WECHAT_CERTIFIED 不是 1),只能被动回复,没有接口可查"), address]
    client = WeChatClient(own.app_id, own.app_secret, tokens, own.api_base)
    try:
        problems = await client.check()
    finally:
        await client.close()
    if problems:
        return [*(Finding("bad", problem) for problem in problems), address]
    found = [Finding("good", "微信公众号:AppID、AppSecret 和 IP 白名单都对"), address]
    if not own.template_id:
        found.append(Finding("note", "微信公众号:没有设置 WECHAT_TEMPLATE_ID,预约提醒发不到公众号里"))
    return found


async def _wecom(own: WeComSettings, public_url: str, tokens: Tokens) -> list[Finding]:
    client = WeComClient(own.corp_id, own.agent_id, own.secret, tokens, own.api_base)
    try:
        problems = await client.check()
    finally:
        await client.close()
    good = [Finding("good", "企业微信:企业 ID、AgentId、Secret 和可信 IP 都对")]
    return [
        *([Finding("bad", problem) for problem in problems] or good),
        Finding("note", f"企业微信:应用的“接收消息”URL 应是 {webhook(public_url, 'wecom')}"),
        Finding("note", f"企业微信:微信客服的回调 URL 应是 {webhook(public_url, 'wecom-kf')}"),
    ]


async def _line(own: LineSettings, public_url: str) -> list[Finding]:
    client = LineClient(own.access_token, own.api_base)
    try:
        about = await _asked(client.bot_info())
        if isinstance(about, Finding):
            return [about]
        found = [Finding("good", f"LINE:access token 可用,账号是 {about.get('displayName')}({about.get('basicId')})")]
        if about.get("chatMode") == "chat":
            found.append(Finding("note", "LINE:账号开着人工聊天(Chat),只让产教通回答就在“回应设置”里关掉"))
        return found + await _line_webhook(client, webhook(public_url, "line"))
    finally:
        await client.close()


async def _line_webhook(client: LineClient, address: str) -> list[Finding]:
    there = await _asked(client.webhook(), missing=f"LINE:还没有填 Webhook URL,应是 {address}")
    if isinstance(there, Finding):
        return [there]
    if there.get("endpoint") != address:
        return [Finding("bad", f"LINE:Webhook URL 是 {there.get('endpoint')},应是 {address}")]
    if not there.get("active"):
        return [Finding("bad", "LINE:Webhook 没有启用,请打开“Use webhook”")]
    tried = await _asked(client.test_webhook())
    if isinstance(tried, Finding):
        return [tried]
    if not tried.get("success"):
        reason = f"{tried.get('statusCode')} {tried.get('reason')} {tried.get('detail')}"
        return [Finding("bad", f"LINE:LINE 连不上我们的 Webhook({reason})")]
    return [Finding("good", "LINE:Webhook 已启用,LINE 连得上")]


async def _asked(question: Awaitable[dict[str, Any]], missing: str | None = None) -> dict[str, Any] | Finding:
    """LINE's answer, or what is wrong. `missing` is what a 404 means."""
    try:
        return await question
    except LineError as error:
        return Finding("bad", missing if missing and error.status == 404 else f"LINE:{error}")


def main(argv: list[str]) -> int:
    """0 when nothing is wrong."""
    parser = argparse.ArgumentParser(prog="python -m channels", description="聊天渠道")
    commands = parser.add_subparsers(dest="command", required=True, metavar="命令")
    commands.add_parser("check", help="向各平台核对设置")
    parser.parse_args(argv)
    try:
        found = asyncio.run(check(read_settings()))
    except SettingsError as error:
        print(f"错误:{error}", file=sys.stderr)
        return 1
    for finding in found:
        print(finding)
    return int(any(finding.verdict == "bad" for finding in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
