"""Every page and state, in every look and at both widths: axe finds nothing, nothing sticks out, and what is pressed is large enough."""

import pytest

from tests.browser.conftest import AXE, visit
from tests.browser.scenes import LOOKS, SCENES, converse
from tests.conftest import Client, Server

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SMALLEST_TARGET = {"normal": 44, "elder": 60, "largest": 60}  # CSS px, MIIT 2021
MAIN_TEXT = {"normal": 16, "elder": 24, "largest": 40}
_SIZES = """() => [...document.querySelectorAll('button, .button, input:not([type=radio], [type=checkbox], [type=hidden], .hidden), select, textarea')]
  .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height > 0)
  .map((e) => [Math.round(Math.min(e.getBoundingClientRect().height, e.getBoundingClientRect().width)), e.outerHTML.slice(0, 80)])"""


@pytest.fixture(scope="module")
def spoken(site: Server) -> tuple[Client, str]:
    person = Client(site.base_url)
    return person, converse(person)


@pytest.mark.parametrize(
    ("name", "width"), [(n, w) for n in LOOKS for w in (375, 1280) if w == 375 or n not in ("largest", "hant")]
)
def test_everybody_can_use_every_page(
    chromium, site: Server, spoken: tuple[Client, str], name: str, width: int
) -> None:
    look = LOOKS[name]
    person, code = spoken
    wrong: list[str] = []
    with visit(chromium, site, look, width) as context:
        context.add_cookies([{"name": "cjt_session", "value": person.cookie, "url": site.base_url}])
        context.add_init_script(path=AXE)
        for scene in SCENES:
            page = context.new_page()
            page.goto(site.base_url + scene.path.format(code=code))
            if scene.talk:
                page.wait_for_selector(".app .talk li")
            if scene.prepare:
                scene.prepare(page)
            sheet = page.locator("dialog[open]").count() > 0
            if not sheet:  # all of the page, so that the line to write in hides nothing
                height = page.evaluate("document.documentElement.scrollHeight")
                page.set_viewport_size({"width": width, "height": min(height, 12_000)})
            found = page.evaluate(
                "([where, rules]) => axe.run(where, {runOnly: rules})", ["dialog" if sheet else "html", RULES]
            )
            wrong += [f"{scene.name}: {v['id']} {v['nodes'][0]['html'][:120]}" for v in found["violations"]]
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                wrong.append(f"{scene.name}: wider than the screen")
            wrong += [
                f"{scene.name}: {px} px {html}" for px, html in page.evaluate(_SIZES) if px < SMALLEST_TARGET[look.size]
            ]
            if float(page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")) < MAIN_TEXT[look.size]:
                wrong.append(f"{scene.name}: main text too small")
            page.close()
            context.set_offline(False)
    assert not wrong, "\n".join(wrong)
