"""The setup guides: their pictures are the ones that are drawn, and what they tell to enter is what the server expects."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from bot.settings_table import GROUPS
from channels.__main__ import webhook
from tests.conftest import ROOT

GUIDES = ROOT / "docs" / "channels"
PAGES = sorted(GUIDES.glob("*.md"))
SETTINGS = {setting.name for group in GROUPS for setting in group.settings}


def drawing() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw", GUIDES / "pictures" / "draw.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_picture_is_drawn_anew_as_it_is_kept() -> None:
    draw = drawing()
    kept = {path.name: path.read_text(encoding="utf-8") for path in (GUIDES / "pictures").glob("*.svg")}
    assert kept == {f"{form.name}.svg": draw.draw(form) for form in draw.FORMS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_guide_shows_its_pictures_and_says_that_they_are_drawings(page: Path) -> None:
    said = page.read_text(encoding="utf-8")
    shown = re.findall(r"!\[示意图:[^]]+]\(pictures/([a-z-]+)\.svg\)\n\n\*这是示意图,不是截图。", said)
    assert sorted(shown) == sorted(path.stem for path in (GUIDES / "pictures").glob(f"{page.stem}-*.svg")) != []


@pytest.mark.parametrize("path", [*PAGES, *sorted((GUIDES / "pictures").glob("*.svg"))], ids=lambda path: path.name)
def test_addresses_and_settings_are_those_of_the_server(path: Path) -> None:
    said = path.read_text(encoding="utf-8")
    names = set(re.findall(r"https://cjt\.example\.cn/webhooks/([a-z-]*)", said))
    assert names <= {"wechat", "wecom", "wecom-kf", "line"}
    assert all(webhook("https://cjt.example.cn", name) in said for name in names)
    assert set(re.findall(r"\b(?:WECHAT|WECOM|LINE|PUBLIC)_[A-Z_]+\b", said)) <= SETTINGS
