"""`python -m bot doctor`: looks at everything the server needs and says, in Chinese lines, what is well and what to do about the rest."""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal
from urllib.parse import urlsplit

import redis
import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from booking.database import CONNECTIONS, MIGRATIONS, VERSION_TABLE
from bot.database import make_engine
from bot.settings import Settings

SHORTEST_SECRET = 32
CONNECT_SECONDS = 3
CLOCKS_DIFFER_SECONDS = 5.0  # the lock store, signatures and tokens bear as much
LITTLE_SPACE, NO_SPACE = 2 * 1024**3, 200 * 1024**2  # bytes
MARKS = {"well": "✓", "odd": "!", "bad": "✗"}


@dataclass(frozen=True)
class Finding:
    """`odd` should be looked at; with anything `bad` the server does not work."""

    level: Literal["well", "odd", "bad"]
    text: str

    def __str__(self) -> str:
        return f"{MARKS[self.level]} {self.text}"


def examine(settings: Settings, now: Callable[[], float] = time.time) -> Iterator[Finding]:
    """One finding after another, as they are made."""
    yield from _settings(settings)
    yield from _disk(settings)
    yield from _database(settings, now)
    yield from _redis(settings, now)
    yield from _models()
    yield from _channels(settings)


def _settings(settings: Settings) -> Iterator[Finding]:
    yield Finding("well", f"设置:端口 {settings.port},{settings.workers} 个服务进程,数据在 {settings.var}")
    if len(settings.secret_key) < SHORTEST_SECRET:
        yield Finding(
            "odd",
            f"SECRET_KEY 只有 {len(settings.secret_key)} 个字符,容易被猜出来;请换成至少 {SHORTEST_SECRET} 个随机字符",
        )
    outside = urlsplit(settings.public_url)
    if outside.scheme not in ("http", "https") or not outside.hostname:
        yield Finding("bad", f"PUBLIC_URL 不是网址:{settings.public_url}")
    elif outside.scheme == "http" and (settings.wechat or settings.wecom or settings.line):
        yield Finding("odd", "PUBLIC_URL 不是 https 网址,从微信或 LINE 里点开的链接不加密")


def _disk(settings: Settings) -> Iterator[Finding]:
    free = shutil.disk_usage(settings.var).free
    level: Literal["well", "odd", "bad"] = "bad" if free < NO_SPACE else "odd" if free < LITTLE_SPACE else "well"
    yield Finding(level, f"磁盘:数据文件夹还有 {free / 1024**3:.1f} GB{'' if level == 'well' else ',请清理'}")
    try:
        probe = settings.var / ".doctor"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        yield Finding("bad", f"数据文件夹写不进去:{error.strerror}")


def _database(settings: Settings, now: Callable[[], float]) -> Iterator[Finding]:
    engine = make_engine(settings.database_url)
    kind = "SQLite" if engine.dialect.name == "sqlite" else "PostgreSQL"
    try:
        with engine.connect() as connection:
            yield Finding("well", f"数据库:{kind} 连得上")
            yield from _tables(connection)
            if kind == "PostgreSQL":
                there = connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()
                yield from _clock("数据库", float(there), now())
                yield from _connections(connection, settings.workers)
    except sa.exc.SQLAlchemyError as error:
        yield Finding("bad", f"数据库:{kind} 连不上({type(error).__name__}),请检查 DATABASE_URL 和数据库是否在运行")
    finally:
        engine.dispose()


def _tables(connection: sa.engine.Connection) -> Iterator[Finding]:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    newest = ScriptDirectory.from_config(config).get_current_head()
    there = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    if there is None:
        yield Finding("odd", "数据库:还没有表,第一次启动时会建立")
    elif there != newest:
        yield Finding("odd", f"数据库:表是旧版本({there}),启动时会升级到 {newest}")


def _connections(connection: sa.engine.Connection, workers: int) -> Iterator[Finding]:
    most = int(connection.execute(sa.text("SHOW max_connections")).scalar_one())
    needed = workers * 2 * CONNECTIONS + 5  # a worker has two pools
    if needed > most:
        yield Finding(
            "odd", f"数据库:最多 {most} 个连接,这台机器最忙时要 {needed} 个,请调大 max_connections 或减少 WORKERS"
        )


def _redis(settings: Settings, now: Callable[[], float]) -> Iterator[Finding]:
    if settings.redis_url is None:
        yield Finding("well", "Redis:没有用(一个进程不需要)")
        return
    try:
        client = redis.Redis.from_url(
            settings.redis_url, socket_timeout=CONNECT_SECONDS, socket_connect_timeout=CONNECT_SECONDS
        )
        seconds, micros = client.time()
        about = client.info()
    except (redis.RedisError, OSError, ValueError) as error:
        yield Finding("bad", f"Redis:连不上({type(error).__name__}),请检查 REDIS_URL 和 Redis 是否在运行")
        return
    version = str(about["redis_version"])
    if tuple(map(int, version.split(".")[:2])) < (6, 2):
        yield Finding("bad", f"Redis:版本 {version} 太旧,要 6.2 或更新")
    else:
        yield Finding("well", f"Redis:{version} 连得上")
    if about.get("maxmemory") and about.get("maxmemory_policy") != "noeviction":
        yield Finding("odd", "Redis:内存满时会丢掉数据,请把 maxmemory-policy 设成 noeviction")
    yield from _clock("Redis", seconds + micros / 1e6, now())


def _clock(where: str, there: float, here: float) -> Iterator[Finding]:
    if abs(there - here) > CLOCKS_DIFFER_SECONDS:
        yield Finding("bad", f"时钟:这台机器和{where}差 {abs(there - here):.0f} 秒,请开启自动对时(NTP)")


def _models() -> Iterator[Finding]:
    from bot.model import is_intact, model_path
    from policy_kb import live
    from policy_kb.model import fingerprint

    rasa = model_path()
    for name, path in ("对话模型", rasa), ("政策问答模型", live.folder() / f"{fingerprint()}.npz"):
        if path == rasa and path.exists() and not is_intact(path):
            yield Finding("bad", f"{name}:不是训练时的那个文件,可能损坏或被换过,请删掉 {path} 再运行 make train")
        elif path.exists():
            made = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc).astimezone()
            yield Finding("well", f"{name}:训练于 {made:%Y-%m-%d %H:%M}")
        else:
            yield Finding("odd", f"{name}:还没有训练(或内容改过了),启动时会训练;也可以先运行 make train")


def _channels(settings: Settings) -> Iterator[Finding]:
    found = (
        (
            "微信公众号",
            settings.wechat.api_base if settings.wechat and settings.wechat.certified else None,
            settings.wechat,
        ),
        ("企业微信", settings.wecom.api_base if settings.wecom else None, settings.wecom),
        ("LINE", settings.line.api_base if settings.line else None, settings.line),
    )
    for name, base, own in found:
        if own is None:
            yield Finding("well", f"{name}:没有设置,不启用")
        elif base is None:
            yield Finding("well", f"{name}:已设置")
        elif asyncio.run(_reachable(base)):
            yield Finding("well", f"{name}:已设置,接口 {base} 连得上")
        else:
            yield Finding("bad", f"{name}:接口 {base} 连不上,请检查网络和防火墙")


async def _reachable(base: str) -> bool:
    parts = urlsplit(base)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        opening = asyncio.open_connection(parts.hostname, port, ssl=parts.scheme == "https" or None)
        _, writer = await asyncio.wait_for(opening, CONNECT_SECONDS)
    except (OSError, asyncio.TimeoutError):
        return False
    writer.close()
    return True
