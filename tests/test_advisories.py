"""Known vulnerabilities of what we install: raised where we can, and where Rasa forbids it the reason still holds."""

import re
from typing import Any

import pytest
import yaml
from packaging.version import Version

from tests.conftest import ROOT

ADVISORIES: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy" / "advisories.yml").read_text(encoding="utf-8"))
PINNED = dict(re.findall(r"^(\S+)==(\S+)", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.M))
# What the reasons say that we do not use: the package, and words that would show it in our code.
UNUSED = {
    "pydantic": r"EmailStr",
    "skops": r"\bskops\b",
    "aiohttp": r"aiohttp\.web|from aiohttp import .*\bweb\b",
    "sanic-cors": r"sanic_cors|Access-Control-Allow-Origin",
}


@pytest.mark.parametrize("advisory", ADVISORIES, ids=lambda advisory: advisory["id"])
def test_an_affected_version_is_raised_or_accepted_with_a_reason(advisory: dict[str, Any]) -> None:
    there, below = Version(PINNED[advisory["package"]]), str(advisory["below"])
    affected = below == "never" or there < Version(below)
    assert affected == bool(advisory.get("accepted")), f"{advisory['package']} {there}"


@pytest.mark.parametrize(("package", "words"), UNUSED.items())
def test_what_is_said_to_be_unused_is_unused(package: str, words: str) -> None:
    assert any(each["package"] == package and each.get("accepted") for each in ADVISORIES)
    ours = [
        path
        for room in ("bot", "channels", "actions", "booking", "policy_kb")
        for path in (ROOT / room).rglob("*.py")
        if re.search(words, path.read_text(encoding="utf-8"))
    ]
    assert not ours
