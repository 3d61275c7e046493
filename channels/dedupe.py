"""Doing the work for one platform message once: a redelivery attaches to the running turn or gets the answer that is kept."""

import asyncio
import contextlib
import json
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# A turn that is not finished by then belongs to a process that died: a redelivery may do the work again.
LEASE_SECONDS = 60.0
# Platforms repeat within seconds (WeChat, WeCom) or hours (LINE); 微信客服 keeps three days of messages to be read again.
KEEP_SECONDS = 4 * 24 * 3600.0
POLL_SECONDS = 0.1
MAX_KEPT = 20_000


class Claim(Protocol):
    """One delivery's share in a message. `first`: this delivery must do the work and `finish` it. `delivery` counts from 1.

    `again`: the work was abandoned before, and somebody has been told so.
    """

    first: bool
    delivery: int
    again: bool

    async def finish(self, answer: Any) -> None:
        """Keep `answer` (JSON, not None) and give it to everybody who waits."""

    async def prolong(self) -> None:
        """The work goes on: nobody else is to take it for another lease."""

    async def abandon(self, told: Any = None) -> None:
        """Forget the message, so that the next delivery does the work: nothing has been done for it. Whoever waits is given `told`,
        which is kept as the answer when somebody has promised to deliver it."""

    async def wait(self, seconds: float) -> Any:
        """The answer as soon as it is there; None when it is not after `seconds`, or when the work was abandoned without a word."""

    async def promise(self) -> bool:
        """Take on delivering the answer by another way than this delivery's response. True for one caller only."""

    async def promised(self) -> bool:
        """Whether somebody has taken that on, so that a redelivery must stay silent."""


class Dedupe(Protocol):
    """Where messages are claimed. A key is `channel:message id`."""

    async def claim(self, key: str) -> Claim: ...


@dataclass
class _Entry:
    expires_at: float
    deliveries: int = 0
    answer: Any = None
    promised: bool = False
    abandoned: bool = False
    here: bool = False  # the work is done in this process
    done: asyncio.Event = field(default_factory=asyncio.Event)


class MemoryDedupe:
    """Claims of one process. `clock` gives seconds; the oldest messages go first when there are more than `max_kept`."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        lease_seconds: float = LEASE_SECONDS,
        keep_seconds: float = KEEP_SECONDS,
        max_kept: int = MAX_KEPT,
    ) -> None:
        self.clock, self.max_kept = clock, max_kept
        self.lease_seconds, self.keep_seconds = lease_seconds, keep_seconds
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    async def claim(self, key: str) -> "_MemoryClaim":
        entry = self._entries.get(key)
        again = entry is not None and entry.abandoned
        if entry is None or entry.abandoned or entry.expires_at <= self.clock():
            self._entries.pop(key, None)
            self._forget_expired()
            entry = self._entries[key] = _Entry(self.clock() + self.lease_seconds)
        entry.deliveries += 1
        return _MemoryClaim(self, key, entry, again)

    def _forget_expired(self) -> None:
        """Make room for one. Entries are in the order of their claims, and so nearly in that of their expiry."""
        now = self.clock()
        while self._entries:
            oldest = next(iter(self._entries.values()))
            if oldest.expires_at > now and len(self._entries) < self.max_kept:
                return
            self._entries.popitem(last=False)


class _MemoryClaim:
    def __init__(self, dedupe: MemoryDedupe, key: str, entry: _Entry, again: bool) -> None:
        self._dedupe, self._key, self.entry = dedupe, key, entry
        self.delivery, self.first, self.again = entry.deliveries, entry.deliveries == 1, again

    async def finish(self, answer: Any) -> None:
        self.entry.answer = answer
        self.entry.expires_at = self._dedupe.clock() + self._dedupe.keep_seconds
        self.entry.done.set()

    async def prolong(self) -> None:
        self.entry.expires_at = self._dedupe.clock() + self._dedupe.lease_seconds

    async def abandon(self, told: Any = None) -> None:
        if told is not None:
            self.entry.abandoned = not self.entry.promised
            await self.finish(told)
        elif self._dedupe._entries.get(self._key) is self.entry:
            del self._dedupe._entries[self._key]
        self.entry.done.set()

    async def wait(self, seconds: float) -> Any:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.entry.done.wait(), seconds)
        return self.entry.answer

    def over(self) -> bool:
        """Whether there is nothing to wait for any more: answered or abandoned."""
        return self.entry.done.is_set()

    async def promise(self) -> bool:
        taken, self.entry.promised = self.entry.promised, True
        return not taken

    async def promised(self) -> bool:
        return self.entry.promised


# A hash per message: owner, deliveries, answer, promised, abandoned. The first delivery owns it for the lease.
_CLAIM = """
local again = redis.call('HEXISTS', KEYS[1], 'abandoned')
if again == 1 then redis.call('DEL', KEYS[1]) end
local n = redis.call('HINCRBY', KEYS[1], 'deliveries', 1)
if n == 1 then redis.call('HSET', KEYS[1], 'owner', ARGV[1]) redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return {n, again}
"""
# A turn that outlived its lease may have been done again by another process, whose answer then stands.
_FINISH = """
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'answer', ARGV[2]) redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""
_PROMISE = "if redis.call('EXISTS', KEYS[1]) == 0 then return 1 end return redis.call('HSETNX', KEYS[1], 'promised', 1)"
_PROLONG = "if redis.call('HGET', KEYS[1], 'owner') == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
_ABANDON = """
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
if ARGV[2] == 'null' then return redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'answer', ARGV[2])
if redis.call('HEXISTS', KEYS[1], 'promised') == 0 then redis.call('HSET', KEYS[1], 'abandoned', 1) end
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
"""


class RedisDedupe:
    """Claims shared by all processes and machines. What this process knows is mirrored in memory, so that its own messages stay
    answered once while Redis is away."""

    def __init__(
        self,
        redis: "Redis[Any]",
        mirror: MemoryDedupe | None = None,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self.redis, self.poll_seconds = redis, poll_seconds
        self.mirror = mirror or MemoryDedupe()

    async def claim(self, key: str) -> Claim:
        local = await self.mirror.claim(key)
        owner = secrets.token_hex(8)
        name = f"dedupe:{key}"
        try:
            lease = int(self.mirror.lease_seconds * 1000)
            deliveries, again = map(int, await self.redis.eval(_CLAIM, 1, name, owner, lease))
        except (RedisError, OSError) as error:
            logger.warning("Redis 不可用,暂时只在本进程内去重:%s", error)
            return local
        # Redis may have lost its data while the work goes on here.
        first = deliveries == 1 and not local.entry.here
        local.entry.here |= first
        return _RedisClaim(self, name, owner, deliveries, first, bool(again), local)


class _RedisClaim:
    def __init__(
        self, dedupe: RedisDedupe, name: str, owner: str, delivery: int, first: bool, again: bool, local: _MemoryClaim
    ) -> None:
        self._dedupe, self._name, self._owner, self._local = dedupe, name, owner, local
        self.delivery, self.first, self.again = delivery, first, again or local.again

    async def finish(self, answer: Any) -> None:
        await self._local.finish(answer)
        await self._store(_FINISH, answer)

    async def prolong(self) -> None:
        await self._local.prolong()
        await self._try("eval", _PROLONG, 1, self._name, self._owner, int(self._dedupe.mirror.lease_seconds * 1000))

    async def abandon(self, told: Any = None) -> None:
        await self._local.abandon(told)
        await self._store(_ABANDON, told)

    async def wait(self, seconds: float) -> Any:
        """An answer made in this process comes through its memory at once, another's is asked for every `poll_seconds`.

        None as soon as nobody works on it any more: it was abandoned, or its process has died and the lease has ended.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            known = await self._try("hmget", self._name, "owner", "answer", "abandoned")
            owner, stored, abandoned = known or (b"unknown", None, None)
            if owner is None and not self._local.entry.here:
                return None
            if stored is not None:
                answer = json.loads(stored)
                await (self._local.abandon if abandoned else self._local.finish)(answer)
                return answer
            left = end - loop.time()
            answer = await self._local.wait(max(0.0, min(left, self._dedupe.poll_seconds)))
            if answer is not None or left <= 0 or self._local.over():
                return answer

    async def promise(self) -> bool:
        here = await self._local.promise()
        there = await self._try("eval", _PROMISE, 1, self._name)
        return here if there is None else here and bool(there)

    async def promised(self) -> bool:
        there = await self._try("hexists", self._name, "promised")
        return bool(there) or await self._local.promised()

    async def _store(self, script: str, answer: Any) -> None:
        stored, keep = json.dumps(answer, ensure_ascii=False), int(self._dedupe.mirror.keep_seconds * 1000)
        await self._try("eval", script, 1, self._name, self._owner, stored, keep)

    async def _try(self, command: str, *arguments: Any) -> Any:
        """What Redis answers to `command`, or None when it cannot be reached."""
        try:
            return await getattr(self._dedupe.redis, command)(*arguments)
        except (RedisError, OSError) as error:
            logger.warning("Redis 不可用,暂时只在本进程内去重:%s", error)
            return None
