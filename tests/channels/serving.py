"""Real servers on a free port of this machine: a channel's blueprint under Sanic, a made-up platform under aiohttp."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from sanic import Blueprint, Sanic

Sanic.test_mode = True


@asynccontextmanager
async def serving(blueprint: Blueprint, url_prefix: str) -> AsyncIterator[str]:
    """The address of a Sanic app with nothing but `blueprint`."""
    app = Sanic(f"test-{blueprint.name}", configure_logging=False)
    app.blueprint(blueprint, url_prefix=url_prefix)
    sock = socket.create_server(("127.0.0.1", 0))
    server = await app.create_server(sock=sock, return_asyncio_server=True, access_log=False)
    await server.startup()
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()
        await server.after_stop()


@asynccontextmanager
async def platform(app: web.Application) -> AsyncIterator[str]:
    """The address of a platform that answers as `app` says."""
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
    finally:
        await runner.cleanup()
