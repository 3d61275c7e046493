"""Pictures of every scene for docs/screenshots: `python -m tests.browser.pictures`. One sheet for each look and width."""

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, WIDTHS, visit
from tests.browser.scenes import LOOKS, PARTS, SCENES, converse
from tests.conftest import ROOT, Client, running_server, trained_folder

FOLDER = ROOT / "docs" / "screenshots"
SHOWN = ("light", "dark", "elder")
GAP, COLOURS = 12, 64
ACROSS = {375: 8, 1280: 4}
SCALE = {375: 0.8, 1280: 0.5}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        var = trained_folder(Path(folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        with running_server(var, MESSAGES_PER_MINUTE="100000", STAFF_TOKEN="a-token-for-tests-only") as site:
            person = Client(site.base_url)
            code = converse(person)
            for name in SHOWN:
                for width in WIDTHS:
                    pictures = []
                    with visit(browser, site, LOOKS[name], width) as context:
                        for scene in PARTS + SCENES:
                            visitor = person if scene.known else Client(site.base_url)
                            context.add_cookies(
                                [{"name": "cjt_session", "value": visitor.cookie, "url": site.base_url}]
                            )
                            page = context.new_page()
                            scene.open(page, site.base_url, code)
                            pictures.append(Image.open(io.BytesIO(page.screenshot(animations="disabled"))))
                            page.close()
                            context.set_offline(False)
                    _sheet(pictures, width).save(FOLDER / f"{name}-{width}.png", optimize=True)
        browser.close()


def _sheet(pictures: list[Image.Image], width: int) -> Image.Image:
    size = (int(width * SCALE[width]), int(WIDTHS[width] * SCALE[width]))
    across = ACROSS[width]
    rows = -(-len(pictures) // across)
    sheet = Image.new("RGB", (across * (size[0] + GAP) + GAP, rows * (size[1] + GAP) + GAP), "#8a919b")
    for place, picture in enumerate(pictures):
        left, top = place % across, place // across
        small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        sheet.paste(small, (GAP + left * (size[0] + GAP), GAP + top * (size[1] + GAP)))
    return sheet.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()
