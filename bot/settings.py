"""Settings: environment variables, read once. Units are in the names or the comments; secrets have no default in production."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class SettingsError(Exception):
    """A setting that cannot be used; `str()` is one Chinese line."""


@dataclass(frozen=True)
class Settings:
    """Everything the server can be told from outside. Paths are absolute."""

    port: int
    host: str
    var: Path
    database_url: str
    redis_url: str | None
    secret_key: str
    messages_per_minute: int
    max_message_characters: int = 4000
    max_body_bytes: int = 64 * 1024


def read_settings(environ: dict[str, str] | None = None) -> Settings:
    """The settings in `environ` (default: the process's). Raises SettingsError with a Chinese message."""
    env = dict(os.environ if environ is None else environ)
    var = Path(env.get("VAR_DIR") or ROOT / "var").resolve()
    var.mkdir(parents=True, exist_ok=True)
    return Settings(
        port=_whole(env, "PORT", 5005, 1, 65535),
        host=env.get("HOST") or "0.0.0.0",  # noqa: S104 - people open it from their phones; deploy/ puts a proxy before it
        var=var,
        database_url=env.get("DATABASE_URL") or f"sqlite:///{var / 'chanjiaotong.db'}",
        redis_url=env.get("REDIS_URL") or None,
        secret_key=env.get("SECRET_KEY") or _kept_secret(var / "secret_key"),
        messages_per_minute=_whole(env, "MESSAGES_PER_MINUTE", 30, 1, 1_000_000),
    )


def _whole(env: dict[str, str], name: str, default: int, low: int, high: int) -> int:
    raw = env.get(name)
    if not raw:
        return default
    if not raw.isascii() or not raw.isdigit() or not low <= int(raw) <= high:
        raise SettingsError(f"环境变量 {name} 应是 {low} 到 {high} 之间的整数,现在是“{raw}”")
    return int(raw)


def _kept_secret(path: Path) -> str:
    """A random secret made at the first start and kept, so that sessions survive a restart of an office's single server."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
    return path.read_text().strip()
