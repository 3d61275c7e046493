"""Settings: environment variables, read once. Units are in the names or the comments; secrets have no default in production."""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parent.parent
_AES_KEY = re.compile(r"[A-Za-z0-9+/]{43}")
SHORTEST_TOKEN = 16


class SettingsError(Exception):
    """A setting that cannot be used; `str()` is one Chinese line."""


@dataclass(frozen=True)
class WeChatSettings:
    """An Official Account (公众号). `certified`: it may send customer-service messages. The first AES key is the present one."""

    app_id: str
    app_secret: str
    token: str
    aes_keys: tuple[str, ...]
    mode: Literal["plain", "compatible", "safe"]
    api_base: str
    certified: bool
    template_id: str
    template_keywords: Mapping[str, str]
    subscription: bool  # notices go by subscription messages, not by template messages


@dataclass(frozen=True)
class WeComSettings:
    """An application in WeCom (企业微信), which also serves its 微信客服."""

    corp_id: str
    agent_id: int
    secret: str
    token: str
    aes_keys: tuple[str, ...]
    api_base: str


@dataclass(frozen=True)
class LineSettings:
    secret: str
    access_token: str
    api_base: str


@dataclass(frozen=True)
class Settings:
    """Everything the server can be told from outside. Paths are absolute."""

    port: int
    host: str
    var: Path
    database_url: str
    redis_url: str | None
    secret_keys: tuple[str, ...]
    messages_per_minute: int
    public_url: str  # where people outside reach the pages
    wechat: WeChatSettings | None = None
    wecom: WeComSettings | None = None
    line: LineSettings | None = None
    workers: int = 1  # server processes
    drain_seconds: int = 0  # how long a process that is to stop goes on serving, while it says that it is not ready
    notifications: bool = True  # whether the first process delivers notices; otherwise `python -m bot worker` does
    conversation_days: int = 90  # how long what was said is kept
    log_format: Literal["text", "json"] = "text"
    staff_token: str | None = None  # opens the check-in pages; without it there are none
    max_message_characters: int = 4000
    max_body_bytes: int = 64 * 1024
    max_delivery_bytes: int = 1024 * 1024  # of a platform, which may put many messages into one
    max_upload_bytes: int = 6 * 1024 * 1024

    @property
    def secret_key(self) -> str:
        """The secret in use; the others open what it has replaced."""
        return self.secret_keys[0]


def read_settings(environ: dict[str, str] | None = None) -> Settings:
    """The settings in `environ` (default: the process's). Raises SettingsError with a Chinese message."""
    env = dict(os.environ if environ is None else environ)
    var = Path(env.get("VAR_DIR") or ROOT / "var").resolve()
    var.mkdir(parents=True, exist_ok=True)
    workers = _whole(env, "WORKERS", 1, 1, 64)
    if workers > 1 and not env.get("REDIS_URL"):
        raise SettingsError(
            "WORKERS 大于 1 时几个进程要靠 Redis 协调,请设置环境变量 REDIS_URL,例如 redis://127.0.0.1:6379/0"
        )
    return Settings(
        port=_whole(env, "PORT", 5005, 1, 65535),
        host=env.get("HOST") or "0.0.0.0",  # noqa: S104 - people open it from their phones; deploy/ puts a proxy before it
        var=var,
        database_url=_database_url(env.get("DATABASE_URL") or f"sqlite:///{var / 'chanjiaotong.db'}"),
        redis_url=env.get("REDIS_URL") or None,
        secret_keys=(
            env.get("SECRET_KEY") or _kept_secret(var / "secret_key"),
            *filter(None, env.get("OLD_SECRET_KEYS", "").split(",")),
        ),
        messages_per_minute=_whole(env, "MESSAGES_PER_MINUTE", 30, 1, 1_000_000),
        public_url=env.get("PUBLIC_URL") or f"http://127.0.0.1:{_whole(env, 'PORT', 5005, 1, 65535)}",
        wechat=_wechat(env),
        wecom=_wecom(env),
        line=_line(env),
        workers=workers,
        drain_seconds=_whole(env, "DRAIN_SECONDS", 2 if workers > 1 else 0, 0, 60),
        notifications=_yes_no(env, "NOTIFICATIONS", True),
        conversation_days=_whole(env, "CONVERSATION_DAYS", 90, 1, 3650),
        log_format=_one_of(env, "LOG_FORMAT", "text", "json"),  # type: ignore[arg-type]
        staff_token=_long_enough(env, "STAFF_TOKEN"),
    )


def _database_url(said: str) -> str:
    if said.startswith("postgres://"):  # as many hosts write it; SQLAlchemy does not
        return said.replace("postgres", "postgresql", 1)
    if not said.startswith(("sqlite:///", "postgresql")):
        raise SettingsError("环境变量 DATABASE_URL 要写成 sqlite:///文件 或 postgresql://用户:密码@主机/库名")
    return said


def _wechat(env: Mapping[str, str]) -> WeChatSettings | None:
    if not env.get("WECHAT_TOKEN"):
        if any(env.get(name) for name in ("WECHAT_APP_ID", "WECHAT_APP_SECRET", "WECHAT_AES_KEY")):
            raise SettingsError("渠道设置不全,还缺环境变量 WECHAT_TOKEN")
        return None
    mode = env.get("WECHAT_MODE") or ("safe" if env.get("WECHAT_AES_KEY") else "plain")
    if mode not in ("plain", "compatible", "safe"):
        raise SettingsError(f"环境变量 WECHAT_MODE 只能是 plain、compatible 或 safe,现在是“{mode}”")
    certified = _yes_no(env, "WECHAT_CERTIFIED")
    needed = ["WECHAT_APP_ID"] * (mode != "plain" or certified) + ["WECHAT_APP_SECRET"] * certified
    _given(env, "WECHAT_TOKEN", *needed, *(["WECHAT_AES_KEY"] if mode != "plain" else []))
    return WeChatSettings(
        app_id=env.get("WECHAT_APP_ID", ""),
        app_secret=env.get("WECHAT_APP_SECRET", ""),
        token=env["WECHAT_TOKEN"],
        aes_keys=_keys(env, "WECHAT_AES_KEY"),
        mode=mode,  # type: ignore[arg-type]
        api_base=env.get("WECHAT_API_BASE") or "https://api.weixin.qq.com",
        certified=certified,
        template_id=env.get("WECHAT_TEMPLATE_ID", ""),
        template_keywords=_keywords(env.get("WECHAT_TEMPLATE_KEYWORDS") or "thing1=title,thing2=text"),
        subscription=_yes_no(env, "WECHAT_SUBSCRIPTION"),
    )


def _wecom(env: Mapping[str, str]) -> WeComSettings | None:
    if not _given(env, "WECOM_CORP_ID", "WECOM_SECRET", "WECOM_TOKEN", "WECOM_AES_KEY", "WECOM_AGENT_ID"):
        return None
    return WeComSettings(
        corp_id=env["WECOM_CORP_ID"],
        agent_id=_whole(env, "WECOM_AGENT_ID", 0, 0, 2**31),
        secret=env["WECOM_SECRET"],
        token=env["WECOM_TOKEN"],
        aes_keys=_keys(env, "WECOM_AES_KEY"),
        api_base=env.get("WECOM_API_BASE") or "https://qyapi.weixin.qq.com",
    )


def _line(env: Mapping[str, str]) -> LineSettings | None:
    if not _given(env, "LINE_CHANNEL_SECRET", "LINE_CHANNEL_ACCESS_TOKEN"):
        return None
    base = env.get("LINE_API_BASE") or "https://api.line.me"
    return LineSettings(env["LINE_CHANNEL_SECRET"], env["LINE_CHANNEL_ACCESS_TOKEN"], base)


def _given(env: Mapping[str, str], *names: str) -> bool:
    """Whether all of `names` are set. Some without the others are a mistake."""
    missing = [name for name in names if not env.get(name)]
    if missing and len(missing) < len(names):
        raise SettingsError(f"渠道设置不全,还缺环境变量 {'、'.join(missing)}")
    return not missing


def _keys(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The present key and the one before it, which still opens what is under way."""
    names = [each for each in (name, f"{name}_PREVIOUS") if env.get(each)]
    for each in names:
        if not _AES_KEY.fullmatch(env[each]):
            raise SettingsError(f"环境变量 {each} 应是 43 个字母或数字,现在有 {len(env[each])} 个字符")
    return tuple(env[each] for each in names)


def _keywords(said: str) -> dict[str, str]:
    pairs = [part.split("=") for part in said.split(",")]
    if not all(len(pair) == 2 and pair[1] in ("title", "text") for pair in pairs):
        raise SettingsError(f"环境变量 WECHAT_TEMPLATE_KEYWORDS 要写成 thing1=title,thing2=text 这样,现在是“{said}”")
    return {pair[0]: pair[1] for pair in pairs}


def _one_of(env: Mapping[str, str], name: str, *choices: str) -> str:
    """One of `choices`, of which the first is the default."""
    said = env.get(name) or choices[0]
    if said not in choices:
        raise SettingsError(f"环境变量 {name} 只能是 {'、'.join(choices)},现在是“{said}”")
    return said


def _yes_no(env: Mapping[str, str], name: str, default: bool = False) -> bool:
    said = env.get(name, "").lower()
    if said not in ("", "0", "1", "true", "false"):
        raise SettingsError(f"环境变量 {name} 应是 1 或 0,现在是“{said}”")
    return said in ("1", "true") if said else default


def _whole(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    raw = env.get(name)
    if not raw:
        return default
    if not raw.isascii() or not raw.isdigit() or not low <= int(raw) <= high:
        raise SettingsError(f"环境变量 {name} 应是 {low} 到 {high} 之间的整数,现在是“{raw}”")
    return int(raw)


def _long_enough(env: Mapping[str, str], name: str) -> str | None:
    """A secret that people choose, or None; a short one could be guessed."""
    raw = env.get(name) or None
    if raw is not None and len(raw) < SHORTEST_TOKEN:
        raise SettingsError(f"环境变量 {name} 至少要 {SHORTEST_TOKEN} 个字符")
    return raw


def _kept_secret(path: Path) -> str:
    """A random secret made at the first start and kept, so that sessions survive a restart of an office's single server."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
    return path.read_text().strip()
