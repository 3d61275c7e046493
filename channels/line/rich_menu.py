"""The menu under the chat: six fields over rich_menu.png. In Traditional characters, which LINE's readers of Chinese use."""

from pathlib import Path

from channels.line.flex import Json, link, postback
from channels.text import absolute

IMAGE = Path(__file__).parent / "rich_menu.png"
WIDTH, HEIGHT, COLUMNS = 1200, 810, 3
# What every menu of ours is called, so that the next one can replace it.
NAME = "產教通選單"
# Title and payload, or the address of a page of ours. The picture shows the same titles in the same order.
FIELDS = (
    ("能問什麼", "help"),
    ("實習權益", "ask:intern-pay"),
    ("算培訓津貼", "assess:training-allowance"),
    ("預約實訓", "book"),
    ("政策原文", "/policies/"),
    ("打開網頁", "/chat/"),
)


def rich_menu(base_url: str) -> Json:
    """The rich menu object ("Create rich menu"), two rows of three fields."""
    width, height = WIDTH // COLUMNS, HEIGHT // (len(FIELDS) // COLUMNS)
    areas = [
        {
            "bounds": {"x": n % COLUMNS * width, "y": n // COLUMNS * height, "width": width, "height": height},
            "action": link(title, absolute(target, base_url)) if target.startswith("/") else postback(title, target),
        }
        for n, (title, target) in enumerate(FIELDS)
    ]
    size = {"width": WIDTH, "height": HEIGHT}
    return {"size": size, "selected": True, "name": NAME, "chatBarText": "選單", "areas": areas}
