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
    """`path` may name `{code}`, a booking of the visitor. `prepare` brings the page into the state. `known`: the visitor of `converse`, not
    somebody new."""

    name: str
    path: str
    prepare: Callable[["Page"], object] | None = None
    known: bool = True

    def open(self, page: "Page", base_url: str, code: str) -> None:
        page.add_init_script("localStorage.clear()")  # what another scene could not send
        page.goto(base_url + self.path.format(code=code))
        page.wait_for_selector(".app .talk li" if self.path == "/chat/" else "main")
        if self.prepare:
            self.prepare(page)


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


def _busy(page: "Page") -> None:
    """An answer and a file that take their time."""
    slow = {"offline": False, "latency": 60_000, "downloadThroughput": -1, "uploadThroughput": -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    page.fill("#text", "现代学徒制是什么?")
    page.keyboard.press("Enter")
    _open(".write .plain", ".actions button >> nth=0")(page)
    page.locator("dialog input[type=file]").set_input_files({"name": "名单.xlsx", "mimeType": "", "buffer": b"PK"})
    page.locator("dialog form button").last.click()
    page.wait_for_selector("progress")


def _useless(page: "Page") -> None:
    page.locator(".tools button").last.click()
    page.wait_for_selector(".why")


def _focused(page: "Page") -> None:
    page.locator(".bot .quick button").nth(1).hover()
    page.locator(".bot .quick button").first.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")


def _decision(page: "Page") -> None:
    page.locator("a[href^='/assessments/']:not([href*=people])").first.click()
    page.wait_for_selector("h1")


def _people(page: "Page") -> None:
    page.locator("a[href^='/assessments/people/']").first.click()
    page.wait_for_selector("h1")


def _refused(page: "Page") -> None:
    """A booking form that comes back with what is wrong."""
    page.fill("[name=name]", "张三")
    page.fill("[name=phone]", "12")
    page.check("[name=consent]")
    page.locator("[name=do]").first.click()
    page.wait_for_selector(".problem")


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
    Scene("roster's result", "/chat/", _at(".assessment >> nth=1")),
    Scene("booked", "/chat/", _at(".bot:has(.facts):has-text('约好了')")),
    Scene("slots offered", "/chat/", _at(".slots >> nth=-1")),
]
SCENES = [
    Scene("welcome", "/chat/", known=False),
    Scene("hover and focus", "/chat/", _focused, known=False),
    Scene("busy", "/chat/", _busy, known=False),
    Scene("talk", "/chat/"),
    Scene("what was wrong", "/chat/", _useless),
    Scene("citation", "/chat/", _open(".chip")),
    Scene("more", "/chat/", _open(".write .plain")),
    Scene("roster", "/chat/", _open(".write .plain", ".actions button >> nth=0")),
    Scene("look", "/chat/", _open(".top .look")),
    Scene("offline", "/chat/", _offline),
    Scene("policies", "/policies/"),
    Scene("search", "/policies/?q=津贴"),
    Scene("nothing found", "/policies/?q=月球"),
    Scene("policy", "/policies/sx-2018-38#16"),
    Scene("rules", "/policies/rules/"),
    Scene("slots", "/slots/"),
    Scene("no slots", "/slots/?q=凌晨的数控"),
    Scene("slot", "/slots/1"),
    Scene("refused", "/slots/1", _refused, known=False),
    Scene("bookings", "/bookings/"),
    Scene("no bookings", "/bookings/", known=False),
    Scene("booking", "/bookings/{code}"),
    Scene("move", "/bookings/{code}/reschedule"),
    Scene("cancel", "/bookings/{code}/cancel"),
    Scene("erase", "/bookings/erase"),
    Scene("mine", "/bookings/mine"),
    Scene("settings", "/settings/"),
    Scene("check-in", "/check-in/"),
    Scene("decision", "/chat/", _decision),
    Scene("people", "/chat/", _people),
    Scene("missing", "/policies/nothing"),
]


def converse(person: Client) -> str:
    """A conversation with every kind of reply in it; the code of the booking that it makes."""
    person.say("今天天气怎么样?")
    person.say("实习给不给钱?")
    person.say("新招了8个人,都签了一年合同,3个考了证,能领多少")
    while "assessment" not in [reply["kind"] for reply in person.tap("reply:yes")]:
        pass
    sent = person.http.post(f"{person.base_url}/chat/files", files={"file": ("名单.xlsx", roster())})
    person.tap(sent.json()["messages"][0]["quick_replies"][0]["payload"])
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
