"""One message, delivered several times, to one process or several: done once, answered the same."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from channels.dedupe import Dedupe, MemoryDedupe, RedisDedupe


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "redis"])
def workers(request: pytest.FixtureRequest) -> Callable[[], Dedupe]:
    """Makes the store as each worker process has it; in memory there is only one."""
    if request.param == "memory":
        one = MemoryDedupe()
        return lambda: one
    redis = request.getfixturevalue("redis")
    return lambda: RedisDedupe(redis, poll_seconds=0.01)


async def test_only_the_first_delivery_does_the_work(workers: Callable[[], Dedupe]) -> None:
    claims = [await workers().claim("m1") for _ in range(3)]
    assert [c.first for c in claims] == [True, False, False]
    assert [c.delivery for c in claims] == [1, 2, 3]


async def test_of_fifty_deliveries_at_once_one_is_first(workers: Callable[[], Dedupe]) -> None:
    stores = [workers() for _ in range(5)]
    claims = await asyncio.gather(*(stores[n % 5].claim("m1") for n in range(50)))
    assert sum(c.first for c in claims) == 1


async def test_a_redelivery_waits_for_the_running_turn_and_gets_its_answer(workers: Callable[[], Dedupe]) -> None:
    first, second = await workers().claim("m1"), await workers().claim("m1")
    waiting = asyncio.ensure_future(second.wait(5))
    await asyncio.sleep(0)
    await first.finish([{"text": "答"}])
    assert await waiting == [{"text": "答"}]
    assert await first.wait(0) == [{"text": "答"}]


async def test_a_late_redelivery_gets_the_kept_answer(workers: Callable[[], Dedupe]) -> None:
    await (await workers().claim("m1")).finish("答")
    again = await workers().claim("m1")
    assert not again.first and await again.wait(0) == "答"


async def test_waiting_ends_with_nothing_when_the_turn_takes_too_long(workers: Callable[[], Dedupe]) -> None:
    first, second = await workers().claim("m1"), await workers().claim("m1")
    assert await second.wait(0.02) is None
    assert await first.wait(0) is None


async def test_other_messages_have_their_own_answers(workers: Callable[[], Dedupe]) -> None:
    await (await workers().claim("m1")).finish("答一")
    other = await workers().claim("m2")
    assert other.first and await other.wait(0) is None


async def test_what_was_abandoned_is_done_by_the_next_delivery(workers: Callable[[], Dedupe]) -> None:
    first = await workers().claim("m1")
    waiting = asyncio.ensure_future((await workers().claim("m1")).wait(0.1))
    await asyncio.sleep(0)
    await first.abandon()
    assert await waiting is None
    assert (await workers().claim("m1")).first


async def test_whoever_waits_for_abandoned_work_is_told_and_the_next_delivery_does_it(
    workers: Callable[[], Dedupe],
) -> None:
    first, other = await workers().claim("m1"), workers()
    waiting = asyncio.ensure_future((await other.claim("m1")).wait(5))
    await asyncio.sleep(0)
    await first.abandon("请再发")
    assert await waiting == "请再发"
    again = await other.claim("m1")
    assert again.first and again.again and not first.again
    attached = await other.claim("m1")
    assert not attached.first and await attached.wait(0.02) is None, "what was told before is no answer to the next try"
    await again.finish("答")
    assert await attached.wait(1) == "答" and not (await workers().claim("m1")).first


async def test_work_whose_answer_is_promised_ends_with_what_is_told(workers: Callable[[], Dedupe]) -> None:
    first = await workers().claim("m1")
    assert await first.promise()
    await first.abandon("请再发")
    again = await workers().claim("m1")
    assert not again.first and await again.promised() and await again.wait(0) == "请再发"


async def test_one_delivery_only_takes_on_to_send_the_answer_by_another_way(workers: Callable[[], Dedupe]) -> None:
    claims = [await workers().claim("m1") for _ in range(3)]
    assert not any([await c.promised() for c in claims])
    assert sorted([await c.promise() for c in claims]) == [False, False, True]
    assert all([await c.promised() for c in claims])


async def test_a_turn_of_a_process_that_died_is_done_again_after_the_lease() -> None:
    clock = Clock()
    dedupe = MemoryDedupe(clock, lease_seconds=60)
    await dedupe.claim("m1")
    clock.now += 59
    assert not (await dedupe.claim("m1")).first
    clock.now += 2
    assert (await dedupe.claim("m1")).first


async def test_a_lease_and_a_kept_answer_end_in_redis_too(redis: "Redis[Any]") -> None:
    dedupe = RedisDedupe(redis, MemoryDedupe(lease_seconds=60, keep_seconds=100))
    claim = await dedupe.claim("m1")
    assert 0 < await redis.pttl("dedupe:m1") <= 60_000
    await claim.finish("答")
    assert 60_000 < await redis.pttl("dedupe:m1") <= 100_000
    await redis.delete("dedupe:m1")  # as when it ends
    await claim.promise()
    assert not await redis.exists("dedupe:m1"), "a promise for a message that is over is kept for ever"


async def test_an_owner_that_outlived_its_lease_does_not_overwrite_the_next_ones_answer(redis: "Redis[Any]") -> None:
    slow = await RedisDedupe(redis).claim("m1")
    await redis.delete("dedupe:m1")
    await (await RedisDedupe(redis).claim("m1")).finish("新")
    await slow.finish("旧")
    assert await (await RedisDedupe(redis).claim("m1")).wait(0) == "新"


async def test_memory_does_not_grow_without_end() -> None:
    dedupe = MemoryDedupe(max_kept=100)
    for n in range(1000):
        await (await dedupe.claim(f"m{n}")).finish("答")
    assert len(dedupe._entries) == 100
    assert not (await dedupe.claim("m999")).first


async def test_without_redis_a_process_still_answers_its_messages_once(no_redis: "Redis[Any]") -> None:
    dedupe = RedisDedupe(no_redis)
    first, second = await dedupe.claim("m1"), await dedupe.claim("m1")
    assert first.first and not second.first
    await first.finish("答")
    assert await second.wait(1) == "答"


async def test_redis_going_away_in_the_middle_loses_no_answer(redis: "Redis[Any]", no_redis: "Redis[Any]") -> None:
    dedupe = RedisDedupe(redis, poll_seconds=0.01)
    first, second = await dedupe.claim("m1"), await dedupe.claim("m1")
    dedupe.redis = no_redis
    assert await first.promise() and await second.promised()
    await first.finish("答")
    assert await second.wait(1) == "答"
    assert await (await dedupe.claim("m1")).wait(0) == "答"


async def test_a_redis_that_has_lost_its_data_does_not_have_a_running_turn_taken_again(redis: "Redis[Any]") -> None:
    dedupe = RedisDedupe(redis, poll_seconds=0.01)
    first = await dedupe.claim("m1")
    await redis.flushall()
    again = await dedupe.claim("m1")
    assert not again.first
    waiting = asyncio.ensure_future(again.wait(5))
    await first.finish("答")
    assert await waiting == "答"


async def test_waiting_for_a_process_that_died_ends_with_its_lease(redis: "Redis[Any]") -> None:
    dead, other = RedisDedupe(redis, MemoryDedupe(lease_seconds=0.1)), RedisDedupe(redis, poll_seconds=0.01)
    await dead.claim("m1")
    assert await asyncio.wait_for((await other.claim("m1")).wait(60), 5) is None
    assert (await other.claim("m1")).first


async def test_answers_that_are_kept_no_longer_leave_the_memory() -> None:
    clock = Clock()
    store = MemoryDedupe(clock, keep_seconds=60)
    for number in range(1000):
        clock.now += 1
        await (await store.claim(f"m{number}")).finish("答")
    assert len(store._entries) == 60
    assert not (await store.claim("m999")).first and (await store.claim("m900")).first
