"""Mixed traffic from a process of its own: people who ask, have a case worked out and book, over HTTP on this machine.

    with Traffic(Plan(urls=("http://127.0.0.1:5005",), seconds=60)) as traffic:
        ...                       # break something, take samples
        report = traffic.report()

Closed loop: `people` talk at the same time, each sends the next message when the last is answered. Open loop (`rate`): so many
messages a second are due whatever the server does, and a message's time counts from when it was due. Every message has an id, and one
that was not answered is sent again with the same id. At its end each conversation's history is compared with what was sent and answered.
"""

import argparse
import asyncio
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

import aiohttp
import numpy as np

from benchmarks.messages import evaluation_questions
from bot.settings import ROOT

Topic = Literal["question", "form", "booking"]
Status = Literal["answered", "try again", "refused", "error"]

REQUEST_SECONDS = 40.0
# More than the server keeps an idle connection would end in requests on closed connections.
IDLE_SECONDS = 15.0
END_SECONDS = 120.0
KEPT_CHARACTERS = 120
# What the example bases offer; each is a course of its own, so that not everybody wants the same slot.
WISHES = ("数控车床", "汽车维修", "车间安全教育", "工业机器人", "创业培训", "焊接", "养老护理", "烹饪", "面点")
CHOICES = ("第一个", "第二个")
BOOKED = "约好了"


@dataclass(frozen=True)
class Said:
    """A message of a conversation; `expects` is part of the reply when every message before was taken once and in order."""

    topic: Topic
    text: str
    expects: str = ""


ASSESSMENT = (
    Said("form", "新招了 8 个人,都签了一年合同,3 个考了证,能领多少?", "中小微企业吗"),
    Said("form", "是", "和职业院校合作"),
    Said("form", "和市里的技师学院一起培训的", "1 年内取得证书"),
    Said("form", "都是", "可以领 3300 元"),
    Said("form", "要是五个人有证呢", "3900 元"),
)


@dataclass(frozen=True)
class Plan:
    """What traffic to make. `rate`: messages a second, None for the closed loop. `alternate`: each message of a conversation goes to the
    next of `urls`; otherwise a conversation stays with one. `tries` of a message that is not answered, `pause` seconds apart.
    `rest`: the addresses are Rasa's REST webhook, which knows no ids, no history and no sessions. `seed` keeps people apart."""

    urls: tuple[str, ...]
    seconds: float
    people: int = 16
    rate: float | None = None
    alternate: bool = False
    tries: int = 1
    pause: float = 0.5
    rest: bool = False
    seed: int = 0


@dataclass
class Attempt:
    """`at`: seconds since the traffic began."""

    status: Status
    at: float
    seconds: float
    detail: str = ""


@dataclass
class Message:
    """A message and how it went. `seconds`: from when it was due or first sent to its answer, or to the end of the last try."""

    person: str
    number: int
    message_id: str
    said: Said
    at: float
    seconds: float = 0.0
    attempts: list[Attempt] = field(default_factory=list)
    kind: str = ""  # of the first reply
    reply: str = ""  # how it begins

    @property
    def status(self) -> Status:
        return self.attempts[-1].status

    @property
    def in_step(self) -> bool:
        """Whether the reply is the one to this point of the conversation."""
        return self.said.expects in self.reply


@dataclass
class Problem:
    """What a conversation's history has otherwise than what was sent and answered."""

    person: str
    what: Literal["lost", "doubled", "order", "reply differs", "no history"]
    message_id: str = ""


@dataclass
class Report:
    """`began`: `time.monotonic()` of this machine; `cpu_seconds` and `seconds` of the sending process from then to the last answer."""

    began: float
    seconds: float
    cpu_seconds: float
    conversations: int
    messages: list[Message]
    problems: list[Problem]

    @property
    def answered(self) -> list[Message]:
        return [message for message in self.messages if message.status == "answered"]

    def attempts(self) -> Counter[str]:
        """How many attempts had which status."""
        return Counter(attempt.status for message in self.messages for attempt in message.attempts)

    def out_of_step(self) -> list[Message]:
        """Answered messages of forms and bookings whose reply belongs to another point of the conversation."""
        return [message for message in self.answered if not message.in_step]

    def booked(self) -> int:
        """How many answers confirmed a booking."""
        return sum(message.said.expects == BOOKED and message.in_step for message in self.answered)

    def rate(self, since: float = 0.0, until: float | None = None) -> float:
        """Messages a second that were answered between two times, in seconds since the traffic began."""
        end = self.seconds if until is None else until
        return len([1 for each in self.answered if since <= each.at + each.seconds < end]) / (end - since)

    def milliseconds(self, since: float = 0.0, until: float = float("inf"), topic: Topic | None = None) -> np.ndarray:
        """The times of the answered messages that were due or sent in between."""
        chosen = [m for m in self.answered if since <= m.at < until and topic in (None, m.said.topic)]
        return np.array([message.seconds * 1000 for message in chosen])


@lru_cache(maxsize=1)
def _questions() -> list[str]:
    """In an order of their own: neighbours in the file are by one persona."""
    # A leading slash would make Rasa's stock channel read an intent; ours strips it.
    questions = [question for question in evaluation_questions() if not question.lstrip().startswith("/")]
    random.Random(0).shuffle(questions)
    return questions


def conversation(number: int) -> list[Said]:
    """The ten messages of person `number`. Of a hundred messages of ten people 70 are questions, 20 in assessments, 10 in bookings."""
    kind = number % 10
    asked = 10 if kind >= 6 else 5
    pool = _questions()
    said = [Said("question", pool[(number * 10 + n) % len(pool)]) for n in range(asked)]
    if kind in (0, 2, 3, 5):
        said += ASSESSMENT
    elif kind in (1, 4):
        said += _booking(number)
    return said


def _booking(number: int) -> list[Said]:
    turns = (
        (f"我想约{WISHES[number // 10 % len(WISHES)]}", "1."),
        (CHOICES[number // 5 % len(CHOICES)], "占住了"),
        ("同意", "姓名和手机号"),
        (f"王小明 138{number % 10**8:08d}", "请核对"),
        ("确认", BOOKED),
    )
    return [Said("booking", text, expects) for text, expects in turns]


class _Server(Protocol):
    """How a chatbot is talked to: `(status, replies, detail)` of a message; replies have `kind` and `text`."""

    async def open(self, url: str, person: str) -> str | None: ...

    async def say(self, url: str, session: str, message: Message) -> tuple[Status, list[dict[str, Any]], str]: ...

    async def history(self, url: str, session: str) -> list[dict[str, Any]] | None: ...


class _Ours:
    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http

    async def open(self, url: str, person: str) -> str | None:
        async with self.http.post(f"{url}/chat/sessions") as response:
            return response.headers["Set-Cookie"].partition(";")[0] if response.status == 201 else None

    async def say(self, url: str, session: str, message: Message) -> tuple[Status, list[dict[str, Any]], str]:
        body = {"text": message.said.text, "message_id": message.message_id}
        async with self.http.post(f"{url}/chat/messages", json=body, headers={"Cookie": session}) as response:
            if response.status == 200:
                return "answered", (await response.json())["messages"], ""
            detail = f"{response.status} {(await response.text())[:KEPT_CHARACTERS]}"
            if response.status in (429, 503):
                return "try again", [], detail
            return ("refused" if response.status < 500 else "error"), [], detail

    async def history(self, url: str, session: str) -> list[dict[str, Any]] | None:
        async with self.http.get(f"{url}/chat/history", headers={"Cookie": session}) as response:
            return list((await response.json())["messages"]) if response.status == 200 else None


class _RasaRest:
    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http

    async def open(self, url: str, person: str) -> str | None:
        return person

    async def say(self, url: str, session: str, message: Message) -> tuple[Status, list[dict[str, Any]], str]:
        body = {"sender": session, "message": message.said.text}
        async with self.http.post(f"{url}/webhooks/rest/webhook", json=body) as response:
            if response.status != 200:
                return "error", [], str(response.status)
            said = await response.json()
        replies = [each.get("custom") or {"kind": "text", "text": each.get("text", "")} for each in said]
        return ("answered", replies, "") if replies else ("error", [], "no reply")

    async def history(self, url: str, session: str) -> list[dict[str, Any]] | None:
        return None


class _Client:
    def __init__(self, plan: Plan, server: _Server) -> None:
        self.plan, self.server = plan, server
        self.began, self.over = time.monotonic(), False
        self.numbers = itertools.count()
        self.due = itertools.count() if plan.rate else None
        self.messages: list[Message] = []
        self.problems: list[Problem] = []

    def now(self) -> float:
        return time.monotonic() - self.began

    async def run(self) -> None:
        await asyncio.gather(*(self._talk() for _ in range(self.plan.people)))

    async def _talk(self) -> None:
        """One person after the other, until the time is over."""
        while not self.over:
            number = next(self.numbers)
            person = f"{self.plan.seed}-{number}"
            urls = itertools.cycle(
                self.plan.urls[number % len(self.plan.urls) :] + self.plan.urls[: number % len(self.plan.urls)]
            )
            session = await self._session(next(urls), person)
            if session is not None:
                await self._converse(number, person, session, urls)

    async def _session(self, url: str, person: str) -> str | None:
        for _ in range(self.plan.tries):
            try:
                if session := await self.server.open(url, person):
                    return session
            except (aiohttp.ClientError, asyncio.TimeoutError):
                pass
            await asyncio.sleep(self.plan.pause)
        return None

    async def _converse(self, number: int, person: str, session: str, urls: Iterator[str]) -> None:
        url, answers = next(urls), {}
        for turn, said in enumerate(conversation(number + self.plan.seed)):
            at = await self._turn_comes()
            if at is None:
                self.over = True
                break
            message = Message(person, turn, f"{person}-{turn}", said, at)
            self.messages.append(message)
            if self.plan.alternate:
                url = next(urls)
            answers[message.message_id] = await self._send(url, urls, session, message)
            if answers[message.message_id] is None:
                break  # what follows would belong to another conversation
        if not self.plan.rest:
            self._compare(person, answers, await self._history(urls, session))

    async def _turn_comes(self) -> float | None:
        """When the next message is due, as soon as it is; None when the time is over."""
        if self.due is None or self.plan.rate is None:
            return self.now() if self.now() < self.plan.seconds else None
        due = next(self.due) / self.plan.rate
        if due >= self.plan.seconds:
            return None
        await asyncio.sleep(max(0.0, due - self.now()))
        return due

    async def _send(self, url: str, urls: Iterator[str], session: str, message: Message) -> list[dict[str, Any]] | None:
        """The replies; None when there are none after all tries."""
        for attempt in range(self.plan.tries):
            if attempt:
                await asyncio.sleep(self.plan.pause)
                url = next(urls)
            started = self.now()
            try:
                status, replies, detail = await self.server.say(url, session, message)
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
                status, replies, detail = "error", [], f"{type(error).__name__}: {error}"
            now = self.now()
            message.attempts.append(Attempt(status, round(started, 4), round(now - started, 5), detail))
            message.seconds = now - message.at
            if status == "answered":
                message.kind = replies[0]["kind"] if replies else ""
                text = "\n".join(reply["text"] for reply in replies)
                # What is expected is looked for in the whole reply, of which only the beginning is kept.
                kept = text[:KEPT_CHARACTERS]
                message.reply = (
                    kept
                    if message.said.expects in kept or message.said.expects not in text
                    else f"{kept}…{message.said.expects}"
                )
                return replies
            if status == "refused":
                return None
        return None

    async def _history(self, urls: Iterator[str], session: str) -> list[dict[str, Any]] | None:
        for _ in range(self.plan.tries):
            try:
                if (kept := await self.server.history(next(urls), session)) is not None:
                    return kept
            except (aiohttp.ClientError, asyncio.TimeoutError):
                pass
            await asyncio.sleep(self.plan.pause)
        return None

    def _compare(self, person: str, answers: dict[str, Any], history: list[dict[str, Any]] | None) -> None:
        """Note where the history is not what was answered, in the order it was sent in. A message without an answer may be in it or not."""
        if history is None:
            self.problems.append(Problem(person, "no history"))
            return
        kept = [each["message_id"] for each in history]
        replies = {each["message_id"]: each["replies"] for each in history}
        for message_id, answer in answers.items():
            if answer is None:
                continue
            if message_id not in replies:
                self.problems.append(Problem(person, "lost", message_id))
            elif replies[message_id] != answer:
                self.problems.append(Problem(person, "reply differs", message_id))
        self.problems += [Problem(person, "doubled", each) for each, times in Counter(kept).items() if times > 1]
        if [each for each in kept if each in answers] != [each for each in answers if each in replies]:
            self.problems.append(Problem(person, "order"))


async def send(plan: Plan) -> Report:
    """Make the traffic of `plan`, in this process."""
    _questions()
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS)
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as http:
        client = _Client(plan, _RasaRest(http) if plan.rest else _Ours(http))
        cpu = time.process_time()
        await client.run()
        used = time.process_time() - cpu
    people = len({message.person for message in client.messages})
    return Report(client.began, client.now(), used, people, client.messages, client.problems)


class Traffic:
    """`plan` carried out by a process of its own, which is ended when the context is left."""

    def __init__(self, plan: Plan, prefix: Sequence[str] = ()) -> None:
        """`prefix`: what the command is run by, such as `ip netns exec …`."""
        self.plan, self.prefix = plan, prefix

    def __enter__(self) -> "Traffic":
        self._folder = tempfile.TemporaryDirectory(prefix="traffic-")
        self._file = Path(self._folder.name) / "report.json"
        command = [
            *self.prefix,
            sys.executable,
            "-m",
            "benchmarks.traffic",
            json.dumps(asdict(self.plan)),
            str(self._file),
        ]
        self.process = subprocess.Popen(command, cwd=ROOT)
        return self

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._folder.cleanup()

    def report(self) -> Report:
        """What happened, as soon as all is sent. Raises RuntimeError when the process failed, TimeoutExpired when it does not end."""
        if self.process.wait(self.plan.seconds + END_SECONDS) != 0:
            raise RuntimeError("the traffic process failed")
        return _read(json.loads(self._file.read_text(encoding="utf-8")))


def _read(stored: dict[str, Any]) -> Report:
    messages = [
        Message(**{**each, "said": Said(**each["said"]), "attempts": [Attempt(**a) for a in each["attempts"]]})
        for each in stored.pop("messages")
    ]
    problems = [Problem(**each) for each in stored.pop("problems")]
    return Report(**stored, messages=messages, problems=problems)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", help="a Plan as JSON")
    parser.add_argument("file", type=Path, help="where the Report is put as JSON")
    given = parser.parse_args()
    plan = json.loads(given.plan)
    report = asyncio.run(send(Plan(**{**plan, "urls": tuple(plan["urls"])})))
    given.file.write_text(json.dumps(asdict(report), ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
