"""Access tokens: as few fetches as possible, over tasks and processes, and never an endless loop of them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from channels.kept import MemoryKept, RedisKept
from channels.tokens import MemoryTokens, RedisTokens, Token, Tokens


class Platform:
    def __init__(self) -> None:
        self.fetches: list[bool] = []

    async def fetch(self, force: bool) -> Token:
        self.fetches.append(force)
        await asyncio.sleep(0.01)
        return Token(f"token-{len(self.fetches)}", 7200)


@pytest.fixture(params=["memory", "redis"])
def workers(request: pytest.FixtureRequest) -> Callable[[], Tokens]:
    if request.param == "memory":
        one = MemoryTokens()
        return lambda: one
    redis = request.getfixturevalue("redis")
    return lambda: RedisTokens(redis, poll_seconds=0.005)


async def test_many_askers_in_several_processes_fetch_once(workers: Callable[[], Tokens]) -> None:
    platform, stores = Platform(), [workers() for _ in range(4)]
    got = await asyncio.gather(*(stores[n % 4].get("wechat:a", platform.fetch) for n in range(40)))
    assert set(got) == {"token-1"} and platform.fetches == [False]


async def test_accounts_have_their_own_tokens(workers: Callable[[], Tokens]) -> None:
    platform = Platform()
    assert await workers().get("wechat:a", platform.fetch) != await workers().get("wechat:b", platform.fetch)


async def test_a_refused_token_is_replaced_by_force_once_by_everybody_together(workers: Callable[[], Tokens]) -> None:
    platform = Platform()
    old = await workers().get("a", platform.fetch)
    got = await asyncio.gather(*(workers().get("a", platform.fetch, refused=old) for _ in range(10)))
    assert set(got) == {"token-2"} and platform.fetches == [False, True]


async def test_tokens_that_are_refused_for_ever_are_not_fetched_for_ever(workers: Callable[[], Tokens]) -> None:
    platform, store = Platform(), workers()
    token = await store.get("a", platform.fetch)
    for _ in range(100):
        token = await store.get("a", platform.fetch, refused=token)
    assert len(platform.fetches) == 2


async def test_a_token_is_replaced_before_it_ends() -> None:
    now = 0.0
    platform, store = Platform(), MemoryTokens(lambda: now)
    await store.get("a", platform.fetch)
    now = 6899.0
    assert await store.get("a", platform.fetch) == "token-1"
    now = 6901.0
    assert await store.get("a", platform.fetch) == "token-2"
    assert platform.fetches == [False, False]


async def test_in_redis_too(redis: "Redis[Any]") -> None:
    await RedisTokens(redis).get("a", Platform().fetch)
    assert 6_800_000 < await redis.pttl("token:a") <= 6_900_000
    assert not await redis.exists("token-lock:a")


async def test_a_fetch_that_fails_leaves_no_lock_behind(workers: Callable[[], Tokens]) -> None:
    async def failing(force: bool) -> Token:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await workers().get("a", failing)
    assert await workers().get("a", Platform().fetch) == "token-1"


async def test_without_redis_each_process_has_a_token_of_its_own(no_redis: "Redis[Any]") -> None:
    platform, store = Platform(), RedisTokens(no_redis)
    assert [await store.get("a", platform.fetch) for _ in range(3)] == ["token-1"] * 3


async def test_kept_values_end(redis: "Redis[Any]") -> None:
    now = 0.0
    kept = MemoryKept(lambda: now)
    await kept.put("menu", {"1": "help"}, 10)
    assert await kept.get("menu") == {"1": "help"}
    now = 10.5
    assert await kept.get("menu") is None
    shared = RedisKept(redis)
    await shared.put("menu", {"1": "help"}, 10)
    assert await RedisKept(redis).get("menu") == {"1": "help"}
    assert 0 < await redis.pttl("kept:menu") <= 10_000
    await shared.put("menu", None, 0)
    assert await shared.get("menu") is None


async def test_without_redis_kept_values_are_those_of_the_process(no_redis: "Redis[Any]") -> None:
    kept = RedisKept(no_redis)
    await kept.put("menu", {"1": "help"}, 10)
    assert await kept.get("menu") == {"1": "help"}
