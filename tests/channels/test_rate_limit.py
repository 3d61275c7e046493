"""One limit for a person, whichever process they come to; without Redis each process counts for itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from channels.rate_limit import AWAY_SECONDS, SharedRateLimiter


@pytest.fixture
def redis(redis_socket: str) -> "Iterator[Redis[Any]]":
    client: Redis[Any] = Redis(unix_socket_path=redis_socket)
    client.flushall()
    yield client
    client.close()


def test_processes_count_together(redis: "Redis[Any]") -> None:
    one, other = SharedRateLimiter(redis, "messages", 3), SharedRateLimiter(redis, "messages", 3)
    assert [limiter.allow("a") for limiter in (one, other, one, other, one)] == [True, True, True, False, False]
    assert other.allow("b")


def test_limits_of_different_names_count_apart(redis: "Redis[Any]") -> None:
    assert SharedRateLimiter(redis, "messages", 1).allow("a") and SharedRateLimiter(redis, "bookings", 1).allow("a")


def test_time_brings_new_messages_up_to_one_burst(redis: "Redis[Any]") -> None:
    SharedRateLimiter(redis, "messages", 60).allow("a")
    seconds, micros = redis.time()
    redis.hset("rate:messages:a", mapping={"tokens": "0", "at": seconds * 1000 + micros // 1000 - 2500})
    fresh = SharedRateLimiter(redis, "messages", 60)
    assert [fresh.allow("a") for _ in range(3)] == [True, True, False]
    redis.hset("rate:messages:a", mapping={"tokens": "60", "at": 0})
    assert fresh.allow("a") and float(redis.hget("rate:messages:a", "tokens") or 0) == 59


def test_a_bucket_is_forgotten_when_it_is_full_again(redis: "Redis[Any]") -> None:
    SharedRateLimiter(redis, "messages", 3).allow("a")
    assert 0 < redis.pttl("rate:messages:a") <= 60_000


def test_without_redis_a_process_limits_alone_and_asks_again_later(redis: "Redis[Any]", tmp_path: Path) -> None:
    limiter = SharedRateLimiter(Redis(unix_socket_path=str(tmp_path / "nobody.sock")), "messages", 2)
    assert [limiter.allow("a", 100.0) for _ in range(3)] == [True, True, False]
    limiter._take = SharedRateLimiter(redis, "messages", 2)._take
    limiter.allow("b", 101.0)
    assert not redis.keys("rate:*"), "it is not asked at every message"
    limiter.allow("b", 100.0 + AWAY_SECONDS)
    assert redis.keys("rate:*")
