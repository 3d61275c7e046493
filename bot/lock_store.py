"""One turn of a person at a time, in the order of arrival, whichever worker or machine it came to: Rasa's lock store on Redis."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from typing import Any

from rasa.core.lock import TicketLock
from rasa.core.lock_store import LOCK_LIFETIME, InMemoryLockStore, LockError, LockStore
from redis.asyncio import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# A worker that is gone keeps nobody waiting longer, neither with its lock nor with its place in a queue; one that lives prolongs both. It is
# longer than a database that falls silent holds a worker up (booking/database.py, SILENT_SECONDS).
LEASE_SECONDS = 6.0
POLL_SECONDS = 0.02
WAIT_SECONDS = 15.0  # waiting longer than this is told to the person
# A Redis that is away for so long is done without, and asked again after so long.
AWAY_SECONDS, ASKED_AGAIN_SECONDS = 3.0, 5.0

# The number of the lock that this turn holds. It grows from lock to lock: `bot.tracker_store` refuses a turn that comes too late.
fence: ContextVar[int | None] = ContextVar("fence", default=None)

# KEYS: lock, queue, when each in it was last seen, last fence. ARGV: who asks, milliseconds of lease.
# The fence is the time unless that went back: a Redis that has lost its data goes on with greater numbers.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[3], ARGV[1], now)
if not redis.call('LPOS', KEYS[2], ARGV[1]) then redis.call('RPUSH', KEYS[2], ARGV[1]) end
local first = redis.call('LINDEX', KEYS[2], 0)
while first ~= ARGV[1] and now - (tonumber(redis.call('HGET', KEYS[3], first)) or 0) > tonumber(ARGV[2]) do
  redis.call('LPOP', KEYS[2])
  redis.call('HDEL', KEYS[3], first)
  first = redis.call('LINDEX', KEYS[2], 0)
end
redis.call('PEXPIRE', KEYS[2], ARGV[2] * 2)
redis.call('PEXPIRE', KEYS[3], ARGV[2] * 2)
if first ~= ARGV[1] or redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('LPOP', KEYS[2])
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
local number = math.max(time[1] * 1000000 + time[2], (tonumber(redis.call('GET', KEYS[4])) or 0) + 1)
redis.call('SET', KEYS[4], string.format('%.0f', number))
return string.format('%.0f', number)
"""
_PROLONG = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
_RELEASE = """
if redis.call('LREM', KEYS[2], 0, ARGV[1]) > 0 then redis.call('HDEL', KEYS[3], ARGV[1]) end
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class ProcessLockStore(InMemoryLockStore):
    """Rasa's locks in memory, looked at every POLL_SECONDS instead of every second."""

    def lock(
        self,
        conversation_id: str,
        lock_lifetime: float = LOCK_LIFETIME,
        wait_time_in_seconds: float = POLL_SECONDS,
    ) -> AbstractAsyncContextManager[TicketLock]:
        return super().lock(conversation_id, lock_lifetime, wait_time_in_seconds)


class RedisAway(Exception):
    """Redis has not answered for AWAY_SECONDS."""


class RedisLockStore(LockStore):
    """Locks with a lease.

    While Redis is away, locks hold within this process only: answers go on. Two messages that one person sends to two workers at that
    time may overtake each other; the later number in `fence` still wins, and the transcript still takes no message twice.
    """

    def __init__(self, redis: "Redis[Any]", lease_seconds: float = LEASE_SECONDS, wait_seconds: float = WAIT_SECONDS):
        self.redis, self.lease_seconds, self.wait_seconds = redis, lease_seconds, wait_seconds
        self._within, self._away_until = ProcessLockStore(), 0.0
        self._take, self._prolong, self._release = map(redis.register_script, (_TAKE, _PROLONG, _RELEASE))

    @asynccontextmanager
    async def lock(
        self, conversation_id: str, lock_lifetime: float = 0, wait_time_in_seconds: float = POLL_SECONDS
    ) -> AsyncIterator[TicketLock]:
        """Hold the lock of `conversation_id`, with its number in `fence`. Raises LockError."""
        owner = secrets.token_hex(8)
        keys = [f"lock:{conversation_id}", f"lock-queue:{conversation_id}", f"lock-seen:{conversation_id}", "fence"]
        try:
            fence.set(await self._wait(keys, owner, POLL_SECONDS))
        except RedisAway:
            async with self._within.lock(conversation_id) as lock:
                fence.set(time.time_ns() // 1000)  # as Redis numbers its locks
                try:
                    yield lock
                finally:
                    fence.set(None)
            return
        except BaseException:
            await self._leave(keys, owner)
            raise
        prolonging = asyncio.ensure_future(self._keep(keys, owner))
        try:
            yield TicketLock(conversation_id)
        finally:
            fence.set(None)
            prolonging.cancel()
            await self._leave(keys, owner)

    async def _leave(self, keys: list[str], owner: str) -> None:
        """Give the lock back, or the place in its queue."""
        try:
            await self._release(keys, [owner])
        except (RedisError, OSError) as error:
            logger.warning("Redis 不可用,锁会自己过期:%s", type(error).__name__)

    async def _wait(self, keys: list[str], owner: str, poll_seconds: float) -> int:
        started, away_since = time.monotonic(), None
        if started < self._away_until:
            raise RedisAway
        while True:
            try:
                number = int(await self._take(keys, [owner, int(self.lease_seconds * 1000)]))
                away_since = None
            except (RedisError, OSError) as error:
                number, away_since = 0, away_since or time.monotonic()
                if time.monotonic() - away_since > AWAY_SECONDS:
                    logger.warning("Redis 不可用,暂时只在本进程内排队:%s", type(error).__name__)
                    self._away_until = time.monotonic() + ASKED_AGAIN_SECONDS
                    raise RedisAway from error
            if number:
                return number
            if time.monotonic() - started > self.wait_seconds:
                raise LockError("an earlier message is still being answered")
            await asyncio.sleep(poll_seconds)

    async def _keep(self, keys: list[str], owner: str) -> None:
        """Prolong the lock for as long as the turn takes."""
        while True:
            await asyncio.sleep(self.lease_seconds / 3)
            try:
                await self._prolong(keys[:1], [owner, int(self.lease_seconds * 1000)])
            except (RedisError, OSError) as error:
                logger.warning("Redis 不可用,锁没有延长:%s", type(error).__name__)
