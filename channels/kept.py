"""Small things kept per person for a while: the last menu, an answer that came too late, a cursor. In memory, or shared through Redis."""

import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


class Kept(Protocol):
    """JSON values by key, each for so many seconds."""

    async def get(self, key: str) -> Any: ...

    async def put(self, key: str, value: Any, seconds: float) -> None:
        """Keep `value`; None forgets it."""


class MemoryKept:
    """Kept by this process; the oldest go first when there are more than `max_kept`. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, max_kept: int = 50_000) -> None:
        self.clock, self.max_kept = clock, max_kept
        self._values: OrderedDict[str, tuple[Any, float]] = OrderedDict()

    async def get(self, key: str) -> Any:
        value, expires_at = self._values.get(key, (None, 0.0))
        return value if expires_at > self.clock() else None

    async def put(self, key: str, value: Any, seconds: float) -> None:
        self._values.pop(key, None)
        if value is not None:
            self._values[key] = (value, self.clock() + seconds)
        if len(self._values) > self.max_kept:
            self._values.popitem(last=False)


class RedisKept:
    """Kept in Redis; while it is away, what this process kept itself."""

    def __init__(self, redis: "Redis[Any]", mirror: MemoryKept | None = None) -> None:
        self.redis, self.mirror = redis, mirror or MemoryKept()

    async def get(self, key: str) -> Any:
        try:
            stored = await self.redis.get(f"kept:{key}")
        except (RedisError, OSError) as error:
            logger.warning("Redis 不可用,暂时用本进程记住的:%s", error)
            return await self.mirror.get(key)
        return json.loads(stored) if stored is not None else None

    async def put(self, key: str, value: Any, seconds: float) -> None:
        await self.mirror.put(key, value, seconds)
        try:
            if value is None:
                await self.redis.delete(f"kept:{key}")
            else:
                stored = json.dumps(value, ensure_ascii=False)
                await self.redis.set(f"kept:{key}", stored, px=max(1, int(seconds * 1000)))
        except (RedisError, OSError) as error:
            logger.warning("Redis 不可用,暂时只在本进程记住:%s", error)
