"""A message that a client sends again, to the same worker or another: taken once, answered the same, never lost."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from channels.dedupe import Dedupe, MemoryDedupe, RedisDedupe
from channels.inbound import Inbound, Unavailable
from channels.rate_limit import RateLimiter
from channels.web.channel import KEEP_SECONDS, LEASE_SECONDS, WebInput
from channels.web.messages import BadMessage
from channels.web.session import SessionSigner

SOMEBODY, HELLO = "web:somebody", [{"kind": "chitchat", "text": "您好"}]


class Database:
    """The transcript, and turns that take as long as the test wants."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Any] = {}
        self.turns: list[str] = []
        self.go_on = asyncio.Event()
        self.error: BaseException | None = None

    def answered(self, sender_id: str, message_id: str) -> Any:
        return self.kept.get((sender_id, message_id))

    def history(self, sender_id: str) -> list[dict[str, Any]]:
        return []

    def latest(self, sender_id: str) -> str:
        return ""

    def rate(self, sender_id: str, message_id: str, useful: bool, comment: str, at: float) -> bool:
        return True

    async def ask(self, sender_id: str, inbound: Inbound) -> Any:
        self.turns.append(inbound.message_id)
        await self.go_on.wait()
        if (error := self.error) is not None:
            self.error = None  # once
            raise error
        self.kept[sender_id, inbound.message_id] = HELLO
        return HELLO


@pytest.fixture(params=["memory", "redis"])
def worker(request: pytest.FixtureRequest) -> Callable[[Database], WebInput]:
    """Makes the channel as each worker has it; in memory there is one worker."""
    one = MemoryDedupe(lease_seconds=LEASE_SECONDS, keep_seconds=KEEP_SECONDS)

    redis = request.getfixturevalue("redis") if request.param == "redis" else None

    def dedupe() -> Dedupe:
        return RedisDedupe(redis, poll_seconds=0.01) if redis else one

    def make(database: Database) -> WebInput:
        return WebInput(SessionSigner("s"), database, RateLimiter(2), 100, database.ask, None, dedupe())

    return make


def say(web: WebInput, message_id: str = "m1") -> "asyncio.Future[Any]":
    return asyncio.ensure_future(web._answer(SOMEBODY, Inbound(text="你好", message_id=message_id)))


async def begun(database: Database, turns: int = 1) -> None:
    while len(database.turns) < turns:  # noqa: ASYNC110
        await asyncio.sleep(0.001)


async def test_a_repeat_waits_for_the_running_turn_wherever_it_runs(worker: Callable[[Database], WebInput]) -> None:
    database = Database()
    first = say(worker(database))
    await begun(database)
    repeats = [say(worker(database)) for _ in range(3)]
    await asyncio.sleep(0.05)
    database.go_on.set()
    assert await asyncio.gather(first, *repeats) == [HELLO] * 4
    assert database.turns == ["m1"]


async def test_a_late_repeat_gets_the_kept_answer_and_does_not_count(worker: Callable[[Database], WebInput]) -> None:
    database, web = Database(), None
    database.go_on.set()
    web = worker(database)
    for _ in range(5):
        assert await say(web) == HELLO
    assert database.turns == ["m1"]


async def test_what_could_not_be_taken_is_told_so_and_taken_when_it_comes_again(
    worker: Callable[[Database], WebInput],
) -> None:
    database = Database()
    database.go_on.set()
    database.error = Unavailable()
    with pytest.raises(BadMessage) as told:
        await say(worker(database))
    assert (told.value.status, told.value.code) == (503, "unavailable")
    assert await say(worker(database)) == HELLO


async def test_a_repeat_takes_over_from_a_turn_that_could_not_be_taken(worker: Callable[[Database], WebInput]) -> None:
    database = Database()
    database.error = Unavailable()
    first = say(worker(database))
    await begun(database)
    repeat = say(worker(database))
    await asyncio.sleep(0.05)
    database.go_on.set()
    with pytest.raises(BadMessage):
        await first
    assert await repeat == HELLO


async def test_a_client_that_hangs_up_loses_nothing(worker: Callable[[Database], WebInput]) -> None:
    database = Database()
    web = worker(database)
    first = say(web)
    await begun(database)
    first.cancel()
    database.go_on.set()
    assert await say(web) == HELLO and database.turns == ["m1"]


async def test_a_message_above_the_limit_may_come_again_later(worker: Callable[[Database], WebInput]) -> None:
    database = Database()
    database.go_on.set()
    web = worker(database)
    await asyncio.gather(say(web, "a"), say(web, "b"))
    for _ in range(2):
        with pytest.raises(BadMessage) as told:
            await say(web, "c")
        assert told.value.status == 429
    web.limiter = RateLimiter(1)
    assert await say(web, "c") == HELLO


async def test_a_turn_longer_than_the_lease_is_not_taken_twice(
    redis: "Redis[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels.web.channel.LEASE_SECONDS", 0.15)
    database = Database()

    def web() -> WebInput:
        dedupe = RedisDedupe(redis, MemoryDedupe(lease_seconds=0.15), poll_seconds=0.01)
        return WebInput(SessionSigner("s"), database, RateLimiter(9), 100, database.ask, None, dedupe)

    first = say(web())
    await begun(database)
    await asyncio.sleep(0.4)
    repeat = say(web())
    await asyncio.sleep(0.05)
    database.go_on.set()
    assert await asyncio.gather(first, repeat) == [HELLO, HELLO] and database.turns == ["m1"]
