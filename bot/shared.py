"""What all processes of the server share: in memory for the one of an office, in Redis for several on one machine or many."""

from pathlib import Path
from typing import Any

import redis
import redis.asyncio
from rasa.core.lock_store import LockStore

from bot.lock_store import ProcessLockStore, RedisLockStore
from channels.dedupe import Dedupe, MemoryDedupe, RedisDedupe
from channels.kept import Kept, MemoryKept, RedisKept
from channels.rate_limit import RateLimiter, SharedRateLimiter
from channels.tokens import MemoryTokens, RedisTokens, Tokens
from channels.web.channel import KEEP_SECONDS, LEASE_SECONDS
from channels.wecom.cursors import Cursors, FileCursors, RedisCursors

# Redis answers within a millisecond; longer than this it is away.
ANSWER_SECONDS = 1.0
CONNECTIONS = 200


class Shared:
    """Made once a process. `redis` and `blocking` are None without a `redis_url`; nothing is connected before it is used."""

    def __init__(self, redis_url: str | None, var: Path) -> None:
        web = MemoryDedupe(lease_seconds=LEASE_SECONDS, keep_seconds=KEEP_SECONDS)
        self.redis: redis.asyncio.Redis[Any] | None = None
        self.blocking: redis.Redis[Any] | None = None
        self.locks: LockStore = ProcessLockStore()
        self.dedupe: Dedupe = MemoryDedupe()
        self.web_dedupe: Dedupe = web
        self.tokens: Tokens = MemoryTokens()
        self.kept: Kept = MemoryKept()
        self.cursors: Cursors = FileCursors(var / "wecom-cursors.json")
        if redis_url is None:
            return
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            redis_url,
            max_connections=CONNECTIONS,
            timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
        )
        self.redis = redis.asyncio.Redis(connection_pool=pool)
        self.blocking = redis.Redis.from_url(redis_url, socket_timeout=0.3, socket_connect_timeout=0.3)
        self.locks = RedisLockStore(self.redis)
        self.dedupe, self.web_dedupe = RedisDedupe(self.redis), RedisDedupe(self.redis, web)
        self.tokens, self.kept = RedisTokens(self.redis), RedisKept(self.redis)
        self.cursors = RedisCursors(self.redis)

    def limiter(self, name: str, per_minute: int) -> RateLimiter:
        """At most so many a minute; limiters of one name count together."""
        return SharedRateLimiter(self.blocking, name, per_minute) if self.blocking else RateLimiter(per_minute)
