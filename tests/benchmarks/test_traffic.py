"""The load test would notice what it looks for: its traffic is what it says, and lost, doubled and disordered messages are found."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from benchmarks.traffic import Plan, Report, conversation, send


def test_of_a_hundred_messages_70_are_questions_20_are_in_assessments_and_10_in_bookings() -> None:
    topics = Counter(said.topic for number in range(10) for said in conversation(number))
    assert topics == {"question": 70, "form": 20, "booking": 10}


class Chatbot:
    """A server that answers everything at once, after refusing each message `refusals` times. `history` is what it remembers of it."""

    def __init__(self, refusals: int = 0) -> None:
        self.kept: list[dict[str, Any]] = []
        self.sessions = 0
        self.refusals, self.asked = refusals, Counter[str]()

    def history(self) -> list[dict[str, Any]]:
        return self.kept

    async def report(self, people: int = 1, rate: float | None = None) -> Report:
        """What the traffic of a few messages comes to."""
        app = web.Application()
        app.add_routes(
            [
                web.post("/chat/sessions", self._session),
                web.post("/chat/messages", self._message),
                web.get("/chat/history", self._history),
            ]
        )
        async with TestServer(app) as server:
            url = str(server.make_url("")).rstrip("/")
            return await send(Plan((url,), 0.2, people=people, rate=rate, tries=3, pause=0.001))

    async def _session(self, request: web.Request) -> web.Response:
        self.kept = []
        self.sessions += 1
        return web.json_response({}, status=201, headers={"Set-Cookie": "session=1; Path=/"})

    async def _message(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked[body["message_id"]] += 1
        if self.asked[body["message_id"]] <= self.refusals:
            return web.json_response({}, status=503)
        await asyncio.sleep(0.001)
        replies = [{"kind": "answer", "text": f"答:{body['text']}"}]
        self.kept.append({"message_id": body["message_id"], "replies": replies})
        return web.json_response({"messages": replies})

    async def _history(self, request: web.Request) -> web.Response:
        return web.json_response({"messages": self.history()})


async def test_a_server_that_keeps_everything_has_no_problem() -> None:
    report = await Chatbot().report()
    assert report.problems == [] and set(report.attempts()) == {"answered"} and len(report.messages) > 10


async def test_a_refused_message_is_sent_again_with_its_id_and_both_are_counted() -> None:
    chatbot = Chatbot(refusals=1)
    report = await chatbot.report()
    assert report.problems == []
    assert report.attempts()["try again"] == report.attempts()["answered"] == len(report.messages)
    assert set(chatbot.asked.values()) == {2}


async def test_an_answer_to_another_point_of_the_conversation_is_out_of_step() -> None:
    report = await Chatbot().report()
    assert {message.said.text for message in report.out_of_step()} >= {"是", "都是"}


async def test_at_a_rate_so_many_messages_are_due_and_nobody_comes_for_nothing() -> None:
    chatbot = Chatbot()
    report = await chatbot.report(people=8, rate=50)
    assert len(report.messages) == 10 and chatbot.sessions <= 10


@pytest.mark.parametrize(
    ("problem", "change"),
    [
        ("lost", lambda kept: kept[1:]),
        ("doubled", lambda kept: [*kept, kept[0]]),
        ("order", lambda kept: kept[::-1]),
        ("reply differs", lambda kept: [{**each, "replies": []} for each in kept]),
    ],
)
async def test_a_history_that_is_not_what_was_said_is_noticed(problem: str, change: Any) -> None:
    chatbot = Chatbot()
    chatbot.history = lambda: change(chatbot.kept)  # type: ignore[method-assign]
    assert problem in {each.what for each in (await chatbot.report()).problems}
