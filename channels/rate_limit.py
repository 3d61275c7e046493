"""At most so many messages a minute from one person: a token bucket each, in memory, or shared by all processes through Redis."""

import logging
import time
from collections import OrderedDict
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# Buckets of people who have been silent for longest are forgotten first; a full bucket is what they would have anyway.
MAX_PEOPLE = 50_000


class RateLimiter:
    """`per_minute` messages a minute, in bursts of as many. Times are monotonic seconds."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allow(self, person: str, now: float | None = None) -> bool:
        """Take one message from `person`'s bucket; False when it is empty."""
        now = time.monotonic() if now is None else now
        tokens, then = self._buckets.pop(person, (float(self.per_minute), now))
        tokens = min(self.per_minute, tokens + (now - then) * self.per_minute / 60)
        allowed = tokens >= 1
        self._buckets[person] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > MAX_PEOPLE:
            self._buckets.popitem(last=False)
        return allowed


# KEYS: bucket, a hash of tokens and milliseconds. ARGV: messages a minute. A bucket that is full again is forgotten.
_TAKE = """
local time = redis.call('TIME')
local now, size = time[1] * 1000 + math.floor(time[2] / 1000), tonumber(ARGV[1])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = math.min(size, (tonumber(kept[1]) or size) + math.max(0, now - (tonumber(kept[2]) or now)) * size / 60000)
local allowed = tokens >= 1
if allowed then tokens = tokens - 1 end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', now)
redis.call('PEXPIRE', KEYS[1], 60000)
return allowed and 1 or 0
"""
# While Redis is away it is asked again only so often: every attempt holds everybody up.
AWAY_SECONDS = 5.0


class SharedRateLimiter(RateLimiter):
    """Buckets in Redis, one kind a `name`. Who has used up what this process alone allows is refused without asking, and while Redis
    is away that is all there is. `redis` answers at once or fails soon (a socket timeout well below a second)."""

    def __init__(self, redis: "Redis[Any]", name: str, per_minute: int) -> None:
        super().__init__(per_minute)
        self.name = name
        self._take = redis.register_script(_TAKE)
        self._away_until = 0.0

    def allow(self, person: str, now: float | None = None) -> bool:
        now = time.monotonic() if now is None else now
        if not super().allow(person, now):
            return False
        if now < self._away_until:
            return True
        try:
            return bool(self._take([f"rate:{self.name}:{person}"], [self.per_minute]))
        except (RedisError, OSError) as error:
            self._away_until = now + AWAY_SECONDS
            logger.warning("Redis 不可用,暂时只在本进程内限速:%s", type(error).__name__)
            return True
