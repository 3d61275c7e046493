"""`python -m channels.wechat menu | qrcode SCENE [--days N]`: the account's menu and QR codes, made from the command line."""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any

from channels.platform_api import PlatformError
from channels.text import absolute
from channels.tokens import MemoryTokens
from channels.wechat.client import API_BASE, WeChatClient

DAY = 24 * 3600


def menu(base_url: str) -> dict[str, Any]:
    """The account's menu: at most 3 entries of 4 characters, each with at most 5 of 8. Keys are quick-reply payloads."""

    def click(name: str, payload: str) -> dict[str, str]:
        return {"type": "click", "name": name, "key": payload}

    def view(name: str, path: str) -> dict[str, str]:
        return {"type": "view", "name": name, "url": absolute(path, base_url)}

    return {
        "button": [
            {"name": "问政策", "sub_button": [click("能问什么", "help"), view("政策原文", "/policies/")]},
            {
                "name": "算补贴",
                "sub_button": [
                    click("企业培训津贴", "assess:training-allowance"),
                    click("实习工资够不够", "assess:intern-pay"),
                    click("能不能申报基地", "assess:base-application"),
                    view("上传员工名单", "/chat/"),
                ],
            },
            {"name": "约实训", "sub_button": [click("预约实训", "book"), view("网页版", "/chat/")]},
        ]
    }


async def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> str:
    """What was done, in Chinese. Raises PlatformError, and ValueError for settings or values that cannot be used."""
    missing = [name for name in ("WECHAT_APP_ID", "WECHAT_APP_SECRET") if not environ.get(name)]
    if arguments.command == "menu" and not arguments.base_url:
        missing.append("PUBLIC_URL")
    if missing:
        raise ValueError(f"请先设置环境变量 {'、'.join(missing)}")
    client = WeChatClient(
        environ["WECHAT_APP_ID"],
        environ["WECHAT_APP_SECRET"],
        MemoryTokens(),
        environ.get("WECHAT_API_BASE") or API_BASE,
    )
    try:
        if arguments.command == "menu":
            await client.create_menu(menu(arguments.base_url))
            return "公众号菜单已更新,用户最迟 5 分钟后看到"
        code = await client.create_qr_code(arguments.scene, arguments.days * DAY if arguments.days else None)
        good_for = f"{arguments.days} 天内有效" if arguments.days else "长期有效"
        return f"二维码({good_for}):{code.image_url}\n内容:{code.url}"
    finally:
        await client.close()


def main(argv: list[str], environ: Mapping[str, str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m channels.wechat", description="公众号的菜单和二维码")
    commands = parser.add_subparsers(dest="command", required=True)
    make_menu = commands.add_parser("menu", help="更新公众号底部的菜单")
    make_menu.add_argument(
        "--base-url", default=environ.get("PUBLIC_URL"), help="网站的公开地址,默认取环境变量 PUBLIC_URL"
    )
    qr_code = commands.add_parser("qrcode", help="生成带参数的二维码")
    qr_code.add_argument("scene", help="扫码后带来的内容:base:<基地编号> 或 booking:<预约码>")
    qr_code.add_argument("--days", type=int, choices=range(1, 31), metavar="1-30", help="有效天数,不写就是长期有效")
    try:
        print(asyncio.run(run(parser.parse_args(argv), environ)))
    except (PlatformError, ValueError) as error:
        print(f"没有成功:{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
