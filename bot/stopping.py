"""Stopping without losing a message: not ready any more but still serving for a while, then every running turn to its end."""

import asyncio
import signal
import time
from collections.abc import Callable

import sanic
from sanic.request import Request
from sanic.response import HTTPResponse
from sanic.server import HttpProtocol

LONGEST_TURN_SECONDS = 20.0
SPEAKS_WITHIN_SECONDS = 1.0


class PatientProtocol(HttpProtocol):
    """Sanic's, but a server that stops does not hang up on a connection that it has just accepted: its request is on the way."""

    __slots__ = ("_made",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._made = self.loop.time()
        super().connection_made(transport)

    def close_if_idle(self) -> bool:
        left = self._made + SPEAKS_WITHIN_SECONDS - self.loop.time()
        if left > 0:
            self.loop.call_later(left, self.close_if_idle)
            return False
        return super().close_if_idle()


def stop_gracefully(app: sanic.Sanic, drain_seconds: float, running: Callable[[], int]) -> None:
    """On SIGTERM `app` says that it is not ready and asks clients to open new connections, `drain_seconds` long; then it takes no more
    and waits for the turns that are `running`."""

    @app.after_server_start
    async def listen(app: sanic.Sanic, loop: asyncio.AbstractEventLoop) -> None:
        loop.add_signal_handler(signal.SIGTERM, lambda: app.add_task(drain()))

    async def drain() -> None:
        app.ctx.ready = False
        await asyncio.sleep(drain_seconds)
        app.stop()

    @app.on_response
    async def last_of_this_connection(request: Request, response: HTTPResponse) -> None:
        if not getattr(app.ctx, "ready", False):
            request.stream.keep_alive = False  # type: ignore[union-attr]

    @app.before_server_stop
    async def finish(app: sanic.Sanic, loop: asyncio.AbstractEventLoop) -> None:
        app.ctx.ready = False
        end = time.monotonic() + LONGEST_TURN_SECONDS
        while running() and time.monotonic() < end:  # noqa: ASYNC110 - turns end in many places
            await asyncio.sleep(0.02)
