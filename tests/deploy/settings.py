"""Which settings the program reads, for comparing them with those that deploy/ sets."""

import re

from sanic.config import DEFAULT_CONFIG

from bot import settings
from tests.conftest import ROOT

# Python's, the shell's and Rasa's own, which our code does not read.
FOREIGN = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "RASA_TELEMETRY_ENABLED"}
SECRET = re.compile(r"SECRET|TOKEN|PASSWORD|_KEY|DATABASE_URL|REDIS_URL")


def read_by_the_program() -> set[str]:
    """The names in bot/settings.py, and Sanic's own."""
    source = (ROOT / "bot" / "settings.py").read_text()
    named = set(re.findall(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)"', source))
    return named | {f"SANIC_{name}" for name in DEFAULT_CONFIG} | FOREIGN


def unusable(given: dict[str, str]) -> str:
    """What `read_settings` has against these settings (empty: nothing)."""
    try:
        settings.read_settings(given)
    except settings.SettingsError as error:
        return str(error)
    return ""
