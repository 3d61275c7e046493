"""A real Chromium against a real server with the built chat page. Without Chromium these tests are skipped, but never in CI."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.browser.scenes import LOOKS, Look
from tests.conftest import ROOT, Client, Server, running_server, trained_folder

try:
    from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
except ImportError:  # outside CI a developer may do without
    sync_playwright = None  # type: ignore[assignment]

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
WIDTHS = {375: 760, 1280: 800}
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
# What the browser says of an answer that is an error or does not come; a test that means it to happen says so.
EXPECTED = ("ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "status of 401", "status of 404", "status of 422")


# Not for the whole session: while Playwright runs, its event loop is this process's, and no test of a coroutine can run.
@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    missing = "Chromium" if CHROMIUM is None else "playwright" if sync_playwright is None else ""
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{missing} is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(chromium: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has the built page."""
    built = subprocess.run(["bash", "web/build.sh"], cwd=ROOT, capture_output=True, text=True)
    if built.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(built.stderr.strip())
    var = trained_folder(tmp_path_factory.mktemp("site"))
    with running_server(var, MESSAGES_PER_MINUTE="100000", STAFF_TOKEN="a-token-for-tests-only") as running:
        yield running


@contextmanager
def visit(
    browser: "Browser", site: Server, look: Look = LOOKS["light"], width: int = 375, **more: Any
) -> Iterator["BrowserContext"]:
    """A visitor's browser with a look of theirs. At the end: nothing was asked of anybody else, and no error was reported."""
    context = browser.new_context(
        viewport={"width": width, "height": WIDTHS[width]}, locale="zh-CN", reduced_motion="reduce", **more
    )
    context.add_cookies([{"name": "cjt_look", "value": str(look), "url": site.base_url}])
    context.set_default_timeout(20_000)
    said: list[str] = []
    context.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    context.on("weberror", lambda e: said.append(str(e.error)))
    foreign: list[str] = []
    own = (site.base_url, "data:", "blob:")
    context.on("request", lambda r: None if r.url.startswith(own) else foreign.append(r.url))
    yield context
    context.close()
    assert not foreign
    assert not [text for text in said if not any(expected in text for expected in EXPECTED)]


@pytest.fixture
def page(chromium: "Browser", site: Server) -> Iterator["Page"]:
    """The chat page on a phone, ready."""
    with visit(chromium, site) as context:
        page = context.new_page()
        page.goto(f"{site.base_url}/chat/")
        page.wait_for_selector(".app")
        yield page


@pytest.fixture
def person(site: Server) -> Client:
    return Client(site.base_url)
