"""Requests a second of WeChat's signature check, parsing and answer, without a turn: our webhook's reading under Sanic beside WeRoBot's
plain echo handler under Bottle's usual server. `python -m benchmarks.echo_rate PORT` serves ours."""

import asyncio
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from sanic import Sanic
from sanic.request import Request
from sanic.response import HTTPResponse, text

from benchmarks.deliveries import TOKEN, channel, delivery
from benchmarks.results import table
from benchmarks.setups import cpu_seconds, environment, free_port
from channels.wechat.messages import Text, TextOut, answer_xml

# What it is compared with lives in an environment of its own below the temporary folder; the project does not know it.
WEROBOT = (
    "WeRoBot==1.13.1",
    "bottle==0.13.4",
    "xmltodict==1.0.4",
    "requests==2.34.2",
    "certifi==2026.10.18",
    "charset-normalizer==3.5.2",
    "idna==3.20",
    "urllib3==2.8.0",
)
# `run` is their documentation's way to start; without another server installed, its "auto" is wsgiref. No session is kept: one read and
# one write of SQLite less than the default.
SERVE_WEROBOT = f"""
import sys
from werobot import WeRoBot
robot = WeRoBot(token={TOKEN!r}, enable_session=False)
robot.handler(lambda message: message.content)
robot.run(host="127.0.0.1", port=int(sys.argv[1]))
"""
WEROBOT_ALONE = f"""
import sys, time
from werobot import WeRoBot
robot = WeRoBot(token={TOKEN!r}, enable_session=False)
robot.handler(lambda message: message.content)
body, query = sys.stdin.buffer.read(), sys.argv[1:4]
def work():
    assert robot.check_signature(*query)
    assert b"<xml>" in robot.get_encrypted_reply(robot.parse_message(body)).encode()
times = []
for _ in range(3000):
    started = time.perf_counter()
    work()
    times.append(time.perf_counter() - started)
print(sorted(times)[len(times) // 2])
"""
CONNECTIONS, SECONDS, ROUNDS, WARM_UP_SECONDS = 4, 3.0, 5, 1.0
TARGET = 3.0


def serve(port: int) -> None:
    """Our webhook's door without what is behind it: who is let in, what it says, and the same words back."""
    app, door = Sanic("echo", configure_logging=False), channel("plain")

    @app.post("/webhooks/wechat")
    async def echo(request: Request) -> HTTPResponse:
        message, _ = door._read(request)
        assert isinstance(message.content, Text)
        answer = answer_xml(message, TextOut(message.content.content), time.time())
        return text(answer, content_type="application/xml")

    app.run("127.0.0.1", port, access_log=False)


class _Sender(asyncio.Protocol):
    """Sends one message after another and counts the answers. A connection that the server ends is opened again."""

    def __init__(self, requests: Iterator[bytes], answered: list[int]) -> None:
        self.requests, self.answered = requests, answered
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport, self.buffer = transport, b""
        transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return
        if b" 200 " not in head[:16] or b"<xml>" not in body:
            self.gone.set_exception(AssertionError(self.buffer[:400]))
            return
        self.answered[0] += 1
        self.buffer = b""
        if not head.startswith(b"HTTP/1.0") and b"connection: close" not in head.lower():
            self.transport.write(next(self.requests))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.gone.done():
            self.gone.set_result(None)


def _requests(port: int, path: str, keep_alive: bool) -> Iterator[bytes]:
    """HTTP requests of different people, signed anew each."""
    for number in count():
        query, body = delivery("plain", number)
        yield (
            f"POST {path}?{urlencode(query)} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: text/xml\r\n"
            f"Connection: {'keep-alive' if keep_alive else 'close'}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


async def _rate(port: int, path: str, keep_alive: bool, seconds: float) -> float:
    """Answers a second over CONNECTIONS at a time, for `seconds`."""
    answered, loop = [0], asyncio.get_running_loop()
    made = _requests(port, path, keep_alive)
    ready = [next(made) for _ in range(20_000)]  # made before, so that the sender is not what is measured
    requests = (request for _ in count() for request in ready)
    open_ones: list[Any] = []

    async def send() -> None:
        while True:
            transport, sender = await loop.create_connection(lambda: _Sender(requests, answered), "127.0.0.1", port)
            open_ones.append(transport)
            await sender.gone
            open_ones.remove(transport)

    sending = [asyncio.ensure_future(send()) for _ in range(CONNECTIONS)]
    started = time.perf_counter()
    await asyncio.wait(sending, timeout=seconds)
    rate = answered[0] / (time.perf_counter() - started)
    for task in sending:
        if task.done():
            task.result()
        task.cancel()
    for transport in open_ones:
        transport.abort()
    await asyncio.sleep(0)
    return rate


@contextmanager
def _served(command: list[str]) -> "Iterator[tuple[int, subprocess.Popen[bytes]]]":
    """The process of `command` and the port on which it answers."""
    port = free_port()
    process = subprocess.Popen(
        [*command, str(port)], env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            raise RuntimeError(f"{command[:3]} did not start")
        yield port, process
    finally:
        process.terminate()
        process.wait(20)


def measure() -> str:
    with tempfile.TemporaryDirectory(prefix="bench-werobot-") as folder:
        python = str(Path(folder) / "bin" / "python")
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--no-deps", *WEROBOT]
        installed = subprocess.run(install, capture_output=True, text=True)
        if installed.returncode:
            return f"WeRoBot was not compared: it could not be installed ({installed.stderr.strip().splitlines()[-1]})."
        (Path(folder) / "serve.py").write_text(SERVE_WEROBOT, encoding="utf-8")
        ours, theirs = [sys.executable, "-m", "benchmarks.echo_rate"], [python, str(Path(folder) / "serve.py")]
        ways = [
            ("ours, Sanic, kept connections", ours, "/webhooks/wechat", True),
            ("ours, Sanic, a connection each", ours, "/webhooks/wechat", False),
            ("WeRoBot, Bottle on wsgiref, a connection each (it keeps none)", theirs, "/", True),
        ]
        rates, cpu = np.zeros((len(ways), ROUNDS)), np.zeros((len(ways), ROUNDS))
        for n in range(ROUNDS):
            for i, (_, command, path, keep_alive) in enumerate(ways):
                with _served(command) as (port, process):
                    asyncio.run(_rate(port, path, keep_alive, WARM_UP_SECONDS))
                    before = cpu_seconds(process.pid)
                    rates[i, n] = asyncio.run(_rate(port, path, keep_alive, SECONDS))
                    cpu[i, n] = (cpu_seconds(process.pid) - before) / (rates[i, n] * SECONDS) * 1e6
        query, body = delivery("plain", 1)
        signed = [query["timestamp"], query["nonce"], query["signature"]]
        alone = subprocess.run([python, "-c", WEROBOT_ALONE, *signed], input=body, capture_output=True, check=True)
    medians = np.median(rates, axis=1)
    rows = [
        (
            name,
            f"{median:,.0f}",
            ", ".join(f"{rate:,.0f}" for rate in each),
            f"{median / medians[-1]:.1f} ×",
            f"{np.median(used):.0f}",
        )
        for (name, *_), median, each, used in zip(ways, medians, rates, cpu, strict=True)
    ]
    shown = table(("way", "requests a second", "each round", "to WeRoBot", "CPU µs a request"), rows)
    kept, single = medians[0] / medians[-1], medians[1] / medians[-1]
    note = (
        f"Each in a process of its own, started anew for each of {ROUNDS} rounds of {SECONDS:.0f} s by turns; asked from a second "
        f"process over {CONNECTIONS} connections at a time, signed messages in plain mode, the same text back. WeRoBot 1.13.1 without "
        "sessions, started by its own `run`. It answers HTTP/1.0 and closes each connection, so that ours is shown both ways."
    )
    verdict = (
        f"Of WeRoBot's rate: {kept:.1f} × with kept connections, {single:.1f} × with a connection each "
        f"(ambition: at least {TARGET:g} ×, {_met(kept)} and {_met(single)}). "
        f"WeRoBot's check, parsing and reply alone take {float(alone.stdout) * 1000:.3f} ms."
    )
    return f"{shown}\n\n{note}\n\n{verdict}"


def _met(times: float) -> str:
    return "met" if times >= TARGET else "NOT met"


if __name__ == "__main__":
    serve(int(sys.argv[1]))
