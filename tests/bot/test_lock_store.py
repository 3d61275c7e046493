"""One turn of a person at a time, in the order of arrival, across workers; a worker that dies keeps nobody waiting."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from rasa.core.lock_store import LockError
from redis.asyncio import Redis

from bot.lock_store import RedisLockStore, fence
from tests.conftest import ROOT

SOMEBODY = "web:somebody"


class Talk:
    """What happens while locks are held: who was in, in which order, and whether anybody was not alone."""

    def __init__(self) -> None:
        self.order: list[int] = []
        self.inside: Counter[str] = Counter()
        self.fences: list[int] = []

    async def turn(self, store: RedisLockStore, number: int, person: str = SOMEBODY, seconds: float = 0.001) -> None:
        async with store.lock(person):
            self.inside[person] += 1
            assert self.inside[person] == 1, "two turns of one person at a time"
            self.order.append(number)
            self.fences.append(fence.get() or 0)
            await asyncio.sleep(seconds)
            self.inside[person] -= 1


def workers(redis: "Redis[Any]", count: int, **more: float) -> list[RedisLockStore]:
    return [RedisLockStore(redis, **more) for _ in range(count)]


async def arrived(redis: "Redis[Any]", waiting: int, person: str = SOMEBODY) -> None:
    while await redis.llen(f"lock-queue:{person}") < waiting:  # noqa: ASYNC110
        await asyncio.sleep(0)


async def test_messages_of_one_person_are_taken_in_order_wherever_they_arrive(redis: "Redis[Any]") -> None:
    stores, talk, running = workers(redis, 3), Talk(), []
    async with stores[0].lock(SOMEBODY):
        for number in range(12):
            running.append(asyncio.ensure_future(talk.turn(stores[number % 3], number)))
            await arrived(redis, number + 1)
    await asyncio.gather(*running)
    assert talk.order == list(range(12))


async def test_fences_grow_from_lock_to_lock(redis: "Redis[Any]") -> None:
    stores, talk = workers(redis, 2), Talk()
    for number in range(6):
        await talk.turn(stores[number % 2], number, person=f"web:{number % 3}")
    assert talk.fences == sorted(set(talk.fences)) and talk.fences[0] > 0
    assert fence.get() is None


async def test_fences_grow_even_when_redis_has_lost_everything(redis: "Redis[Any]") -> None:
    talk, (store,) = Talk(), workers(redis, 1)
    await talk.turn(store, 0)
    await redis.flushall()
    await talk.turn(store, 1)
    assert talk.fences[1] > talk.fences[0]


async def test_people_do_not_wait_for_each_other(redis: "Redis[Any]") -> None:
    (store,) = workers(redis, 1)
    async with store.lock("web:a"):
        await asyncio.wait_for(Talk().turn(store, 0, "web:b"), 1)


async def test_nothing_stays_in_redis_after_a_talk_but_the_last_number(redis: "Redis[Any]") -> None:
    stores, talk = workers(redis, 2), Talk()
    await asyncio.gather(*(talk.turn(stores[n % 2], n) for n in range(10)))
    assert await redis.keys("*") == [b"fence"]


async def test_a_lock_of_a_worker_that_died_frees_itself(redis: "Redis[Any]", redis_socket: str) -> None:
    code = """
import asyncio, sys
from redis.asyncio import Redis
from bot import light_tensorflow; light_tensorflow.install()
from bot.lock_store import RedisLockStore
async def main():
    async with RedisLockStore(Redis(unix_socket_path=sys.argv[1]), lease_seconds=0.5).lock("web:somebody"):
        print("held", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-c", code, redis_socket]
    with subprocess.Popen(  # noqa: ASYNC220
        command, stdout=subprocess.PIPE, text=True, env=environment
    ) as victim:
        assert victim.stdout is not None
        assert await asyncio.to_thread(victim.stdout.readline) == "held\n"
        victim.kill()
    talk = Talk()
    await asyncio.wait_for(talk.turn(*workers(redis, 1), 1), 5)
    assert talk.order == [1]


async def test_a_place_in_the_queue_of_a_worker_that_died_is_passed_over(redis: "Redis[Any]") -> None:
    (store,) = workers(redis, 1, lease_seconds=0.3)
    await redis.rpush(f"lock-queue:{SOMEBODY}", "dead")
    await redis.hset(f"lock-seen:{SOMEBODY}", "dead", 1)
    await asyncio.wait_for(Talk().turn(store, 0), 5)


async def test_a_turn_that_takes_longer_than_the_lease_keeps_its_lock(redis: "Redis[Any]") -> None:
    stores, talk = workers(redis, 2, lease_seconds=0.15), Talk()
    slow = asyncio.ensure_future(talk.turn(stores[0], 0, seconds=0.6))
    while not talk.order:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await talk.turn(stores[1], 1)
    await slow
    assert talk.order == [0, 1]


async def test_somebody_who_lost_the_lock_does_not_release_the_next_ones(redis: "Redis[Any]") -> None:
    (store,) = workers(redis, 1)
    async with store.lock(SOMEBODY):
        await redis.set(f"lock:{SOMEBODY}", "another")
    assert await redis.get(f"lock:{SOMEBODY}") == b"another"


async def test_waiting_has_an_end_and_leaves_the_queue(redis: "Redis[Any]") -> None:
    first, second = workers(redis, 2, wait_seconds=0.1)
    async with first.lock(SOMEBODY):
        with pytest.raises(LockError):
            async with second.lock(SOMEBODY):
                pass
        assert await redis.llen(f"lock-queue:{SOMEBODY}") == 0


async def test_while_redis_is_away_turns_are_taken_in_order_within_the_process(
    no_redis: "Redis[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.lock_store.AWAY_SECONDS", 0.1)
    store, numbers = RedisLockStore(no_redis), []
    order: list[int] = []

    async def turn(number: int) -> None:
        async with store.lock(SOMEBODY):
            order.append(number)
            await asyncio.sleep(0)
            order.append(number)
            numbers.append(fence.get())

    await turn(0)  # finds out that Redis is away
    await asyncio.gather(turn(1), turn(2))
    assert order == [0, 0, 1, 1, 2, 2]
    assert numbers == sorted(set(numbers)) and fence.get() is None


async def test_numbers_given_without_redis_do_not_outdate_those_that_it_gives_next(
    redis: "Redis[Any]", no_redis: "Redis[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.lock_store.AWAY_SECONDS", 0.1)
    numbers = []
    for there in (redis, no_redis, redis):
        async with RedisLockStore(there).lock(SOMEBODY):
            numbers.append(fence.get())
    assert numbers == sorted(set(numbers))


async def test_a_redis_that_comes_back_soon_is_not_noticed(redis: "Redis[Any]", no_redis: "Redis[Any]") -> None:
    store, talk = RedisLockStore(no_redis), Talk()
    take, store._take = store._take, RedisLockStore(redis)._take
    store._take, back = take, store._take
    waiting = asyncio.ensure_future(talk.turn(store, 0))
    await asyncio.sleep(0.05)
    store._take = back
    await waiting
    assert talk.order == [0]
