"""Every page and state, in every look and at both widths: axe finds nothing, nothing sticks out, and what is pressed is large enough."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import AXE, WIDTHS, visit
from tests.browser.scenes import LOOKS, SCENES, Look, converse
from tests.conftest import ROOT, Client, Server

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Another theme is other colours and nothing else (see below), and these are the rules that read colours.
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
SMALLEST_TARGET = {"normal": 44, "elder": 60, "largest": 60}  # CSS px, MIIT 2021
MAIN_TEXT = {"normal": 16, "elder": 24, "largest": 40}
AT = {375: ["light", "dark", "elder", "largest"], 1280: ["light", "dark", "elder"]}
# What the server writes into a page's root for a look (bot/look.py), done to a page that is open already.
_WEAR = """({theme, size}) => {
  const root = document.documentElement.dataset;
  root.theme = theme;
  if (size === 'normal') delete root.size; else root.size = size;
}"""
_AXE = """([where, rules]) => axe.run(where, {runOnly: rules, resultTypes: ['violations']})
  .then((found) => found.violations.map((v) => `${v.id} ${v.nodes[0].html.slice(0, 120)}`))"""
_SIZES = """() => [...document.querySelectorAll('button, .button, input:not([type=radio], [type=checkbox], [type=hidden], .hidden), select, textarea')]
  .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height > 0)
  .map((e) => [Math.round(Math.min(e.getBoundingClientRect().height, e.getBoundingClientRect().width)), e.outerHTML.slice(0, 80)])"""


@pytest.fixture(scope="module")
def spoken(site: Server) -> tuple[Client, str]:
    person = Client(site.base_url)
    return person, converse(person)


@pytest.mark.parametrize("width", WIDTHS)
def test_everybody_can_use_every_page(chromium, site: Server, spoken: tuple[Client, str], width: int) -> None:
    assert not (wrong := _wrong(chromium, site, spoken, width, LOOKS["light"], AT[width])), "\n".join(wrong)


def test_everybody_can_use_every_page_in_traditional_characters(
    chromium, site: Server, spoken: tuple[Client, str]
) -> None:
    assert not (wrong := _wrong(chromium, site, spoken, 375, LOOKS["hant"], ["hant"])), "\n".join(wrong)


def _wrong(chromium, site: Server, spoken: tuple[Client, str], width: int, first: Look, names: list[str]) -> list[str]:
    """What is wrong with every scene at this width, each opened once as `first` and then looked at in all looks of `names`."""
    known, code = spoken
    wrong: list[str] = []
    with visit(chromium, site, first, width) as context:
        for scene in SCENES:
            person = known if scene.known else Client(site.base_url)
            context.add_cookies([{"name": "cjt_session", "value": person.cookie, "url": site.base_url}])
            page = context.new_page()
            scene.open(page, site.base_url, code)
            page.evaluate(AXE.read_text())
            for name in names:
                page.evaluate(_WEAR, vars(LOOKS[name]))
                rules = COLOUR_RULES if name == "dark" else RULES
                wrong += [f"{scene.name}, {name}: {found}" for found in _found(page, width, LOOKS[name], rules)]
            page.close()
            context.set_offline(False)
    return wrong


def _found(page: Page, width: int, look: Look, rules: list[str]) -> list[str]:
    sheet = page.locator("dialog[open]").count() > 0
    if not sheet:  # all of the page, so that the line to write in hides nothing
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": min(height, 12_000)})
    found = list(page.evaluate(_AXE, ["dialog" if sheet else "html", rules]))
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        found.append("wider than the screen")
    found += [f"{px} px {html}" for px, html in page.evaluate(_SIZES) if px < SMALLEST_TARGET[look.size]]
    if float(page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")) < MAIN_TEXT[look.size]:
        found.append("main text too small")
    return found


@pytest.mark.parametrize("sheet", [ROOT / "bot/static/plain.css", ROOT / "web/src/chat.css"])
def test_another_theme_is_other_colours_and_nothing_else(sheet: Path) -> None:
    for selector, body in re.findall(
        r"([^{}]*)\{([^{}]*)\}", re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
    ):
        if "data-theme" in selector:
            names = {line.partition(":")[0].strip() for line in body.split(";") if line.strip()}
            assert all(name.startswith("--") or name == "color-scheme" for name in names), names
