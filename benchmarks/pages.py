"""What a slow phone has to wait for the pages, and what Lighthouse says of them. Needs Chromium; Lighthouse needs Node and, once, npm.

Lighthouse is a measuring tool of 200 packages, so it is in no lock of ours: its version is fixed here, and it is installed under var/.
"""

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import reached, table, verdict
from bot.settings import ROOT
from bot.web_page import DIST

LIGHTHOUSE = "12.8.2"  # the last that runs on Node 20
INSTALLED = ROOT / "var" / "benchmarks" / f"lighthouse-{LIGHTHOUSE}"
# Lighthouse's own mobile profile, "slow 4G": milliseconds a request, bytes a second; and a CPU that is four times slower.
SLOW_PHONE = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
CPU_TIMES_SLOWER = 4
LOADS = 5
SECONDS, BYTES, SCORES = 1.0, 70_000, {"accessibility": 100, "best-practices": 95}
# Milliseconds to the first text on the screen.
_PAINT = """new Promise((seen) => new PerformanceObserver(
  (list) => list.getEntriesByName('first-contentful-paint').forEach((entry) => seen(entry.startTime))
).observe({type: 'paint', buffered: true}))"""
_TEXT = "document.querySelector('main, .app').innerText.trim().length"


def measure() -> str:
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import CHROMIUM, FLAGS
    from tests.browser.scenes import converse
    from tests.conftest import Client, running_server, trained_folder

    with tempfile.TemporaryDirectory() as folder, ExitStack() as held:
        site = held.enter_context(running_server(trained_folder(Path(folder)), MESSAGES_PER_MINUTE="100000"))
        person = Client(site.base_url)
        code = converse(person)
        pages = {
            "chat, first visit": ("/chat/", None),
            "chat, after 15 exchanges": ("/chat/", person.cookie),
            "a policy": ("/policies/sx-2018-38", None),
            "slots": ("/slots/", None),
            "a booking": (f"/bookings/{code}", person.cookie),
        }
        scores = {name: _lighthouse(site.base_url + path, cookie) for name, (path, cookie) in pages.items()}
        playwright = held.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        waits = {name: _slow_phone(browser, site.base_url, path, cookie) for name, (path, cookie) in pages.items()}
        browser.close()
    return _shown(waits, scores)


def _slow_phone(browser: Any, url: str, path: str, cookie: str | None) -> np.ndarray:
    """By load: seconds to the first text, seconds to the whole page, bytes that came. Nothing is cached."""
    loads = []
    for _ in range(LOADS + 1):
        context = browser.new_context(viewport={"width": 375, "height": 760}, device_scale_factor=2, is_mobile=True)
        if cookie:
            context.add_cookies([{"name": "cjt_session", "value": cookie, "url": url}])
        page = context.new_page()
        network = context.new_cdp_session(page)
        came = _arriving(network)
        network.send("Network.enable")
        network.send("Network.emulateNetworkConditions", SLOW_PHONE)
        network.send("Emulation.setCPUThrottlingRate", {"rate": CPU_TIMES_SLOWER})
        page.goto(url + path, wait_until="load")
        if path == "/chat/":
            page.wait_for_selector(".app .talk li")
        assert page.evaluate(_TEXT) > 0
        loads.append(
            (
                page.evaluate(_PAINT) / 1000,
                page.evaluate("performance.now()") / 1000,
                sum(came),
            )
        )
        context.close()
    return np.array(loads[1:])  # the first warms the browser up


def _arriving(network: Any) -> list[float]:
    """The bytes of each answer that comes from now on."""
    came: list[float] = []
    network.on("Network.loadingFinished", lambda event: came.append(event["encodedDataLength"]))
    return came


def _lighthouse(url: str, cookie: str | None) -> dict[str, float]:
    """Lighthouse's scores from 0 to 100 and, as `FCP` and `LCP`, seconds."""
    program = INSTALLED / "node_modules" / ".bin" / "lighthouse"
    if not program.exists():
        INSTALLED.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", f"lighthouse@{LIGHTHOUSE}"]
        subprocess.run(install, cwd=INSTALLED, check=True, capture_output=True)
    from tests.browser.conftest import CHROMIUM, FLAGS

    command = [str(program), url, "--quiet", "--output=json", "--only-categories=performance,accessibility,best-practices",
               f"--chrome-flags=--headless=new {FLAGS}"]  # fmt: skip
    if cookie:
        command.append(f"--extra-headers={json.dumps({'Cookie': f'cjt_session={cookie}'})}")
    environment = {**os.environ, "CHROME_PATH": str(CHROMIUM or shutil.which("chromium"))}
    ran = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    report = json.loads(ran.stdout)
    found = {name: round(100 * category["score"]) for name, category in report["categories"].items()}
    for short, audit in (("FCP", "first-contentful-paint"), ("LCP", "largest-contentful-paint")):
        found[short] = report["audits"][audit]["numericValue"] / 1000
    return found


def _shown(waits: dict[str, np.ndarray], scores: dict[str, dict[str, float]]) -> str:
    rows = []
    for name, loads in waits.items():
        text, whole, came = np.median(loads, axis=0)
        of = scores[name]
        rated = (f"{of[kind]:.0f}" for kind in ("performance", "accessibility", "best-practices"))
        rows.append(
            (name, f"{text:.2f}", f"{whole:.2f}", f"{came / 1000:.1f}", *rated, f"{of['FCP']:.1f}", f"{of['LCP']:.1f}")
        )
    header = (
        "page",
        "readable, s",
        "whole, s",
        "kB",
        "performance",
        "accessibility",
        "best practices",
        "FCP s",
        "LCP s",
    )
    built = json.loads((DIST / "manifest.json").read_text())["bytes"]
    slowest = max(np.median(loads[:, 0]) for loads in waits.values())
    worst = {kind: min(of[kind] for of in scores.values()) for kind in SCORES}
    return (
        f"{table(header, rows)}\n\n"
        f"Readable: the first text is on the screen; whole: all is loaded, and the chat drawn by its script. Medians of {LOADS} loads with nothing "
        f"cached, 375 px, {SLOW_PHONE['latency']} ms a request, 1.6 Mbit/s down, 0.75 up, a CPU {CPU_TIMES_SLOWER} times slower (Chromium's "
        f"own throttling). The last five columns: Lighthouse {LIGHTHOUSE}, mobile.\n\n"
        f"The slowest page to read {verdict(slowest, SECONDS, ' s')}; chat page with all that it loads {verdict(built / 1000, BYTES / 1000, ' kB')}; "
        + "; ".join(f"{kind} {reached(worst[kind], least)}" for kind, least in SCORES.items())
        + "."
    )


if __name__ == "__main__":
    print(measure())
