"""Access tokens: fetched once, used until they are about to expire, one refresh at a time. In memory, or shared through Redis."""

import asyncio
import contextlib
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# A token is replaced this long before it ends. WeChat's previous token stays good for 5 minutes after a new one.
MARGIN_SECONDS = 300.0
# A token that is refused again and again is our setting's fault: WeChat allows 20 forced refreshes a day.
FORCE_EVERY_SECONDS = 60.0
LOCK_SECONDS = 15.0
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Token:
    """An access token and how many seconds it is good for from when it was fetched."""

    value: str
    seconds: float


Fetch = Callable[[bool], Awaitable[Token]]


class Tokens(Protocol):
    """Tokens by name (`wechat:<app id>`)."""

    async def get(self, name: str, fetch: Fetch, refused: str | None = None) -> str:
        """The token in use, or what `fetch(force)` brings. `refused` is the token that the platform did not take: it is replaced by
        a forced fetch, unless somebody has done so or tried within FORCE_EVERY_SECONDS; then the token stays as it is."""


class MemoryTokens:
    """Tokens of one process. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._tokens: dict[str, tuple[str, float]] = {}
        self._forced_at: dict[str, float] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(self, name: str, fetch: Fetch, refused: str | None = None) -> str:
        async with self._locks.setdefault(name, asyncio.Lock()):
            value, until = self._tokens.get(name, ("", 0.0))
            if value and until > self.clock() and value != refused:
                return value
            if value and value == refused:
                if self.clock() - self._forced_at.get(name, -FORCE_EVERY_SECONDS) < FORCE_EVERY_SECONDS:
                    return value
                self._forced_at[name] = self.clock()
            token = await fetch(refused is not None)
            self._tokens[name] = (token.value, self.clock() + max(0.0, token.seconds - MARGIN_SECONDS))
            return token.value


class RedisTokens:
    """Tokens shared by all processes and machines; while Redis is away, each process has its own."""

    def __init__(self, redis: "Redis[Any]", poll_seconds: float = POLL_SECONDS) -> None:
        self.redis, self.poll_seconds = redis, poll_seconds
        self._fallback = MemoryTokens()

    async def get(self, name: str, fetch: Fetch, refused: str | None = None) -> str:
        try:
            return await self._shared(name, fetch, refused)
        except (RedisError, _RedisAway) as error:
            logger.warning("Redis 不可用,暂时由本进程自己取访问凭证:%s", error)
            return await self._fallback.get(name, fetch, refused)

    async def _shared(self, name: str, fetch: Fetch, refused: str | None) -> str:
        for _ in range(int(LOCK_SECONDS / self.poll_seconds) + 1):
            kept = await self.redis.get(f"token:{name}")
            value = json.loads(kept) if kept is not None else None
            if value is not None and value != refused:
                return str(value)
            owner = secrets.token_hex(8)
            if await self.redis.set(f"token-lock:{name}", owner, nx=True, px=int(LOCK_SECONDS * 1000)):
                try:
                    return await self._replace(name, fetch, refused)
                finally:
                    with contextlib.suppress(RedisError):
                        await self.redis.eval(_UNLOCK, 1, f"token-lock:{name}", owner)
            await asyncio.sleep(self.poll_seconds)
        raise _RedisAway("另一个进程一直没有取到访问凭证")

    async def _replace(self, name: str, fetch: Fetch, refused: str | None) -> str:
        """With the lock held: look again, then fetch and share."""
        kept = await self.redis.get(f"token:{name}")
        value = json.loads(kept) if kept is not None else None
        if value is not None and value != refused:
            return str(value)
        if value is not None:
            forced = f"token-forced:{name}"
            if not await self.redis.set(forced, 1, nx=True, px=int(FORCE_EVERY_SECONDS * 1000)):
                return str(value)
        token = await fetch(refused is not None)
        keep = max(1, int((token.seconds - MARGIN_SECONDS) * 1000))
        with contextlib.suppress(RedisError):
            await self.redis.set(f"token:{name}", json.dumps(token.value), px=keep)
        return token.value


class _RedisAway(Exception):
    pass


_UNLOCK = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
