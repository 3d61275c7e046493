"""The rich menu and the command that sets it."""

import asyncio

import pytest

from bot.reply import is_known_payload
from channels.line.__main__ import main, replace_rich_menu
from channels.line.client import LineClient, Unavailable
from channels.line.rich_menu import HEIGHT, IMAGE, WIDTH, rich_menu
from tests.channels.line.fake_line import TOKEN, FakeLine, serving
from tests.channels.line.schema import schema_errors

SITE = "https://cjt.example.cn"


def test_the_menu_is_within_lines_schema_and_its_buttons_are_known() -> None:
    menu = rich_menu(SITE)
    assert schema_errors(menu, "RichMenuRequest") == [] and len(menu["chatBarText"]) <= 14
    actions = [area["action"] for area in menu["areas"]]
    assert all(is_known_payload(a["data"]) for a in actions if a["type"] == "postback")
    assert all(a["uri"].startswith(SITE) for a in actions if a["type"] == "uri")


def test_the_fields_cover_the_picture_without_overlap() -> None:
    bounds = [area["bounds"] for area in rich_menu(SITE)["areas"]]
    assert sum(b["width"] * b["height"] for b in bounds) == WIDTH * HEIGHT
    assert len({(b["x"], b["y"]) for b in bounds}) == len(bounds)


def test_the_picture_is_of_the_menus_size_and_below_a_megabyte() -> None:
    png = IMAGE.read_bytes()
    assert (int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")) == (WIDTH, HEIGHT)
    assert len(png) < 1024 * 1024


async def test_a_new_menu_takes_the_place_of_ours_and_of_nobody_elses() -> None:
    async with serving(FakeLine()) as line:
        client = LineClient(TOKEN, line.base_url)
        line.menus["another"] = {"name": "別人的選單"}
        first = await replace_rich_menu(client, SITE, IMAGE.read_bytes())
        second = await replace_rich_menu(client, SITE, IMAGE.read_bytes())
        await client.close()
    assert line.default_menu == second != first and set(line.menus) == {"another", second}
    assert line.pictures[second] == IMAGE.read_bytes()


async def test_the_old_menu_stays_until_the_new_one_is_there() -> None:
    async def at_once(seconds: float) -> None:
        return None

    async with serving(FakeLine()) as line:
        client = LineClient(TOKEN, line.base_url, at_once)
        first = await replace_rich_menu(client, SITE, IMAGE.read_bytes())
        line.faults["/v2/bot/richmenu"].append(500)
        with pytest.raises(Unavailable):
            await replace_rich_menu(client, SITE, IMAGE.read_bytes())
        await client.close()
    assert line.default_menu == first and first in line.menus


def test_the_command_says_what_is_missing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LINE_CHANNEL_ACCESS_TOKEN", raising=False)
    assert main(["richmenu", "--site", SITE]) == 1
    assert "LINE_CHANNEL_ACCESS_TOKEN" in capsys.readouterr().err
    monkeypatch.setenv("LINE_CHANNEL_ACCESS_TOKEN", TOKEN)
    assert main(["richmenu", "--site", SITE, "--image", "/nowhere.png"]) == 1
    assert "读不了图片" in capsys.readouterr().err
    assert main(["richmenu", "--site", SITE, "--image", __file__]) == 1
    assert "PNG" in capsys.readouterr().err


async def test_the_command_sets_the_menu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(FakeLine()) as line:
        monkeypatch.setenv("LINE_CHANNEL_ACCESS_TOKEN", TOKEN)
        monkeypatch.setenv("LINE_API_BASE", line.base_url)
        assert await asyncio.to_thread(main, ["richmenu", "--site", SITE]) == 0
    assert line.default_menu is not None and "菜单已换好" in capsys.readouterr().out
