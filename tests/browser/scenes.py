"""Every page and state that is looked at: by axe in test_looks.py, and as pictures in docs/screenshots (python -m tests.browser.pictures)."""

import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from openpyxl import load_workbook

from bot.look import Look
from policy_kb.rules.roster import template
from tests.conftest import Client

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["LOOKS", "PARTS", "SCENES", "Look", "Scene", "book", "converse", "roster"]

LOOKS = {
    "light": Look(theme="light"),
    "dark": Look(theme="dark"),
    "elder": Look(theme="light", size="elder"),
    "largest": Look(theme="light", size="largest"),
    "hant": Look(theme="light", script="hant"),
}


@dataclass(frozen=True)
class Scene:
    """`path` may name `{code}`, a booking of the visitor. `prepare` brings the page into the state; `talk` says that it is the chat."""

    name: str
    path: str
    prepare: Callable[["Page"], object] | None = None

    @property
    def talk(self) -> bool:
        return self.path == "/chat/"


def _open(*buttons: str) -> Callable[["Page"], None]:
    def press(page: "Page") -> None:
        for button in buttons:
            page.locator(button).last.click()
        page.wait_for_selector("dialog[open]")
        page.wait_for_selector("dialog .meta[role=status]", state="detached")

    return press


def _offline(page: "Page") -> None:
    page.context.set_offline(True)
    page.fill("#text", "现代学徒制是什么?")
    page.keyboard.press("Enter")
    page.wait_for_selector(".failed")


def _at(part: str) -> Callable[["Page"], None]:
    def scroll(page: "Page") -> None:
        page.locator(part).first.evaluate(
            "(e) => scrollTo({top: e.getBoundingClientRect().top + scrollY - 90, behavior: 'instant'})"
        )

    return scroll


# Parts of the one long talk, for the pictures: axe reads it whole.
PARTS = [
    Scene("answer", "/chat/", _at(".bot .lead >> nth=1")),
    Scene("assessment", "/chat/", _at(".assessment")),
    Scene("booked", "/chat/", _at(".bot:has(.facts):has-text('约好了')")),
    Scene("slots offered", "/chat/", _at(".slots >> nth=-1")),
]
SCENES = [
    Scene("talk", "/chat/"),
    Scene("citation", "/chat/", _open(".chip")),
    Scene("more", "/chat/", _open(".write .plain")),
    Scene("roster", "/chat/", _open(".write .plain", ".actions button >> nth=0")),
    Scene("look", "/chat/", _open(".top .look")),
    Scene("offline", "/chat/", _offline),
    Scene("policies", "/policies/"),
    Scene("search", "/policies/?q=津贴"),
    Scene("policy", "/policies/sx-2018-38#16"),
    Scene("rules", "/policies/rules/"),
    Scene("slots", "/slots/"),
    Scene("slot", "/slots/1"),
    Scene("bookings", "/bookings/"),
    Scene("booking", "/bookings/{code}"),
    Scene("move", "/bookings/{code}/reschedule"),
    Scene("cancel", "/bookings/{code}/cancel"),
    Scene("erase", "/bookings/erase"),
    Scene("settings", "/settings/"),
    Scene("check-in", "/check-in/"),
    Scene("missing", "/policies/nothing"),
]


def converse(person: Client) -> str:
    """A conversation with every kind of reply in it; the code of the booking that it makes."""
    person.say("今天天气怎么样?")
    person.say("实习给不给钱?")
    person.say("新招了8个人,都签了一年合同,3个考了证,能领多少")
    while "assessment" not in [reply["kind"] for reply in person.tap("reply:yes")]:
        pass
    code = book(person)
    person.tap("book")
    return code


def roster() -> bytes:
    """A filled-in roster: one person gets both sums, one lacks the certificate's dates, one has a mistake."""
    book = load_workbook(io.BytesIO(template()))
    for row in (
        ["赵大海", "是", "是", None, None, 12, "证书", date(2024, 9, 1), date(2024, 3, 1)],
        ["李红", "是", "是", None, None, None, None, None, None],
        ["王小明", "是", "是", None, None, "很久", None, None, None],
    ):
        book.worksheets[0].append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def book(person: Client) -> str:
    """Book the last of the slots offered in conversation; its code."""
    [offered] = person.tap("book")
    person.tap(f"slot:{offered['cards'][0]['slots'][-1]['id']}")
    person.tap("reply:yes")
    person.say(f"张三 138{random.randrange(10**8):08d}")
    [booked] = person.tap("reply:yes")
    return str(booked["cards"][0]["code"])
