"""`python -m channels.line richmenu --site https://…`: put our menu under everybody's LINE chat, in place of the last one."""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

from channels.line.client import API_BASE, LineClient, LineError
from channels.line.rich_menu import HEIGHT, IMAGE, NAME, WIDTH, rich_menu

MAX_IMAGE_BYTES = 1024 * 1024


async def replace_rich_menu(client: LineClient, base_url: str, picture: bytes) -> str:
    """Make the menu, show it to everybody, and only then delete our former ones; the new one's id. Raises LineError."""
    former = [menu["richMenuId"] for menu in await client.rich_menus() if menu.get("name") == NAME]
    menu_id = await client.create_rich_menu(rich_menu(base_url), picture)
    await client.show_rich_menu(menu_id)
    for old in former:
        await client.delete_rich_menu(old)
    return menu_id


async def _run(arguments: argparse.Namespace) -> int:
    if arguments.dry_run:
        print(json.dumps(rich_menu(arguments.site), ensure_ascii=False, indent=2))
        return 0
    token = os.environ.get("LINE_CHANNEL_ACCESS_TOKEN")
    if not token:
        return _fail("请先设置环境变量 LINE_CHANNEL_ACCESS_TOKEN")
    try:
        picture = arguments.image.read_bytes()
    except OSError as error:
        return _fail(f"读不了图片 {arguments.image}:{error.strerror}")
    if len(picture) > MAX_IMAGE_BYTES or picture[:4] != b"\x89PNG":
        return _fail(f"图片 {arguments.image} 应是 PNG,最多 1 MB")
    client = LineClient(token, os.environ.get("LINE_API_BASE") or API_BASE)
    try:
        print(f"菜单已换好:{await replace_rich_menu(client, arguments.site, picture)}")
    except LineError as error:
        return _fail(str(error))
    finally:
        await client.close()
    return 0


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m channels.line", description="LINE 官方账号的设置")
    commands = parser.add_subparsers(dest="command", required=True)
    menu = commands.add_parser("richmenu", help="换上聊天窗口下面的菜单(所有人)")
    menu.add_argument("--site", required=True, help="网站的公开地址,例如 https://cjt.example.cn")
    menu.add_argument("--image", type=Path, default=IMAGE, help=f"菜单图片,PNG,{WIDTH}×{HEIGHT}")
    menu.add_argument("--dry-run", action="store_true", help="只显示菜单内容,不改动")
    return asyncio.run(_run(parser.parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
