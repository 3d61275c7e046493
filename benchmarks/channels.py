"""What a platform's webhook costs over the turn itself: signature, decryption, parsing, de-duplication, rendering; and its rate beside WeRoBot's."""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import numpy as np
from sanic import Sanic
from sanic.response import raw

from benchmarks import echo_rate
from benchmarks.deliveries import TOKEN, channel, delivery
from benchmarks.results import table, verdict
from channels import xml
from channels.wechat.messages import Text, TextOut, answer_xml, parse
from channels.wechat.signature import is_signed

ROUNDS, WARM_UP = 1500, 100
TARGETS = {"plain": 1.5, "safe": 2.5}


async def _measure() -> dict[str, np.ndarray]:
    """Milliseconds by way: a bare POST that answers at once, and the webhook in either mode, by turns."""
    app = Sanic("bench-channels", configure_logging=False)
    app.post("/bare")(lambda request: _bare())
    inputs = {mode: channel(mode) for mode in TARGETS}
    for mode, each in inputs.items():
        blueprint = each.blueprint(lambda message: asyncio.sleep(0))
        blueprint.name = f"wechat_{mode}"
        app.blueprint(blueprint, url_prefix=f"/{mode}")
    sock = socket.create_server(("127.0.0.1", 0))
    server = await app.create_server(sock=sock, return_asyncio_server=True, access_log=False)
    await server.startup()
    base = f"http://127.0.0.1:{sock.getsockname()[1]}"
    taken: dict[str, list[float]] = {"bare": [], **{mode: [] for mode in TARGETS}}
    async with aiohttp.ClientSession() as client:
        for number in range(ROUNDS + WARM_UP):
            for way in taken:
                query, body = delivery(way, number) if way in TARGETS else ({}, b"<xml></xml>")
                started = time.perf_counter()
                async with client.post(f"{base}/{way}", params=query, data=body) as answer:
                    said = await answer.read()
                taken[way].append((time.perf_counter() - started) * 1000)
                if answer.status != 200 or (way in TARGETS and b"<xml>" not in said):
                    raise AssertionError(f"{way}: {answer.status} {said[:200]!r}")
    server.close()
    await server.wait_closed()
    return {way: np.array(times[WARM_UP:]) for way, times in taken.items()}


async def _bare() -> Any:
    return raw(b"<xml></xml>")


def measure() -> str:
    taken = asyncio.run(_measure())
    bare = float(np.median(taken["bare"]))
    rows, verdicts = [], []
    for way, times in taken.items():
        over = float(np.median(times)) - bare
        rows.append((way, f"{np.median(times):.2f}", f"{np.percentile(times, 95):.2f}", f"{over:.2f}"))
        if way in TARGETS:
            verdicts.append(f"{way} {verdict(over, TARGETS[way], ' ms')}")
    rows.append(("check, parsing and reply alone, plain", f"{_alone(_echo):.3f}", "", ""))
    shown = table(("way", "p50 ms", "p95 ms", "over bare, ms"), rows)
    note = f"{ROUNDS} deliveries each, by turns, one at a time, client and server in one process; the turn itself answers at once."
    overhead = f"{shown}\n\n{note} Over the bare request: {'; '.join(verdicts)}."
    return f"{overhead}\n\n{echo_rate.measure()}"


def _alone(work: Callable[[], object]) -> float:
    times = []
    for _ in range(2000):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return float(np.median(times)) * 1000


_QUERY, _BODY = delivery("plain", 1)


def _echo() -> object:
    """Signature check, parsing and answer of one plain message, as the webhook does them."""
    if not is_signed(_QUERY["signature"], TOKEN, _QUERY["timestamp"], _QUERY["nonce"]):
        raise AssertionError("a signature of our own is refused")
    message = parse(xml.parse(_BODY))
    assert isinstance(message.content, Text)
    return answer_xml(message, TextOut(message.content.content), time.time())


if __name__ == "__main__":
    print(measure())
